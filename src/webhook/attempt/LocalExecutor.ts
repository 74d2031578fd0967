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

/** An executor over `clients`. When the scope closes, requests in flight are cut and reported as lost. */
export const make = (
  clients: Senders,
): Effect.Effect<Executor, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock;
    const now = onceATurn(() => monotonicMillis(clock));
    const inFlight = new Map<Attempt, Attempting>();
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        const cut = [...inFlight];
        inFlight.clear();
        for (const [attempt, endpoint] of cut) endpoint.complete(attempt, LOST);
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
        inFlight.set(attempt, endpoint);
        const send = sends.get(endpoint.key)!; // configured before its first attempt
        const sentAt = now();
        send(attempt, (outcome, status) => {
          // Else it was cut, and its client tells of its own end.
          if (inFlight.delete(attempt)) endpoint.complete(attempt, outcome, now() - sentAt, status);
        });
      },
      recall: () => {}, // all that it has is on its way
      forget: ({ key }) => void sends.delete(key),
      resize: () => {}, // the ConcurrencyBudget's matter
      takes: (limit) => limit,
    };
  });
