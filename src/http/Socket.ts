/**
 * The byte stream under a connection, and how to open one to an origin: TCP, or TLS over it. Never
 * trusts a certificate that cannot be verified.
 */
import { fromSystemError } from "./TransportError.ts";

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

/**
 * How to connect to the origin of `url`. For `https:`, certificates are verified against the system's
 * and `caCerts` (PEM).
 */
export const connectTo = (url: URL, caCerts: ReadonlyArray<string>): Connect => {
  const secure = url.protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  // URL keeps the brackets of an IPv6 address; the resolver and TLS want none.
  const hostname = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
  const connectTcp = async (signal: AbortSignal): Promise<Deno.TcpConn> => {
    try {
      const conn = await Deno.connect({ hostname, port, signal });
      conn.setNoDelay(true); // each request is one write: nothing to wait for
      return conn;
    } catch (cause) {
      throw fromSystemError(cause, `connecting to ${url.host}`);
    }
  };
  if (!secure) return connectTcp;
  const startTls = async (tcp: Deno.TcpConn): Promise<Deno.TlsConn> => {
    try {
      return await Deno.startTls(tcp, { hostname, caCerts: [...caCerts] });
    } catch (cause) {
      tcp.close(); // a host name that cannot be in a certificate is refused before the socket is taken
      throw fromSystemError(cause, `connecting to ${url.host}`);
    }
  };
  return async (signal) => {
    // In two steps, because `Deno.connectTls` takes no signal.
    const tcp = await connectTcp(signal);
    // Deno 2.9 keeps the socket of a TLS connection that is closed in the middle of its handshake until
    // the peer closes it. Probes let the kernel end those whose peer is dead.
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
      throw fromSystemError(cause, `connecting to ${url.host}`);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  };
};
