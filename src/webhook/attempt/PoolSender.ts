/**
 * Attempts over our own connections: `http_client = "pool"`. It must never cost an attempt a fiber, nor
 * load @effect/platform (`HttpAttempt`).
 *
 * A fiber for each attempt cost 16 of the 34 µs of CPU time from PUBLISH to 200 (bench/README.md).
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { DELIVERED } from "./Attempt.ts";
import * as DeliveryError from "./DeliveryError.ts";
import type { HttpAttempt, Send, Sender } from "./HttpAttempt.ts";
import { failed, isSuccess, targetHeaders } from "./HttpAttempt.ts";
import type { PoolOptions } from "../../http/ConnectionPool.ts";
import * as ConnectionPools from "../../http/ConnectionPools.ts";
import type { TransportRequest } from "../../http/Exchange.ts";
import type { RequestBody } from "../../http/RequestWriter.ts";
import type { HeaderLines, RequestHead } from "../../http/RequestWriter.ts";
import { makeRequestHead } from "../../http/RequestWriter.ts";
import { TransportError } from "../../http/TransportError.ts";
import { writeBase36, writeBytes, writeDecimal } from "../../http/writeAscii.ts";

/** A sender whose connections live until the scope closes. */
export const make = (
  idPrefix: string,
  options: PoolOptions = {},
): Effect.Effect<Sender, never, Scope.Scope> =>
  Effect.zipWith(ConnectionPools.make(options), Effect.clock, (pools, clock) => ({
    to(settings) {
      const url = URL.parse(settings.url);
      if (url === null) return failing(invalidUrl);
      const made = makeRequestHead(url, targetHeaders(settings));
      if (made._tag === "Left") return failing(made.left);
      const pool = pools.of(url);
      const head = made.right;
      const idLine = encoder.encode(`webhook-id: ${idPrefix}`);
      const { httpTimeout, retryStatus } = settings;
      return (attempt, done) => {
        const second = Math.floor(clock.unsafeCurrentTimeMillis() / 1000);
        const request = new AttemptRequest(head, idLine, attempt, second, httpTimeout);
        pool.send(request, (result) => {
          if (result._tag === "TransportError") {
            done(failed(DeliveryError.fromTransport(result)));
          } else if (isSuccess(result.status)) {
            done(DELIVERED);
          } else {
            const retryAfter = result.head.fields.find(([name]) => name === "retry-after")?.[1];
            const now = clock.unsafeCurrentTimeMillis();
            done(failed(DeliveryError.fromStatus(result.status, retryAfter, retryStatus, now)));
          }
        });
      };
    },
  }));

/** An attempt's request; its lines say what `attemptHeaders` says, without texts of their own. */
class AttemptRequest implements TransportRequest, HeaderLines {
  constructor(
    readonly head: RequestHead,
    /** Up to the number in the `webhook-id`. */
    private readonly idLine: Uint8Array,
    private readonly attempt: HttpAttempt,
    private readonly second: number,
    /** Kept by the pool. */
    readonly timeout: number,
  ) {}

  get body(): RequestBody {
    return this.attempt;
  }

  get lines(): HeaderLines {
    return this;
  }

  get room(): number {
    return this.idLine.length + TIMESTAMP.length + SEQ.length + END.length + 3 * MOST_DIGITS;
  }

  write(buffer: Uint8Array, at: number): number {
    at = writeBytes(buffer, at, this.idLine);
    at = writeBase36(buffer, at, this.attempt.id);
    at = writeBytes(buffer, at, TIMESTAMP);
    at = writeDecimal(buffer, at, this.second);
    at = writeBytes(buffer, at, SEQ);
    at = writeDecimal(buffer, at, this.attempt.seq);
    return writeBytes(buffer, at, END);
  }
}

const encoder = new TextEncoder();
const TIMESTAMP = encoder.encode("\r\nwebhook-timestamp: ");
const SEQ = encoder.encode("\r\nwebhook-seq: ");
const END = encoder.encode("\r\n");
/** Of 2^53. */
const MOST_DIGITS = 16;

const invalidUrl = new TransportError({ fault: "invalid_request", message: "the URL is invalid" });

/** Fails every attempt alike. */
const failing = (error: TransportError): Send => {
  const outcome = failed(DeliveryError.fromTransport(error));
  return (_, done) => queueMicrotask(() => done(outcome));
};
