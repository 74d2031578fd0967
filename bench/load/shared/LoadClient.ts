/**
 * An MQTT client for making load: sends frames made beforehand, and cuts what comes into frames of one
 * known length instead of parsing it, so that the client costs a fraction of the server.
 */
import { connectFrame } from "./mqttFrames.ts";

/** Told of whole frames: `count` of them, one behind the other, at the start of `buffer`. */
export type OnFrames = (buffer: Uint8Array, count: number) => void;

const READ_SIZE = 64 * 1024;

export class LoadClient {
  #closed = false;

  private constructor(readonly socket: Deno.TcpConn) {}

  /** Connects, as a clean session without a keep-alive; rejects unless CONNACK accepts. */
  static async open(port: number, clientId: string): Promise<LoadClient> {
    const socket = await Deno.connect({ hostname: "127.0.0.1", port });
    socket.setNoDelay(true);
    const client = new LoadClient(socket);
    await client.write(connectFrame(clientId));
    const connack = await client.exactly(4);
    if (connack[0] !== 0x20 || connack[3] !== 0) throw new Error(`CONNACK ${connack}`);
    return client;
  }

  async write(bytes: Uint8Array): Promise<void> {
    let sent = 0;
    while (sent < bytes.length) {
      sent += await this.socket.write(sent === 0 ? bytes : bytes.subarray(sent));
    }
  }

  /** Reads so many bytes, and not one more. */
  async exactly(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const read = await this.socket.read(bytes.subarray(filled));
      if (read === null) throw new Error("closed by the server");
      filled += read;
    }
    return bytes;
  }

  /** Reads frames that are all `length` bytes long, until `close`; rejects when the server closes. */
  async follow(length: number, onFrames: OnFrames): Promise<void> {
    const buffer = new Uint8Array(READ_SIZE);
    let filled = 0;
    try {
      for (;;) {
        const read = await this.socket.read(filled === 0 ? buffer : buffer.subarray(filled));
        if (read === null) throw new Error("closed by the server");
        filled += read;
        const count = Math.floor(filled / length);
        if (count === 0) continue;
        onFrames(buffer, count);
        buffer.copyWithin(0, count * length, filled);
        filled -= count * length;
      }
    } catch (error) {
      if (!this.#closed) throw error; // else it is the read that `close` has broken off
    }
  }

  close(): void {
    this.#closed = true;
    this.socket.close();
  }
}
