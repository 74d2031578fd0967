/** Moves bytes between one TLS socket and one protocol connection, from the end of the handshake to close. */
import type { Buffer } from "node:buffer";
import type { TLSSocket } from "node:tls";
import { type OpenConnection, SocketSink } from "./SocketSink.ts";

/** Serves a socket whose handshake is done until it is closed. */
export const serveTls = (socket: TLSSocket, open: OpenConnection): void => {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) {
    socket.destroy(); // reset right after the handshake
    return;
  }
  const sink = new TlsSink(socket);
  const connection = open(sink, { hostname: remoteAddress, port: remotePort });
  sink.connection = connection;
  socket.on("data", (bytes: Buffer) => connection.receive(bytes));
  socket.on("end", () => connection.ended("RemoteClose"));
  socket.on("error", () => connection.ended("ReadWriteError")); // "close" follows
  socket.on("close", () => {
    sink.cut();
    connection.ended("ReadWriteError"); // without effect when the end was told already
  });
};

class TlsSink extends SocketSink {
  readonly #socket: TLSSocket;

  constructor(socket: TLSSocket) {
    super();
    this.#socket = socket;
  }

  setReading(reading: boolean): void {
    if (reading) this.#socket.resume();
    else this.#socket.pause();
  }

  protected send(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length))
    );
  }

  protected finish(): void {
    this.#socket.end();
  }

  protected destroy(): void {
    this.#socket.destroy();
  }
}
