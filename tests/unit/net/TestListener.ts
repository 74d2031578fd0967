/** A listener of each transport in this process, with a broker of its own, and clients that speak bytes. */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Logger from "effect/Logger";
import * as Redacted from "effect/Redacted";
import * as Scope from "effect/Scope";
import type { ListenerSettings } from "../../../src/domain/BrokerSettings.ts";
import { LiveAccess } from "../../../src/auth/LiveAccess.ts";
import type { Broker } from "../../../src/mqtt/Broker.ts";
import type { ListenError } from "../../../src/net/listen.ts";
import { listen } from "../../../src/net/listen.ts";
import { makeBroker } from "../../../src/makeBroker.ts";
import { Descriptors } from "../../../src/net/Descriptors.ts";
import { makeSockets } from "../../../src/net/Sockets.ts";
import { CA_CERT, LEAF_CERT, LEAF_KEY } from "../../support/pems.ts";
import { BROKER_LIMITS, LIMITS, RecordingHooks } from "../../support/ProtocolBench.ts";

export type Transport = ListenerSettings["transport"];

export const TRANSPORTS: ReadonlyArray<Transport> = ["tcp", "tls", "ws", "wss"];

export const isTls = (transport: Transport): boolean => transport === "tls" || transport === "wss";

export const isWebSocket = (transport: Transport): boolean =>
  transport === "ws" || transport === "wss";

const IDENTITY = {
  certFile: "cert.pem",
  keyFile: "key.pem",
  cert: LEAF_CERT,
  key: Redacted.make(LEAF_KEY),
};

export const settings = (
  transport: Transport,
  changed: { readonly [key: string]: unknown } = {},
): ListenerSettings => {
  const base = { name: "test", hostname: "127.0.0.1", port: 0, limits: LIMITS, ...changed };
  switch (transport) {
    case "tcp":
      return { ...base, transport };
    case "tls":
      return { ...IDENTITY, ...base, transport };
    case "ws":
      return { path: "/mqtt", allowedOrigins: [], ...base, transport };
    case "wss":
      return { ...IDENTITY, path: "/mqtt", allowedOrigins: [], ...base, transport };
  }
};

export class TestListener {
  private constructor(
    readonly broker: Broker,
    readonly hooks: RecordingHooks,
    readonly port: number,
    readonly scope: Scope.CloseableScope,
    /** All that was logged. */
    readonly log: ReadonlyArray<string>,
  ) {}

  /** Opens a listener on a port that the system chooses; rejects with `ListenError`. `clock`: Effect's own. */
  static open(listener: ListenerSettings, clock = Clock.make()): Promise<TestListener> {
    const log: Array<string> = [];
    const logger = Logger.make(({ message }) => log.push(JSON.stringify(message)));
    return Effect.gen(function* () {
      const scope = yield* Scope.make();
      const hooks = new RecordingHooks();
      const opened = Effect.gen(function* () {
        const sockets = yield* makeSockets;
        const broker = yield* makeBroker({
          nodeId: 1,
          sink: hooks,
          limits: BROKER_LIMITS,
          listeners: [],
          isMemoryShort: () => false,
          access: new LiveAccess({ users: [], acl: [] }),
          newClientId: () => crypto.randomUUID(),
        });
        yield* listen(listener, broker, sockets, plenty());
        return broker;
      });
      const broker = yield* Scope.extend(opened, scope).pipe(
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
      );
      const port = Number(/"addr":"[^"]*:(\d+)"/.exec(log.join("\n"))?.[1]);
      return new TestListener(broker, hooks, port, scope, log);
    }).pipe(
      Effect.catchAll((error: ListenError) => Effect.die(error)),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Effect.withClock(clock),
      Effect.runPromise,
    );
  }

  /** Ends all that is open, and resolves when it is. */
  close(): Promise<void> {
    return Effect.runPromise(Scope.close(this.scope, Exit.void));
  }

