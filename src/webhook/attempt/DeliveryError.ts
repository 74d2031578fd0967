/** Why an attempt failed, and whether another one makes sense; said here and nowhere else. */
import * as Data from "effect/Data";
import type { RetryPolicy } from "../../domain/RetryPolicy.ts";
import { isShortage } from "../../ops/shortage.ts";
import type { TransportError, TransportFault } from "../../http/TransportError.ts";

/** The labels of failures; few, because they name counters. */
export type FailureReason =
  | "timeout"
  | "refused"
  | "tls"
  | "network"
  /** The answer was no HTTP: it had no status that could be read. */
  | "malformed"
  /** No HTTP request can be made of this URL and these headers. */
  | "invalid_request"
  | "file"
  /** This process was short of descriptors or memory: no failure of the receiver, and it counts as none. */
  | "local"
  | `status_${string}`;

/** A failed attempt. */
export class DeliveryError extends Data.TaggedError("DeliveryError")<{
  readonly reason: FailureReason;
  /** Of the answer; undefined: there was none that could be read. */
  readonly status: number | undefined;
  /** For people: no URL, no header values, no payload. */
  readonly detail: string;
  readonly retryable: boolean;
  /** How long the receiver asks to wait, in milliseconds. */
  readonly retryAfter: number | undefined;
  /** 410: the receiver wants nothing more at this URL. */
  readonly gone: boolean;
}> {
  override get message(): string {
    return this.detail;
  }
}

/** Statuses with a label of their own; the others share one per class. */
const NAMED = new Set([400, 401, 403, 404, 408, 410, 413, 425, 429, 500, 502, 503, 504]);

/**
 * The error that a non-2xx answer is. Retryable are 408, 425, 429, 5xx and statuses that do not exist, which
 * are to be taken for 5xx (RFC 9110 15), and with policy `all` every other one too, except 410 Gone.
 * (docs/receivers.md, "At least once")
 */
export const fromStatus = (
  status: number,
  retryAfter: string | undefined,
  policy: RetryPolicy["status"],
  now: number,
): DeliveryError => {
  const gone = status === 410;
  const transient = status === 408 || status === 425 || status === 429 || status >= 500;
  return new DeliveryError({
    reason: NAMED.has(status) ? `status_${status}` : `status_${Math.floor(status / 100)}xx`,
    status,
    detail: `answered ${status}`,
    retryable: transient || (policy === "all" && !gone),
    retryAfter: retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, now),
    gone,
  });
};

/** Whether the receiver took the request for a wrong one: another one, with less in it, may be right. (RFC 9110 15.5) */
export const isOfContent = ({ reason, retryable, gone }: DeliveryError): boolean =>
  reason.startsWith("status_4") && !retryable && !gone;

/** The error of an attempt that had no answer within `httpTimeout` milliseconds. */
export const timedOut = (httpTimeout: number): DeliveryError =>
  transport("timeout", `no answer within ${httpTimeout} ms`);

/** The error of an attempt that ended without an answer. `cause` is what the HttpClient failed with. */
export const fromCause = (cause: unknown): DeliveryError => {
  const text = innermost(cause);
  const reason = isShortage(cause) ? "local" : /refused/i.test(text)
    ? "refused"
    // fetch hides the status of an answer whose head it refuses.
    : /invalid \S+ ?\S* parsed|unexpected transfer-encoding parsed|head is too large/i.test(text)
    ? "malformed"
    : /certificate|\btls\b|\bssl\b|handshake|UnknownIssuer/i.test(text)
    ? "tls"
    : "network";
  return transport(reason, text);
};

/** The error of an attempt to which our own client got no answer. */
export const fromTransport = ({ fault, message }: TransportError): DeliveryError =>
  transport(ofFault[fault], message, fault !== "invalid_request");

const ofFault: Readonly<Record<TransportFault, FailureReason>> = {
  refused: "refused",
  tls: "tls",
  timeout: "timeout",
  unresolved: "network",
  unreachable: "network",
  forbidden: "network",
  closed: "network",
  reset: "network",
  malformed: "malformed",
  invalid_request: "invalid_request",
  shutdown: "network",
  shortage: "local",
};

/** The error of a file that could not be written. */
export const fromFile = (cause: unknown): DeliveryError =>
  transport(isShortage(cause) ? "local" : "file", innermost(cause));

/** The error of lines that were not written within `httpTimeout` milliseconds. */
export const notWritten = (httpTimeout: number): DeliveryError =>
  transport("timeout", `not written within ${httpTimeout} ms`);

const transport = (reason: FailureReason, detail: string, retryable = true): DeliveryError =>
  new DeliveryError({
    reason,
    status: undefined,
    detail,
    retryable,
    retryAfter: undefined,
    gone: false,
  });

/** The error of an attempt while an earlier write to its file has not returned. */
export const FILE_HANGS: DeliveryError = transport("file", "an earlier write to it still hangs");

/** The deepest message of a chain of causes, with URLs cut out: they may hold a password. */
const innermost = (cause: unknown): string => {
  let message = String(cause);
  for (let error = cause; error instanceof Error; error = error.cause) {
    if (error.message !== "") message = error.message;
  }
  return message.replaceAll(/\(?\b[a-z][a-z0-9+.-]*:\/\/[^\s)]*\)?:?\s*/gi, "");
};

/** Milliseconds from now that a Retry-After asks for: seconds or an HTTP-date. RFC 9110, 10.2.3 */
export const parseRetryAfter = (value: string, now: number): number | undefined => {
  const text = value.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  // Date.parse takes far more than the three HTTP forms, all of which begin with a day's name.
  const date = /^(mon|tue|wed|thu|fri|sat|sun)/i.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
};
