/**
 * MQTT over TLS: reads the certificate, listens, and serves each socket when its handshake is done.
 *
 * By node:tls and not by Deno.listenTls, because what that one accepts cannot be closed before its
 * handshake is over: a client that connects and says nothing would hold a file descriptor for as long
 * as it likes. The price, with 1000 idle connections: 38 KB each instead of 28.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createServer, type TLSSocket } from "node:tls";
import type { ListenerSettings } from "../domain/BrokerSettings.ts";
import { bindServer } from "./bindServer.ts";
import type { OpenConnection, Peer } from "./SocketSink.ts";
import { serveTls } from "./TlsSink.ts";

type TlsSettings = Extract<ListenerSettings, { readonly transport: "tls" }>;

/** Listens; answers the bound address. Fails for a certificate and key that cannot be served with. */
export const listenTls = (
  settings: TlsSettings,
  open: OpenConnection,
): Effect.Effect<Peer, unknown, Scope.Scope> =>
  Effect.try({ try: () => readIdentity(settings), catch: (cause) => cause }).pipe(
    Effect.flatMap((identity) =>
      bindServer(settings, () => {
        const server = createServer({
          ...identity,
          noDelay: true,
          handshakeTimeout: settings.limits.handshakeTimeout,
        });
        server.on("secureConnection", (socket) => {
          if (server.listening) serveTls(socket, open);
          else socket.destroy(); // the handshake ended after the listener was closed
        });
        // A plain-text client, a port scan, a distrusted certificate, no handshake in time.
        server.on("tlsClientError", (_error: Error, socket: TLSSocket) => socket.destroy());
        return server;
      })
    ),
  );

/** The two files' texts. node:tls would find what is wrong with them only when a client comes. */
const readIdentity = (
  { certFile, keyFile }: TlsSettings,
): { readonly cert: string; readonly key: string } => {
  const cert = read(certFile);
  const key = read(keyFile);
  const certificate = parsed(certFile, "certificate", () => new X509Certificate(cert));
  const privateKey = parsed(keyFile, "private key", () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Error(`the key of ${keyFile} is not that of the certificate of ${certFile}`);
  }
  return { cert, key };
};

const read = (path: string): string => {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    throw new Error(`cannot read ${path}: ${cause instanceof Error ? cause.message : cause}`);
  }
};

const parsed = <A>(path: string, what: string, parse: () => A): A => {
  try {
    return parse();
  } catch (cause) {
    throw new Error(`${path} is no ${what} in PEM`, { cause });
  }
};
