/**
 * TLS by node:tls, where Deno's own can't do it: it takes a server's self-signed certificate, shows one of the
 * client's on a connection with TCP_NODELAY, and gives its descriptor back at once when a handshake is broken
 * off. It takes nearly twice the CPU time per request. It must never be the first choice, nor check less.
 */
import type { TLSSocket } from "node:tls";

/** A certificate with its chain, and its private key, in PEM. */
export interface ClientIdentity {
  readonly cert: string;
  readonly key: string;
}

/** Where to connect, and how. */
export interface NodeTlsPeer {
  readonly hostname: string;
  readonly port: number;
  /** Trusted beside the system's certificates, PEM texts. */
  readonly caCerts: ReadonlyArray<string>;
  /** Shown to a server that asks who comes. */
  readonly identity: ClientIdentity | undefined;
}

/**
 * Connects and shakes hands; rejects with an error of node:tls, or with the signal's reason once it is aborted.
 * The server's name, validity and issuer have been checked, and nothing was sent.
 */
export const connectNodeTls = async (
  { hostname, port, caCerts, identity }: NodeTlsPeer,
  signal: AbortSignal,
): Promise<NodeSocket> => {
  const [{ isIP }, { connect }] = await Promise.all([import("node:net"), import("node:tls")]);
  signal.throwIfAborted();
  const tls = connect({
    host: hostname,
    port,
    ...(caCerts.length === 0 ? {} : { ca: [...caCerts] }),
    ...identity,
    ...(isIP(hostname) === 0 ? { servername: hostname } : {}), // RFC 6066 3: no addresses
  });
  tls.setNoDelay(true);
  tls.setKeepAlive(true);
  await new Promise<void>((resolve, reject) => {
    const abort = () => end(() => reject(signal.reason));
    const end = (settle: () => void) => {
      signal.removeEventListener("abort", abort);
      settle();
    };
    signal.addEventListener("abort", abort, { once: true });
    tls.once("secureConnect", () => end(resolve));
    tls.on("error", (cause) => end(() => reject(cause)));
    tls.once("close", () => end(() => reject(new Error("closed in the handshake"))));
  }).catch((cause) => {
    tls.destroy();
    throw cause;
  });
  if (!tls.authorized) {
    tls.destroy();
    throw new Error("its certificate is not trusted");
  }
  return new NodeSocket(tls);
};

/** Bytes that may have come unasked; a peer that sends more is cut off, for node:tls reads on while paused. */
const MOST_UNREAD = 1024 * 1024;

/** A `Socket` over one of node:tls, made right after its handshake. */
export class NodeSocket {
  readonly #tls: TLSSocket;
  readonly #unread: Array<Uint8Array> = [];
  #unreadBytes = 0;
  #end: { readonly cause: Error | undefined } | undefined;
  /** Tells a pending read that there is something to read. */
  #wake: (() => void) | undefined;

  constructor(tls: TLSSocket) {
    this.#tls = tls;
    tls.on("data", (bytes: Uint8Array) => {
      this.#unread.push(bytes);
      this.#unreadBytes += bytes.length;
      if (this.#unreadBytes > MOST_UNREAD) tls.destroy(new Error("it sends without being asked"));
      this.#wake?.();
    });
    const ended = (cause?: Error) => {
      this.#end ??= { cause };
      this.#wake?.();
    };
    tls.on("end", () => ended());
    tls.on("error", ended);
    tls.on("close", () => ended(new Deno.errors.ConnectionReset("closed")));
  }

  /** The server's own certificate, in DER. */
  get peerCertificate(): Uint8Array {
    return this.#tls.getPeerCertificate().raw;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#unread.length === 0) {
      if (this.#end !== undefined) {
        if (this.#end.cause === undefined) return null;
        throw this.#end.cause;
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
    const first = this.#unread[0]!; // not empty
    const part = first.subarray(0, into.length);
    into.set(part);
    this.#unreadBytes -= part.length;
    if (part.length === first.length) this.#unread.shift();
    else this.#unread[0] = first.subarray(part.length);
    return part.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) =>
      // A copy: who writes may use the bytes again once this has resolved, and node:tls may still have them.
      this.#tls.write(bytes.slice(), (cause) => cause ? reject(cause) : resolve(bytes.length))
    );
  }

  close(): void {
    this.#tls.destroy();
  }
}