  /** A client's socket, ready to carry MQTT: handshakes are done. */
  async connect(transport: Transport, hostname = "127.0.0.1"): Promise<Client> {
    return await spoken(await Deno.connect({ hostname, port: this.port }), transport);
  }
}

/** A client on a socket that is connected, after the handshakes of its transport. */
export const spoken = async (socket: Deno.TcpConn, transport: Transport): Promise<Client> => {
  let connection: Deno.Conn<Deno.NetAddr> = socket;
  if (isTls(transport)) {
    const caCerts = [CA_CERT];
    const { hostname } = socket.remoteAddr;
    const tls = await Deno.startTls(socket, { hostname, caCerts });
    await tls.handshake();
    connection = tls;
  }
  const client = new Client(connection, isWebSocket(transport) ? frame : (bytes) => bytes);
  if (isWebSocket(transport)) {
    await client.sendRaw(upgradeRequest());
    const answer = await client.readUntil("\r\n\r\n");
    if (!answer.startsWith("HTTP/1.1 101 ")) throw new Error(answer);
  }
  return client;
};

/** As many descriptors as a test may want. */
export const plenty = (): Descriptors =>
  new Descriptors({
    reserve: 0,
    take: () => {
      throw new Error("nothing to try by");
    },
  });

/** An HTTP request for an upgrade as a client sends it; `""` leaves the subprotocol out. */
export const upgradeRequest = (
  target = "/mqtt",
  subprotocol = "mqtt",
  ...more: ReadonlyArray<string>
): Uint8Array =>
  new TextEncoder().encode([
    `GET ${target} HTTP/1.1`,
    "Host: broker",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...(subprotocol === "" ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
    ...more,
    "\r\n",
  ].join("\r\n"));

/** A whole WebSocket frame, masked with zeros, which leave the bytes as they are. */
export const frame = (bytes: Uint8Array, opcode = 2): Uint8Array => {
  const header = bytes.length < 126
    ? [0x80 | opcode, 0x80 | bytes.length]
    : [0x80 | opcode, 0x80 | 126, bytes.length >> 8, bytes.length & 0xff];
  return new Uint8Array([...header, 0, 0, 0, 0, ...bytes]);
};

/** A client's end of a socket. */
export class Client {
  constructor(
    readonly connection: Deno.Conn<Deno.NetAddr>,
    /** What bytes of MQTT look like on this transport. */
    readonly wrap: (bytes: Uint8Array) => Uint8Array,
  ) {}

  /** As the server sees it. */
  get port(): number {
    return this.connection.localAddr.port;
  }

  send(...bytes: ReadonlyArray<number>): Promise<void> {
    return this.sendRaw(this.wrap(new Uint8Array(bytes)));
  }

  async sendRaw(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.connection.write(bytes.subarray(sent));
    }
  }

  /** Everything up to the end of the connection. A reset is an end too, and so is one that TLS did not announce. */
  async readAll(): Promise<Array<number>> {
    const all: Array<number> = [];
    const buffer = new Uint8Array(4096);
    for (;;) {
      const length = await this.connection.read(buffer).catch((error: unknown) => {
        if (error instanceof Deno.errors.ConnectionReset) return null;
        if (error instanceof Deno.errors.UnexpectedEof) return null; // TLS without close_notify
        throw error;
      });
      if (length === null) return all;
      all.push(...buffer.subarray(0, length));
    }
  }

  /** So many bytes. */
  async read(count: number): Promise<Array<number>> {
    const bytes = new Uint8Array(count);
    for (let have = 0; have < count;) {
      const length = await this.connection.read(bytes.subarray(have));
      if (length === null) throw new Error(`closed after ${have} of ${count} bytes`);
      have += length;
    }
    return [...bytes];
  }

  /** Text up to and with `end`. */
  async readUntil(end: string): Promise<string> {
    let text = "";
    while (!text.endsWith(end)) text += String.fromCharCode(...await this.read(1));
    return text;
  }

  close(): void {
    this.connection.close();
  }
}
