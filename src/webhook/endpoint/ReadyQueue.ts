/**
 * Deliveries that were never attempted, first in, first out: what fills `queue_capacity` when a receiver
 * is slow. As objects in the heap they cost 139 bytes apiece, and as much again until the collector has
 * looked at all that it moved to the old generation; here their fields are 23. It must never hold on to
 * a slab whose bodies are gone.
 */
import type { BodyRef, BodySlabs, Slab } from "../body/BodySlab.ts";
import type { Delivery } from "../attempt/Delivery.ts";

const CHUNK = 512;
const MAX_UINT32 = 2 ** 32 - 1;
const MAX_INT32 = 2 ** 31 - 1;

/** The fields of up to `CHUNK` deliveries, each at the same place of every array. */
class Chunk {
  /** Deliveries that were put in. */
  count = 0;
  // All three are told by 32 bits from the first one's, which two of them that follow each other hardly exceed.
  #idFrom = 0;
  #seqFrom = 0;
  #bornFrom = 0;
  readonly #ids = new Uint32Array(CHUNK);
  readonly #seqs = new Int32Array(CHUNK);
  readonly #borns = new Int32Array(CHUNK);
  readonly offsets = new Uint32Array(CHUNK);
  readonly lengths = new Uint32Array(CHUNK);
  readonly events = new Uint8Array(CHUNK);
  /** The place of each one's slab in `#slabs`. */
  readonly #slabOf = new Uint16Array(CHUNK);
  /** The few slabs that they have; one is there again when others came in between. */
  readonly #slabs: Array<Slab | undefined> = [];
  /** How many have the slab at this place. */
  readonly #users: Array<number> = [];
  /** Most have none. */
  lanes: Array<string | undefined> | undefined;
  next: Chunk | undefined;

  /** Whether another one can be put in. */
  takes({ id, seq, born }: Delivery): boolean {
    if (this.count === 0) return true;
    // A dead letter that is sent again has an older id than those before it.
    return this.count < CHUNK && id >= this.#idFrom && id - this.#idFrom <= MAX_UINT32 &&
      Math.abs(seq - this.#seqFrom) <= MAX_INT32 && Math.abs(born - this.#bornFrom) <= MAX_INT32;
  }

  /** Keeps the numbers of the next one. */
  keepNumbers(at: number, { id, seq, born }: Delivery): void {
    if (at === 0) {
      this.#idFrom = id;
      this.#seqFrom = seq;
      this.#bornFrom = born;
    }
    this.#ids[at] = id - this.#idFrom;
    this.#seqs[at] = seq - this.#seqFrom;
    this.#borns[at] = born - this.#bornFrom;
  }

  id(at: number): number {
    return this.#idFrom + this.#ids[at]!; // kept
  }

  seq(at: number): number {
    return this.#seqFrom + this.#seqs[at]!; // kept
  }

  /** The delivery at this place. */
  delivery(at: number): Delivery {
    // Written by `push`, all of them.
    return {
      id: this.id(at),
      event: this.events[at]!,
      seq: this.seq(at),
      born: this.#bornFrom + this.#borns[at]!,
      lane: this.lanes?.[at],
      slab: this.slab(at),
      offset: this.offsets[at]!,
      length: this.lengths[at]!,
      retry: undefined,
      dueAt: 0,
      schedule: undefined,
    };
  }

  /** The slab of the delivery at this place. */
  slab(at: number): Slab {
    return this.#slabs[this.#slabOf[at]!]!; // kept
  }

  keepSlab(at: number, slab: Slab): void {
    const { length } = this.#slabs;
    if (this.#slabs[length - 1] === slab) {
      this.#slabOf[at] = length - 1;
      this.#users[length - 1]!++; // as long as `#slabs`
      return;
    }
    // By compactions again and again there may come more than are in use: then a place is free.
    const place = length <= CHUNK ? length : this.#slabs.indexOf(undefined);
    this.#slabOf[at] = place;
    this.#slabs[place] = slab;
    this.#users[place] = 1;
  }

  letSlabGo(at: number): void {
    const place = this.#slabOf[at]!; // kept
    if (--this.#users[place]! === 0) this.#slabs[place] = undefined;
  }

  /** All that were put in are out: it begins anew. */
  clear(): void {
    this.count = 0;
    this.#slabs.length = this.#users.length = 0;
  }
}

export class ReadyQueue {
  #first = new Chunk();
  #last = this.#first;
  /** The oldest's place in `#first`. */
  #from = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The id of the oldest, Infinity without any. */
  get nextId(): number {
    return this.#length === 0 ? Infinity : this.#first.id(this.#from);
  }

  /** The length of its body; there must be one. */
  get nextLength(): number {
    return this.#first.lengths[this.#from]!; // kept
  }

  /** Takes a delivery that has no retry yet; its id is mostly larger than those before. */
  push(delivery: Delivery): void {
    if (!this.#last.takes(delivery)) this.#last = this.#last.next = new Chunk();
    const chunk = this.#last;
    const at = chunk.count++;
    chunk.keepNumbers(at, delivery);
    chunk.offsets[at] = delivery.offset;
    chunk.lengths[at] = delivery.length;
    chunk.events[at] = delivery.event;
    chunk.keepSlab(at, delivery.slab);
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
    const delivery = chunk.delivery(at);
    chunk.letSlabGo(at);
    if (chunk.lanes !== undefined) chunk.lanes[at] = undefined;
    if (--this.#length === 0) {
      this.#from = 0;
      chunk.clear(); // it is the last one, and used again
    } else if (this.#from === chunk.count) {
      this.#first = chunk.next!; // there is more
      // A dead chunk of the old generation would keep all that followed it until a major collection.
      chunk.next = undefined;
      this.#from = 0;
    }
    return delivery;
  }

  /** Calls `found` for each whose id is `wanted`, by id. */
  find(wanted: (id: number) => boolean, found: (delivery: Delivery) => void): void {
    let chunk: Chunk | undefined = this.#first;
    let at = this.#from;
    for (let left = this.#length; left > 0 && chunk !== undefined; at = 0, chunk = chunk.next) {
      for (; left > 0 && at < chunk.count; at++, left--) {
        if (wanted(chunk.id(at))) found(chunk.delivery(at));
      }
    }
  }

  /** Calls `visit` with the lane of each, by id, and the length of its body. */
  forEach(visit: (lane: string | undefined, length: number) => void): void {
    let chunk: Chunk | undefined = this.#first;
    let at = this.#from;
    for (let left = this.#length; left > 0 && chunk !== undefined; at = 0, chunk = chunk.next) {
      for (; left > 0 && at < chunk.count; at++, left--) {
        visit(chunk.lanes?.[at], chunk.lengths[at]!); // kept
      }
    }
  }

  /** Moves the bodies together where slabs are mostly unused. */
  compact(slabs: BodySlabs): void {
    let chunk: Chunk | undefined = this.#first;
    let at = this.#from;
    for (let left = this.#length; left > 0 && chunk !== undefined; at = 0, chunk = chunk.next) {
      for (; left > 0 && at < chunk.count; at++, left--) {
        // Written by `push`.
        const ref: BodyRef = {
          slab: chunk.slab(at),
          offset: chunk.offsets[at]!,
          length: chunk.lengths[at]!,
        };
        const before = ref.slab;
        slabs.compact(ref);
        if (ref.slab === before) continue;
        chunk.letSlabGo(at);
        chunk.keepSlab(at, ref.slab);
        chunk.offsets[at] = ref.offset;
      }
    }
  }
}
