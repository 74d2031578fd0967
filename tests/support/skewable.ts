/** Clocks moved by hand, in tests that run in real time otherwise. */
import type * as Clock from "effect/Clock";

/** A clock whose wall time can be set while its monotonic one goes on as before, and the other way round. */
export const skewable = (clock: Clock.Clock) => {
  let skew = 0;
  let passed = 0n;
  const skewed: Clock.Clock = Object.create(clock, {
    unsafeCurrentTimeMillis: { value: () => clock.unsafeCurrentTimeMillis() + skew },
    unsafeCurrentTimeNanos: { value: () => clock.unsafeCurrentTimeNanos() + passed },
  });
  return {
    clock: skewed,
    setWallClock: (by: number) => void (skew += by),
    /** Has so many milliseconds pass by the monotonic one. */
    passMonotonic: (by: number) => void (passed += BigInt(by) * 1_000_000n),
  };
};
