/**
 * One connection of the fuzz test: sends packets at random, answers what it is sent, reads slowly or
 * not at all. A good one keeps to the protocol in every byte; a hostile one spoils some of its frames.
 */
import "../../../src/mqtt/wire/processEnv.ts";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Packet } from "mqtt-packet";
import { generate, parser } from "mqtt-packet";
import type { Listener } from "../../../src/mqtt/Listener.ts";
import type { ByteSink } from "../../../src/mqtt/ports/ByteSink.ts";
import type { Connection } from "../../../src/mqtt/Connection.ts";
import type { ProtocolVersion } from "../../../src/mqtt/wire/PacketCodec.ts";
import type { ProtocolBench } from "../ProtocolBench.ts";
import { mutate } from "./mutate.ts";
import * as packets from "./packets.ts";
import type { Random } from "./Random.ts";
import { OVERWRITTEN } from "./Random.ts";

/** What a client knows of its session from one connection to the next. */
export interface ClientMemory {
  readonly clientId: string;
  readonly version: ProtocolVersion;
  /** QoS 2 messages that it sent and that the broker may still know of. [MQTT-4.3.3-4] */
  readonly unreleased: Set<number>;
  lastPacketId: number;
}

export interface Character {
  /** The probability that a frame is spoilt; 0: a good client. */
  readonly hostility: number;
  /** The probability that it reads in one step. */
  readonly diligence: number;
  /** What each byte counts in its outgoing buffer: lets few bytes go over the broker's marks. */
  readonly weight: number;
}

/** Read buffers of sockets are used again after each read. */
const READ_BUFFER = new Uint8Array(128 * 1024);

export class FuzzClient implements ByteSink {
  buffered = 0;
  closed = false;
  isReading = true;
  /** PUBLISH frames sent to it for the first time. */
  published = 0;
  readonly connection: Connection;
  readonly #parser;
  readonly #aliases = new Map<number, string>();
  /** Frames sent by the broker and not read yet. */
  #unread: Array<Uint8Array> = [];
  /** Bytes on their way to the broker. */
  #sending: Array<number> = [];
  #answers: Array<Packet> = [];
  #isConnected = false;
  #isLeaving = false;
  #askedForExpiry = false;
  #lastFrame: Uint8Array = Uint8Array.of(0xc0, 0);

