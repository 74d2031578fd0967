/** All open sockets of clients, so that a stopping process can let them send what they were given last. */
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { SocketSink } from "./SocketSink.ts";

/** How long the scope's end waits for clients to close their side too. */
const PATIENCE = Duration.seconds(1);

export class Sockets {
  readonly #open = new Set<SocketSink>();
  #onAllClosed: (() => void) | undefined;

  get size(): number {
    return this.#open.size;
  }

  /** Remembers a socket until it is closed. */
  add(sink: SocketSink): void {
    this.#open.add(sink);
    sink.onClosed = () => {
      this.#open.delete(sink);
      if (this.#open.size === 0) this.#onAllClosed?.();
    };
  }

  /** Resolves when every socket is closed. */
  allClosed(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onAllClosed = resolve);
  }

  /** Closes those that are still open. */
  cut(): void {
    for (const sink of this.#open) sink.cut();
  }
}

/**
 * Sockets that are waited for, a little, when the scope closes; those that are late are cut. To be made
 * before the broker that writes to them.
 */
export const makeSockets: Effect.Effect<Sockets, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => new Sockets()),
  (sockets) =>
    Effect.promise(() => sockets.allClosed()).pipe(
      Effect.interruptible,
      Effect.timeoutOption(PATIENCE),
      Effect.zipRight(Effect.sync(() => sockets.cut())),
    ),
);
