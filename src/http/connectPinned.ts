/**
 * TLS to a receiver whose own certificate is trusted, and no authority: one that signed itself, as plain
 * `openssl req -x509` makes them. Deno's TLS refuses those with CA:TRUE as a server's certificate, whoever
 * trusts them; node:tls takes them, for nearly twice the CPU time per request.
 *
 * It must never loosen anything: the certificate must be, byte for byte, one of those given, and name,
 * validity and the proof that the peer has the key are checked as ever, all before a byte of a request.
 */
import type { TLSSocket } from "node:tls";
import { pemBodies } from "./pemBodies.ts";
import { TransportError } from "./TransportError.ts";

/** Where to connect, and whom to find there. */
export interface PinnedPeer {
  readonly hostname: string;
  readonly port: number;
  /** PEM texts, of one certificate or more. */
  readonly caCerts: ReadonlyArray<string>;
  /** What an error's message begins with. */
  readonly during: string;
}

/** Connects; rejects with a `TransportError`, or with the signal's reason once it is aborted. */
export const connectPinned = async (peer: PinnedPeer, signal: AbortSignal): Promise<NodeSocket> => {
  const [{ isIP }, { connect }] = await Promise.all([import("node:net"), import("node:tls")]);
  signal.throwIfAborted();
  const pins = peer.caCerts.flatMap(pemBodies);
  const { hostname, port } = peer;
  const tls = connect({
    host: hostname,
    port,
    ca: [...peer.caCerts],
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
    tls.on("error", (cause) => end(() => reject(refused(peer, cause.message))));
    tls.once("close", () => end(() => reject(refused(peer, "closed in the handshake"))));
  }).catch((cause) => {
    tls.destroy();
    throw cause;
  });
  const shown = btoa(String.fromCharCode(...tls.getPeerCertificate().raw));
  if (!tls.authorized || !pins.includes(shown)) {
    tls.destroy();
    throw refused(peer, "another certificate");
  }
  return new NodeSocket(tls);
};

const refused = ({ during }: PinnedPeer, why: string): TransportError =>
  new TransportError({
    fault: "tls",
    message:
      `${during}: TLS failed: its self-signed certificate is none of ca_file, or not good (${why})`,
  });

/** Bytes that may have come unasked; a peer that sends more is cut off, for node:tls reads on while paused. */
const MOST_UNREAD = 1024 * 1024;

/** A `Socket` over one of node:tls, made right after its handshake. */
class NodeSocket {
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
