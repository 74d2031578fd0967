/** All open sockets of clients, so that a stopping process can let them send what they were given last. */
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { ByteSink } from "../mqtt/ByteSink.ts";
import type { Connection } from "../mqtt/Connection.ts";
import { serveConnection } from "./serveConnection.ts";

/** How long the scope's end waits for clients to close their side too. */
const closingTime = Duration.seconds(1);

export class Sockets {
  readonly #open = new Set<Promise<void>>();

  /** Serves an accepted socket until it is closed. */
  serve(socket: Deno.Conn, open: (sink: ByteSink) => Connection): void {
    const served = serveConnection(socket, open).finally(() => this.#open.delete(served));
    this.#open.add(served);
  }

  /** Resolves when every socket is closed. */
  async allClosed(): Promise<void> {
    await Promise.all(this.#open);
  }
}

/** Sockets that are waited for, a little, when the scope closes. To be made before the broker that writes to them. */
export const makeSockets: Effect.Effect<Sockets, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => new Sockets()),
  (sockets) =>
    Effect.promise(() => sockets.allClosed()).pipe(
      Effect.interruptible,
      Effect.timeoutOption(closingTime),
    ),
);
