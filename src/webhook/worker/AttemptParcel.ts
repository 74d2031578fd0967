/**
 * A parcel of attempts as one buffer, which is transferred to a worker and not copied: 1 µs per attempt,
 * against 40 µs for a message each. Must stay readable by the worker of the same process only: it has no
 * version and the machine's byte order.
 *
 * An attempt is five 8-byte words (id, seq or NaN, endpoint, milliseconds in which it must have begun, length of
 * the body) and the body, filled up to whole words. Milliseconds, because each thread has a clock of its own;
 * where a parcel is read they are made moments of the reader's.
 */
import { bytesOf } from "../body/BodySlab.ts";
import type { Attempt } from "../attempt/Attempt.ts";
import { startBy } from "../attempt/Attempt.ts";
import { Batch } from "../attempt/Batch.ts";
import type { TimedAttempt } from "./PermitQueue.ts";

/**
 * One attempt as a worker reads it: a place in its parcel, looked up each time, since hundreds of them wait
 * for a permit. Its body is a part of the parcel.
 */
export class ParcelledAttempt implements TimedAttempt {
  readonly #parcel: Parcel;
  readonly #at: number;

  constructor(parcel: Parcel, at: number) {
    this.#parcel = parcel;
    this.#at = at;
  }

  get id(): number {
    return this.#parcel.numbers[this.#at]!; // `encode` wrote all five
  }

  get seq(): number | undefined {
    const seq = this.#parcel.numbers[this.#at + 1]!;
    return Number.isNaN(seq) ? undefined : seq;
  }

  /** The endpoint's key. */
  get endpoint(): number {
    return this.#parcel.numbers[this.#at + 2]!;
  }

  /** In monotonic milliseconds of the reader; Infinity: there is no hurry. */
  get startBy(): number {
    return this.#parcel.numbers[this.#at + 3]!;
  }

  get length(): number {
    return this.#parcel.numbers[this.#at + 4]!;
  }

  get offset(): number {
    return (this.#at + HEAD_WORDS) * WORD;
  }

  get slab(): { readonly bytes: Uint8Array } {
    return this.#parcel;
  }

  /** It is at its end, and nothing of it is read any more. */
  end(): void {
    const { bytes } = this.#parcel;
    if (--this.#parcel.left === 0 && bytes.length > LARGE) bytes.buffer.transfer(0);
  }
}

interface Parcel {
  readonly numbers: Float64Array;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Attempts that have not ended. */
  left: number;
}

/** A parcel that is larger is given back as soon as its attempts have ended, not when the collector comes. */
const LARGE = 64 * 1024;

const WORD = 8;
const HEAD_WORDS = 5;

const words = (attempt: Attempt): number => HEAD_WORDS + Math.ceil(attempt.length / WORD);

/**
 * Copies the attempts into a buffer of their size. `endpoints` has the key of each one's endpoint; `now` in
 * monotonic milliseconds, as the attempts' deadlines are.
 */
export const encode = (
  attempts: ReadonlyArray<Attempt>,
  endpoints: ReadonlyArray<number>,
  now: number,
): ArrayBuffer => {
  let size = 0;
  for (const attempt of attempts) size += words(attempt);
  const buffer = new ArrayBuffer(size * WORD);
  const numbers = new Float64Array(buffer);
  const bytes = new Uint8Array(buffer);
  let at = 0;
  for (let i = 0; i < attempts.length; i++) {
    const attempt = attempts[i]!; // i < length, of both
    numbers[at] = attempt.id;
    numbers[at + 1] = attempt.seq ?? NaN;
    numbers[at + 2] = endpoints[i]!;
    numbers[at + 3] = startBy(attempt) - now;
    numbers[at + 4] = attempt.length;
    const bodyAt = (at + HEAD_WORDS) * WORD;
    if (attempt instanceof Batch) attempt.write(bytes, bodyAt);
    else bytes.set(bytesOf(attempt), bodyAt);
    at += words(attempt);
  }
  return buffer;
};

/** Reads a parcel in its order, once; `now` in monotonic milliseconds of the thread that reads. */
export const forEach = (
  buffer: ArrayBuffer,
  now: number,
  visit: (attempt: ParcelledAttempt) => void,
): void => {
  const parcel: Parcel = {
    numbers: new Float64Array(buffer),
    bytes: new Uint8Array(buffer),
    left: 1, // this function, which reads on
  };
  for (let at = 0; at < parcel.numbers.length;) {
    const attempt = new ParcelledAttempt(parcel, at);
    parcel.numbers[at + 3]! += now; // `encode` wrote it
    at += HEAD_WORDS + Math.ceil(attempt.length / WORD);
    parcel.left++;
    visit(attempt);
  }
  parcel.left--;
};
