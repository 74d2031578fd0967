import * as Effect from "effect/Effect";

/** Between two lines, in milliseconds. */
const INTERVAL_MS = 2_000;

/**
 * Ends after `timeout` milliseconds; says until then, each 2 s, what is waited for and how long still.
 *
 * @param waiting events that are not at their end
 */
export const countdown = (timeout: number, waiting: () => number): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (timeout <= 0) return Effect.void;
    const n = waiting();
    const step = Math.min(INTERVAL_MS, timeout);
    return Effect.logInfo(
      `stopping: waiting up to ${seconds(timeout)} for ${n} ${n === 1 ? "event" : "events"}`,
    ).pipe(
      Effect.when(() => n > 0),
      Effect.zipRight(Effect.sleep(step)),
      Effect.zipRight(countdown(timeout - step, waiting)),
    );
  });

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10}s`;
