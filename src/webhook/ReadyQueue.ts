/**
 * Deliveries that were never attempted, first in, first out: what fills `queue_capacity` when a receiver
 * is slow. As objects in the heap they cost 139 bytes apiece, and as much again until the collector has
 * looked at all that it moved to the old generation; here their fields are 33. It must never hold on to a slab whose bodies are
 * gone.
 */
import type { BodyRef, BodySlabs, Slab } from "./BodySlab.ts";
import type { Delivery } from "./Delivery.ts";

const CHUNK = 512;

/** The fields of up to `CHUNK` deliveries, each at the same place of every array. */
class Chunk {
  readonly ids = new Float64Array(CHUNK);
  readonly seqs = new Float64Array(CHUNK);
  readonly offsets = new Uint32Array(CHUNK);
  readonly lengths = new Uint32Array(CHUNK);
  readonly events = new Uint8Array(CHUNK);
  readonly slabs = new Array<Slab | undefined>(CHUNK).fill(undefined);
  /** Most have none. */
  lanes: Array<string | undefined> | undefined;
  next: Chunk | undefined;
}

export class ReadyQueue {
  #first = new Chunk();
  #last = this.#first;
  /** The oldest's place in `#first`. */
  #from = 0;
  /** The place behind the youngest's in `#last`. */
  #to = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Takes a delivery that has no retry yet. */
  push(delivery: Delivery): void {
    if (this.#to === CHUNK) {
      this.#last = this.#last.next = new Chunk();
      this.#to = 0;
    }
    const chunk = this.#last;
    const at = this.#to++;
    chunk.ids[at] = delivery.id;
    chunk.seqs[at] = delivery.seq;
    chunk.offsets[at] = delivery.offset;
    chunk.lengths[at] = delivery.length;
    chunk.events[at] = delivery.event;
    chunk.slabs[at] = delivery.slab;
    if (delivery.lane !== undefined) {
      chunk.lanes ??= new Array<string | undefined>(CHUNK).fill(undefined);
      chunk.lanes[at] = delivery.lane;
    }
    this.#length++;
  }

  /** Takes the oldest out. */
  shift(): Delivery | undefined {
    if (this.#length === 0) return undefined;
    const chunk = this.#first;
    const at = this.#from++;
    // Written by `push`, all of them.
    const delivery: Delivery = {
      id: chunk.ids[at]!,
      event: chunk.events[at]!,
      seq: chunk.seqs[at]!,
      lane: chunk.lanes?.[at],
      slab: chunk.slabs[at]!,
      offset: chunk.offsets[at]!,
      length: chunk.lengths[at]!,
      retry: undefined,
      dueAt: 0,
    };
    chunk.slabs[at] = undefined;
    if (chunk.lanes !== undefined) chunk.lanes[at] = undefined;
    if (--this.#length === 0) {
      this.#from = this.#to = 0; // the chunk is the last one: it is used again
    } else if (this.#from === CHUNK) {
      this.#first = chunk.next!; // there is more
      this.#from = 0;
    }
    return delivery;
  }

  /** Moves the bodies together where slabs are mostly unused. */
  compact(slabs: BodySlabs): void {
    let chunk: Chunk | undefined = this.#first;
    let at = this.#from;
    for (let left = this.#length; left > 0 && chunk !== undefined; at = 0, chunk = chunk.next) {
      for (; left > 0 && at < CHUNK; at++, left--) {
        // Written by `push`.
        const ref: BodyRef = {
          slab: chunk.slabs[at]!,
          offset: chunk.offsets[at]!,
          length: chunk.lengths[at]!,
        };
        slabs.compact(ref);
        chunk.slabs[at] = ref.slab;
        chunk.offsets[at] = ref.offset;
      }
    }
  }
}
