/**
 * Moves bytes between one TCP socket and one protocol connection, from accept to close. Costs one
 * pending read and one small buffer while nothing happens.
 */
import { FairShare } from "./FairShare.ts";
import type { Newcomer } from "./Newcomers.ts";
import { ReadBuffer } from "./ReadBuffer.ts";
import type { OpenConnection } from "./SocketSink.ts";
import { SocketSink } from "./SocketSink.ts";

/**
 * Serves an accepted socket until the client closes it. Never rejects: what the socket does wrong ends
 * in the connection's end reason.
 */
export const serveTcp = async (
  socket: Deno.TcpConn,
  newcomer: Newcomer,
  open: OpenConnection,
): Promise<void> => {
  const sink = new TcpSink(socket, newcomer);
  const connection = open(sink, socket.remoteAddr);
  sink.connection = connection;
  const buffer = new ReadBuffer();
  let fairShare: FairShare | undefined; // most clients never send so much
  for (;;) {
    if (!sink.isReading) await sink.untilReading();
    if (sink.isClosed) {
      connection.ended("ReadWriteError"); // as a read would end, which would cost an Error
      break;
    }
    let length: number | null;
    try {
      length = await socket.read(buffer.bytes);
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
    const bytes = buffer.bytes.subarray(0, length);
    if (FairShare.concerns(length)) {
      await (fairShare ??= new FairShare()).give(bytes, (piece) => connection.receive(piece));
    } else connection.receive(bytes);
    buffer.used(length);
  }
};

class TcpSink extends SocketSink {
  isReading = true;
  readonly #socket: Deno.TcpConn;
  #wakeReader: (() => void) | undefined;
  #isRemoteClosed = false;
  #isFinished = false;

  constructor(socket: Deno.TcpConn, newcomer: Newcomer) {
    super(newcomer);
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

  /**
   * Closes one direction only, so that the other side gets all that was sent before it closes; all of it where
   * the client has left: nothing comes that would have the system throw away what is on its way.
   */
  protected finish(hasLeft: boolean): void {
    this.#isFinished = true;
    if (this.#isRemoteClosed || hasLeft) this.cut();
    else this.#socket.closeWrite().catch(() => this.cut()); // reset meanwhile
  }

  protected destroy(): void {
    this.#socket.close();
    this.setReading(true); // the pending or next read fails, and says that the connection has ended
  }
}
