/** Opens a listener of any transport and lets its clients in to the broker until the scope closes. */
import * as Data from "effect/Data";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { ListenerSettings } from "../domain/BrokerSettings.ts";
import type { Broker } from "../mqtt/Broker.ts";
import { Listener } from "../mqtt/Listener.ts";
import type { Descriptors } from "./Descriptors.ts";
import { formatAddress } from "./formatAddress.ts";
import { listenTcp } from "./listenTcp.ts";
import type { Sockets } from "./Sockets.ts";
import type { OpenConnection, Peer, Refused } from "./SocketSink.ts";
import { serveTcp } from "./serveTcp.ts";

/** A listener could not be opened. */
export class ListenError extends Data.TaggedError("ListenError")<{
  readonly listener: string;
  readonly address: string;
  readonly cause: unknown;
}> {
  override get message(): string {
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause);
    return `listener ${this.listener} cannot listen on ${this.address}: ${why}`;
  }
}

/** Listens; fails when the socket cannot be opened. The log's `listening` line names the bound address. */
export const listen = (
  settings: ListenerSettings,
  broker: Broker,
  sockets: Sockets,
  descriptors: Descriptors,
): Effect.Effect<void, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const { name, transport } = settings;
    const listener = new Listener(settings.limits);
    const open: OpenConnection = (sink, peer) => {
      sockets.add(sink);
      return broker.accept(sink, listener, formatAddress(peer), sink.age);
    };
    const refused: Refused = (peer, reason) =>
      broker.context.reports.broken(listener.name, formatAddress(peer), undefined, reason);
    const bound = yield* bind(settings, descriptors, open, refused).pipe(
      Effect.mapError((cause) =>
        new ListenError({
          listener: `${transport}.${name}`,
          address: formatAddress(settings),
          cause,
        })
      ),
    );
    const addr = formatAddress(bound);
    listener.addr = addr;
    broker.opened(listener);
    yield* Effect.addFinalizer(() => Effect.sync(() => broker.shut(listener)));
    yield* Effect.logInfo("listening", { listener: name, transport, addr });
  });

/** Answers the address that was bound. What only TLS or WebSocket needs is loaded with their first listener: 2 MB. */
const bind = (
  settings: ListenerSettings,
  descriptors: Descriptors,
  open: OpenConnection,
  refused: Refused,
): Effect.Effect<Peer, unknown, Scope.Scope> => {
  switch (settings.transport) {
    case "tcp":
      return listenTcp(
        settings,
        descriptors,
        (socket, newcomer) => void serveTcp(socket, newcomer, open), // never rejects
      );
    case "tls":
      return Effect.flatMap(
        Effect.promise(() => import("./listenTls.ts")),
        ({ listenTls }) => listenTls(settings, descriptors, open, refused),
      );
    case "ws":
      return Effect.flatMap(
        Effect.promise(() => import("./listenWebSocket.ts")),
        ({ listenWebSocket }) => listenWebSocket(settings, descriptors, open, refused),
      );
    case "wss":
      return Effect.flatMap(
        Effect.promise(() => import("./listenSecureWebSocket.ts")),
        ({ listenSecureWebSocket }) => listenSecureWebSocket(settings, descriptors, open, refused),
      );
  }
};
