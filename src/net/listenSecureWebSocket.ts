/** MQTT over WebSocket over TLS: what scripts of https pages can connect to. */
import type * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { ListenerSettings } from "../domain/BrokerSettings.ts";
import type { Descriptors } from "./Descriptors.ts";
import { listenOverTls } from "./listenTls.ts";
import { makeServer } from "./listenWebSocket.ts";
import type { OpenConnection, Peer, Refused } from "./SocketSink.ts";

type Settings = Extract<ListenerSettings, { readonly transport: "wss" }>;

/** Listens; answers the bound address. Fails for a certificate and key that cannot be served with. */
export const listenSecureWebSocket = (
  settings: Settings,
  descriptors: Descriptors,
  open: OpenConnection,
  refused: Refused,
): Effect.Effect<Peer, unknown, Scope.Scope> =>
  listenOverTls(settings, descriptors, refused, (handshakes) => {
    const server = makeServer(settings, handshakes, open, refused);
    return (tls) => server.emit("connection", tls);
  });
