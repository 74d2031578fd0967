/**
 * Who sends the request of an attempt: an HTTP client by what deliveries need of it. It must never send
 * anything itself, nor load @effect/platform: each delivery worker would pay for that with 16 MB.
 */
import * as Redacted from "effect/Redacted";
import type { AnswerFault } from "../../http/AnswerFault.ts";
import type { RetryPolicy } from "../../domain/RetryPolicy.ts";
import type { BatchForm, EndpointSettings } from "../../domain/WebHookSettings.ts";
import { VERSION } from "../../domain/version.ts";
import type { AttemptContent, Outcome } from "./Attempt.ts";
import { DELIVERED, failed } from "./Attempt.ts";
import { contentType } from "./Batch.ts";
import { AttemptHeaders, isAttemptHeader } from "./attemptHeaders.ts";
import * as DeliveryError from "./DeliveryError.ts";

export interface Sender {
  /**
   * The way to one URL. When no request can be made of the settings, each attempt fails. A time-out
   * begins with `Send`.
   */
  readonly to: (settings: TargetSettings) => Send;
}

/** What of an endpoint's settings concerns a single request. */
export interface TargetSettings
  extends
    Pick<EndpointSettings, "url" | "headers" | "httpTimeout" | "compression" | "signingKeys"> {
  readonly retryStatus: RetryPolicy["status"];
  /** Undefined: each body is one event. */
  readonly batchForm: BatchForm | undefined;
}

/** What of an endpoint's settings a Sender needs. */
export const targetOf = (settings: EndpointSettings): TargetSettings => ({
  url: settings.url,
  headers: settings.headers,
  httpTimeout: settings.httpTimeout,
  compression: settings.compression,
  signingKeys: settings.signingKeys,
  retryStatus: settings.retry.status,
  batchForm: settings.batch?.form,
});

/**
 * Sends one attempt and calls back with its outcome: at most once, and never before it returns. `status`:
 * the answer's, where it was read.
 */
export type Send = (
  attempt: AttemptContent,
  done: (outcome: Outcome, status?: number) => void,
) => void;

/** The headers that all requests of a target have in common; names in lower case. */
export const targetHeaders = (
  { headers, batchForm }: TargetSettings,
): Readonly<Record<string, string>> => {
  const all: Record<string, string> = {
    "content-type": contentType(batchForm),
    "user-agent": `hookline/${VERSION}`,
  };
  for (const [name, value] of headers) {
    // Unwrapped for the requests only: nothing prints a target.
    if (!isAttemptHeader(name)) all[name.toLowerCase()] = Redacted.value(value);
  }
  return all;
};

/** The headers that each attempt has of its own. `idPrefix`: what every `webhook-id` begins with. */
export const attemptHeaders = (
  idPrefix: string,
  { signingKeys }: TargetSettings,
): AttemptHeaders => new AttemptHeaders(idPrefix, signingKeys.map((key) => Redacted.value(key)));

/** An answer as far as it was read. */
export interface Answer {
  readonly status: number;
  /** Of the fields before the fault. */
  readonly retryAfter: string | undefined;
  /** What ended it; its status counts all the same. */
  readonly fault: AnswerFault | undefined;
}

/** What an answer makes of its attempt. `now`: the wall clock's milliseconds. */
export const outcomeOf = (
  { status, retryAfter, fault }: Answer,
  policy: RetryPolicy["status"],
  now: number,
): Outcome => {
  if (isSuccess(status)) return fault === undefined ? DELIVERED : { _tag: "Delivered", fault };
  return failed(DeliveryError.fromStatus(status, retryAfter, policy, now), fault);
};

export const isSuccess = (status: number): boolean => status >= 200 && status < 300;
