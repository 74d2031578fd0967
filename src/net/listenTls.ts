/**
 * MQTT over TLS: accepts sockets until the scope closes.
 *
 * Neither by Deno.listenTls nor by node:tls's own server. What the first accepts cannot be closed before
 * its handshake is over: a client that connects and says nothing would hold a file descriptor for as
 * long as it likes. The second goes on reading while its sockets are paused: a publisher that is held
 * back would fill the memory.
 */
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import type * as Scope from "effect/Scope";
import { createSecureContext } from "node:tls";
import type { ListenerSettings } from "../domain/BrokerSettings.ts";
import type { Handshakes } from "./Handshakes.ts";
import { makeHandshakes } from "./Handshakes.ts";
import { listenTcp } from "./listenTcp.ts";
import type { Descriptors } from "./Descriptors.ts";
import type { OpenConnection, Peer, Refused } from "./SocketSink.ts";
import { serveTls } from "./serveTls.ts";
import { TcpStream } from "./TcpStream.ts";
import { TlsStream } from "./TlsStream.ts";

type TlsSettings = Extract<ListenerSettings, { readonly transport: "tls" }>;
type OverTls = Extract<ListenerSettings, { readonly transport: "tls" | "wss" }>;

/** Listens; answers the bound address. That certificate and key belong together, config/pem.ts has seen to. */
export const listenTls = (
  settings: TlsSettings,
  descriptors: Descriptors,
  open: OpenConnection,
  refused: Refused,
): Effect.Effect<Peer, unknown, Scope.Scope> =>
  listenOverTls(settings, descriptors, refused, (handshakes) => (tls) => {
    handshakes.end(tls.tcp);
    serveTls(tls, open);
  });

/**
 * The same for what else is spoken over TLS. What `serving` makes takes each socket over when TLS is agreed
 * upon, and ends its handshake; from accept to then the listener's time for it runs.
 */
export const listenOverTls = (
  settings: OverTls,
  descriptors: Descriptors,
  refused: Refused,
  serving: (handshakes: Handshakes) => (tls: TlsStream) => void,
): Effect.Effect<Peer, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const secureContext = createSecureContext({
      cert: settings.cert,
      key: Redacted.value(settings.key),
    });
    const handshakes = yield* makeHandshakes(settings.limits.handshakeTimeout);
    descriptors.count(() => handshakes.size);
    const serve = serving(handshakes);
    return yield* listenTcp(settings, descriptors, (socket, newcomer) => {
      const tcp = new TcpStream(socket, newcomer);
      handshakes.begin(tcp);
      const tls = new TlsStream(
        tcp,
        secureContext,
        () => serve(tls),
        ({ message }) => refused(tcp.peer, `TLS handshake failed: ${message}`),
      );
    });
  });