  constructor(
    bench: ProtocolBench,
    listener: Listener,
    readonly random: Random,
    readonly memory: ClientMemory,
    readonly character: Character,
    readonly address: string,
  ) {
    this.connection = bench.broker.accept(this, listener, address);
    this.#parser = parser({ protocolVersion: memory.version });
    this.#parser.on("packet", (packet) => this.#answer(packet));
    this.#parser.on("error", (error) => {
      // A spoilt CONNECT may have asked for another version than it is parsed as.
      if (this.isGood) assert.fail(`the broker sent nonsense: ${error}`);
      this.#unread = [];
    });
  }

  get isGood(): boolean {
    return this.character.hostility === 0;
  }

  // The broker's side.

  hold(): void {}

  write(bytes: Uint8Array): void {
    const first = bytes[0] as number; // a frame has a first byte
    if (first >> 4 === 3 && (first & 0x08) === 0) this.published++;
    if (this.closed) return;
    this.#unread.push(bytes);
    this.buffered += bytes.length * this.character.weight;
  }

  end(): void {
    this.closed = true;
  }

  letIn(): void {}

  setReading(reading: boolean): void {
    this.isReading = reading;
  }

  // The client's side.

  connect(username: string | undefined): void {
    const { random, memory } = this;
    const packet = packets.connect(random, memory.version, memory.clientId, username);
    this.#askedForExpiry = (packet.properties?.sessionExpiryInterval ?? 0) > 0;
    this.#send(packet);
  }

  /** Sends one more packet, or an answer that is due. Answers how many packets it was. */
  step(): number {
    const { random } = this;
    if (random.chance(this.character.diligence)) this.read();
    let sent = 0;
    if (this.#sending.length < 100_000 && (this.#isConnected || !this.isGood) && !this.#isLeaving) {
      for (let n = random.chance(0.1) ? random.below(20) : 1; n > 0 && !this.#isLeaving; n--) {
        this.#send(this.#next());
        sent++;
      }
    }
    this.transmit();
    return sent;
  }

  /** Hands a part of what it has sent to the broker, cut anywhere. */
  transmit(): void {
    if (this.closed || !this.isReading || this.#sending.length === 0) return;
    const { random } = this;
    const most = Math.min(this.#sending.length, READ_BUFFER.length);
    const length = random.chance(0.6) ? most : 1 + random.below(most);
    const chunk = READ_BUFFER.subarray(0, length);
    chunk.set(this.#sending.splice(0, length));
    this.connection.receive(chunk);
    chunk.fill(OVERWRITTEN);
  }

  /** Reads all that the broker has sent. */
  read(): void {
    const unread = this.#unread;
    this.#unread = [];
    this.buffered = 0;
    for (const bytes of unread) this.#parser.parse(Buffer.from(bytes));
    if (!this.closed) this.connection.drained();
  }

  /** Breaks the connection from its side. */
  drop(): void {
    this.connection.ended(this.random.chance(0.5) ? "RemoteClose" : "ReadWriteError");
    this.closed = true;
  }

  #send(packet: Packet): void {
    const { random, character, memory } = this;
    let frame: Uint8Array = generate(packet, { protocolVersion: memory.version });
    if (random.chance(character.hostility)) {
      const good = frame;
      frame = mutate(random, frame, this.#lastFrame);
      this.#lastFrame = good;
    }
    for (const byte of frame) this.#sending.push(byte);
  }

  #next(): Packet {
    const { random, memory } = this;
    const { version } = memory;
    const answer = random.chance(0.8) ? this.#answers.shift() : undefined;
    if (answer !== undefined) return answer;
    const dice = random.next();
    if (dice < 0.55) return this.#publish();
    if (dice < 0.75) return packets.subscribe(random, version, this.#newPacketId());
    if (dice < 0.83) return packets.unsubscribe(random, this.#newPacketId());
    if (dice < 0.98) return { cmd: "pingreq" };
    if (!this.isGood && random.chance(0.5)) return this.#outOfPlace();
    if (random.chance(0.3)) return { cmd: "pingreq" };
    this.#isLeaving = true;
    return {
      cmd: "disconnect",
      ...(version === 5
        ? {
          reasonCode: random.pick([0, 4]),
          properties: this.#askedForExpiry && random.chance(0.5)
            ? { sessionExpiryInterval: random.pick([0, 60]) }
            : {},
        }
        : {}),
    };
  }

  /** Good in itself, and wrong here and now. */
  #outOfPlace(): Packet {
    const { random, memory } = this;
    const messageId = 1 + random.below(20);
    return random.pick<Packet>([
      { cmd: "puback", messageId },
      { cmd: "pubrec", messageId, reasonCode: random.pick([0, 0x80]) },
      { cmd: "pubrel", messageId },
      { cmd: "pubcomp", messageId },
      packets.connect(random, memory.version, memory.clientId, undefined),
      ...(memory.version === 5 ? [{ cmd: "auth", reasonCode: 0x18 } as const] : []),
      { cmd: "pingresp" },
    ]);
  }

  #publish(): Packet {
    const { random, memory } = this;
    let qos = random.below(3) as 0 | 1 | 2; // below 3
    // The broker's Receive Maximum is 16. [MQTT-3.3.4-7]
    if (qos === 2 && memory.unreleased.size >= 12 && this.isGood) qos = 1;
    const messageId = this.#newPacketId();
    if (qos === 2) memory.unreleased.add(messageId);
    return packets.publish(random, memory.version, qos, messageId, this.#aliases);
  }

  #newPacketId(): number {
    const { memory } = this;
    do memory.lastPacketId = memory.lastPacketId % 0xffff + 1; while (
      memory.unreleased.has(memory.lastPacketId)
    );
    return memory.lastPacketId;
  }

  #answer(packet: Packet): void {
    const { memory } = this;
    switch (packet.cmd) {
      case "connack":
        this.#isConnected = (memory.version === 5 ? packet.reasonCode : packet.returnCode) === 0;
        if (!packet.sessionPresent && memory.version > 3) memory.unreleased.clear();
        // 3.1 does not say whether there is a session: an unknown packet identifier does no harm.
        for (const messageId of memory.unreleased) this.#answers.push({ cmd: "pubrel", messageId });
        return;
      case "publish":
        if (packet.qos === 0) return;
        this.#answers.push({
          cmd: packet.qos === 1 ? "puback" : "pubrec",
          messageId: packet.messageId as number, // QoS 1 and 2 have one
          ...(memory.version === 5 && this.random.chance(0.05) ? { reasonCode: 0x80 } : {}),
        });
        return;
      case "pubrec":
        if ((packet.reasonCode ?? 0) < 0x80) {
          this.#answers.push({ cmd: "pubrel", messageId: packet.messageId as number }); // has one
        } else memory.unreleased.delete(packet.messageId as number); // has one
        return;
      case "pubrel":
        this.#answers.push({ cmd: "pubcomp", messageId: packet.messageId as number }); // has one
        return;
      case "pubcomp":
        memory.unreleased.delete(packet.messageId as number); // has one
        return;
      default:
        return;
    }
  }
}
