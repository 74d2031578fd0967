/**
 * A TCP socket as a node:stream, for node:tls and node:http to speak over. Their own sockets will not
 * do: node:tls reads on while it is paused, and a node:http server that once had no file descriptor
 * left never accepts again (Deno 2.9).
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { Newcomer } from "./Newcomers.ts";
import { FairShare } from "./FairShare.ts";
import { ReadBuffer } from "./ReadBuffer.ts";
import type { Peer } from "./SocketSink.ts";

/** A client's socket as a node:stream: TCP itself, or what is spoken over it. */
export interface ClientStream extends Duplex {
  /** The socket below, or this. */
  readonly tcp: TcpStream;
}

export class TcpStream extends Duplex implements ClientStream {
  readonly tcp: TcpStream = this;
  /** The client's address. */
  readonly peer: Peer;
  readonly #socket: Deno.TcpConn;
  readonly #buffer = new ReadBuffer();
  #fairShare: FairShare | undefined; // most clients never send so much
  #mayRead = true;
  #isWanted = false;
  #isReading = false;

  constructor(socket: Deno.TcpConn, readonly newcomer: Newcomer) {
    super();
    newcomer.cut = () => this.destroy();
    this.peer = socket.remoteAddr;
    this.#socket = socket;
    // Who speaks over it hears of a reset too. Between two speakers (HTTP, then WebSocket) there is none,
    // and an error that nobody hears of would end the process.
    this.on("error", () => {});
  }

  /**
   * Stops or goes on reading; a read that is under way brings at most 64 KB more. To pause the stream is
   * not enough where its reader is node:tls, which keeps what it is given, decrypted, without a bound.
   */
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

  /** A WebSocket's frames come in two chunks each, TLS records several at once: one write for all. */
  override _writev(
    chunks: Array<{ readonly chunk: Uint8Array }>,
    done: (error?: Error) => void,
  ): void {
    this.#writeAll(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void): void {
    this.#socket.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.close();
    this.newcomer.leave();
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
    if (bytes !== null && FairShare.concerns(bytes.length)) {
      await (this.#fairShare ??= new FairShare()).give(bytes, (piece) => this.push(piece));
    } else this.push(bytes); // asks for more by `_read`
    this.#isReading = false;
    if (this.#isWanted) void this.#readNext();
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length;) {
      from += await this.#socket.write(from === 0 ? bytes : bytes.subarray(from));
    }
  }
}
