/** One event on its way to one URL: plain data, changed by its Endpoint only. */
import type { BodyRef, Slab } from "../body/BodySlab.ts";
import type { DeliveryError, FailureReason } from "./DeliveryError.ts";

export interface Delivery extends BodyRef {
  /** Grows by one per delivery of this process; the `webhook-id` is made of it. */
  readonly id: number;
  /** The event's place in `hookEventNames`. */
  readonly event: number;
  /** The `webhook-seq` of the event. */
  readonly seq: number;
  /** The client whose order it keeps, or undefined when it may overtake. */
  readonly lane: string | undefined;
  // The encoded body: a part of a slab.
  slab: Slab;
  offset: number;
  readonly length: number;
  /** Set by the first failure. */
  retry: Retry | undefined;
  /** When its next attempt, or its end, is due; while it waits for one. */
  dueAt: number;
}

/** What a delivery that has failed at least once remembers. */
export interface Retry {
  /** The state of its RetrySchedule. */
  readonly state: unknown;
  /** No attempt starts later. */
  readonly deadline: number;
  /** Why the last attempt failed. */
  readonly reason: FailureReason;
}

/** How much later than its deadline a timer may start a last attempt. */
const TIMER_SLACK_MS = 100;

/** When its next attempt must have begun, or it ends as failed. */
export const startBy = ({ retry }: Delivery): number =>
  retry === undefined ? Infinity : retry.deadline + TIMER_SLACK_MS;

/** How one attempt ended. */
export type Outcome =
  | { readonly _tag: "Delivered" }
  | { readonly _tag: "Failed"; readonly error: DeliveryError }
  /** Nobody knows: its executor died. It is sent again and counts neither way. */
  | { readonly _tag: "Lost" }
  /** It was not sent, because it was recalled or too late: there was no attempt. */
  | { readonly _tag: "Returned" };

export const delivered: Outcome = { _tag: "Delivered" };
export const lost: Outcome = { _tag: "Lost" };
export const returned: Outcome = { _tag: "Returned" };
