/** The process's signals as Effects. */
import * as Effect from "effect/Effect";

/** Succeeds with the first of these signals that comes. */
export const firstSignal = (...signals: ReadonlyArray<Deno.Signal>): Effect.Effect<Deno.Signal> =>
  Effect.async((resume) => {
    const listeners = signals.map((signal) => {
      const listener = () => resume(Effect.succeed(signal));
      Deno.addSignalListener(signal, listener);
      return () => Deno.removeSignalListener(signal, listener);
    });
    return Effect.sync(() => {
      for (const remove of listeners) remove();
    });
  });
