/**
 * The headers that tell one attempt: which delivery or batch it is of, when it is made, where a single event
 * stands in its client's order, and the signature of all that. Said here once, as lines of HTTP/1.1 (RFC 9112
 * 5), for every client.
 */
import { writeBase36, writeBytes, writeDecimal } from "../../http/writeAscii.ts";
import type { AttemptContent } from "./Attempt.ts";
import { Signer } from "./Signer.ts";

const ID = "webhook-id";
const TIMESTAMP = "webhook-timestamp";
const SEQ = "webhook-seq";
const SIGNATURE = "webhook-signature";

/** Whether an attempt says this header itself, in whatever case: nothing else may. */
export const isAttemptHeader = (name: string): boolean =>
  [ID, TIMESTAMP, SEQ, SIGNATURE].includes(name.toLowerCase());

/** The headers of the attempts at one URL; without text, since they are written 100,000 times a second. */
export class AttemptHeaders {
  /** Up to the number in the `webhook-id`. */
  readonly #idLine: Uint8Array;
  /** Bytes that the lines take at most. */
  readonly room: number;

  /** Undefined: nothing is signed. */
  readonly #signer: Signer | undefined;

  /**
   * @param idPrefix what every `webhook-id` begins with
   * @param signingKeys what to sign with; empty: nothing is signed
   */
  constructor(idPrefix: string, signingKeys: ReadonlyArray<Uint8Array> = []) {
    this.#idLine = ENCODER.encode(`${ID}: ${idPrefix}`);
    this.#signer = signingKeys.length === 0 ? undefined : new Signer(signingKeys);
    this.room = this.#idLine.length + TIMESTAMP_LINE.length + SEQ_LINE.length + END.length +
      3 * MOST_DIGITS +
      (this.#signer === undefined ? 0 : SIGNATURE_LINE.length + this.#signer.room);
  }

  /** Writes the lines from `at` on, each with its CRLF; returns where they end. `second`: since 1970. */
  write(buffer: Uint8Array, at: number, content: AttemptContent, second: number): number {
    const idFrom = at + ID_START;
    at = writeBytes(buffer, at, this.#idLine);
    const idTo = at = writeBase36(buffer, at, content.id);
    const timestampFrom = at = writeBytes(buffer, at, TIMESTAMP_LINE);
    const timestampTo = at = writeDecimal(buffer, at, second);
    if (content.seq !== undefined) {
      at = writeBytes(buffer, at, SEQ_LINE);
      at = writeDecimal(buffer, at, content.seq);
    }
    if (this.#signer !== undefined) {
      at = writeBytes(buffer, at, SIGNATURE_LINE);
      const id = { bytes: buffer, from: idFrom, to: idTo };
      const timestamp = { bytes: buffer, from: timestampFrom, to: timestampTo };
      at = this.#signer.write(buffer, at, id, timestamp, content);
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
/** Where the value of the first line begins. */
const ID_START = `${ID}: `.length;
const TIMESTAMP_LINE = ENCODER.encode(`\r\n${TIMESTAMP}: `);
const SEQ_LINE = ENCODER.encode(`\r\n${SEQ}: `);
const SIGNATURE_LINE = ENCODER.encode(`\r\n${SIGNATURE}: `);
const END = ENCODER.encode("\r\n");
/** Of 2^53. */
const MOST_DIGITS = 16;
