/**
 * Attempts over any @effect/platform HttpClient, with a fiber for each: twice the CPU time of `PoolSender`.
 * A client hides the status of an answer whose head it refuses; from the head on the status decides.
 * A worker must import it only when it is asked for: with it comes @effect/platform (`Sender`).
 */
import * as HttpBody from "@effect/platform/HttpBody";
import type * as HttpClient from "@effect/platform/HttpClient";
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse";
import * as HttpClientRequest from "@effect/platform/HttpClientRequest";
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Runtime from "effect/Runtime";
import type * as Scope from "effect/Scope";
import type { AnswerFault } from "../../http/AnswerFault.ts";
import { answerStalled } from "../../http/AnswerFault.ts";
import type { RequestBody } from "../../http/RequestWriter.ts";
import { bytesOf } from "../body/BodySlab.ts";
import type { Outcome } from "./Attempt.ts";
import { failed } from "./Attempt.ts";
import { contentType } from "./Batch.ts";
import * as DeliveryError from "./DeliveryError.ts";
import * as gzip from "./gzip.ts";
import type { Sender } from "./Sender.ts";
import { attemptHeaders, outcomeOf, targetHeaders } from "./Sender.ts";

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

    return {
      to(settings) {
        const { url, httpTimeout, retryStatus } = settings;
        const headers = attemptHeaders(idPrefix, settings);
        const fixed = targetHeaders(settings);
        const plain = { base: HttpClientRequest.post(url, { headers: fixed }), pack: asItIs };
        const packed = settings.compression === "none" ? plain : {
          base: HttpClientRequest.post(url, { headers: { ...fixed, ...gzip.HEADERS } }),
          pack: gzip.make(),
        };
        const type = contentType(settings.batchForm);
        return (attempt, done) => {
          const second = Math.floor(clock.unsafeCurrentTimeMillis() / 1000);
          const { base, pack } = gzip.isWorthIt(attempt) ? packed : plain;
          const request = HttpClientRequest.setBody(
            HttpClientRequest.setHeaders(base, headers.fields(attempt, second)),
            HttpBody.uint8Array(bytesOf(pack(attempt)), type),
          );
          let head: HttpClientResponse | undefined;
          const byStatus = (
            { status, headers }: HttpClientResponse,
            fault: AnswerFault | undefined,
          ): Outcome => {
            const answer = { status, retryAfter: headers["retry-after"], fault };
            return outcomeOf(answer, retryStatus, clock.unsafeCurrentTimeMillis());
          };
          const outcome = client.execute(request).pipe(
            // An unread body costs a connection.
            Effect.flatMap((response) => {
              head = response;
              return Effect.map(response.arrayBuffer, () => byStatus(response, undefined));
            }),
            Effect.timeoutTo({
              duration: httpTimeout,
              onSuccess: (outcome) => outcome,
              onTimeout: () =>
                head === undefined
                  ? failed(DeliveryError.timedOut(httpTimeout))
                  : byStatus(head, answerStalled(httpTimeout)),
            }),
            Effect.catchAllCause((cause) =>
              Effect.succeed(
                head === undefined
                  ? failed(DeliveryError.fromCause(Cause.squash(cause)))
                  : byStatus(head, BODY_FAULT),
              )
            ),
          );
          runFork(
            Effect.andThen(outcome, (outcome) => Effect.sync(() => done(outcome, head?.status))),
            {
              scope,
            },
          );
        };
      },
    };
  });

const asItIs = (body: RequestBody): RequestBody => body;

const BODY_FAULT: AnswerFault = {
  kind: "body",
  detail: "its body broke off or broke a rule; fetch does not tell which",
};
