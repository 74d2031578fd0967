/**
 * One attempt over HTTP: a POST with its headers and its time-out, and the answer as an Outcome. It runs
 * on the broker's thread and in workers alike. It must never repeat a request, nor have more in flight
 * than its permits.
 *
 * Our own client is asked for its route to the URL, once, and sent by from then on: without a fiber for each
 * attempt an event costs 18 µs of CPU time from PUBLISH to 200, with one 34 µs (bench/README.md).
 */
import type * as HttpClient from "@effect/platform/HttpClient";
import * as HttpBody from "@effect/platform/HttpBody";
import * as HttpClientRequest from "@effect/platform/HttpClientRequest";
import * as Cause from "effect/Cause";
import type * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as Runtime from "effect/Runtime";
import type * as Scope from "effect/Scope";
import type { RetryPolicy } from "../domain/RetryPolicy.ts";
import type { EndpointSettings } from "../domain/WebHookSettings.ts";
import { Deque } from "../mqtt/Deque.ts";
import type { Outcome } from "./Delivery.ts";
import { delivered } from "./Delivery.ts";
import * as DeliveryError from "./DeliveryError.ts";
import type { AnyClient } from "./HttpClients.ts";
import type { Route } from "./http/Http1Client.ts";

const USER_AGENT = "hookline/0.1.0";

/** What is sent. */
export interface HttpAttempt {
  readonly webhookId: string;
  readonly seq: number;
  readonly body: Uint8Array;
}

/** What of an endpoint's settings concerns a single request. */
export interface TargetSettings extends Pick<EndpointSettings, "url" | "headers" | "httpTimeout"> {
  readonly retryStatus: RetryPolicy["status"];
}

/**
 * Makes one attempt and calls back with its outcome: once, never before it returns, and not at all when
 * the transport's scope is closed before.
 */
export type Send = (attempt: HttpAttempt, done: (outcome: Outcome) => void) => void;

export interface HttpTransport {
  /** The way to one URL; the time-out of an attempt begins when it has its permit. */
  readonly target: (
    settings: TargetSettings,
    client: AnyClient,
  ) => Send;
}

/** A transport that has at most `permits` requests in flight; more wait for their turn. */
export const make = (
  permits: number,
): Effect.Effect<HttpTransport, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock;
    // Without a tracer: a span per request costs more than the request's other Effects together.
    const runtime = yield* Effect.withTracerEnabled(Effect.runtime<never>(), false);
    const scope = yield* Effect.scope;
    const fork = (effect: Effect.Effect<void>) => Runtime.runFork(runtime)(effect, { scope });
    // Permits are counted here, because Semaphore.withPermits costs 10 µs an attempt.
    const waiting = new Deque<() => void>();
    let free = permits;
    let closed = false;
    yield* Effect.addFinalizer(() => Effect.sync(() => void (closed = true)));

    const begin = (send: Send, attempt: HttpAttempt, done: (outcome: Outcome) => void) => {
      free--;
      send(attempt, (outcome) => {
        if (closed) return;
        free++;
        waiting.shift()?.();
        done(outcome);
      });
    };

    return {
      target(settings, client) {
        const send = sendBy(settings, client, clock, fork);
        return (attempt, done) => {
          if (free > 0) begin(send, attempt, done);
          else waiting.push(() => begin(send, attempt, done));
        };
      },
    };
  });

const sendBy = (
  settings: TargetSettings,
  client: AnyClient,
  clock: Clock.Clock,
  fork: (effect: Effect.Effect<void>) => void,
): Send => {
  const headers: Record<string, string> = {
    "content-type": "application/json",
    "user-agent": USER_AGENT,
  };
  for (const [name, value] of settings.headers) {
    // Unwrapped for the requests only: nothing prints a target.
    if (!isPerAttempt(name)) headers[name.toLowerCase()] = Redacted.value(value);
  }
  const request = HttpClientRequest.post(settings.url, { headers });
  if (!("route" in client)) return sendByClient(settings, client, request, clock, fork);
  const route = client.route(request);
  if (route._tag === "Right") return sendByRoute(settings, route.right, clock);
  const outcome = failed(DeliveryError.fromCause(route.left));
  return (_, done) => queueMicrotask(() => done(outcome));
};

/** Over our own connections: the pool keeps the time-out. */
const sendByRoute = (
  { httpTimeout, retryStatus }: TargetSettings,
  { pool, head }: Route,
  clock: Clock.Clock,
): Send =>
(attempt, done) => {
  const now = clock.unsafeCurrentTimeMillis();
  pool.send(
    {
      head,
      headers: headersOf(attempt, now),
      body: attempt.body,
      timeout: httpTimeout,
      keepBody: false,
    },
    (result) => {
      if (result._tag === "TransportError") {
        done(failed(DeliveryError.fromTransport(result)));
      } else if (isSuccess(result.status)) {
        done(delivered);
      } else {
        const retryAfter = result.head.fields.find(([name]) => name === "retry-after")?.[1];
        const answeredAt = clock.unsafeCurrentTimeMillis();
        done(failed(DeliveryError.fromStatus(result.status, retryAfter, retryStatus, answeredAt)));
      }
    },
  );
};

/** By any HttpClient: a fiber for each attempt, which the transport's scope interrupts. */
const sendByClient = (
  { httpTimeout, retryStatus }: TargetSettings,
  client: HttpClient.HttpClient,
  base: HttpClientRequest.HttpClientRequest,
  clock: Clock.Clock,
  fork: (effect: Effect.Effect<void>) => void,
): Send =>
(attempt, done) => {
  const now = clock.unsafeCurrentTimeMillis();
  const request = HttpClientRequest.setBody(
    HttpClientRequest.setHeaders(base, headersOf(attempt, now)),
    HttpBody.uint8Array(attempt.body, "application/json"),
  );
  const outcome = client.execute(request).pipe(
    Effect.map(({ status, headers }) =>
      isSuccess(status) ? delivered : failed(
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
      onSuccess: (outcome): Outcome => outcome,
      onTimeout: () => failed(DeliveryError.timedOut(httpTimeout)),
    }),
    Effect.catchAllCause((cause) =>
      Effect.succeed(failed(DeliveryError.fromCause(Cause.squash(cause))))
    ),
  );
  fork(Effect.andThen(outcome, (outcome) => Effect.sync(() => done(outcome))));
};

const failed = (error: DeliveryError.DeliveryError): Outcome => ({ _tag: "Failed", error });

const isSuccess = (status: number): boolean => status >= 200 && status < 300;

const headersOf = ({ webhookId, seq }: HttpAttempt, now: number) => ({
  "webhook-id": webhookId,
  "webhook-timestamp": String(Math.floor(now / 1000)),
  "webhook-seq": String(seq),
});

/** Whether `headersOf` says this header, which an endpoint's `headers` cannot replace. */
const isPerAttempt = (name: string): boolean => /^webhook-(id|timestamp|seq)$/i.test(name);
