/** RetryPolicy as an Effect Schedule: when a failed delivery is tried again, and when it is given up. */
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { pipe } from "effect/Function";
import * as Schedule from "effect/Schedule";
import * as Decision from "effect/ScheduleDecision";
import * as Interval from "effect/ScheduleInterval";
import * as Intervals from "effect/ScheduleIntervals";
import type { RetryPolicy } from "../../domain/RetryPolicy.ts";

/** What the schedule is told of a failure. */
export interface Failure {
  /** How long the receiver asked to wait, in milliseconds. */
  readonly retryAfter: number | undefined;
}

/** The back-offs alone: exponential, clamped, each with jitter; without an end. */
export const backoff = (policy: RetryPolicy): Schedule.Schedule<unknown> => {
  const { initialInterval, multiplier, maxInterval, jitter } = policy;
  const clamped = pipe(
    Schedule.exponential(Duration.millis(initialInterval), multiplier),
    // The union takes the shorter of both; `andThenEither` would not clamp.
    Schedule.union(Schedule.spaced(Duration.millis(maxInterval))),
  );
  return jitter === 0
    ? clamped
    : Schedule.jitteredWith(clamped, { min: 1 - jitter, max: 1 + jitter });
};

interface State {
  readonly backoff: unknown;
  readonly deadline: number;
}

/**
 * The retries of one delivery. The first step is the first failure; from it the elapsed limit counts.
 * A wait is the back-off or what the receiver asked for, whichever is longer; what it asked for is cut
 * at the elapsed limit. Done when the next attempt would start after that limit.
 *
 * With the default policy and no jitter, attempts are made 0.5, 1.75, 4.875, 12.6875 and 32.21875 s
 * after the first failure.
 */
export const make = (policy: RetryPolicy): Schedule.Schedule<void, Failure> => {
  const back = backoff(policy);
  const initial: State = { backoff: back.initial, deadline: Infinity };
  return Schedule.makeWithState(
    initial,
    (now, failure, state) =>
      Effect.map(back.step(now, undefined, state.backoff), ([next, _, decision]) => {
        const limit = Math.min(state.deadline, deadline(policy, now));
        const asked = now + (failure.retryAfter ?? 0);
        const due = Decision.isDone(decision)
          ? Infinity
          : Math.max(Intervals.start(decision.intervals), Math.min(asked, limit));
        return [
          { backoff: next, deadline: limit },
          undefined,
          due > limit || now >= limit ? Decision.done : Decision.continueWith(Interval.after(due)),
        ];
      }),
  );
};

/** When the first failure of a delivery was at `now`: the moment after which no attempt starts. */
export const deadline = (policy: RetryPolicy, now: number): number => now + policy.maxElapsedTime;

/** One step: the state after it, and when the next attempt is due, or undefined for never. */
export const step = <In>(
  schedule: Schedule.Schedule<unknown, In>,
  state: unknown,
  now: number,
  input: In,
): Effect.Effect<{ readonly state: unknown; readonly due: number | undefined }> =>
  Effect.map(
    schedule.step(now, input, state),
    ([next, _, decision]) => ({
      state: next,
      due: Decision.isDone(decision) ? undefined : onGrid(Intervals.start(decision.intervals)),
    }),
  );

/**
 * The instant, at most 1/16 ms later, that a sleep can meet exactly: a jittered one has more digits than
 * a Duration, so that a timer would wake before it and find nothing due, over and over.
 */
export const onGrid = (instant: number): number => Math.ceil(instant * 16) / 16;
