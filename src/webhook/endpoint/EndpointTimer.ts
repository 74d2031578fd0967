/**
 * The clock of one endpoint: one fiber, asleep until the first of all its retries, probes and deadlines is due.
 * It must never be woken for each delivery: of what is due after it wakes anyway it hears nothing.
 */
import type * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { monotonicMillis } from "../../ops/monotonic.ts";

/** Whose clock it is. */
export interface TimerOwner {
  /** Leaves, where nothing is left to do: asked before each sleep, and the last that is. */
  leave(): boolean;
  /** When something is due next, in monotonic milliseconds; Infinity: nothing is. */
  nextDue(): number;
  /** Something may be due. */
  tick(): void;
}

/** It looks again after an hour: timers of the platform end at 2^31 ms. */
const LONGEST_SLEEP_MS = 3_600_000;

export class EndpointTimer {
  readonly #clock: Clock.Clock;
  readonly #wake = Effect.unsafeMakeLatch(false);
  #sleepsUntil = Infinity;

  constructor(clock: Clock.Clock) {
    this.#clock = clock;
  }

  /** Has the owner look again at `due` at the latest, in monotonic milliseconds. */
  wakeBy(due: number): void {
    if (due < this.#sleepsUntil) this.wake();
  }

  /** Has the owner look again at once. */
  wake(): void {
    this.#wake.unsafeOpen();
  }

  /** To be run as long as the owner lives: it ends when the owner has left. */
  run(owner: TimerOwner): Effect.Effect<void> {
    return Effect.whileLoop({
      while: () => !owner.leave(),
      body: () => {
        this.#wake.unsafeClose();
        const due = owner.nextDue();
        this.#sleepsUntil = due;
        if (due === Infinity) return this.#wake.await;
        const wait = Math.min(due - monotonicMillis(this.#clock), LONGEST_SLEEP_MS);
        const rest = wait <= 0
          ? Effect.void
          : Effect.raceFirst(Effect.sleep(wait), this.#wake.await);
        return Effect.andThen(rest, () => owner.tick());
      },
      step: () => {},
    });
  }
}
