/**
 * Moves bytes between one socket (TCP or TLS) and one protocol connection, from accept to close. It
 * knows nothing of MQTT, and costs one pending read and no buffers to speak of while nothing happens.
 */
import type { ByteSink } from "../mqtt/ByteSink.ts";
import type { Connection } from "../mqtt/Connection.ts";

/** What a read buffer begins with and falls back to: an idle connection holds one all the time. */
const smallBuffer = 1024;
const largeBuffer = 64 * 1024;

/** Reads in a row that need less than a quarter of a large buffer, before it is given back. */
const patience = 8;

/** Milliseconds that a closing socket may take to send what is left and to see the other side close. */
const closingTime = 5000;

/**
 * Serves an accepted socket until both sides are closed. Never rejects: what the socket does wrong
 * ends in the connection's end reason.
 *
 * @param open makes the protocol connection that writes to the given sink
 */
export const serveConnection = async (
  socket: Deno.Conn,
  open: (sink: ByteSink) => Connection,
): Promise<void> => {
  const sink = new SocketSink(socket);
  const connection = open(sink);
  sink.onDrained = () => connection.drained();
  let buffer = new Uint8Array(smallBuffer);
  let smallReads = 0;
  try {
    for (;;) {
      if (!sink.reading) await sink.untilReading();
      const length = await socket.read(buffer);
      if (length === null) {
        sink.remoteClosed();
        connection.ended("RemoteClose");
        break;
      }
      connection.receive(buffer.subarray(0, length));
      if (length === buffer.length && length < largeBuffer) {
        buffer = new Uint8Array(Math.min(largeBuffer, length * 8));
      } else if (buffer.length > smallBuffer) {
        smallReads = length < buffer.length / 4 ? smallReads + 1 : 0;
        if (smallReads === patience) {
          smallReads = 0;
          buffer = new Uint8Array(smallBuffer);
        }
      }
    }
  } catch {
    // Reset, timed out, closed by `end`: a socket that can't be read has one meaning here.
    sink.fail();
    connection.ended("ReadWriteError");
  }
  await sink.closed;
};

/** A ByteSink that sends all that came in one turn of the event loop by one write. */
class SocketSink implements ByteSink {
  onDrained: () => void = () => {};
  reading = true;
  buffered = 0;
  /** Resolves when the socket is closed. */
  readonly closed: Promise<void>;
  readonly #socket: Deno.Conn;
  #state: "open" | "ending" | "closed" = "open";
  #waiting: Array<Uint8Array> = [];
  #isWriting = false;
  #wakeReader: (() => void) | undefined;
  #resolveClosed: () => void = () => {};
  #closing: ReturnType<typeof setTimeout> | undefined;
  #isRemoteClosed = false;

  constructor(socket: Deno.Conn) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#waiting.push(bytes);
    this.buffered += bytes.length;
    if (this.#isWriting) return;
    this.#isWriting = true;
    queueMicrotask(this.#flush);
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.setReading(true); // to see the other side close
    this.#closing = setTimeout(() => this.#close(), closingTime);
    if (!this.#isWriting) this.#closeWrite();
  }

  /** The other side will send no more: the socket is closed as soon as this side is done too. */
  remoteClosed(): void {
    this.#isRemoteClosed = true;
    if (this.#state === "ending" && !this.#isWriting) this.#close();
  }

  /** Reading failed: nothing can be sent any more. */
  fail(): void {
    this.#close();
  }

  setReading(reading: boolean): void {
    this.reading = reading;
    if (!reading) return;
    this.#wakeReader?.();
    this.#wakeReader = undefined;
  }

  untilReading(): Promise<void> {
    return new Promise((resolve) => this.#wakeReader = resolve);
  }

  readonly #flush = async (): Promise<void> => {
    try {
      while (this.#waiting.length > 0) {
        const waiting = this.#waiting;
        this.#waiting = [];
        await this.#writeAll(waiting.length === 1 ? waiting[0]! : joined(waiting)); // length 1: there is one
        if (this.#state === "open") this.onDrained();
      }
    } catch {
      this.#close(); // the pending read fails, and says that the connection has ended
    }
    this.#isWriting = false;
    if (this.#state === "ending") this.#closeWrite();
  };

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let from = 0;
    while (from < bytes.length) {
      const written = await this.#socket.write(from === 0 ? bytes : bytes.subarray(from));
      from += written;
      this.buffered -= written;
    }
  }

  /** Says that no more will come, so that the other side gets all that was sent before it closes. */
  #closeWrite(): void {
    if (this.#isRemoteClosed) this.#close();
    else this.#socket.closeWrite().catch(() => this.#close());
  }

  #close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#closing);
    this.#waiting = [];
    this.buffered = 0;
    try {
      this.#socket.close();
    } catch (error) {
      // Closed already, by the runtime: what was wanted.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
    this.setReading(true);
    this.#resolveClosed();
  }
}

const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};
