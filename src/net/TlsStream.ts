/** The server's side of TLS on an accepted socket, as a node:stream. */
import type { SecureContext } from "node:tls";
import { TLSSocket } from "node:tls";
import type { ClientStream, TcpStream } from "./TcpStream.ts";

export class TlsStream extends TLSSocket implements ClientStream {
  /** Begins the handshake. `secured`: it is done. `refused`: it has failed by what the client sent. When it fails, both sockets are destroyed. */
  constructor(
    readonly tcp: TcpStream,
    secureContext: SecureContext,
    secured: () => void,
    refused: (error: Error) => void,
  ) {
    // A TLSSocket takes any Duplex; its types name net.Socket alone.
    super(tcp as never, { isServer: true, secureContext });
    let isSecure = false;
    this.on("secure", () => {
      isSecure = true;
      secured();
    });
    // Before somebody is told of it: a plain-text client, a port scan, a distrusted certificate.
    const failed = () => void this.destroy();
    this.on("error", (error: Error) => {
      if (!isSecure) refused(error);
      failed();
    });
    this.on("close", failed);
    tcp.on("error", failed);
    tcp.on("close", failed);
    tcp.on("end", () => isSecure || failed()); // node:tls would wait on
  }

  /**
   * Where all was written, what is still on its way down goes out first, if without a close_notify: who
   * was to get an answer over HTTP can tell that it is whole by its length.
   */
  override destroy(error?: Error): this {
    super.destroy(error);
    if (this.writableFinished) this.tcp.end(() => this.tcp.destroy());
    else this.tcp.destroy();
    return this;
  }
}
