/** The keys of an `[[endpoint]]` that say in how many requests, how large and how often its events are sent. */
import type { BatchSettings } from "../domain/WebHookSettings.ts";
import { byteSize, oneOf, optional, rateLimit, timer, wholeNumber, withDefault } from "./fields.ts";

/** What `batch_max_…` are where the file says nothing. */
const DEFAULTS = { maxEvents: 100, maxBytes: 64 * 1024, maxDelay: 50 };

/** A batch is in memory three times on its way. */
const MOST_BYTES = 16 * 1024 ** 2;

export const batchKeys = {
  batch: withDefault(
    oneOf("none", "array", "ndjson"),
    "none",
    'Several events in one request: "array", a JSON array of bodies; "ndjson", one body a line. What ' +
      "comes while others are under way to the URL is gathered. docs/receivers.md",
  ),
  // Filled in by `batchSettings`: that they are there without a batch is told.
  batch_max_events: optional(
    wholeNumber(1, 10_000),
    "Events in a batch; with so many it goes at once.",
  ).annotations({ default: DEFAULTS.maxEvents }),
  batch_max_bytes: optional(
    byteSize(MOST_BYTES),
    "Bytes of a batch's body before compression, brackets, commas and line ends included; an event " +
      "that is larger goes alone.",
  ).annotations({ default: DEFAULTS.maxBytes }),
  batch_max_delay: optional(
    timer(0),
    "The most that an event waits for others.",
  ).annotations({ default: DEFAULTS.maxDelay }),
  compression: withDefault(
    oneOf("none", "gzip"),
    "none",
    '"gzip": bodies of 1 KB or more are compressed, and say so by `content-encoding`.',
  ),
  rate_limit: optional(
    rateLimit,
    "Attempts in a time, retries and batches counted once each. So many may go at once; they are " +
      "made up for evenly. What waits for it is slow and does not fail.",
  ),
};

/** What the keys of a table hold, as far as they concern batches. */
export interface BatchTable {
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly batch: "none" | BatchSettings["form"];
  readonly batch_max_events?: number;
  readonly batch_max_bytes?: number;
  readonly batch_max_delay?: number;
  readonly compression: "none" | "gzip";
}

/** Undefined: it asks for none. */
export const batchSettings = (table: BatchTable): BatchSettings | undefined =>
  table.batch === "none" ? undefined : {
    form: table.batch,
    maxEvents: table.batch_max_events ?? DEFAULTS.maxEvents,
    maxBytes: table.batch_max_bytes ?? DEFAULTS.maxBytes,
    maxDelay: table.batch_max_delay ?? DEFAULTS.maxDelay,
  };

/** A value at a key that can't be there. */
interface Misplaced {
  readonly path: ReadonlyArray<string>;
  /** As it was found. */
  readonly message: string;
}

/** What of a table no file can have. */
export const unfitForFile = (
  { url, batch, compression }: BatchTable,
): ReadonlyArray<Misplaced> =>
  url.startsWith("file:")
    ? Object.entries({ batch, compression }).filter(([, value]) => value !== "none")
      .map(([key, value]) => ({ path: [key], message: JSON.stringify(value) }))
    : [];

/** Headers that say what `compression` says. */
export const unfitForCompression = (
  { headers, compression }: BatchTable,
): ReadonlyArray<Misplaced> =>
  compression === "none" ? [] : Object.keys(headers)
    .filter((name) => name.toLowerCase() === "content-encoding")
    .map((name) => ({ path: ["headers", name], message: JSON.stringify(name) }));

const LIMITS = ["batch_max_events", "batch_max_bytes", "batch_max_delay"] as const;

/** Limits of batches that there are none of. */
export const unusedLimits = (table: BatchTable): ReadonlyArray<string> =>
  table.batch === "none" ? LIMITS.filter((key) => table[key] !== undefined) : [];
