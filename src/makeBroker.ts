/**
 * The broker as a scoped resource: its clock is Effect's, one alarm looks after its time limits, and
 * closing the scope ends every connection with its last events.
 */
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Runtime from "effect/Runtime";
import type * as Scope from "effect/Scope";
import type { Timer } from "./http/Timer.ts";
import { timerFromClock } from "./http/Timer.ts";
import { Broker } from "./mqtt/Broker.ts";
import type { BrokerOptions } from "./mqtt/BrokerContext.ts";
import type { Clock } from "./mqtt/ports/Clock.ts";
import { monotonicMillis } from "./ops/monotonic.ts";

/** Milliseconds between two ticks at least: how late keep-alives, expiries and all other time limits may be. */
const TICK_MS = 100;

/** Then it looks again: timers of the platform end at 2^31 ms. */
const LONGEST_MS = 3_600_000;

/** The broker's time, as Effect's clock has it. */
export const brokerClock: Effect.Effect<Clock> = Effect.map(Effect.clock, (clock) => ({
  now: () => clock.unsafeCurrentTimeMillis(),
  monotonic: () => monotonicMillis(clock),
}));

export const makeBroker = (
  options: Omit<BrokerOptions, "clock" | "onDefect" | "wake">,
): Effect.Effect<Broker, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* brokerClock;
    const runSync = Runtime.runSync(yield* Effect.runtime<never>());
    const logDefect = (error: unknown): void =>
      runSync(
        Effect.logError("defect in the broker", { module: "mqtt" }, Cause.die(error)),
      );
    const tick = (): number => {
      try {
        return broker.tick();
      } catch (error) {
        logDefect(error); // one session's defect must not stop the time of all others
        return broker.context.deadlines.nextAt;
      }
    };
    const alarm = yield* Effect.acquireRelease(
      Effect.map(Effect.clock, (clock) => new Alarm(timerFromClock(clock), tick)),
      (alarm) => Effect.sync(() => alarm.stop()),
    );
    const broker = yield* Effect.acquireRelease(
      Effect.sync(() =>
        new Broker({
          ...options,
          clock,
          wake: (at) => alarm.ask(at),
          onDefect: logDefect,
        })
      ),
      (broker) => Effect.sync(() => broker.shutdown()),
    );
    return broker;
  });

/** Ticks when something is due, and not otherwise: an idle broker sleeps. */
class Alarm {
  readonly #timer: Timer;
  readonly #tick: () => number;
  /** When it rings next. */
  #at = Infinity;
  #cancel: (() => void) | undefined;
  /** No tick is to come sooner. */
  #notBefore = -Infinity;
  #isStopped = false;

  /** `tick` answers when it wants to be called again. */
  constructor(timer: Timer, tick: () => number) {
    this.#timer = timer;
    this.#tick = tick;
  }

  /** Something is due at `at`. */
  ask(at: number): void {
    const due = Math.max(at, this.#notBefore);
    if (due >= this.#at || this.#isStopped) return;
    this.#cancel?.();
    this.#at = due;
    // Not a fraction early: timers are in whole ms.
    const delay = Math.min(LONGEST_MS, Math.max(0, Math.ceil(due - this.#timer.now())));
    this.#cancel = this.#timer.schedule(delay, this.#ring);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  readonly #ring = (): void => {
    this.#at = Infinity;
    this.#cancel = undefined;
    this.#notBefore = this.#timer.now() + TICK_MS;
    this.ask(this.#tick());
  };
}
