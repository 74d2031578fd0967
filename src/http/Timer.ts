/**
 * Time as the transport needs it: read often, waited for rarely. Made of the Effect Clock, so that a
 * TestClock moves it. Never a timer per request: `ConnectionPool` keeps one for all its deadlines.
 */
import type * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";

/** One clock, in milliseconds. */
export interface Timer {
  /** Milliseconds from any fixed point; does not jump when the wall clock is set. 0.1 µs a call. */
  now(): number;
  /** Runs `run` after `delay` milliseconds unless what it returns is called before. Costs a fiber. */
  schedule(delay: number, run: () => void): () => void;
}

/** The timer that a clock drives. */
export const timerFromClock = (clock: Clock.Clock): Timer => ({
  // Nanoseconds, because the clock's milliseconds follow the wall clock.
  now: () => Number(clock.unsafeCurrentTimeNanos()) / 1e6,
  schedule: (delay, run) => {
    const fiber = Effect.runFork(
      Effect.andThen(clock.sleep(Duration.millis(delay)), Effect.sync(run)),
    );
    return () => Effect.runFork(Fiber.interrupt(fiber));
  },
});
