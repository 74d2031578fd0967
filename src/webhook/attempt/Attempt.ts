/** One try to bring something to a URL, and how it ended. */
import type { RequestBody } from "../../http/RequestWriter.ts";
import type { AnswerFault } from "../../http/AnswerFault.ts";
import type { DeliveryError, FailureReason } from "./DeliveryError.ts";

/** What a receiver is told by an attempt: a body, and which it is. */
export interface AttemptContent extends RequestBody {
  /** That of its first delivery; the `webhook-id` is made of it. */
  readonly id: number;
  /** The `webhook-seq`; undefined: it is of several events, or may be. */
  readonly seq: number | undefined;
}

/**
 * One request, or one write to a file, with one body for one or more deliveries. A Delivery is the
 * Attempt of itself alone, so that it costs no object of its own; executors know nothing more of it.
 */
export interface Attempt extends AttemptContent {
  /** The client whose order it keeps: attempts of one lane go one way. Undefined: there is none, or several. */
  readonly lane: string | undefined;
  readonly retry: Retry | undefined;
}

/** What one that has failed at least once remembers. */
export interface Retry {
  /** Attempts that failed. */
  readonly failures: number;
  /** No attempt starts later; in monotonic milliseconds. */
  readonly deadline: number;
  /** Why the last attempt failed. */
  readonly reason: FailureReason;
}

/** How much later than its deadline a timer may start a last attempt. */
const TIMER_SLACK_MS = 100;

/** When it must have begun, in monotonic milliseconds, or what it carries ends as failed. */
export const startBy = ({ retry }: Pick<Attempt, "retry">): number =>
  retry === undefined ? Infinity : retry.deadline + TIMER_SLACK_MS;

/** `fault`: what was wrong with the answer behind the status that decided; undefined: nothing. */
export type Outcome =
  | { readonly _tag: "Delivered"; readonly fault?: AnswerFault | undefined }
  | {
    readonly _tag: "Failed";
    readonly error: DeliveryError;
    readonly fault?: AnswerFault | undefined;
  }
  /** Nobody knows: its executor died. It is made again and counts neither way. */
  | { readonly _tag: "Lost" }
  /** It was not made, because it was recalled or too late. */
  | { readonly _tag: "Returned" };

export const DELIVERED: Outcome = { _tag: "Delivered", fault: undefined };
export const LOST: Outcome = { _tag: "Lost" };
export const RETURNED: Outcome = { _tag: "Returned" };

export const failed = (error: DeliveryError, fault?: AnswerFault): Outcome => ({
  _tag: "Failed",
  error,
  fault,
});
