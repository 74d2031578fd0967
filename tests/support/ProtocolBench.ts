/**
 * A broker for protocol tests: packets in, packets out, no sockets, no runtime, and a clock that
 * stands still until a test moves it.
 */
import "../../src/mqtt/wire/processEnv.ts";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Packet } from "mqtt-packet";
import * as Schema from "@effect/schema";
import * as Effect from "effect/Effect";
import { generate, parser } from "mqtt-packet";
import type {
  BrokerLimits,
  BrokerSettings,
  ListenerLimits,
} from "../../src/domain/BrokerSettings.ts";
import type { HookEvent, HookEventName } from "../../src/domain/HookEvent.ts";
import { BrokerFile, brokerSettings } from "../../src/config/BrokerFile.ts";
import { ConfigSource } from "../../src/config/ConfigSource.ts";
import { LiveAccess } from "../../src/auth/LiveAccess.ts";
import { Broker } from "../../src/mqtt/Broker.ts";
import { Listener } from "../../src/mqtt/Listener.ts";
import type { Authenticate, Authorize } from "../../src/mqtt/ports/Access.ts";
import type { Clock } from "../../src/mqtt/ports/Clock.ts";
import type { PresenceStore } from "../../src/mqtt/ports/PresenceStore.ts";
import type { SessionStore } from "../../src/mqtt/ports/SessionStore.ts";
import type { ByteSink } from "../../src/mqtt/ports/ByteSink.ts";
import type { Connection } from "../../src/mqtt/Connection.ts";
import type { Client } from "../../src/mqtt/session/Client.ts";
import type { HookSink, Pressure } from "../../src/mqtt/ports/HookSink.ts";

const DEFAULTS = brokerSettings(
  Effect.runSync(Effect.provide(Schema.decode(BrokerFile)({}), ConfigSource.Live)),
);

/** The defaults of a listener in broker.toml. */
export const LIMITS: ListenerLimits = DEFAULTS.listeners[0]!.limits; // a file that names no listener gets one

/** The defaults of what all clients may occupy. */
export const BROKER_LIMITS: BrokerLimits = DEFAULTS.limits;

/** Keeps every event that is wanted. */
export class RecordingHooks implements HookSink {
  readonly events: Array<HookEvent> = [];
  pressure: Pressure = "open";
  isDetailed = false;
  admits = true;
  mark = 0;
  safe = 0;
  readonly #told: Array<() => void> = [];
  /** Clients that have to wait although others have not. */
  readonly held = new Set<string>();
  wanted: (name: HookEventName, subject?: string) => boolean = () => true;

  wants(name: HookEventName, subject?: string): boolean {
    return this.wanted(name, subject);
  }

  holds(clientid: string): boolean {
    return this.held.has(clientid);
  }

  /** Resolves when the test says so. */
  whenSafe(): Promise<void> {
    return new Promise((resolve) => this.#told.push(resolve));
  }

  /** All that has happened so far is safe. */
  store(): void {
    this.safe = this.mark;
    for (const tell of this.#told.splice(0)) tell();
  }

  emit(event: HookEvent): void {
    this.events.push(event);
  }

  /** The names of the events so far, in their order; those of one client, when it is given. */
  names(clientid?: string): Array<HookEventName> {
    return this.of(clientid).map(({ _tag }) => _tag);
  }

  /** The events so far of one client (as recipient or subject; a publisher's message_publish too). */
  of(clientid?: string): Array<HookEvent> {
    if (clientid === undefined) return this.events;
    return this.events.filter((event) =>
      "clientid" in event ? event.clientid === clientid : event.from_clientid === clientid
    );
  }

  /** The events of one kind. */
  all<Name extends HookEventName>(name: Name): Array<Extract<HookEvent, { _tag: Name }>> {
    return this.events.filter((event): event is Extract<HookEvent, { _tag: Name }> =>
      event._tag === name
    );
  }
}

/** One client's end of a connection, without a socket. */
export class TestClient implements ByteSink {
  /** What the broker has sent and `take` has not taken, decoded. */
  readonly received: Array<Packet> = [];
  /** All bytes that the broker has sent. */
  readonly bytes: Array<number> = [];
  buffered = 0;
  /** The packets that wait until what they acknowledge is safe: of a turn, which here is a packet. */
  readonly held: Array<Packet["cmd"]> = [];
  #isHeld = false;
  isReading = true;
  /** Whether its place among the newcomers is free. */
  isLetIn = false;
  /** Whether the broker has closed the connection. */
  closed = false;
  readonly connection: Connection;
  readonly #parser;

  constructor(
    readonly bench: ProtocolBench,
    readonly version: 3 | 4 | 5,
    listener: Listener,
    address: string,
    waited?: number,
  ) {
    this.#parser = parser({ protocolVersion: version });
    this.#parser.on("packet", (packet) => {
      this.received.push(packet);
      if (this.#isHeld) this.held.push(packet.cmd);
      this.#isHeld = false;
    });
    this.#parser.on("error", (error) => assert.fail(`the broker sent nonsense: ${error}`));
    this.connection = bench.broker.accept(this, listener, address, waited);
  }

  // The broker's side.

  write(bytes: Uint8Array): void {
    if (this.closed) return;
    for (const byte of bytes) this.bytes.push(byte); // a spread of 64 KB overflows the stack
    this.#parser.parse(Buffer.from(bytes));
  }

  hold(): void {
    this.#isHeld = true;
  }

  end(): void {
    this.closed = true;
  }

  letIn(): void {
    this.isLetIn = true;
  }

  setReading(reading: boolean): void {
    this.isReading = reading;
  }

  // The client's side.

  /** Sends bytes as they are. */
  raw(...bytes: ReadonlyArray<number>): this {
    this.connection.receive(Uint8Array.from(bytes));
    return this;
  }

  /** Sends packets, each in a chunk of its own. */
  send(...packets: ReadonlyArray<Packet>): this {
    for (const packet of packets) {
      this.connection.receive(new Uint8Array(generate(packet, { protocolVersion: this.version })));
    }
    return this;
  }

  /** What the broker has it as; fails when it is not connected. */
  get admitted(): Client {
    const { state } = this.connection;
    assert.ok(state._tag === "Connected", state._tag);
    return state.client;
  }

  /** Closes without a DISCONNECT. */
  drop(): void {
    this.connection.ended("RemoteClose");
  }

  /** Takes the oldest packet received; fails when there is none, or another kind than `cmd`. */
  take<Cmd extends Packet["cmd"]>(cmd: Cmd): Extract<Packet, { cmd: Cmd }> {
    const packet = this.received.shift();
    assert.equal(packet?.cmd, cmd, `received ${JSON.stringify(packet)} instead of ${cmd}`);
    return packet as Extract<Packet, { cmd: Cmd }>; // its cmd was compared
  }

  /** Fails when anything was received that was not taken. */
  nothing(): this {
    assert.deepEqual(this.received, []);
    return this;
  }
}

/** What a test may set of a broker. */
export interface ProtocolBenchOptions {
  readonly limits?: Partial<ListenerLimits>;
  readonly users?: BrokerSettings["users"];
  readonly brokerLimits?: Partial<BrokerLimits>;
  readonly acl?: BrokerSettings["acl"];
  /** Instead of one that goes by `users`. */
  readonly authenticate?: Authenticate;
  /** Instead of one that goes by `acl`. */
  readonly authorize?: Authorize;
  /** What the clock on the wall says at the start. */
  readonly now?: number;
  readonly presence?: PresenceStore;
  /** Given the bench for its clock. */
  readonly sessionStore?: (clock: Clock) => SessionStore;
}

export class ProtocolBench {
  readonly hooks = new RecordingHooks();
  readonly broker: Broker;
  readonly listener: Listener;
  readonly #access: LiveAccess;
  /** Milliseconds that have passed since the broker was made. */
  elapsed = 0;
  /** How often the broker has looked at the monotonic clock. */
  looks = 0;
  /** By how much the wall clock was set since, in milliseconds. */
  skew = 0;
  /** As the broker finds it with the next tick. */
  isMemoryShort = false;
  #ids = 0;
  #ports = 50_000;

