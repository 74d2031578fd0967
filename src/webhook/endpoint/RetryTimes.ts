/** The moments of one URL's retries and probes: its RetrySchedule, run step by step by plain code. */
import type * as Effect from "effect/Effect";
import type { RetryPolicy } from "../../domain/RetryPolicy.ts";
import type { Sending } from "../attempt/Batch.ts";
import type { DeliveryError } from "../attempt/DeliveryError.ts";
import * as RetrySchedule from "./RetrySchedule.ts";

export class RetryTimes {
  readonly #policy: RetryPolicy;
  readonly #runSync: <A>(effect: Effect.Effect<A>) => A;
  readonly #retries: ReturnType<typeof RetrySchedule.make>;
  readonly #probes: ReturnType<typeof RetrySchedule.backoff>;

  /** `runSync` runs an effect that never waits: the schedule's jitter is the runtime's Random. */
  constructor(policy: RetryPolicy, runSync: <A>(effect: Effect.Effect<A>) => A) {
    this.#policy = policy;
    this.#runSync = runSync;
    this.#retries = RetrySchedule.make(policy);
    this.#probes = RetrySchedule.backoff(policy);
  }

  /** Notes a failure on what was sent; returns when it is tried again, undefined: its retries are over. */
  afterFailure(sending: Sending, error: DeliveryError, now: number): number | undefined {
    const before = sending.schedule ?? this.#retries.initial;
    const { state, due } = this.#runSync(RetrySchedule.step(this.#retries, before, now, error));
    sending.schedule = state;
    sending.retry = {
      failures: (sending.retry?.failures ?? 0) + 1,
      deadline: sending.retry?.deadline ?? RetrySchedule.deadline(this.#policy, now),
      reason: error.reason,
    };
    return due;
  }

  /** When to probe next; `schedule` as returned before, undefined for the first time. */
  readonly nextProbe = (schedule: unknown, now: number) => {
    const before = schedule ?? this.#probes.initial;
    const { state, due } = this.#runSync(RetrySchedule.step(this.#probes, before, now, undefined));
    // The back-off has no end.
    return { at: due ?? now + this.#policy.maxInterval, schedule: state };
  };
}
