/** What is told of one delivery to whoever looks on. */
import type { HookEventName } from "../../domain/HookEvent.ts";

/** `retrying`: it has failed and is not at its end. */
export const OUTCOMES = ["delivered", "retrying", "failed", "dropped"] as const;

export type DeliveryOutcome = typeof OUTCOMES[number];

/** One attempt that has ended; times in milliseconds, `at` since 1970. */
export interface AttemptRecord {
  /** When its outcome was known. */
  readonly at: number;
  /** Of the answer; null: there was none, or it is not known. */
  readonly status: number | null;
  /** How long the request took; null: it is not known. */
  readonly ms: number | null;
  /** Null: it was a success. */
  readonly error: string | null;
}

/** A delivery, its texts cut to `MOST_TEXT` characters. */
export interface DeliveryRecord {
  /** The `webhook-id`. */
  readonly id: string;
  /** When it ended, or failed for the first time: milliseconds since 1970. */
  readonly at: number;
  readonly event: HookEventName;
  readonly action: string;
  /** Whose event it is: the recipient's where there is one, else the publisher's. */
  readonly clientid: string;
  /** Null: the event has none. */
  readonly topic: string | null;
  /** As log and metrics have it. */
  readonly url: string;
  readonly seq: number;
  /** The last `MOST_ATTEMPTS`, oldest first. */
  readonly attempts: ReadonlyArray<AttemptRecord>;
  readonly outcome: DeliveryOutcome;
  /** Why it failed or was dropped, in the words of the metrics; null: it did not. */
  readonly reason: string | null;
  /** Of the body. */
  readonly bytes: number;
  /** Where it was asked for: the body's payload as it was sent, cut to `MOST_PAYLOAD` characters. */
  readonly payload?: string | null;
}

/** Characters of each text, and of a payload. */
export const MOST_TEXT = 256;
export const MOST_PAYLOAD = 1024;

export const MOST_ATTEMPTS = 10;
