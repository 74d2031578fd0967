/**
 * Attempts over HTTP on the broker's own thread: `worker_threads = 0`. It must never hold an attempt back:
 * the ConcurrencyBudget gives it no more than may be in flight.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { monotonicMillis } from "../../ops/monotonic.ts";
import { onceATurn } from "../../ops/onceATurn.ts";
import type { Attempt } from "./Attempt.ts";
import { LOST } from "./Attempt.ts";
import type { Attempting, Executor } from "./Executor.ts";
import type { Send } from "./Sender.ts";
import { targetOf } from "./Sender.ts";
import type { Senders } from "./Senders.ts";
import { certificatesOf, NO_CERTIFICATES } from "./Senders.ts";

/**
 * An attempt in flight. They are in an array, not in a Map or Set: these leave a table behind each time that they
 * are emptied, and V8 keeps it, with what it had, until the next major collection (bench/README.md).
 */
interface InFlight {
  readonly attempt: Attempt;
  readonly endpoint: Attempting;
  /** In milliseconds of the monotonic clock. */
  readonly sentAt: number;
  /** Where it is in the array. */
  place: number;
}

/** An executor over `clients`. When the scope closes, requests in flight are cut and reported as lost. */
export const make = (
  clients: Senders,
): Effect.Effect<Executor, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock;
    const now = onceATurn(() => monotonicMillis(clock));
    const inFlight: Array<InFlight> = [];
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const { attempt, endpoint } of inFlight.splice(0)) endpoint.complete(attempt, LOST);
      })
    );
    const sends = new Map<number, Send>();
    return {
      prepare: (endpoints) =>
        Effect.forEach(
          [NO_CERTIFICATES, ...endpoints.values().map(certificatesOf)],
          clients.prepare,
          { discard: true },
        ),
      configure({ key, settings }) {
        sends.set(key, clients.of(certificatesOf(settings)).to(targetOf(settings)));
      },
      attempt(endpoint, attempt) {
        const send = sends.get(endpoint.key)!; // configured before its first attempt
        const one = { attempt, endpoint, sentAt: now(), place: inFlight.length };
        inFlight.push(one);
        send(attempt, (outcome, status) => {
          if (inFlight[one.place] !== one) return; // it was cut, and its client tells of its own end
          const last = inFlight.pop()!; // there is one: this, or another that takes its place
          if (last !== one) inFlight[last.place = one.place] = last;
          endpoint.complete(attempt, outcome, now() - one.sentAt, status);
        });
      },
      recall: () => {}, // all that it has is on its way
      forget: ({ key }) => void sends.delete(key),
      resize: () => {}, // the ConcurrencyBudget's matter
      takes: (limit) => limit,
    };
  });
