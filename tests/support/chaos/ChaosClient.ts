/**
 * An MQTT 3.1.1 client with a restless life, over real sockets: connects, subscribes, publishes, goes with
 * and without a word, takes itself over. Every choice is made by its Random; it waits for answers only.
 */
import "../../../src/mqtt/wire/processEnv.ts";
import { Buffer } from "node:buffer";
import type { Packet } from "mqtt-packet";
import { generate, parser as makeParser } from "mqtt-packet";
import type { Random } from "../fuzz/Random.ts";

/** Lives until `stop` is called, or the server takes no more connections. */
export class ChaosClient {
  #stopped = false;
  #connection: Connection | undefined;

  readonly #port: number;
  readonly #id: string;
  readonly #random: Random;
  readonly #onStep: () => void;

  /** `onStep` is called after each answer of the server. */
  constructor(
    port: number,
    id: string,
    random: Random,
    onStep: () => void,
  ) {
    this.#port = port;
    this.#id = id;
    this.#random = random;
    this.#onStep = onStep;
  }

  async live(): Promise<void> {
    while (!this.#stopped) {
      const old = this.#connection;
      const connection = await Connection.open(this.#port);
      if (connection === undefined) break;
      this.#connection = connection;
      await this.#session(connection);
      old?.close(); // after it was taken over, when it was left open
      switch (this.#random.below(3)) {
        case 0:
          await connection.send({ cmd: "disconnect" });
          connection.close();
          break;
        case 1:
          connection.close();
          break;
        case 2: // left open: the next one takes it over
          break;
      }
    }
    this.#connection?.close();
  }

  stop(): void {
    this.#stopped = true;
    this.#connection?.close();
  }

  async #session(connection: Connection): Promise<void> {
    const id = this.#id;
    const random = this.#random;
    const ask = async (packet: Packet, answer: Packet["cmd"]): Promise<boolean> => {
      const answered = await connection.ask(packet, answer);
      if (answered) this.#onStep();
      return answered;
    };
    const connect: Packet = {
      cmd: "connect",
      clientId: id,
      protocolId: "MQTT",
      protocolVersion: 4,
      clean: random.chance(0.5),
      keepalive: 60,
    };
    if (!await ask(connect, "connack")) return;
    for (let steps = random.below(40); steps > 0 && !this.#stopped; steps--) {
      const messageId = steps;
      const qos = random.pick([0, 1, 2] as const);
      const topic = `t/${random.below(4)}`;
      const step = random.below(10);
      if (step === 0) {
        if (
          !await ask({ cmd: "subscribe", messageId, subscriptions: [{ topic, qos }] }, "suback")
        ) return;
      } else if (step === 1) {
        if (!await ask({ cmd: "unsubscribe", messageId, unsubscriptions: [topic] }, "unsuback")) {
          return;
        }
      } else {
        const publish: Packet = {
          cmd: "publish",
          topic,
          payload: Buffer.from(random.bytes(random.below(60))),
          qos,
          dup: false,
          retain: random.chance(0.1),
          ...(qos === 0 ? {} : { messageId }),
        };
        if (qos === 0) await connection.send(publish);
        else if (!await ask(publish, qos === 1 ? "puback" : "pubrec")) return;
        if (qos === 2 && !await ask({ cmd: "pubrel", messageId }, "pubcomp")) return;
      }
    }
  }
}

/** One socket: acknowledges what it is sent, and waits for one answer at a time. */
class Connection {
  #waiting:
    | { readonly answer: Packet["cmd"]; readonly resolve: (came: boolean) => void }
    | undefined;
  #closed = false;

  readonly #socket: Deno.TcpConn;

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  /** Undefined when nobody listens. */
  static async open(port: number): Promise<Connection | undefined> {
    let socket: Deno.TcpConn;
    try {
      socket = await Deno.connect({ hostname: "127.0.0.1", port });
    } catch (error) {
      ifGone(error);
      return undefined;
    }
    const connection = new Connection(socket);
    const parser = makeParser({ protocolVersion: 4 });
    parser.on("packet", (packet) => connection.#receive(packet));
    void connection.#read((bytes) => void parser.parse(Buffer.from(bytes)));
    return connection;
  }

  /** Whether the answer came, and not the end of the connection. */
  async ask(packet: Packet, answer: Packet["cmd"]): Promise<boolean> {
    if (this.#closed) return false;
    const came = new Promise<boolean>((resolve) => this.#waiting = { answer, resolve });
    await this.send(packet);
    return came;
  }

  async send(packet: Packet): Promise<void> {
    if (this.#closed) return;
    const bytes = generate(packet);
    try {
      for (let sent = 0; sent < bytes.length;) {
        sent += await this.#socket.write(bytes.subarray(sent));
      }
    } catch (error) {
      ifGone(error);
      this.close();
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    this.#waiting?.resolve(false);
  }

  #receive(packet: Packet): void {
    if (packet.cmd === "publish" && packet.qos > 0) {
      const messageId = packet.messageId as number; // of QoS 1 and 2
      void this.send({ cmd: packet.qos === 1 ? "puback" : "pubrec", messageId });
    } else if (packet.cmd === "pubrel") {
      void this.send({ cmd: "pubcomp", messageId: packet.messageId as number }); // it has one
    }
    if (packet.cmd !== this.#waiting?.answer) return;
    this.#waiting.resolve(true);
    this.#waiting = undefined;
  }

  async #read(parse: (bytes: Uint8Array) => void): Promise<void> {
    const buffer = new Uint8Array(16 * 1024);
    try {
      for (;;) {
        const read = await this.#socket.read(buffer);
        if (read === null) break;
        parse(buffer.subarray(0, read));
      }
    } catch (error) {
      ifGone(error);
    }
    this.close();
  }
}

/** A connection that is closed by either side is an end; anything else is a failure. */
const ifGone = (error: unknown): void => {
  const isGone = error instanceof Deno.errors.ConnectionRefused ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.NotConnected;
  if (!isGone) throw error;
};