  constructor(options: ProtocolBenchOptions = {}) {
    this.skew = (options.now ?? this.now) - this.now;
    this.listener = new Listener({ ...LIMITS, ...options.limits });
    const access = new LiveAccess({ users: options.users ?? [], acl: options.acl ?? [] });
    this.#access = access;
    const clock = { now: () => this.now, monotonic: () => (this.looks++, this.elapsed) };
    this.broker = new Broker({
      nodeId: 1,
      sink: this.hooks,
      limits: { ...BROKER_LIMITS, ...options.brokerLimits },
      listeners: [this.listener.limits],
      ...(options.presence && { presence: options.presence }),
      ...(options.sessionStore && { sessionStore: options.sessionStore(clock) }),
      isMemoryShort: () => this.isMemoryShort,
      clock,
      access: {
        authenticate: options.authenticate ?? access.authenticate,
        authorize: options.authorize ?? access.authorize,
        get receiving() {
          return access.receiving;
        },
        get revision() {
          return access.revision;
        },
      },
      newClientId: () => `auto-${++this.#ids}`,
      onDefect: (error) => {
        throw error;
      },
    });
  }

  /** What the clock on the wall says, milliseconds since 1970. */
  get now(): number {
    return 1_700_000_000_000 + this.elapsed + this.skew;
  }

  /** Has other users and another access list from now on, as after SIGHUP. */
  reload({ users = [], acl = [] }: Pick<ProtocolBenchOptions, "users" | "acl">): void {
    const { others, passwords } = this.#access.replace({ users, acl });
    this.broker.usersChanged(others, passwords);
  }

  /** Lets time pass, and what is due happen. */
  pass(milliseconds: number): void {
    this.elapsed += milliseconds;
    this.broker.tick();
  }

  /** Opens a connection that has sent nothing yet. `waited`: milliseconds of its handshake_timeout that are gone. */
  open(version: 3 | 4 | 5, waited?: number): TestClient {
    return new TestClient(this, version, this.listener, `127.0.0.1:${++this.#ports}`, waited);
  }

  /** Opens a connection and sends CONNECT; the CONNACK is still to be taken. */
  connecting(version: 3 | 4 | 5, clientId: string, more: object = {}): TestClient {
    return this.open(version).send({
      cmd: "connect",
      protocolId: version === 3 ? "MQIsdp" : "MQTT",
      protocolVersion: version,
      clean: true,
      keepalive: 0,
      clientId,
      ...more,
    });
  }

  /** A connected client; its CONNACK was taken and accepted. */
  connect(version: 3 | 4 | 5, clientId: string, more: object = {}): TestClient {
    const client = this.connecting(version, clientId, more);
    const connack = client.take("connack");
    assert.equal(version === 5 ? connack.reasonCode : connack.returnCode, 0);
    return client;
  }
}
