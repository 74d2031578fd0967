/**
 * Attempts over our own connections: `http_client = "pool"`. It must never cost an attempt a fiber, nor
 * load @effect/platform (`HttpAttempt`).
 *
 * Without a fiber for each attempt an event costs 18 µs of CPU time from PUBLISH to 200, with one 34 µs
 * (bench/README.md).
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { delivered } from "./Delivery.ts";
import * as DeliveryError from "./DeliveryError.ts";
import type { Send, Sender } from "./HttpAttempt.ts";
import { attemptHeaders, failed, isSuccess, targetHeaders } from "./HttpAttempt.ts";
import type { PoolOptions } from "./http/ConnectionPool.ts";
import * as ConnectionPools from "./http/ConnectionPools.ts";
import { makeRequestHead } from "./http/RequestWriter.ts";
import { TransportError } from "./http/TransportError.ts";

/** A sender whose connections live until the scope closes. */
export const make = (
  options: PoolOptions = {},
): Effect.Effect<Sender, never, Scope.Scope> =>
  Effect.zipWith(ConnectionPools.make(options), Effect.clock, (pools, clock) => ({
    to(settings) {
      const url = URL.parse(settings.url);
      if (url === null) return failing(invalidUrl);
      const made = makeRequestHead("POST", url, targetHeaders(settings));
      if (made._tag === "Left") return failing(made.left);
      const pool = pools.of(url);
      const head = made.right;
      const { httpTimeout, retryStatus } = settings;
      return (attempt, done) => {
        const now = clock.unsafeCurrentTimeMillis();
        pool.send(
          {
            head,
            headers: attemptHeaders(attempt, now),
            body: attempt.body,
            timeout: httpTimeout, // kept by the pool
            keepBody: false,
          },
          (result) => {
            if (result._tag === "TransportError") {
              done(failed(DeliveryError.fromTransport(result)));
            } else if (isSuccess(result.status)) {
              done(delivered);
            } else {
              const retryAfter = result.head.fields.find(([name]) => name === "retry-after")?.[1];
              const now = clock.unsafeCurrentTimeMillis();
              done(failed(DeliveryError.fromStatus(result.status, retryAfter, retryStatus, now)));
            }
          },
        );
      };
    },
  }));

const invalidUrl = new TransportError({ fault: "invalid_request", message: "the URL is invalid" });

/** Fails every attempt alike. */
const failing = (error: TransportError): Send => {
  const outcome = failed(DeliveryError.fromTransport(error));
  return (_, done) => queueMicrotask(() => done(outcome));
};
