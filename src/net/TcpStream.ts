/**
 * A TCP socket as the node:stream that node:tls can speak over. It reads only when it may: what
 * node:tls is given it decrypts and keeps, however long its own stream is paused.
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { ReadBuffer } from "./ReadBuffer.ts";

export class TcpStream extends Duplex {
  readonly #socket: Deno.TcpConn;
  readonly #buffer = new ReadBuffer();
  #mayRead = true;
  #isWanted = false;
  #isReading = false;

  constructor(socket: Deno.TcpConn) {
    super();
    this.#socket = socket;
  }

  /** Stops or goes on reading; a read that is under way brings at most 64 KB more. */
  setReading(reading: boolean): void {
    this.#mayRead = reading;
    if (this.#isWanted) void this.#readNext();
  }

  override _read(): void {
    this.#isWanted = true;
    void this.#readNext();
  }

  override _write(bytes: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.#writeAll(bytes).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void): void {
    this.#socket.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.close();
    done(error);
  }

  /** Never rejects: a socket that cannot be read destroys the stream. */
  async #readNext(): Promise<void> {
    if (this.#isReading || !this.#mayRead || this.destroyed) return;
    this.#isReading = true;
    this.#isWanted = false;
    let bytes: Buffer | null;
    try {
      const length = await this.#socket.read(this.#buffer.bytes);
      bytes = length === null ? null : Buffer.from(this.#buffer.bytes.subarray(0, length));
      if (length !== null) this.#buffer.used(length);
    } catch (error) {
      this.destroy(error as Error); // Deno rejects with errors only
      return;
    }
    this.#isReading = false;
    this.push(bytes); // asks for more by `_read`
    if (this.#isWanted) void this.#readNext();
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length;) {
      from += await this.#socket.write(from === 0 ? bytes : bytes.subarray(from));
    }
  }
}
