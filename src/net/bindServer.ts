/** A server of node:net's family as a scoped resource. */
import * as Effect from "effect/Effect";
import * as Runtime from "effect/Runtime";
import type * as Scope from "effect/Scope";
import type { AddressInfo, Server } from "node:net";
import type { ListenerSettings } from "../domain/BrokerSettings.ts";
import type { Peer } from "./SocketSink.ts";

/** Connections that the system may complete before they are accepted; as Deno.listen. */
const backlog = 511;

/** An HTTP server can close the connections that are in the middle of a request; upgraded ones are not among them. */
interface BindableServer extends Server {
  closeAllConnections?(): void;
}

/**
 * Binds the server that `make` makes; answers the bound address. When the scope closes it accepts no
 * more; sockets that it has given away are not its own any more.
 */
export const bindServer = (
  { name, hostname, port }: ListenerSettings,
  make: () => BindableServer,
): Effect.Effect<Peer, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const runFork = Runtime.runFork(yield* Effect.runtime<never>());
    const server = yield* Effect.acquireRelease(
      Effect.async<BindableServer, unknown>((resume) => {
        const server = make();
        const fail = (error: Error) => resume(Effect.fail(error));
        server.once("error", fail);
        server.listen({ host: hostname, port, backlog }, () => {
          server.off("error", fail);
          resume(Effect.succeed(server));
        });
      }),
      (server) =>
        Effect.sync(() => {
          server.close();
          server.closeAllConnections?.();
        }),
    );
    server.on("error", (error) => {
      runFork(
        Effect.logError("cannot accept a connection", { listener: name, error: error.message }),
      );
    });
    const { address, port: bound } = server.address() as AddressInfo; // no pipe
    return { hostname: address, port: bound };
  });
