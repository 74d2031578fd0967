/** Moves bytes between one TLS socket and one protocol connection, from the handshake to close. */
import type { Buffer } from "node:buffer";
import type { OpenConnection } from "./SocketSink.ts";
import { SocketSink } from "./SocketSink.ts";
import type { TlsStream } from "./TlsStream.ts";

/** Serves a socket whose handshake is done until it is closed. */
export const serveTls = (tls: TlsStream, open: OpenConnection): void => {
  const sink = new TlsSink(tls);
  const connection = open(sink, tls.tcp.peer);
  sink.connection = connection;
  tls.on("data", (bytes: Buffer) => connection.receive(bytes));
  tls.on("end", () => connection.ended("RemoteClose"));
  const failed = () => {
    sink.cut();
    connection.ended("ReadWriteError"); // without effect when its end was told already
  };
  tls.on("error", failed);
  tls.on("close", failed); // and with it when the socket below has ended
};

class TlsSink extends SocketSink {
  readonly #tls: TlsStream;

  constructor(tls: TlsStream) {
    super(tls.tcp.newcomer);
    this.#tls = tls;
  }

  setReading(reading: boolean): void {
    this.#tls.tcp.setReading(reading);
    if (reading) this.#tls.resume();
    else this.#tls.pause();
  }

  protected send(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#tls.write(bytes, (error) => error ? reject(error) : resolve(bytes.length))
    );
  }

  protected finish(): void {
    this.#tls.end();
  }

  protected destroy(): void {
    this.#tls.destroy();
    this.#tls.tcp.destroy(); // at once
  }
}
