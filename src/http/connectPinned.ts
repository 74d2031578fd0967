/**
 * TLS to a receiver whose own certificate is trusted, and no authority: one that signed itself, as plain
 * `openssl req -x509` makes them. Deno's TLS refuses those with CA:TRUE as a server's certificate, whoever
 * trusts them; node:tls takes them, for nearly twice the CPU time per request.
 *
 * It must never loosen anything: the certificate must be, byte for byte, one of those given, and name,
 * validity and the proof that the peer has the key are checked as ever, all before a byte of a request.
 */
import type { NodeSocket, NodeTlsPeer } from "./NodeTls.ts";
import { connectNodeTls } from "./NodeTls.ts";
import { pemBodies } from "./pemBodies.ts";
import { TransportError } from "./TransportError.ts";

/** Where to connect, and whom to find there: a server that shows one of `caCerts`. */
export interface PinnedPeer extends NodeTlsPeer {
  /** What an error's message begins with. */
  readonly during: string;
}

/** Connects; rejects with a `TransportError`, or with the signal's reason once it is aborted. */
export const connectPinned = async (peer: PinnedPeer, signal: AbortSignal): Promise<NodeSocket> => {
  const socket = await connectNodeTls(peer, signal).catch((cause) => {
    throw signal.aborted ? cause : refused(peer, cause.message);
  });
  const shown = btoa(String.fromCharCode(...socket.peerCertificate));
  if (peer.caCerts.flatMap(pemBodies).includes(shown)) return socket;
  socket.close();
  throw refused(peer, "another certificate");
};

const refused = ({ during }: PinnedPeer, why: string): TransportError =>
  new TransportError({
    fault: "tls",
    message:
      `${during}: TLS failed: its self-signed certificate is none of ca_file, or not good (${why})`,
  });
