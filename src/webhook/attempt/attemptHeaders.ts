/**
 * The headers that tell one attempt: which delivery or batch it is of, when it is made, and where a single
 * event stands in its client's order. Said here once, as lines of HTTP/1.1 (RFC 9112 5), for every client.
 */
import { writeBase36, writeBytes, writeDecimal } from "../../http/writeAscii.ts";
import type { AttemptContent } from "./Attempt.ts";

const ID = "webhook-id";
const TIMESTAMP = "webhook-timestamp";
const SEQ = "webhook-seq";

/** Whether an attempt says this header itself, in whatever case: nothing else may. */
export const isAttemptHeader = (name: string): boolean =>
  [ID, TIMESTAMP, SEQ].includes(name.toLowerCase());

/** The attempts' headers of one process; without text, since they are written 100,000 times a second. */
export class AttemptHeaders {
  /** Up to the number in the `webhook-id`. */
  readonly #idLine: Uint8Array;
  /** Bytes that the lines take at most. */
  readonly room: number;

  /** @param idPrefix what every `webhook-id` begins with */
  constructor(idPrefix: string) {
    this.#idLine = ENCODER.encode(`${ID}: ${idPrefix}`);
    this.room = this.#idLine.length + TIMESTAMP_LINE.length + SEQ_LINE.length + END.length +
      3 * MOST_DIGITS;
  }

  /** Writes the lines from `at` on, each with its CRLF; returns where they end. `second`: since 1970. */
  write(buffer: Uint8Array, at: number, { id, seq }: AttemptContent, second: number): number {
    at = writeBytes(buffer, at, this.#idLine);
    at = writeBase36(buffer, at, id);
    at = writeBytes(buffer, at, TIMESTAMP_LINE);
    at = writeDecimal(buffer, at, second);
    if (seq !== undefined) {
      at = writeBytes(buffer, at, SEQ_LINE);
      at = writeDecimal(buffer, at, seq);
    }
    return writeBytes(buffer, at, END);
  }

  /** The same, for a client that takes names and values. */
  fields(attempt: AttemptContent, second: number): Readonly<Record<string, string>> {
    const buffer = new Uint8Array(this.room);
    const lines = DECODER.decode(buffer.subarray(0, this.write(buffer, 0, attempt, second)));
    return Object.fromEntries(lines.trimEnd().split("\r\n").map((line) => line.split(": ", 2)));
  }
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
const TIMESTAMP_LINE = ENCODER.encode(`\r\n${TIMESTAMP}: `);
const SEQ_LINE = ENCODER.encode(`\r\n${SEQ}: `);
const END = ENCODER.encode("\r\n");
/** Of 2^53. */
const MOST_DIGITS = 16;
