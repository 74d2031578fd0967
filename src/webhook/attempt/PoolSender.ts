/**
 * Attempts over our own connections: `http_client = "pool"`. It must never cost an attempt a fiber, nor
 * load @effect/platform (`Sender`).
 *
 * A fiber for each attempt cost 16 of the 34 µs of CPU time from PUBLISH to 200 (bench/README.md).
 */
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import type * as Scope from "effect/Scope";
import type { PoolOptions } from "../../http/ConnectionPool.ts";
import * as ConnectionPools from "../../http/ConnectionPools.ts";
import type { TransportRequest } from "../../http/Exchange.ts";
import type { HeaderLines, RequestBody, RequestHead } from "../../http/RequestWriter.ts";
import { makeRequestHead } from "../../http/RequestWriter.ts";
import { TransportError } from "../../http/TransportError.ts";
import type { AttemptContent } from "./Attempt.ts";
import { DELIVERED, failed } from "./Attempt.ts";
import type { AttemptHeaders } from "./attemptHeaders.ts";
import * as DeliveryError from "./DeliveryError.ts";
import * as gzip from "./gzip.ts";
import type { Send, Sender } from "./Sender.ts";
import { attemptHeaders, isSuccess, outcomeOf, targetHeaders } from "./Sender.ts";

/** A sender whose connections live until the scope closes. */
export const make = (
  idPrefix: string,
  options: PoolOptions = {},
): Effect.Effect<Sender, never, Scope.Scope> =>
  Effect.zipWith(ConnectionPools.make(options), Effect.clock, (pools, clock) => ({
    to(settings) {
      const url = URL.parse(settings.url);
      if (url === null) return failing(INVALID_URL);
      const fixed = targetHeaders(settings);
      const made = makeRequestHead(url, fixed);
      if (made._tag === "Left") return failing(made.left);
      const pool = pools.of(url);
      const head = made.right;
      const packed = settings.compression === "none"
        ? undefined
        : Either.map(makeRequestHead(url, { ...fixed, ...gzip.HEADERS }), (head) => ({
          head,
          pack: gzip.make(),
        }));
      if (packed?._tag === "Left") return failing(packed.left);
      const headers = attemptHeaders(idPrefix, settings);
      const { httpTimeout, retryStatus } = settings;
      return (attempt, done) => {
        const second = Math.floor(clock.unsafeCurrentTimeMillis() / 1000);
        const request = packed !== undefined && gzip.isWorthIt(attempt)
          ? new AttemptRequest(
            packed.right.head,
            headers,
            attempt,
            packed.right.pack(attempt),
            second,
            httpTimeout,
          )
          : new AttemptRequest(head, headers, attempt, attempt, second, httpTimeout);
        pool.send(request, (result) => {
          if (result._tag === "TransportError") {
            done(failed(DeliveryError.fromTransport(result)));
          } else if (result.fault === undefined && isSuccess(result.status)) {
            done(DELIVERED, result.status);
          } else {
            const { status, head, fault } = result;
            const retryAfter = head.fields.find(([name]) => name === "retry-after")?.[1];
            const answer = { status, retryAfter, fault };
            done(outcomeOf(answer, retryStatus, clock.unsafeCurrentTimeMillis()), status);
          }
        });
      };
    },
  }));

/** An attempt's request; its lines are the attempt's headers. */
class AttemptRequest implements TransportRequest, HeaderLines {
  readonly #headers: AttemptHeaders;
  readonly #attempt: AttemptContent;
  readonly #second: number;

  constructor(
    readonly head: RequestHead,
    headers: AttemptHeaders,
    attempt: AttemptContent,
    /** Its own, or that in another encoding. */
    readonly body: RequestBody,
    second: number,
    /** Kept by the pool. */
    readonly timeout: number,
  ) {
    this.#headers = headers;
    this.#attempt = attempt;
    this.#second = second;
  }

  get lines(): HeaderLines {
    return this;
  }

  get room(): number {
    return this.#headers.room;
  }

  write(buffer: Uint8Array, at: number): number {
    return this.#headers.write(buffer, at, this.#attempt, this.#second);
  }
}

const INVALID_URL = new TransportError({ fault: "invalid_request", message: "the URL is invalid" });

/** Fails every attempt alike. */
const failing = (error: TransportError): Send => {
  const outcome = failed(DeliveryError.fromTransport(error));
  return (_, done) => queueMicrotask(() => done(outcome));
};
