/**
 * What waits at one URL and was never attempted: which of it goes next, in the order of events, and, where it
 * goes in batches, whether there is enough for one. It has no clock; it must never put one in a batch while
 * another of its lane is on its way in an older one.
 */
import type { BatchSettings } from "../../domain/WebHookSettings.ts";
import type { ClientShares } from "../account/ClientShares.ts";
import { openingBytes, SEPARATOR_BYTES } from "../attempt/Batch.ts";
import type { Delivery } from "../attempt/Delivery.ts";
import type { BodySlabs } from "../body/BodySlab.ts";
import { Lanes } from "./Lanes.ts";
import { ReadyQueue } from "./ReadyQueue.ts";
import { RetryHeap } from "./RetryHeap.ts";

export class Fresh {
  readonly #ready = new ReadyQueue();
  /** Have waited behind another of their lane, and are its first now. None is due at a moment: by id. */
  readonly #released = new RetryHeap<Delivery>();
  readonly #lanes: Lanes;
  /** Undefined: each goes by itself, and what follows here is empty. */
  #batches: BatchSettings | undefined;
  /** Lanes of which something is on its way: what is behind has to wait. */
  readonly #onTheirWay = new Set<string>();
  /** What could go now, if the batch were large enough. */
  #joinable = 0;
  /** Of these, with what separates them. */
  #joinableBytes = 0;

  constructor(shares: ClientShares) {
    this.#lanes = new Lanes(shares);
  }

