/**
 * MQTT packet by packet over a real socket, for what a well-behaved client library never does:
 * silence, wrong order, malformed bytes, acknowledgements held back.
 */
import { Buffer } from "node:buffer";
import type { Packet, Parser } from "mqtt-packet";
import type { ProtocolVersion } from "./MqttClient.ts";
import { PATIENCE } from "./patience.ts";

/** One connection; packets are read as they are asked for. */
export class RawMqtt {
  readonly #received: Array<Packet> = [];
  readonly #waiting = new Set<() => void>();
  #ended = false;

  private constructor(
    readonly connection: Deno.TcpConn,
    readonly generate: (packet: Packet) => Uint8Array,
    parser: Parser,
  ) {
    parser.on("packet", (packet) => this.#received.push(packet));
    void this.#read(parser);
  }

  /** Opens the connection and sends nothing. */
  static async open(port: number, version: ProtocolVersion = 4): Promise<RawMqtt> {
    const { default: mqttPacket } = await import("mqtt-packet");
    const parser = mqttPacket.parser({ protocolVersion: version });
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    return new RawMqtt(
      connection,
      (packet) => mqttPacket.generate(packet, { protocolVersion: version }),
      parser,
    );
  }

  /** As the server sees it: `"127.0.0.1:51234"`. */
  get address(): string {
    return `127.0.0.1:${this.connection.localAddr.port}`;
  }

  /** How many packets have come that nobody has taken. */
  get waiting(): number {
    return this.#received.length;
  }

  send(packet: Packet): Promise<void> {
    return this.sendBytes(this.generate(packet));
  }

  async sendBytes(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.connection.write(bytes.subarray(sent));
    }
  }

  /** Takes the next packet of this kind and forgets those before it; undefined: the server closed first. */
  async take<Command extends Packet["cmd"]>(
    command: Command,
    within = PATIENCE,
  ): Promise<Extract<Packet, { cmd: Command }> | undefined> {
    const found = () => this.#received.findIndex((packet) => packet.cmd === command);
    await this.#until(() => found() >= 0, within, command);
    const index = found();
    if (index < 0) return undefined;
    const [packet] = this.#received.splice(0, index + 1).slice(-1);
    return packet as Extract<Packet, { cmd: Command }>; // found by this very command
  }

  /** Resolves when the server has closed the connection. */
  async closed(within = PATIENCE): Promise<void> {
    await this.#until(() => false, within, "the end");
  }

  close(): void {
    if (!this.#ended) this.connection.close();
    this.#ended = true;
  }

  /** Resolves when `done` says so or nothing more can come. */
  #until(done: () => boolean, within: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!this.#ended && !done()) return;
        settle();
        resolve();
      };
      const deadline = setTimeout(() => {
        settle();
        const came = this.#received.map(({ cmd }) => cmd).join(", ");
        reject(new Error(`no ${what} within ${within} ms; not taken: ${came || "nothing"}`));
      }, within);
      const settle = () => {
        clearTimeout(deadline);
        this.#waiting.delete(look);
      };
      this.#waiting.add(look);
      look();
    });
  }

  async #read(parser: Parser): Promise<void> {
    const buffer = new Uint8Array(65536);
    try {
      for (;;) {
        const read = await this.connection.read(buffer);
        if (read === null) break;
        parser.parse(Buffer.from(buffer.subarray(0, read)));
        this.#wake();
      }
    } catch (error) {
      // A reset is an end like any other here, and so is our own close().
      if (
        !(error instanceof Deno.errors.ConnectionReset ||
          error instanceof Deno.errors.BadResource ||
          error instanceof Deno.errors.Interrupted)
      ) throw error;
    }
    this.close();
    this.#wake();
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}
