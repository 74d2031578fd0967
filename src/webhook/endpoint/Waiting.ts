/**
 * What waits at one URL, and which of it goes next. First what was attempted before or waited behind
 * another in its lane, then what never was, in the order of events.
 *
 * It has no clock and makes no attempt; it must never have two of one lane on their way.
 */
import { Deque } from "../../collections/Deque.ts";
import type { ClientShares } from "../account/ClientShares.ts";
import type { Delivery } from "../attempt/Delivery.ts";
import type { BodySlabs } from "../body/BodySlab.ts";
import { Lanes } from "./Lanes.ts";
import { ReadyQueue } from "./ReadyQueue.ts";
import { RetryHeap } from "./RetryHeap.ts";

export class Waiting {
  /** Not attempted yet, in the order of events. */
  readonly #ready = new ReadyQueue();
  /** To be attempted before those. */
  readonly #urgent = new Deque<Delivery>();
  /** Wait for their next attempt. */
  readonly #retries = new RetryHeap();
  /** Were due while the breaker was open; wait for it to close, or for their deadline. */
  readonly #parked = new RetryHeap();
  readonly #lanes: Lanes;
  /** Sequential: the latest moment that one of `#retries` waits for. */
  #latestDue = 0;

  /**
   * @param sequential nothing overtakes one that waits for its retry; lanes are not needed then
   * @param shares count what waits in lanes
   */
  constructor(readonly sequential: boolean, shares: ClientShares) {
    this.#lanes = new Lanes(shares);
  }

  /** Takes a new delivery; returns false when it waits behind another in its lane. */
  add(delivery: Delivery): boolean {
    if (delivery.lane !== undefined && !this.#lanes.enter(delivery.lane, delivery)) return false;
    this.#ready.push(delivery);
    return true;
  }

  /** Takes one back that is to be attempted as soon as it can be. */
  again(delivery: Delivery): void {
    this.#urgent.push(delivery);
  }

  /** Takes one back that waits for its next attempt until `due`. */
  retry(delivery: Delivery, due: number): void {
    delivery.dueAt = due;
    // Outcomes come in the order of events. All retries are due together, at the latest of their
    // moments: a younger one that was due first would overtake.
    if (this.sequential) {
      if (this.#retries.length > 0) delivery.dueAt = Math.max(due, this.#latestDue);
      this.#latestDue = delivery.dueAt;
    }
    this.#retries.push(delivery);
  }

  /** Takes one back that waits for `resume`, and no longer than until `deadline`. */
  park(delivery: Delivery, deadline: number): void {
    delivery.dueAt = deadline;
    this.#parked.push(delivery);
  }

  /** What was parked may go. */
  resume(): void {
    for (const delivery of this.#parked.drain()) this.#urgent.push(delivery);
  }

  /** One that was on its way has ended: what waited behind it in its lane is next. */
  leave(delivery: Delivery): void {
    if (delivery.lane === undefined) return;
    const next = this.#lanes.leave(delivery.lane);
    if (next !== undefined) this.#urgent.push(next);
  }

  /** Whether `next` finds one. */
  hasNext(probing: boolean): boolean {
    if (this.#isBehindRetries) return !probing && this.#urgent.length > 0;
    return this.#urgent.length + this.#ready.length > 0 || (probing && this.#parked.length > 0);
  }

  /** Takes the next to be attempted out. `probing`: with one of the parked, if there is any. */
  next(probing: boolean): Delivery | undefined {
    const parked = probing ? this.#parked.pop() : undefined;
    return parked ?? this.#urgent.shift() ??
      (this.#isBehindRetries ? undefined : this.#ready.shift());
  }

  /** Takes the one out that has waited longest, and its lane goes on without it. */
  takeOldest(): Delivery | undefined {
    const first = this.#urgent.shift() ?? this.#ready.shift();
    if (first === undefined) {
      const behind = this.#lanes.takeOldest();
      if (behind !== undefined) return behind; // it was not the one on its way
    }
    const oldest = first ?? this.#parked.pop() ?? this.#retries.pop();
    if (oldest !== undefined) this.leave(oldest);
    return oldest;
  }

  /**
   * Takes out all that was never attempted, nor is next of its lane: nothing of it is older than what stays. Where
   * nothing would, the oldest does: the next attempt is made of it, and nothing has to be read for one.
   *
   * @param held deliveries of this URL, those on their way with them
   */
  evict(held: number): ReadonlyArray<Delivery> {
    const oldest = held === this.#ready.length + this.#lanes.length
      ? this.#ready.shift()
      : undefined;
    if (oldest !== undefined) this.#urgent.push(oldest);
    const all: Array<Delivery> = [];
    const lanes: Array<string> = [];
    for (let next = this.#ready.shift(); next !== undefined; next = this.#ready.shift()) {
      all.push(next);
      if (next.lane !== undefined) lanes.push(next.lane);
    }
    all.push(...this.#lanes.drain(lanes));
    return all;
  }

  /** Takes a retry out that is due. Sequential: none before the last of them is. */
  takeDueRetry(now: number): Delivery | undefined {
    const first = this.#retries.peek();
    if (first === undefined || this.#retryDue > now) return undefined;
    return this.#retries.pop();
  }

  /** Takes a parked one out whose deadline has come. */
  takeOverdue(now: number): Delivery | undefined {
    const first = this.#parked.peek();
    return first !== undefined && first.dueAt <= now ? this.#parked.pop() : undefined;
  }

  /** When `takeDueRetry` or `takeOverdue` has something; Infinity: never. */
  get nextDue(): number {
    return Math.min(this.#retryDue, this.#parked.peek()?.dueAt ?? Infinity);
  }

  /** Whether what waits in lanes counts as its clients' now. */
  setCounting(counts: boolean): void {
    this.#lanes.setCounting(counts);
  }

  /** Those that wait whose id is `wanted`, by id. */
  find(wanted: (id: number) => boolean): ReadonlyArray<Delivery> {
    const found: Array<Delivery> = [];
    this.#ready.find(wanted, (delivery) => found.push(delivery));
    for (const waiting of [this.#urgent, this.#retries, this.#parked, this.#lanes]) {
      for (const delivery of waiting) if (wanted(delivery.id)) found.push(delivery);
    }
    return found.sort((a, b) => a.id - b.id);
  }

  /** Moves bodies together where slabs are mostly unused. */
  compact(slabs: BodySlabs): void {
    this.#ready.compact(slabs);
    for (const waiting of [this.#urgent, this.#retries, this.#parked, this.#lanes]) {
      for (const delivery of waiting) slabs.compact(delivery);
    }
  }

  /** Sequential: whether everything else has to wait for a retry. */
  get #isBehindRetries(): boolean {
    return this.sequential && this.#retries.length > 0;
  }

  get #retryDue(): number {
    return this.#isBehindRetries ? this.#latestDue : this.#retries.peek()?.dueAt ?? Infinity;
  }
}
