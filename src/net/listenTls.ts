/**
 * MQTT over TLS: reads the certificate, then accepts sockets until the scope closes.
 *
 * Neither by Deno.listenTls nor by node:tls's own server. What the first accepts cannot be closed before
 * its handshake is over: a client that connects and says nothing would hold a file descriptor for as
 * long as it likes. The second goes on reading while its sockets are paused: a publisher that is held
 * back would fill the memory.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { ListenerSettings } from "../domain/BrokerSettings.ts";
import { makeHandshakes } from "./Handshakes.ts";
import { listenTcp } from "./listenTcp.ts";
import type { Descriptors } from "./Descriptors.ts";
import type { OpenConnection, Peer, Refused } from "./SocketSink.ts";
import { serveTls } from "./serveTls.ts";

type TlsSettings = Extract<ListenerSettings, { readonly transport: "tls" }>;

/** Listens; answers the bound address. Fails for a certificate and key that cannot be served with. */
export const listenTls = (
  settings: TlsSettings,
  descriptors: Descriptors,
  open: OpenConnection,
  refused: Refused,
): Effect.Effect<Peer, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const secureContext = createSecureContext(
      yield* Effect.try({ try: () => readIdentity(settings), catch: (cause) => cause }),
    );
    const handshakes = yield* makeHandshakes(settings.limits.handshakeTimeout);
    descriptors.count(() => handshakes.size);
    return yield* listenTcp(
      settings,
      descriptors,
      (socket, newcomer) => serveTls(socket, newcomer, secureContext, handshakes, open, refused),
    );
  });

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
