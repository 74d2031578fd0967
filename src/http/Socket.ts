/**
 * The byte stream under a connection, and how to open one to an origin: TCP, or TLS over it. Never
 * trusts a certificate that cannot be verified.
 */
import type { PinnedPeer } from "./connectPinned.ts";
import type { ClientIdentity } from "./NodeTls.ts";
import { pemBodies } from "./pemBodies.ts";
import { TlsHandshakes } from "./TlsHandshakes.ts";
import { fromSystemError, saysSelfSigned, TransportError } from "./TransportError.ts";

/** What a connection needs of a `Deno.Conn`; tests script it. */
export interface Socket {
  /** Resolves to the number of bytes read, or null at the end of the stream. */
  read(into: Uint8Array): Promise<number | null>;
  /** Resolves to the number of bytes taken, which may be fewer than given. */
  write(bytes: Uint8Array): Promise<number>;
  /** Rejects what is pending. */
  close(): void;
}

/** Opens a socket; rejects with a `TransportError`, or with anything once `signal` is aborted. */
export type Connect = (signal: AbortSignal) => Promise<Socket>;

/** What of TLS is a matter of the receiver. */
export interface TlsOptions {
  /** Trusted beside the system's certificates, in PEM; a server's own one may be among them, self-signed. */
  readonly caCerts: ReadonlyArray<string>;
  /** Shown to a server that asks who comes. */
  readonly identity?: ClientIdentity | undefined;
}

/**
 * How to connect to the origin of `url`. For `https:`, certificates are verified. `now`: milliseconds from any
 * fixed point.
 */
export const connectTo = (
  url: URL,
  { caCerts, identity }: TlsOptions,
  now: () => number,
): Connect => {
  const secure = url.protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  // URL keeps the brackets of an IPv6 address; the resolver and TLS want none.
  const hostname = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
  const during = `connecting to ${url.host}`;
  const connect = async (signal: AbortSignal): Promise<Deno.TcpConn> => {
    try {
      const conn = await Deno.connect({ hostname, port, signal });
      conn.setNoDelay(true); // each request is one write: nothing to wait for
      return conn;
    } catch (cause) {
      throw fromSystemError(cause, during);
    }
  };
  if (!secure) return connect;
  const peer = { hostname, port, caCerts, identity, during };
  if (identity !== undefined) return (signal) => connectIdentified(peer, signal);
  const startTls = async (tcp: Deno.TcpConn): Promise<Deno.TlsConn> => {
    try {
      return await Deno.startTls(tcp, { hostname, caCerts: [...caCerts] });
    } catch (cause) {
      tcp.close(); // a host name that cannot be in a certificate is refused before the socket is taken
      throw fromSystemError(cause, during);
    }
  };
  const shakeHands = async (tcp: Deno.TcpConn, signal: AbortSignal): Promise<Deno.TlsConn> => {
    // Should the handshake be given up, the kernel still finds out when the peer is dead.
    tcp.setKeepAlive(true);
    const tls = await startTls(tcp);
    const abort = () => tls.close();
    if (signal.aborted) abort(); // the handshake then fails
    else signal.addEventListener("abort", abort, { once: true });
    try {
      await tls.handshake();
      return tls;
    } catch (cause) {
      if (!signal.aborted) tls.close();
      throw fromSystemError(cause, during);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  };
  const ask = (signal: AbortSignal) => askForHandshake(hostname, port, signal);
  const open = new TlsHandshakes({ ask, connect, shakeHands, now }).open;
  return caCerts.length === 0 ? open : openOrPinned(open, peer);
};

/** By node:tls: Deno's own shows a certificate on connections without TCP_NODELAY alone. */
const connectIdentified = async (peer: PinnedPeer, signal: AbortSignal): Promise<Socket> => {
  const { connectNodeTls } = await import("./NodeTls.ts");
  return await connectNodeTls(peer, signal).catch((cause) => {
    throw signal.aborted ? cause : fromSystemError(cause, peer.during);
  });
};

/**
 * By node:tls, for the very certificates given, or by Deno's TLS, for those they vouch for: first by what
 * served last. Each checks all there is to check, so that the order is a matter of handshakes alone.
 */
const openOrPinned = (open: Connect, peer: PinnedPeer): Connect => {
  let pinned = peer.caCerts.some(namesServer);
  const openPinned: Connect = async (signal) => {
    const { connectPinned } = await import("./connectPinned.ts");
    const socket = await connectPinned(peer, signal);
    pinned = true;
    return socket;
  };
  return async (signal) => {
    let refusal: unknown;
    if (pinned) {
      try {
        return await openPinned(signal);
      } catch (cause) {
        if (signal.aborted) throw cause;
        refusal = cause;
      }
    }
    try {
      const socket = await open(signal);
      pinned = false;
      return socket;
    } catch (cause) {
      if (signal.aborted || !isOfSelfSigned(cause)) throw cause;
      if (refusal !== undefined) throw refusal;
    }
    return await openPinned(signal);
  };
};

const isOfSelfSigned = (cause: unknown): boolean =>
  cause instanceof TransportError && cause.fault === "tls" && saysSelfSigned(cause.message);

/** The object identifier of subjectAltName, in DER. RFC 5280 section 4.2.1.6 */
const ALT_NAME = "\x06\x03\x55\x1d\x11";

/** Whether one of these certificates (PEM) has names, as a server's own has and an authority's seldom. */
const namesServer = (pem: string): boolean =>
  pemBodies(pem).some((body) => atob(body).includes(ALT_NAME));

/** Resolves when a handshake has come to an end, whichever; rejects when the signal is aborted. */
const askForHandshake = async (
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<void> => {
  const [{ isIP }, { connect }] = await Promise.all([import("node:net"), import("node:tls")]);
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    // Nobody is trusted: nothing is sent, and the connection is not used.
    const socket = connect({
      host,
      port,
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}), // RFC 6066 3: no addresses
    });
    const end = (settle: () => void) => () => {
      signal.removeEventListener("abort", abort);
      socket.destroy();
      settle();
    };
    const abort = end(() => reject(signal.reason));
    signal.addEventListener("abort", abort, { once: true });
    socket.on("secureConnect", end(resolve));
    // Whoever refuses does so again, and then with words for it.
    socket.on("error", end(resolve));
    socket.on("close", end(resolve));
  });
};
