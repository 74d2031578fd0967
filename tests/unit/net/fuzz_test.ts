/**
 * Hostile clients at random over the real sockets of each transport: whatever they send and however they
 * go, nothing escapes, the next client is served, and memory is what it was. What is sent is repeated by
 * its seed, which a failure names; when it arrives is up to the system. Longer runs and other seeds:
 *
 *     deno test -A tests/unit/net/fuzz_test.ts -- --fuzz-seed=7 --fuzz-packets=1000000
 */
import { CA_CERT } from "../../support/pems.ts";
import { LIMITS } from "../../support/ProtocolBench.ts"; // before mqtt-packet
import assert from "node:assert/strict";
import { flag } from "../../support/flag.ts";
import { hostileFrames, hostilePackets, maybeSpoilt } from "../../support/fuzz/hostileBytes.ts";
import { Random } from "../../support/fuzz/Random.ts";
import { memoryInUse } from "../../support/heap.ts";
import { testNeeding } from "../../support/permissions.ts";
import type { Broker } from "../../../src/mqtt/Broker.ts";
import type { Transport } from "./TestListener.ts";
import {
  isTls,
  isWebSocket,
  settings,
  TestListener,
  TRANSPORTS,
  upgradeRequest,
} from "./TestListener.ts";

const seed = flag("fuzz-seed", 1);
/** Over all transports. */
const packetsWanted = flag("fuzz-packets", 9000);
/** Chapters of one transport: between two, the broker must be empty and serve the next client. */
const CHAPTERS = 6;
const CLIENTS_AT_A_TIME = 8;

const fuzzLimits = {
  ...LIMITS,
  handshakeTimeout: 500,
  maxPacketSize: 8192,
  maxMqueueLen: 20,
  maxTopicLevels: 60,
  sessionExpiryInterval: 200,
  maxSessionExpiryInterval: 200,
};

/** How long anything may take that has to come to an end, in milliseconds. */
const PATIENCE = 30_000;

class Fuzz {
  packets = 0;
  readonly #retained = new Set<string>();

  constructor(
    readonly transport: Transport,
    readonly listener: TestListener,
    readonly random: Random,
  ) {
    listener.hooks.emit = (event) => {
      if (event._tag === "message_publish" && event.retain) this.#retained.add(event.topic);
    };
  }

  async chapter(length: number): Promise<void> {
    const until = this.packets + length;
    const client = async () => {
      while (this.packets < until) await this.#hostileClient();
    };
    await Promise.all(Array.from({ length: CLIENTS_AT_A_TIME }, client));
    await this.#isEmpty(); // after the last wills, which may be retained
    await this.#servesTheNextClient();
    await this.#isEmpty();
    assert.equal(this.listener.broker.context.pubSub.retained.size, 0);
  }

  async #isEmpty(): Promise<void> {
    const { broker } = this.listener;
    await noneLeft(broker, "connections", () => broker.connections);
    await noneLeft(broker, "sessions", () => broker.context.sessions.size);
    await noneLeft(broker, "subscriptions", () => broker.context.pubSub.topics.size);
  }

  async #hostileClient(): Promise<void> {
    const { random, transport } = this;
    const count = 1 + random.below(30);
    this.packets += count;
    const packets = hostilePackets(random, count);
    const isPlain = isTls(transport) && random.chance(0.1); // speaks no TLS
    const bytes = isPlain
      ? maybeSpoilt(random, CLIENT_HELLO)
      : isWebSocket(transport)
      ? joined(maybeSpoilt(random, upgradeRequest()), hostileFrames(random, packets))
      : packets;
    const pieces: Array<Uint8Array> = [];
    for (let at = 0; at < bytes.length && pieces.length < 20;) {
      const length = random.chance(0.5) ? bytes.length : 1 + random.below(400);
      pieces.push(bytes.subarray(at, at + length));
      at += length;
    }
    const isRude = random.chance(0.3);
    const socket = await connect(transport, this.listener.port, isPlain);
    const reading = isRude ? undefined : readToEnd(socket);
    try {
      for (const piece of pieces) await writeAll(socket, piece);
      if (reading !== undefined) {
        await socket.closeWrite();
        await ended(reading);
      }
    } catch (error) {
      if (!isGone(error)) throw error;
    } finally {
      socket.close(); // with what it has not read, where it is rude: a reset
      await reading;
    }
  }

  /** A good one, which also takes back what the others have retained. */
  async #servesTheNextClient(): Promise<void> {
    const client = await this.listener.connect(this.transport);
    const text = new TextEncoder();
    const connect = [
      0x10,
      16,
      0,
      4,
      ...text.encode("MQTT"),
      4,
      2,
      0,
      0,
      0,
      4,
      ...text.encode("good"),
    ];
    await client.send(...connect);
    await client.read(isWebSocket(this.transport) ? 6 : 4);
    for (const topic of this.#retained) {
      const name = text.encode(topic);
      const rest = Uint8Array.of(name.length >> 8, name.length & 0xff, ...name);
      const [low, high] = [rest.length % 128, rest.length >> 7];
      await client.send(0x31, ...(high === 0 ? [low] : [low | 0x80, high]), ...rest);
    }
    await client.send(0xc0, 0);
    assert.deepEqual((await client.read(isWebSocket(this.transport) ? 4 : 2)).slice(-2), [0xd0, 0]);
    this.#retained.clear();
    client.close();
  }
}

