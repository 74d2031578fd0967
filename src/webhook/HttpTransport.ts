/**
 * Attempts over HTTP within a limit: who may send now and who waits. It runs on the broker's thread and in
 * workers alike. It must never repeat a request, nor have more in flight than its permits.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { Deque } from "../mqtt/Deque.ts";
import type { Outcome } from "./Delivery.ts";
import type { HttpAttempt, Send, Sender, TargetSettings } from "./HttpAttempt.ts";

export interface HttpTransport {
  /**
   * The way to one URL by `sender`, whose time-out begins when the attempt has its permit. Nobody is called
   * back once the transport's scope is closed.
   */
  readonly target: (settings: TargetSettings, sender: Sender) => Send;
}

/** A transport that has at most `permits` requests in flight; more wait for their turn. */
export const make = (
  permits: number,
): Effect.Effect<HttpTransport, never, Scope.Scope> =>
  Effect.suspend(() => {
    // Permits are counted here, because Semaphore.withPermits costs 10 µs an attempt.
    const waiting = new Deque<() => void>();
    let free = permits;
    let closed = false;

    const begin = (send: Send, attempt: HttpAttempt, done: (outcome: Outcome) => void) => {
      free--;
      send(attempt, (outcome) => {
        if (closed) return;
        free++;
        waiting.shift()?.();
        done(outcome);
      });
    };

    const transport: HttpTransport = {
      target(settings, sender) {
        const send = sender.to(settings);
        return (attempt, done) => {
          if (free > 0) begin(send, attempt, done);
          else waiting.push(() => begin(send, attempt, done));
        };
      },
    };
    return Effect.as(
      Effect.addFinalizer(() => Effect.sync(() => void (closed = true))),
      transport,
    );
  });
