/**
 * Time that does not jump when the machine's clock is set: what every wait, time-out and expiry goes by. What
 * people and receivers are told is the wall clock's. While the machine sleeps it may stand still.
 */
import type * as Clock from "effect/Clock";

/**
 * Milliseconds from a fixed point of this thread's own; 0.2 µs a call. The clock's nanoseconds, because its
 * milliseconds follow the wall clock.
 */
export const monotonicMillis = (clock: Clock.Clock): number =>
  Number(clock.unsafeCurrentTimeNanos()) / 1e6;
