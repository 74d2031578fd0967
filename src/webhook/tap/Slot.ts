/**
 * A place for one delivery in memory that is used again and again: filling it costs a copy of the body's first
 * bytes and nothing else, and it is read only where somebody asks. What it holds is bounded, however large
 * bodies and the texts in them are.
 */
import type { HookEventName } from "../../domain/HookEvent.ts";
import { hookEventNames } from "../../domain/HookEvent.ts";
import type { AttemptRecord, DeliveryOutcome, DeliveryRecord } from "./DeliveryRecord.ts";
import { MOST_PAYLOAD, MOST_TEXT } from "./DeliveryRecord.ts";
import { textsOf, wantedTexts } from "./textsOf.ts";

/** A delivery as its Endpoint has it. */
export interface Told {
  readonly id: number;
  readonly seq: number;
  /** The event's place in `hookEventNames`. */
  readonly event: number;
  readonly slab: { readonly bytes: Uint8Array };
  readonly offset: number;
  readonly length: number;
}

/** Keys of a body, and how much of each is kept. */
const MOST_OF = {
  action: MOST_TEXT,
  clientid: MOST_TEXT,
  from_clientid: MOST_TEXT,
  topic: MOST_TEXT,
};
const TEXTS = wantedTexts(MOST_OF);
const TEXTS_AND_PAYLOAD = wantedTexts({
  ...MOST_OF,
  payload: MOST_PAYLOAD,
  payload_encoding: MOST_TEXT,
});

const NONE: ReadonlyArray<AttemptRecord> = [];

type Texts = Partial<Record<keyof typeof MOST_OF | "payload" | "payload_encoding", string>>;

/** Bytes of a body that is kept as it is; of a larger one its texts are taken out at once. */
const HEAD = 768;
/** The same where payloads are shown. */
const HEAD_WITH_PAYLOAD = 2048;

export class Slot {
  id = 0;
  url = "";
  outcome: DeliveryOutcome = "delivered";
  reason: string | null = null;
  /** Attempts that failed, oldest first; others may hold it too. */
  failures: ReadonlyArray<AttemptRecord> = NONE;
  /** How long the attempt took that delivered it, in milliseconds; NaN: not known. */
  ms = NaN;
  /** Of the answer to that attempt; 0: it had none. */
  status = 0;
  /** When it ended, or failed for the first time: milliseconds since 1970. */
  at = 0;
  #seq = 0;
  #event = 0;
  #bytes = 0;
  readonly #hasPayload: boolean;
  readonly #head: Uint8Array;
  /** Undefined: they are still to be taken out of the head. */
  #texts: Texts | undefined;

  constructor(hasPayload: boolean) {
    this.#hasPayload = hasPayload;
    this.#head = new Uint8Array(hasPayload ? HEAD_WITH_PAYLOAD : HEAD);
  }

  /** Takes a delivery in the place of what was there. */
  fill(url: string, { id, seq, event, slab, offset, length }: Told): void {
    this.id = id;
    this.url = url;
    this.#seq = seq;
    this.#event = event;
    this.#bytes = length;
    const body = slab.bytes.subarray(offset, offset + length);
    if (length > this.#head.length) this.#texts = this.#read(body);
    else {
      this.#head.set(body);
      this.#texts = undefined;
    }
  }

  /** The same delivery, elsewhere, has come to its end. */
  endAs({ outcome, reason, failures, ms, status, at }: Slot): void {
    this.outcome = outcome;
    this.reason = reason;
    this.failures = failures;
    this.ms = ms;
    this.status = status;
    this.at = at;
  }

  get event(): HookEventName {
    return hookEventNames[this.#event]!; // an event's place is always within
  }

  get clientid(): string {
    const { clientid, from_clientid = "" } = this.#all;
    return clientid ?? from_clientid;
  }

  get topic(): string | undefined {
    return this.#all.topic;
  }

  /** As the body has it: a string as what it means, all else as it is written. Undefined: it has none, or payloads are not kept. */
  get payload(): string | undefined {
    return this.#all.payload;
  }

  /** What the body says of its payload beside it; undefined: nothing. */
  get payloadEncoding(): string | undefined {
    return this.#all.payload_encoding;
  }

  /** @param idPrefix what every `webhook-id` begins with */
  record(idPrefix: string): DeliveryRecord {
    const { action = this.event } = this.#all;
    return {
      id: `${idPrefix}${this.id.toString(36)}`,
      at: this.at,
      event: this.event,
      action,
      clientid: this.clientid,
      topic: this.topic ?? null,
      url: this.url,
      seq: this.#seq,
      attempts: this.outcome === "delivered"
        ? [...this.failures, this.#success]
        : [...this.failures],
      outcome: this.outcome,
      reason: this.reason,
      bytes: this.#bytes,
    };
  }

  get #success(): AttemptRecord {
    return {
      at: this.at,
      status: this.status === 0 ? null : this.status,
      ms: Number.isNaN(this.ms) ? null : Math.round(this.ms * 1000) / 1000,
      error: null,
    };
  }

  get #all(): Texts {
    return this.#texts ??= this.#read(this.#head.subarray(0, this.#bytes));
  }

  #read(body: Uint8Array): Texts {
    return textsOf(body, this.#hasPayload ? TEXTS_AND_PAYLOAD : TEXTS);
  }
}
