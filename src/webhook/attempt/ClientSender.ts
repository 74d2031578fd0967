/**
 * Attempts over any @effect/platform HttpClient, with a fiber for each: twice the CPU time of `PoolSender`.
 * A worker must import it only when it is asked for: with it comes @effect/platform (`Sender`).
 */
import * as HttpBody from "@effect/platform/HttpBody";
import type * as HttpClient from "@effect/platform/HttpClient";
import * as HttpClientRequest from "@effect/platform/HttpClientRequest";
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Runtime from "effect/Runtime";
import type * as Scope from "effect/Scope";
import { bytesOf } from "../body/BodySlab.ts";
import { DELIVERED, failed } from "./Attempt.ts";
import { AttemptHeaders } from "./attemptHeaders.ts";
import * as DeliveryError from "./DeliveryError.ts";
import type { Sender } from "./Sender.ts";
import { isSuccess, targetHeaders } from "./Sender.ts";

/** A sender whose attempts are interrupted, and not reported, when the scope closes. */
export const make = (
  client: HttpClient.HttpClient,
  idPrefix: string,
): Effect.Effect<Sender, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock;
    const scope = yield* Effect.scope;
    // Without a tracer: a span per request costs more than the request's other Effects together.
    const runtime = yield* Effect.withTracerEnabled(Effect.runtime<never>(), false);
    const runFork = Runtime.runFork(runtime);
    const headers = new AttemptHeaders(idPrefix);

    return {
      to(settings) {
        const { url, httpTimeout, retryStatus } = settings;
        const base = HttpClientRequest.post(url, { headers: targetHeaders(settings) });
        return (attempt, done) => {
          const second = Math.floor(clock.unsafeCurrentTimeMillis() / 1000);
          const request = HttpClientRequest.setBody(
            HttpClientRequest.setHeaders(base, headers.fields(attempt, second)),
            HttpBody.uint8Array(bytesOf(attempt), "application/json"),
          );
          const ending = (error: DeliveryError.DeliveryError) => () => done(failed(error));
          const end = client.execute(request).pipe(
            Effect.map(({ status, headers }) =>
              isSuccess(status) ? () => done(DELIVERED, status) : ending(
                DeliveryError.fromStatus(
                  status,
                  headers["retry-after"],
                  retryStatus,
                  clock.unsafeCurrentTimeMillis(),
                ),
              )
            ),
            Effect.timeoutTo({
              duration: httpTimeout,
              onSuccess: (end) => end,
              onTimeout: () => ending(DeliveryError.timedOut(httpTimeout)),
            }),
            Effect.catchAllCause((cause) =>
              Effect.succeed(ending(DeliveryError.fromCause(Cause.squash(cause))))
            ),
          );
          runFork(Effect.flatMap(end, Effect.sync), {
            scope,
          });
        };
      },
    };
  });