  /** From now on it goes in batches of this kind, or each by itself. */
  setBatches(batches: BatchSettings | undefined): void {
    const changes = (batches === undefined) !== (this.#batches === undefined);
    this.#batches = batches;
    if (changes) this.#countAll();
  }

  /** Takes a new delivery; returns false when that makes nothing ready to go. */
  add(delivery: Delivery): boolean {
    const { lane } = delivery;
    if (lane === undefined || this.#lanes.enter(lane, delivery)) this.#ready.push(delivery);
    else if (this.#batches === undefined || this.#onTheirWay.has(lane)) return false;
    if (this.#batches !== undefined) this.#count(1, delivery.length);
    return true;
  }

  /** The id of the first to go, Infinity without any. */
  get nextId(): number {
    return Math.min(this.#released.peek()?.id ?? Infinity, this.#ready.nextId);
  }

  /** Whether a batch of what there is would be as large as one may be. */
  get fillsBatch(): boolean {
    if (this.#batches === undefined) return false;
    const { maxEvents, maxBytes, form } = this.#batches;
    return this.#joinable >= maxEvents || this.#joinableBytes + openingBytes(form) >= maxBytes;
  }

  /** Takes the oldest out; `leave` has to follow. */
  shift(): Delivery | undefined {
    const released = this.#released.peek();
    const first = released !== undefined && released.id < this.#ready.nextId
      ? this.#released.pop()
      : this.#ready.shift();
    if (first !== undefined && this.#batches !== undefined) this.#count(-1, -first.length);
    return first;
  }

  /**
   * Takes out what goes in one batch, the oldest first: as much as it may have, and of a lane as much as
   * comes in turn. `leave` has to follow for each of their lanes.
   */
  join({ maxEvents, maxBytes, form }: BatchSettings): ReadonlyArray<Delivery> {
    const joined: Array<Delivery> = [];
    /** Of each lane that is among them, the next; it is still in its lane. */
    const behind = new RetryHeap<Delivery>();
    let bytes = openingBytes(form);
    while (joined.length < maxEvents) {
      const released = this.#released.peek();
      let first = behind.peek();
      if (first === undefined || (released !== undefined && released.id < first.id)) {
        first = released;
      }
      const isReady = this.#ready.nextId < (first?.id ?? Infinity);
      const length = isReady ? this.#ready.nextLength : first?.length;
      if (length === undefined) break;
      if (joined.length > 0 && bytes + length + SEPARATOR_BYTES > maxBytes) break;
      const next = isReady
        ? this.#ready.shift()
        : first === released
        ? this.#released.pop()
        : this.#lanes.take(behind.pop()?.lane ?? "");
      if (next === undefined) break; // there was one
      bytes += length + SEPARATOR_BYTES;
      joined.push(next);
      this.#count(-1, -length);
      const follower = next.lane === undefined ? undefined : this.#lanes.peek(next.lane);
      if (follower !== undefined) behind.push(follower);
    }
    for (const { lane } of joined) {
      if (lane === undefined || this.#onTheirWay.has(lane)) continue;
      this.#onTheirWay.add(lane);
      const left = this.#lanes.behind(lane);
      this.#count(-left.events, -left.bytes);
    }
    return joined;
  }

  /**
   * What was taken out of this lane has ended: what waited behind it is next. Returns the next where it has
   * to go alone.
   */
  leave(lane: string): Delivery | undefined {
    const next = this.#lanes.leave(lane);
    const wasOnItsWay = this.#onTheirWay.delete(lane);
    if (next === undefined) return undefined;
    if (next.alone === true && this.#batches !== undefined) {
      this.#onTheirWay.add(lane);
      return next;
    }
    this.#released.push(next);
    if (wasOnItsWay) {
      const { events, bytes } = this.#lanes.behind(lane);
      this.#count(1 + events, next.length + bytes);
    }
    return undefined;
  }

  /** One that was taken out with the first of its lane waits behind it from now on, before all others. */
  putBack(lane: string, delivery: Delivery): void {
    this.#lanes.putBack(lane, delivery);
  }

  /** Takes out the oldest that waits behind another, which is on its way. */
  takeBehind(): Delivery | undefined {
    const behind = this.#lanes.takeOldest();
    if (behind?.lane !== undefined && this.#isJoinable(behind.lane)) {
      this.#count(-1, -behind.length);
    }
    return behind;
  }

  #isJoinable(lane: string): boolean {
    return this.#batches !== undefined && !this.#onTheirWay.has(lane);
  }

  /**
   * Takes out all but the first of lanes that have been waiting behind another; the oldest stays, too, where that
   * is all of `held`.
   */
  evict(held: number): ReadonlyArray<Delivery> {
    const isAll = held === this.#ready.length + this.#lanes.length;
    const oldest = isAll ? this.#ready.shift() : undefined;
    if (oldest !== undefined) this.#released.push(oldest);
    const all: Array<Delivery> = [];
    const lanes: Array<string> = [];
    for (let next = this.#ready.shift(); next !== undefined; next = this.#ready.shift()) {
      all.push(next);
      if (next.lane !== undefined) lanes.push(next.lane);
    }
    all.push(...this.#lanes.drain(lanes));
    this.#countAll();
    return all;
  }

  /** Whether what waits in lanes counts as its clients' now. */
  setCounting(counts: boolean): void {
    this.#lanes.setCounting(counts);
  }

  /** Those whose id is `wanted`. */
  find(wanted: (id: number) => boolean, found: (delivery: Delivery) => void): void {
    this.#ready.find(wanted, found);
    for (const waiting of [this.#released, this.#lanes]) {
      for (const delivery of waiting) if (wanted(delivery.id)) found(delivery);
    }
  }

  /** Moves bodies together where slabs are mostly unused. */
  compact(slabs: BodySlabs): void {
    this.#ready.compact(slabs);
    for (const waiting of [this.#released, this.#lanes]) {
      for (const delivery of waiting) slabs.compact(delivery);
    }
  }

  #count(events: number, bytes: number): void {
    this.#joinable += events;
    this.#joinableBytes += bytes + events * SEPARATOR_BYTES;
  }

  /** Counts what could go in a batch anew. */
  #countAll(): void {
    this.#joinable = this.#joinableBytes = 0;
    this.#onTheirWay.clear();
    if (this.#batches === undefined) return;
    const waiting = new Set<string>();
    const count = (lane: string | undefined, length: number) => {
      this.#count(1, length);
      if (lane === undefined) return;
      waiting.add(lane);
      const { events, bytes } = this.#lanes.behind(lane);
      this.#count(events, bytes);
    };
    this.#ready.forEach(count);
    for (const { lane, length } of this.#released) count(lane, length);
    for (const lane of this.#lanes.clients) if (!waiting.has(lane)) this.#onTheirWay.add(lane);
  }
}
