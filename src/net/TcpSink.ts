/**
 * Moves bytes between one TCP socket and one protocol connection, from accept to close. Costs one
 * pending read and one small buffer while nothing happens.
 */
import { type OpenConnection, SocketSink } from "./SocketSink.ts";

/**
 * What a read buffer begins with and falls back to: an idle connection holds one all the time. Long
 * enough for nearly every CONNECT; with 1024 an idle connection cost 0.8 KB more.
 */
const smallBuffer = 256;
const largeBuffer = 64 * 1024;

/** Reads in a row that need less than a quarter of a large buffer, before it is given back. */
const patience = 8;

/**
 * Serves an accepted socket until the client closes it. Never rejects: what the socket does wrong ends
 * in the connection's end reason.
 */
export const serveTcp = async (socket: Deno.TcpConn, open: OpenConnection): Promise<void> => {
  try {
    socket.setNoDelay(true);
    socket.setKeepAlive(true); // ends clients without a keep-alive of MQTT that vanished without a word
  } catch {
    socket.close(); // reset before it was served
    return;
  }
  const sink = new TcpSink(socket);
  const connection = open(sink, socket.remoteAddr);
  sink.connection = connection;
  let buffer = new Uint8Array(smallBuffer);
  let smallReads = 0;
  for (;;) {
    if (!sink.isReading) await sink.untilReading();
    let length: number | null;
    try {
      length = await socket.read(buffer);
    } catch {
      // Reset, timed out, or cut by this side: a socket that cannot be read has one meaning here.
      sink.cut();
      connection.ended("ReadWriteError");
      break;
    }
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
};

class TcpSink extends SocketSink {
  isReading = true;
  readonly #socket: Deno.TcpConn;
  #wakeReader: (() => void) | undefined;
  #isRemoteClosed = false;
  #isFinished = false;

  constructor(socket: Deno.TcpConn) {
    super();
    this.#socket = socket;
  }

  /** The other side will send no more: the socket is closed as soon as this side is done too. */
  remoteClosed(): void {
    this.#isRemoteClosed = true;
    if (this.#isFinished) this.cut();
  }

  setReading(reading: boolean): void {
    this.isReading = reading;
    if (!reading) return;
    this.#wakeReader?.();
    this.#wakeReader = undefined;
  }

  untilReading(): Promise<void> {
    return new Promise((resolve) => this.#wakeReader = resolve);
  }

  protected send(bytes: Uint8Array): Promise<number> {
    return this.#socket.write(bytes);
  }

  /** Closes one direction only, so that the other side gets all that was sent before it closes. */
  protected finish(): void {
    this.#isFinished = true;
    if (this.#isRemoteClosed) this.cut();
    else this.#socket.closeWrite().catch(() => this.cut()); // reset meanwhile
  }

  protected destroy(): void {
    this.#socket.close();
    this.setReading(true); // the pending or next read fails, and says that the connection has ended
  }
}