/** The beginning of a TLS 1.2 ClientHello, as long as it says. */
const CLIENT_HELLO = Uint8Array.from([
  ...[
    0x16,
    3,
    1,
    0,
    47,
    1,
    0,
    0,
    43,
    3,
    3,
    ...new Array(32).fill(7),
    0,
    0,
    2,
    0xc0,
    0x2f,
    1,
    0,
    0,
    0,
  ],
]);

const connect = async (
  transport: Transport,
  port: number,
  isPlain: boolean,
): Promise<Deno.TcpConn | Deno.TlsConn> => {
  const at = { hostname: "127.0.0.1", port };
  if (!isTls(transport) || isPlain) return await Deno.connect(at);
  return await Deno.connectTls({ ...at, caCerts: [CA_CERT] });
};

const writeAll = async (socket: Deno.Conn, bytes: Uint8Array): Promise<void> => {
  for (let sent = 0; sent < bytes.length;) sent += await socket.write(bytes.subarray(sent));
};

const readToEnd = async (socket: Deno.Conn): Promise<void> => {
  const buffer = new Uint8Array(16 * 1024);
  try {
    while (await socket.read(buffer) !== null);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
};

/** Whether the broker closed first, or this side while it read. */
const isGone = (error: unknown): boolean =>
  error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset ||
  error instanceof Deno.errors.UnexpectedEof || error instanceof Deno.errors.NotConnected ||
  error instanceof Deno.errors.BadResource || error instanceof Deno.errors.InvalidData ||
  error instanceof Deno.errors.Interrupted;

const ended = async (connection: Promise<void>): Promise<void> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) =>
    timer = setTimeout(() => reject(new Error("a connection that does not end")), PATIENCE)
  );
  return await Promise.race([connection, late]).finally(() => clearTimeout(timer));
};

/** Resolves when there is none: what ends later than its connection ends in a tick, which comes when it is due. */
const noneLeft = async (broker: Broker, what: string, count: () => number): Promise<void> => {
  const late = performance.now() + PATIENCE;
  for (broker.tick(); count() > 0; broker.tick()) {
    if (performance.now() > late) throw new Error(`${count()} ${what} are left`);
    await new Promise(setImmediate);
  }
};

const joined = (...parts: ReadonlyArray<Uint8Array>): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

for (const transport of TRANSPORTS) {
  const wanted = Math.ceil(packetsWanted / TRANSPORTS.length);
  testNeeding(
    ["net", "read", "env"],
    `${transport} listener stands ${wanted} packets of hostile clients (seed ${seed})`,
    async () => {
      const listener = await TestListener.open(settings(transport, { limits: fuzzLimits }));
      const fuzz = new Fuzz(transport, listener, new Random(seed));
      const memory: Array<number> = [];
      try {
        for (let n = 0; n < CHAPTERS; n++) {
          await fuzz.chapter(wanted / CHAPTERS);
          memory.push(memoryInUse());
        }
      } catch (error) {
        console.log(`fuzz: failed after ${fuzz.packets} packets; --fuzz-seed=${seed} repeats them`);
        throw error;
      } finally {
        await listener.close();
      }
      assert.equal(listener.log.length, 1, listener.log.join("\n")); // that it listens: no defect
      const half = memory[CHAPTERS / 2 - 1]!; // of CHAPTERS
      const end = memory[CHAPTERS - 1]!;
      assert.ok(end - half < 2 * 1024 * 1024, `memory grew from ${half} to ${end} bytes`);
    },
  );
}
