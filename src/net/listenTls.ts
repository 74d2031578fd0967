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
import { makeHandshakes } from "./Handshakes.ts";
import { listenTcp } from "./listenTcp.ts";
import type { Descriptors } from "./Descriptors.ts";
import type { OpenConnection, Peer } from "./SocketSink.ts";
import { serveTls } from "./serveTls.ts";

type TlsSettings = Extract<ListenerSettings, { readonly transport: "tls" }>;

/** Listens; answers the bound address. That certificate and key belong together, config/pem.ts has seen to. */
export const listenTls = (
  settings: TlsSettings,
  descriptors: Descriptors,
  open: OpenConnection,
): Effect.Effect<Peer, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const secureContext = createSecureContext({
      cert: settings.cert,
      key: Redacted.value(settings.key),
    });
    const handshakes = yield* makeHandshakes(settings.limits.handshakeTimeout);
    descriptors.count(() => handshakes.size);
    return yield* listenTcp(
      settings,
      descriptors,
      (socket, newcomer) => serveTls(socket, newcomer, secureContext, handshakes, open),
    );
  });
