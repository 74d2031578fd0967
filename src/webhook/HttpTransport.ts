/**
 * One attempt over HTTP: a POST through an @effect/platform HttpClient, with its headers and its
 * time-out, and the answer as an Outcome. It runs on the broker's thread and in workers alike. It must
 * never repeat a request, nor have more in flight than its permits.
 *
 * Time-outs are one fiber that looks at the oldest attempt of each target: Effect.timeout around each
 * attempt cost 40 µs.
 */
import type * as HttpClient from "@effect/platform/HttpClient";
import * as Headers from "@effect/platform/Headers";
import * as HttpBody from "@effect/platform/HttpBody";
import type * as HttpClientError from "@effect/platform/HttpClientError";
import * as HttpClientRequest from "@effect/platform/HttpClientRequest";
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import * as FiberId from "effect/FiberId";
import * as Redacted from "effect/Redacted";
import * as Runtime from "effect/Runtime";
import type * as Scope from "effect/Scope";
import type { RetryPolicy } from "../domain/RetryPolicy.ts";
import type { EndpointSettings } from "../domain/WebHookSettings.ts";
import { Deque } from "../mqtt/Deque.ts";
import type { Outcome } from "./Delivery.ts";
import { delivered } from "./Delivery.ts";
import * as DeliveryError from "./DeliveryError.ts";
import { RequestTimeout } from "./http/Http1Client.ts";

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

/** A URL with all that its requests have in common. */
export class HttpTarget {
  /** The request of an attempt made at `timestamp` (seconds). */
  readonly request: (attempt: HttpAttempt, timestamp: string) => Request;
  readonly httpTimeout: number;
  readonly retryStatus: RetryPolicy["status"];
  /** The oldest and the newest attempt in flight: a list, because the first to go out of time is the oldest. */
  oldest: InFlight | undefined;
  newest: InFlight | undefined;

  constructor(settings: TargetSettings, readonly client: HttpClient.HttpClient) {
    this.httpTimeout = settings.httpTimeout;
    this.retryStatus = settings.retryStatus;
    const headers: Record<string, string> = {
      "content-type": "application/json",
      "user-agent": USER_AGENT,
    };
    // Unwrapped for the request only: nothing prints a target.
    for (const [name, value] of settings.headers) {
      headers[name.toLowerCase()] = Redacted.value(value);
    }
    this.request = requestLike(HttpClientRequest.post(settings.url), headers);
  }
}

type Request = HttpClientRequest.HttpClientRequest;

/**
 * What HttpClientRequest.setHeaders and setBody do, without their copies, which cost 4 µs a request:
 * objects with the library's prototypes, and of one hidden class per target.
 */
const requestLike = (
  base: Request,
  common: Readonly<Record<string, string>>,
): (attempt: HttpAttempt, timestamp: string) => Request => {
  const entries = Object.entries(common);
  const headersPrototype = Object.getPrototypeOf(Headers.empty);
  const requestPrototype = Object.getPrototypeOf(base);
  return ({ webhookId, seq, body }, timestamp) => {
    const headers: Record<string, string> = Object.create(headersPrototype);
    for (const [name, value] of entries) headers[name] = value;
    headers["webhook-id"] = webhookId;
    headers["webhook-timestamp"] = timestamp;
    headers["webhook-seq"] = `${seq}`;
    const request = Object.create(requestPrototype);
    request.method = base.method;
    request.url = base.url;
    request.urlParams = base.urlParams;
    request.hash = base.hash;
    request.headers = headers;
    request.body = HttpBody.uint8Array(body, "application/json");
    return request;
  };
};

interface InFlight {
  readonly target: HttpTarget;
  readonly deadline: number;
  readonly fiber: Fiber.RuntimeFiber<Outcome, HttpClientError.HttpClientError>;
  timedOut: boolean;
  older: InFlight | undefined;
  newer: InFlight | undefined;
}

export interface HttpTransport {
  /**
   * Makes one attempt and calls `done` with its outcome: once, perhaps before this returns, and not at
   * all when the transport's scope is closed before.
   */
  readonly attempt: (
    target: HttpTarget,
    attempt: HttpAttempt,
    done: (outcome: Outcome) => void,
  ) => void;
}

