/** Moves bytes between one TLS socket and one protocol connection, from accept to close. */
import type { Buffer } from "node:buffer";
import type { SecureContext } from "node:tls";
import { TLSSocket } from "node:tls";
import type { Handshakes } from "./Handshakes.ts";
import type { Newcomer } from "./Newcomers.ts";
import type { OpenConnection, Refused } from "./SocketSink.ts";
import { SocketSink } from "./SocketSink.ts";
import { TcpStream } from "./TcpStream.ts";

/**
 * Serves an accepted socket until it is closed. Without a handshake in time, or with a bad one, no
 * connection is opened at all.
 */
export const serveTls = (
  socket: Deno.TcpConn,
  newcomer: Newcomer,
  secureContext: SecureContext,
  handshakes: Handshakes,
  open: OpenConnection,
  refused: Refused,
): void => {
  const tcp = new TcpStream(socket, newcomer);
  // A TLSSocket takes any Duplex; its types name net.Socket alone.
  const tls = new TLSSocket(tcp as never, { isServer: true, secureContext });
  const sink = new TlsSink(tcp, tls, newcomer);
  handshakes.begin(tcp);
  tls.on("secure", () => {
    handshakes.end(tcp);
    const connection = open(sink, tcp.peer);
    sink.connection = connection;
    tls.on("data", (bytes: Buffer) => connection.receive(bytes));
    tls.on("end", () => connection.ended("RemoteClose"));
  });
  // Before the connection is opened: a plain-text client, a port scan, a distrusted certificate.
  const failed = () => {
    sink.cut();
    sink.connection?.ended("ReadWriteError"); // without effect when its end was told already
  };
  tls.on("error", (error: Error) => {
    if (handshakes.includes(tcp)) refused(tcp.peer, `TLS handshake failed: ${error.message}`);
    failed();
  });
  tls.on("close", failed);
  tcp.on("error", failed);
  tcp.on("close", failed);
  tcp.on("end", () => handshakes.includes(tcp) && failed()); // node:tls would wait on
};

class TlsSink extends SocketSink {
  readonly #tcp: TcpStream;
  readonly #tls: TLSSocket;

  constructor(tcp: TcpStream, tls: TLSSocket, newcomer: Newcomer) {
    super(newcomer);
    this.#tcp = tcp;
    this.#tls = tls;
  }

  setReading(reading: boolean): void {
    this.#tcp.setReading(reading);
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
    this.#tcp.destroy();
  }
}
