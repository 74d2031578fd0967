/**
 * An attempt over HTTP as every client makes it: what is sent, and with which headers. It must never send
 * anything itself, nor load @effect/platform: each delivery worker would pay for that with 16 MB.
 */
import * as Redacted from "effect/Redacted";
import type { RetryPolicy } from "../../domain/RetryPolicy.ts";
import type { EndpointSettings } from "../../domain/WebHookSettings.ts";
import type { Outcome } from "./Attempt.ts";
import type { DeliveryError } from "./DeliveryError.ts";
import type { RequestBody } from "../../http/RequestWriter.ts";

const USER_AGENT = "hookline/0.1.0";

/** What is sent: a Delivery's own fields, so that it need not be copied. */
export interface HttpAttempt extends RequestBody {
  /** The delivery's; the `webhook-id` ends in it. */
  readonly id: number;
  readonly seq: number;
}

/** What of an endpoint's settings concerns a single request. */
export interface TargetSettings extends Pick<EndpointSettings, "url" | "headers" | "httpTimeout"> {
  readonly retryStatus: RetryPolicy["status"];
}

/** Makes one attempt and calls back with its outcome: at most once, and never before it returns. */
export type Send = (attempt: HttpAttempt, done: (outcome: Outcome) => void) => void;

/** An HTTP client by what deliveries need of it. */
export interface Sender {
  /**
   * The way to one URL. When no request can be made of the settings, each attempt fails. A time-out
   * begins with `Send`.
   */
  readonly to: (settings: TargetSettings) => Send;
}

/** The headers that all requests of a target have in common; names in lower case. */
export const targetHeaders = ({ headers }: TargetSettings): Readonly<Record<string, string>> => {
  const all: Record<string, string> = {
    "content-type": "application/json",
    "user-agent": USER_AGENT,
  };
  for (const [name, value] of headers) {
    // Unwrapped for the requests only: nothing prints a target.
    if (!isPerAttempt(name)) all[name.toLowerCase()] = Redacted.value(value);
  }
  return all;
};

/** The headers of one attempt; `now` in milliseconds, `idPrefix` what every `webhook-id` of the process begins with. */
export const attemptHeaders = (idPrefix: string, { id, seq }: HttpAttempt, now: number) => ({
  "webhook-id": idPrefix + id.toString(36),
  "webhook-timestamp": String(Math.floor(now / 1000)),
  "webhook-seq": String(seq),
});

/** Whether `attemptHeaders` says this header, which a target's `headers` cannot replace. */
const isPerAttempt = (name: string): boolean => /^webhook-(id|timestamp|seq)$/i.test(name);

export const isSuccess = (status: number): boolean => status >= 200 && status < 300;

export const failed = (error: DeliveryError): Outcome => ({ _tag: "Failed", error });