/** A transport that has at most `permits` requests in flight; more wait for their turn. */
export const make = (
  permits: number,
): Effect.Effect<HttpTransport, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock;
    // Without a tracer: a span per request costs more than the request's other Effects together.
    // Without the client's own time-out: this one goes for every client.
    const runtime = yield* Effect.runtime<never>().pipe(
      Effect.withTracerEnabled(false),
      Effect.provideService(RequestTimeout, Infinity),
    );
    const runFork = Runtime.runFork(runtime);
    // Permits are counted here, because Semaphore.withPermits cost 10 µs an attempt, a quarter of the whole.
    let free = permits;
    const waiting = new Deque<() => void>();
    const wake = yield* Effect.makeLatch();
    const targets = new Set<HttpTarget>();
    let sleepsUntil = Infinity;
    let closed = false;

    const outcomeOf = (target: HttpTarget, attempt: HttpAttempt) =>
      Effect.suspend(() => {
        const now = clock.unsafeCurrentTimeMillis();
        const request = target.request(attempt, `${Math.floor(now / 1000)}`);
        return Effect.map(target.client.execute(request), (response): Outcome => {
          const { status } = response;
          if (status >= 200 && status < 300) return delivered;
          const retryAfter = response.headers["retry-after"]; // read here only: it parses the head
          return {
            _tag: "Failed",
            error: DeliveryError.fromStatus(
              status,
              retryAfter,
              target.retryStatus,
              clock.unsafeCurrentTimeMillis(),
            ),
          };
        });
      });

    const unlink = (entry: InFlight) => {
      const { target, older, newer } = entry;
      if (older === undefined) {
        target.oldest = newer;
      } else older.newer = newer;
      if (newer === undefined) {
        target.newest = older;
      } else newer.older = older;
      if (target.oldest === undefined) {
        targets.delete(target);
      }
    };

    const timeOut = Effect.forever(Effect.suspend(() => {
      wake.unsafeClose();
      const now = clock.unsafeCurrentTimeMillis();
      sleepsUntil = Infinity;
      for (const target of targets) {
        for (let entry = target.oldest; entry !== undefined; entry = entry.newer) {
          if (entry.deadline > now) {
            sleepsUntil = Math.min(sleepsUntil, entry.deadline);
            break;
          }
          if (entry.timedOut) {
            continue;
          }
          entry.timedOut = true;
          entry.fiber.unsafeInterruptAsFork(FiberId.none);
        }
      }
      return sleepsUntil === Infinity
        ? wake.await
        : Effect.raceFirst(Effect.sleep(sleepsUntil - now), wake.await);
    }));
    yield* Effect.forkScoped(timeOut);

    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        closed = true;
        const fibers: Array<InFlight["fiber"]> = [];
        for (const target of targets) {
          for (let entry = target.oldest; entry !== undefined; entry = entry.newer) {
            fibers.push(entry.fiber);
          }
        }
        return Fiber.interruptAll(fibers);
      })
    );

    const start = (target: HttpTarget, attempt: HttpAttempt, done: (outcome: Outcome) => void) => {
      free--;
      const fiber = runFork(outcomeOf(target, attempt));
      const entry: InFlight = {
        target,
        deadline: clock.unsafeCurrentTimeMillis() + target.httpTimeout,
        fiber,
        timedOut: false,
        older: target.newest,
        newer: undefined,
      };
      if (target.newest === undefined) {
        target.oldest = entry;
        targets.add(target);
      } else target.newest.newer = entry;
      target.newest = entry;
      if (entry.deadline < sleepsUntil) wake.unsafeOpen();
      fiber.addObserver((exit) => {
        unlink(entry);
        free++;
        if (closed) return;
        done(
          Exit.isSuccess(exit) ? exit.value : {
            _tag: "Failed",
            error: entry.timedOut
              ? DeliveryError.timedOut(target.httpTimeout)
              : DeliveryError.fromCause(Cause.squash(exit.cause)),
          },
        );
        if (free > 0) waiting.shift()?.();
      });
    };

    return {
      attempt: (target, attempt, done) => {
        if (free > 0) start(target, attempt, done);
        else waiting.push(() => start(target, attempt, done));
      },
    };
  });
