/**
 * Deliveries that go to their URL in one request, as JSON in an array or one a line. Their bodies stay
 * where they are: they are joined where the request is written, and not encoded anew. Once attempted it is
 * repeated as it is, under one `webhook-id`, or taken apart for good.
 */
import type { BatchForm } from "../../domain/WebHookSettings.ts";
import { bytesOf } from "../body/BodySlab.ts";
import type { Attempt, Retry } from "./Attempt.ts";
import type { Delivery } from "./Delivery.ts";

/** What one attempt carries: a delivery as it is, or a batch. */
export type Sending = Delivery | Batch;

/** Of each body beside itself: the comma or bracket, or the line end, behind it. */
export const SEPARATOR_BYTES = 1;

/** What a body of this form has besides: the bracket that begins an array. */
export const openingBytes = (form: BatchForm): number => form === "array" ? 1 : 0;

/** The media type of a body: of a batch in this form, or of one event. */
export const contentType = (form: BatchForm | undefined): string =>
  form === "ndjson" ? "application/x-ndjson" : "application/json";

/** The bytes that bodies take in one of this form. */
export const joinedBytes = (deliveries: ReadonlyArray<Delivery>, form: BatchForm): number => {
  let length = openingBytes(form);
  for (const delivery of deliveries) length += delivery.length + SEPARATOR_BYTES;
  return length;
};

export class Batch implements Attempt {
  /** One or more, the oldest first. */
  readonly deliveries: ReadonlyArray<Delivery>;
  readonly length: number;
  /** Set by the first failure. */
  retry: Retry | undefined;
  /** As a Delivery has it. */
  dueAt = 0;
  schedule: unknown;
  #joined: { readonly bytes: Uint8Array } | undefined;

  constructor(deliveries: ReadonlyArray<Delivery>, readonly form: BatchForm) {
    this.deliveries = deliveries;
    this.length = joinedBytes(deliveries, form);
  }

  /** A batch of one, which goes on where that one was. */
  static of(delivery: Delivery, form: BatchForm): Batch {
    const batch = new Batch([delivery], form);
    batch.retry = delivery.retry;
    batch.schedule = delivery.schedule;
    return batch;
  }

  /** The same deliveries in another form. */
  as(form: BatchForm): Batch {
    if (form === this.form) return this;
    const batch = new Batch(this.deliveries, form);
    batch.retry = this.retry;
    batch.dueAt = this.dueAt;
    batch.schedule = this.schedule;
    return batch;
  }

  get id(): number {
    return this.deliveries[0]!.id; // there is one
  }

  /** Each event has one, a batch has none. */
  get seq(): undefined {
    return undefined;
  }

  get lane(): string | undefined {
    return this.deliveries.length === 1 ? this.deliveries[0]!.lane : undefined; // there is one
  }

  get offset(): number {
    return 0;
  }

  /** Its body in memory of its own, for who does not `write` it; kept until `letGo`. */
  get slab(): { readonly bytes: Uint8Array } {
    if (this.#joined === undefined) {
      const bytes = new Uint8Array(this.length);
      this.write(bytes, 0);
      this.#joined = { bytes };
    }
    return this.#joined;
  }

  /** The attempt is over: nobody reads its body. */
  letGo(): void {
    this.#joined = undefined;
  }

  /** Writes its body from `at` on, `length` bytes. */
  write(bytes: Uint8Array, at: number): void {
    const isArray = this.form === "array";
    const separator = isArray ? COMMA : NEWLINE;
    if (isArray) bytes[at++] = BEGIN;
    for (const delivery of this.deliveries) {
      bytes.set(bytesOf(delivery), at);
      at += delivery.length;
      bytes[at++] = separator;
    }
    if (isArray) bytes[at - 1] = END;
  }
}

/** What it carries, the oldest first. */
export const carriedBy = (sending: Sending): ReadonlyArray<Delivery> =>
  sending instanceof Batch ? sending.deliveries : [sending];

const BEGIN = 0x5b;
const COMMA = 0x2c;
const END = 0x5d;
const NEWLINE = 0x0a;
