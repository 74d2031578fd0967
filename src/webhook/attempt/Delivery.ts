/**
 * One event on its way to one URL: plain data, changed by its Endpoint only. All but where its body lies
 * and `schedule` could be written down and read again, by a process to come.
 */
import type { BodyRef, Slab } from "../body/BodySlab.ts";
import type { Attempt, Retry } from "./Attempt.ts";

export interface Delivery extends Attempt, BodyRef {
  /** Of DeliveryIds: larger than those before it. */
  readonly id: number;
  /** The event's place in `hookEventNames`. */
  readonly event: number;
  /** The `webhook-seq` of the event. */
  readonly seq: number;
  /** When the event came, milliseconds since 1970. */
  readonly born: number;
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
  /** The state of its RetrySchedule, which is none of our business; lost, it begins anew. */
  schedule: unknown;
  /** It is of a batch that the receiver has refused, and goes in none with others again. */
  alone?: boolean;
}
