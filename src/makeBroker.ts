/**
 * The broker as a scoped resource: its clock is Effect's, one fiber looks after its time limits, and
 * closing the scope ends every connection with its last events.
 */
import * as Cause from "effect/Cause";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Runtime from "effect/Runtime";
import * as Schedule from "effect/Schedule";
import type * as Scope from "effect/Scope";
import { Broker } from "./mqtt/Broker.ts";
import type { BrokerOptions } from "./mqtt/BrokerContext.ts";
import type { Clock } from "./mqtt/ports/Clock.ts";
import { monotonicMillis } from "./ops/monotonic.ts";

/** The precision of keep-alives, expiries and all other time limits of the broker. */
const tickInterval = Duration.millis(100);

/** The broker's time, as Effect's clock has it. */
export const brokerClock: Effect.Effect<Clock> = Effect.map(Effect.clock, (clock) => ({
  now: () => clock.unsafeCurrentTimeMillis(),
  monotonic: () => monotonicMillis(clock),
}));

export const makeBroker = (
  options: Omit<BrokerOptions, "clock" | "onDefect">,
): Effect.Effect<Broker, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* brokerClock;
    const runSync = Runtime.runSync(yield* Effect.runtime<never>());
    const logDefect = (error: unknown): void =>
      runSync(
        Effect.logError("defect in the broker", { module: "mqtt" }, Cause.die(error)),
      );
    const broker = yield* Effect.acquireRelease(
      Effect.sync(() =>
        new Broker({
          ...options,
          clock,
          onDefect: logDefect,
        })
      ),
      (broker) => Effect.sync(() => broker.shutdown()),
    );
    const tick = Effect.sync(() => {
      try {
        broker.tick();
      } catch (error) {
        logDefect(error); // one session's defect must not stop the time of all others
      }
    });
    yield* Effect.forkScoped(Effect.repeat(tick, Schedule.spaced(tickInterval)));
    return broker;
  });
