/**
 * The process's signals as Effects. A signal that this process listens for must never do what it does by
 * default, which is to end the process: hence a listener stays from the start to the end.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";

/**
 * Listens for these signals until the scope closes. The answer waits for the next one; those that came
 * since the last wait, and that nobody waited for, are one: the latest.
 */
export const listenFor = (
  first: Deno.Signal,
  ...others: ReadonlyArray<Deno.Signal>
): Effect.Effect<Effect.Effect<Deno.Signal>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const came = yield* Effect.makeLatch(false);
    let latest = first;
    for (const signal of [first, ...others]) {
      const listener = () => {
        latest = signal;
        came.unsafeOpen();
      };
      yield* Effect.acquireRelease(
        Effect.sync(() => Deno.addSignalListener(signal, listener)),
        () => Effect.sync(() => Deno.removeSignalListener(signal, listener)),
      );
    }
    return Effect.map(came.await, () => {
      came.unsafeClose();
      return latest;
    });
  });
