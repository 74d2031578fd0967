/**
 * A worker's attempts within its share of the limit: who may send now and who waits. It must never repeat a
 * request, nor have more in flight than its permits, nor let one URL that hangs take them all.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { Deque } from "../mqtt/Deque.ts";
import { ConcurrencyBudget } from "./ConcurrencyBudget.ts";
import type { Outcome } from "./Delivery.ts";
import { returned } from "./Delivery.ts";
import type { HttpAttempt, Sender, TargetSettings } from "./HttpAttempt.ts";

/** The way to one URL. */
export interface Target {
  /**
   * Makes an attempt as soon as there is a permit, in the order of the calls; its time-out begins then.
   * Gives it back when that is later than `startBy` (milliseconds since 1970).
   */
  readonly send: (
    attempt: HttpAttempt,
    startBy: number,
    done: (outcome: Outcome) => void,
  ) => void;
  /** Gives back what still waits for a permit. */
  readonly recall: () => void;
  /** From now on sends with other settings, what waits already too. */
  readonly change: (settings: TargetSettings, sender: Sender) => void;
  /** Leaves its part of the permits to the others; nothing is sent by it any more. */
  readonly leave: () => void;
}

export interface HttpTransport {
  /** The way to one URL by `sender`. Nobody is called back once the transport's scope is closed. */
  readonly target: (settings: TargetSettings, sender: Sender) => Target;
}

/** A transport that has at most `permits` requests in flight. */
export const make = (
  permits: number,
): Effect.Effect<HttpTransport, never, Scope.Scope> =>
  Effect.clockWith((clock) => {
    const budget = new ConcurrencyBudget(permits);
    let closed = false;

    const target: HttpTransport["target"] = (settings, sender) => {
      let sendNow = sender.to(settings);
      const waiting = new Deque<Parameters<Target["send"]>>();
      const giveBack = (done: (outcome: Outcome) => void) =>
        queueMicrotask(() => closed || done(returned));
      const begin: Target["send"] = (attempt, startBy, done) => {
        if (startBy !== Infinity && clock.unsafeCurrentTimeMillis() > startBy) {
          seat.release();
          return giveBack(done);
        }
        sendNow(attempt, (outcome) => {
          if (closed) return;
          seat.release();
          done(outcome);
        });
      };
      const seat = budget.join(() => {
        while (waiting.length > 0 && seat.tryAcquire()) begin(...waiting.shift()!); // there is one
      });
      return {
        send(attempt, startBy, done) {
          if (waiting.length === 0 && seat.tryAcquire()) begin(attempt, startBy, done);
          else waiting.push([attempt, startBy, done]); // the seat was refused: it is woken
        },
        recall() {
          for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
            giveBack(next[2]);
          }
        },
        change: (settings, sender) => void (sendNow = sender.to(settings)),
        leave: () => seat.leave(),
      };
    };
    return Effect.as(Effect.addFinalizer(() => Effect.sync(() => void (closed = true))), {
      target,
    });
  });
