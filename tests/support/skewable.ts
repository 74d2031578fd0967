/** The wall clock set by hand, in tests. */
import type * as Clock from "effect/Clock";

/** A clock whose wall time can be set, while its monotonic one goes on as before. */
export const skewable = (clock: Clock.Clock) => {
  let skew = 0;
  const skewed: Clock.Clock = Object.create(clock, {
    unsafeCurrentTimeMillis: { value: () => clock.unsafeCurrentTimeMillis() + skew },
    unsafeCurrentTimeNanos: { value: () => clock.unsafeCurrentTimeNanos() },
  });
  return { clock: skewed, setWallClock: (by: number) => void (skew += by) };
};
