/**
 * Where encoded bodies wait: many in one slab of memory, instead of one buffer object each. 300,000
 * small bodies as separate Uint8Arrays cost over 200 bytes more apiece. It must never hand out memory
 * that somebody may still read: a slab is given back, not used again. That of a large body is given back at
 * once: the collector comes when 64 MB of such have gathered, on each thread.
 */

import { BodyWriter } from "./BodyWriter.ts";
import type { RequestBody } from "../../http/RequestWriter.ts";

/** One piece of memory with bodies in it. */
export interface Slab {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes that waiting deliveries refer to, counted once per delivery. */
  live: number;
}

/** A part of a slab. */
export interface BodyRef {
  slab: Slab;
  offset: number;
  readonly length: number;
}

const SLAB_BYTES = 65_536;
/** Below this much there is nothing to win by compacting. */
const COMPACT_FROM = 16 * 1024 * 1024;

/** The slabs of all bodies, and how much of them is still in use. */
export class BodySlabs {
  #slab: Slab = { bytes: new Uint8Array(0), live: 0 };
  #end = 0;
  #allocated = 0;
  #live = 0;
  /** Slabs that the writer has left for larger ones: nothing is in them, but it may still copy from them. */
  readonly #left: Array<Slab> = [];
  readonly #writer = new BodyWriter((room) => this.#open(room).bytes);

  /** Bytes of all slabs that a delivery still refers to. */
  get allocatedBytes(): number {
    return this.#allocated;
  }

  /** Bytes of all bodies that wait, counted once per delivery. */
  get liveBytes(): number {
    return this.#live;
  }

  /** Keeps what `encode` writes of `value`. The reference is not counted before `retain`. */
  write<A>(value: A, encode: (value: A, body: BodyWriter) => void): BodyRef {
    const writer = this.#writer;
    writer.begin(this.#slab.bytes, this.#end);
    encode(value, writer);
    for (let left = this.#left.pop(); left !== undefined; left = this.#left.pop()) free(left);
    const { from, at } = writer;
    this.#end = at; // of the slab that the writer has asked for, if there was too little room
    return { slab: this.#slab, offset: from, length: at - from };
  }

  /** Keeps a copy of a body that was encoded before. The reference is not counted before `retain`. */
  copy(body: Uint8Array): BodyRef {
    const { length } = body;
    if (this.#slab.bytes.length - this.#end < length) this.#open(length);
    const ref = { slab: this.#slab, offset: this.#end, length };
    this.#slab.bytes.set(body, this.#end);
    this.#end += length;
    return ref;
  }

  /** Counts one more delivery that refers to this part of this slab. */
  retain(slab: Slab, length: number): void {
    if (slab.live === 0 && slab !== this.#slab) this.#allocated += slab.bytes.length;
    slab.live += length;
    this.#live += length;
  }

  /** Counts one fewer. */
  release(slab: Slab, length: number): void {
    if (this.#leave(slab, length)) free(slab);
  }

  /** As `release`; answers whether nobody refers to the slab any more, whose memory is left to the collector. */
  #leave(slab: Slab, length: number): boolean {
    slab.live -= length;
    this.#live -= length;
    if (slab.live !== 0 || slab === this.#slab) return false;
    this.#allocated -= slab.bytes.length;
    return true;
  }

  /**
   * Whether a few long-waiting bodies keep so many slabs that `compact` is worth its time: four times
   * what they need. One body in a hundred that waits a minute for its retry would otherwise keep all
   * slabs of that minute.
   */
  get sparse(): boolean {
    return this.#allocated > COMPACT_FROM && this.#allocated > 4 * this.#live;
  }

  /** Moves a body out of a slab that is more than half unused. Not while a request reads it. */
  compact(ref: BodyRef): void {
    const { slab, offset, length } = ref;
    if (slab === this.#slab || slab.live * 2 > slab.bytes.length) return;
    const copy = this.copy(slab.bytes.subarray(offset, offset + length));
    this.retain(copy.slab, length);
    this.#leave(slab, length); // a window of the outbox may read it yet
    ref.slab = copy.slab;
    ref.offset = copy.offset;
  }

  /** Makes the current slab a new one, with `room` bytes at least. */
  #open(room: number): Slab {
    const full = this.#slab;
    if (full.live === 0) {
      this.#allocated -= full.bytes.length;
      if (isLarge(full)) this.#left.push(full);
    }
    this.#slab = { bytes: new Uint8Array(Math.max(SLAB_BYTES, room)), live: 0 };
    this.#allocated += this.#slab.bytes.length;
    this.#end = 0;
    return this.#slab;
  }
}

const isLarge = ({ bytes }: Slab): boolean => bytes.length > SLAB_BYTES;

/** Gives the memory of a slab back that nobody refers to any more. */
const free = (slab: Slab): void => {
  if (isLarge(slab)) slab.bytes.buffer.transfer(0);
};

/** The bytes of a body, without copying. */
export const bytesOf = ({ slab, offset, length }: RequestBody): Uint8Array =>
  slab.bytes.subarray(offset, offset + length);
