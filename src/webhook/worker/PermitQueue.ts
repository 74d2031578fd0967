/**
 * A worker's attempts within its share of the limit: who may send now and who waits. It must never repeat a
 * request, nor have more in flight than its permits, nor let one URL that hangs take them all.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { Deque } from "../../collections/Deque.ts";
import { monotonicMillis } from "../../ops/monotonic.ts";
import { onceATurn } from "../../ops/onceATurn.ts";
import type { AttemptContent, Outcome } from "../attempt/Attempt.ts";
import { RETURNED } from "../attempt/Attempt.ts";
import { ConcurrencyBudget } from "../attempt/ConcurrencyBudget.ts";
import type { Sender, TargetSettings } from "../attempt/Sender.ts";

/** An attempt that may wait for its permit. */
export interface TimedAttempt extends AttemptContent {
  /** It is given back when it would begin later than this, in monotonic milliseconds of this thread. */
  readonly startBy: number;
}

/** The way to one URL. */
export interface Target {
  /** Makes an attempt as soon as there is a permit, in the order of the calls; its time-out begins then. */
  readonly send: (attempt: TimedAttempt) => void;
  /** Gives back what still waits for a permit. */
  readonly recall: () => void;
  /** From now on sends with other settings, what waits already too. */
  readonly change: (settings: TargetSettings, sender: Sender) => void;
  /** Leaves its part of the permits to the others; nothing is sent by it any more. */
  readonly leave: () => void;
}

export interface PermitQueue {
  /**
   * The way to one URL by `sender`. `done` is called once for each attempt, never before `send` returns;
   * not at all once the queue's scope is closed. `took`: milliseconds, of what was sent; `status`: as Send has it.
   */
  readonly target: (
    settings: TargetSettings,
    sender: Sender,
    done: (attempt: TimedAttempt, outcome: Outcome, took: number, status?: number) => void,
  ) => Target;
  /** From now on so many requests may be in flight. */
  readonly resize: (permits: number) => void;
}

/** A queue that has at most `permits` requests in flight. */
export const make = (
  permits: number,
): Effect.Effect<PermitQueue, never, Scope.Scope> =>
  Effect.clockWith((clock) => {
    const budget = new ConcurrencyBudget(permits);
    const now = onceATurn(() => monotonicMillis(clock));
    let closed = false;

    const target: PermitQueue["target"] = (settings, sender, done) => {
      let sendNow = sender.to(settings);
      // Of one that waits nothing is made before its turn: the collector would copy it several times.
      const waiting = new Deque<TimedAttempt>();
      const giveBack = (attempt: TimedAttempt) =>
        queueMicrotask(() => closed || done(attempt, RETURNED, 0));
      const begin = (attempt: TimedAttempt) => {
        const { startBy } = attempt;
        if (startBy !== Infinity && now() > startBy) {
          seat.release();
          return giveBack(attempt);
        }
        const sentAt = now();
        sendNow(attempt, (outcome, status) => {
          if (closed) return;
          seat.release();
          done(attempt, outcome, now() - sentAt, status);
        });
      };
      const seat = budget.join(() => {
        while (waiting.length > 0 && seat.tryAcquire()) begin(waiting.shift()!); // there is one
      });
      return {
        send(attempt) {
          if (waiting.length === 0 && seat.tryAcquire()) begin(attempt);
          else waiting.push(attempt); // the seat was refused: it is woken
        },
        recall() {
          for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
            giveBack(next);
          }
        },
        change: (settings, sender) => void (sendNow = sender.to(settings)),
        leave: () => seat.leave(),
      };
    };
    return Effect.as(Effect.addFinalizer(() => Effect.sync(() => void (closed = true))), {
      target,
      resize: (permits: number) => budget.resize(permits),
    });
  });
