/** Moves bytes between one WebSocket and one protocol connection, from the upgrade to close. MQTT 5.0 section 6 */
import type { Buffer } from "node:buffer";
import { ReasonCode } from "../mqtt/wire/ReasonCode.ts";
import type { ClientStream } from "./TcpStream.ts";
import type { OpenConnection } from "./SocketSink.ts";
import { SocketSink } from "./SocketSink.ts";
import { CloseCode, closeFrameOf, frameOf, Opcode, WebSocketReader } from "./WebSocketReader.ts";

/**
 * Serves an upgraded socket until it is closed. `head` came behind the request already. Packets may
 * span frames and share them. [MQTT-6.0.0-2]
 */
export const serveWebSocket = (stream: ClientStream, head: Buffer, open: OpenConnection): void => {
  const sink = new WebSocketSink(stream);
  const connection = open(sink, stream.tcp.peer);
  sink.connection = connection;
  const reader = new WebSocketReader({
    data: (bytes) => connection.receive(bytes),
    ping: (payload) => sink.pong(payload),
    closed(code) {
      sink.remoteClosed(code);
      connection.ended("RemoteClose"); // without effect when it was closed from this side
    },
    violated(closeCode, what) {
      sink.remoteClosed(closeCode); // a close frame of its own would not be read any more
      connection.close(`ProtocolError(${what})`, ReasonCode.ProtocolError);
    },
  });
  stream.on("data", (bytes: Buffer) => reader.receive(bytes));
  stream.on("end", () => {
    sink.remoteClosed(undefined);
    connection.ended("RemoteClose");
  });
  stream.on("error", () => {
    sink.cut();
    connection.ended("ReadWriteError");
  });
  stream.on("close", () => {
    sink.cut();
    connection.ended("RemoteClose");
  });
  reader.receive(head);
};

class WebSocketSink extends SocketSink {
  readonly #stream: ClientStream;
  /** What the close frame will say. */
  #closeCode: number | undefined = CloseCode.Normal;
  #isRemoteClosed = false;
  #isFinished = false;
  #isPonging = false;
  #nextPong: Uint8Array | undefined;

  constructor(stream: ClientStream) {
    super(stream.tcp.newcomer);
    this.#stream = stream;
  }

  /** The other side will send no more that is read: the close frame answers its code, and is the end. */
  remoteClosed(code: number | undefined): void {
    if (this.#isRemoteClosed) return;
    this.#isRemoteClosed = true;
    this.#closeCode = code;
    if (this.#isFinished) this.#stream.end();
  }

  /** Answers a ping; of those that come while one is being answered, the last. RFC 6455 section 5.5.3 */
  pong(payload: Uint8Array): void {
    if (this.#isFinished) return;
    if (this.#isPonging) {
      this.#nextPong = payload;
      return;
    }
    this.#isPonging = true;
    this.#stream.write(frameOf(Opcode.Pong, payload), () => {
      this.#isPonging = false;
      const next = this.#nextPong;
      this.#nextPong = undefined;
      if (next !== undefined) this.pong(next);
    });
  }

  setReading(reading: boolean): void {
    this.#stream.tcp.setReading(reading);
    if (reading) this.#stream.resume();
    else this.#stream.pause();
  }

  protected send(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#stream.write(
        frameOf(Opcode.Binary, bytes),
        (error) => error ? reject(error) : resolve(bytes.length),
      )
    );
  }

  /** Says close, and waits for the other side to say it too. RFC 6455 section 7.1.1 */
  protected finish(): void {
    this.#isFinished = true;
    this.#stream.write(closeFrameOf(this.#closeCode));
    if (this.#isRemoteClosed) this.#stream.end();
  }

  protected destroy(): void {
    this.#stream.destroy();
    this.#stream.tcp.destroy(); // at once
  }
}
