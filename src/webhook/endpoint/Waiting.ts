/**
 * What waits at one URL, and which of it goes next. First what was attempted before, then what never was, in
 * the order of events; by itself, or as much in one batch as may be.
 *
 * It has no clock and makes no attempt; it must never have two of one lane on their way, but in one batch.
 */
import { Deque } from "../../collections/Deque.ts";
import type { BatchSettings } from "../../domain/WebHookSettings.ts";
import type { ClientShares } from "../account/ClientShares.ts";
import type { Sending } from "../attempt/Batch.ts";
import { Batch, carriedBy } from "../attempt/Batch.ts";
import type { Delivery } from "../attempt/Delivery.ts";
import type { BodySlabs } from "../body/BodySlab.ts";
import { Fresh } from "./Fresh.ts";
import { RetryHeap } from "./RetryHeap.ts";

export class Waiting {
  /** Not attempted yet. */
  readonly #fresh: Fresh;
  /** To be attempted before those. */
  readonly #urgent = new Deque<Sending>();
  /** Wait for their next attempt. */
  readonly #retries = new RetryHeap();
  /** Were due while the breaker was open; wait for it to close, or for their deadline. */
  readonly #parked = new RetryHeap();
  /** Undefined: each delivery goes by itself. */
  #batches: BatchSettings | undefined;
  /** Sequential: the latest moment that one of `#retries` waits for. */
  #latestDue = 0;

  /**
   * @param sequential nothing overtakes one that waits for its retry; lanes are not needed then
   * @param shares count what waits in lanes
   */
  constructor(readonly sequential: boolean, shares: ClientShares) {
    this.#fresh = new Fresh(shares);
  }

  /** From now on deliveries go in batches of this kind, or each by itself: then batches that wait are taken apart. */
  setBatches(batches: BatchSettings | undefined): void {
    this.#batches = batches;
    this.#fresh.setBatches(batches);
    if (batches !== undefined) return;
    const urgent = [...this.#urgent];
    this.#urgent.filter(() => false);
    for (const sending of urgent) this.again(sending);
    for (const sending of this.#retries.drain()) this.#push(this.#retries, sending);
    for (const sending of this.#parked.drain()) this.#push(this.#parked, sending);
  }

  /** Takes a new delivery; returns false when it waits behind another in its lane, which is on its way. */
  add(delivery: Delivery): boolean {
    return this.#fresh.add(delivery);
  }

  /** Takes one back that is to be attempted as soon as it can be. */
  again(sending: Sending): void {
    for (const one of this.#parts(sending)) this.#urgent.push(one);
  }

  /** Takes one back that waits for its next attempt until `due`. */
  retry(sending: Sending, due: number): void {
    sending.dueAt = due;
    // Outcomes come in the order of events. All retries are due together, at the latest of their
    // moments: a younger one that was due first would overtake.
    if (this.sequential) {
      if (this.#retries.length > 0) sending.dueAt = Math.max(due, this.#latestDue);
      this.#latestDue = sending.dueAt;
    }
    this.#push(this.#retries, sending);
  }

  /** Takes one back that waits for `resume`, and no longer than until `deadline`. */
  park(sending: Sending, deadline: number): void {
    sending.dueAt = deadline;
    this.#push(this.#parked, sending);
  }

  /** What was parked may go. */
  resume(): void {
    for (const sending of this.#parked.drain()) this.#urgent.push(sending);
  }

  /** Takes a batch back that is never to go again: each of its deliveries goes alone, in its lane's order. */
  split({ deliveries }: Batch): void {
    for (const delivery of deliveries) delivery.alone = true;
    for (const delivery of this.#inTurn(deliveries)) this.#urgent.push(delivery);
  }

  /** One that was on its way has ended: what waited behind it in its lanes is next. */
  leave(sending: Sending): void {
    if (!(sending instanceof Batch)) {
      if (sending.lane !== undefined) this.#leave(sending.lane);
    } else for (const lane of lanesOf(sending.deliveries)) this.#leave(lane);
  }

  #leave(lane: string): void {
    const alone = this.#fresh.leave(lane);
    if (alone !== undefined) this.#urgent.push(alone);
  }

  /** Whether `next` finds one. With batches: one that was attempted before. */
  hasNext(probing: boolean): boolean {
    if (this.#isBehindRetries) return !probing && this.#urgent.length > 0;
    if (this.#urgent.length > 0 || (probing && this.#parked.length > 0)) return true;
    return this.#batches === undefined && this.#fresh.nextId < Infinity;
  }

  /** The id of the first that was never attempted and could go, Infinity without any. */
  get freshId(): number {
    return this.#fresh.nextId;
  }

  /** Whether what was never attempted makes a batch that is as large as one may be. */
  get fillsBatch(): boolean {
    return this.#fresh.fillsBatch;
  }

  /** Takes the next to be attempted out. `probing`: one of the parked, if there is any. */
  next(probing: boolean): Sending | undefined {
    const parked = probing ? this.#parked.pop() : undefined;
    const first = parked ?? this.#urgent.shift();
    const batches = this.#batches;
    if (batches === undefined) {
      return first ?? (this.#isBehindRetries ? undefined : this.#fresh.shift());
    }
    if (first !== undefined) {
      return first instanceof Batch ? first.as(batches.form) : Batch.of(first, batches.form);
    }
    const joined = this.#fresh.join(batches);
    return joined.length === 0 ? undefined : new Batch(joined, batches.form);
  }

  /** Takes the one out that has waited longest, a batch as a whole, and its lanes go on without it. */
  takeOldest(): Sending | undefined {
    const first = this.#urgent.shift() ?? this.#fresh.shift();
    if (first === undefined) {
      const behind = this.#fresh.takeBehind();
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
    return this.#fresh.evict(held);
  }

  /** Takes a retry out that is due. Sequential: none before the last of them is. */
  takeDueRetry(now: number): Sending | undefined {
    const first = this.#retries.peek();
    if (first === undefined || this.#retryDue > now) return undefined;
    return this.#retries.pop();
  }

  /** Takes a parked one out whose deadline has come. */
  takeOverdue(now: number): Sending | undefined {
    const first = this.#parked.peek();
    return first !== undefined && first.dueAt <= now ? this.#parked.pop() : undefined;
  }

  /** When `takeDueRetry` or `takeOverdue` has something; Infinity: never. */
  get nextDue(): number {
    return Math.min(this.#retryDue, this.#parked.peek()?.dueAt ?? Infinity);
  }

  /** Whether what waits in lanes counts as its clients' now. */
  setCounting(counts: boolean): void {
    this.#fresh.setCounting(counts);
  }

  /** Those that wait whose id is `wanted`, by id. */
  find(wanted: (id: number) => boolean): ReadonlyArray<Delivery> {
    const found: Array<Delivery> = [];
    this.#fresh.find(wanted, (delivery) => found.push(delivery));
    for (const delivery of this.#attempted()) if (wanted(delivery.id)) found.push(delivery);
    return found.sort((a, b) => a.id - b.id);
  }

  /** Moves bodies together where slabs are mostly unused. */
  compact(slabs: BodySlabs): void {
    this.#fresh.compact(slabs);
    for (const delivery of this.#attempted()) slabs.compact(delivery);
  }

  *#attempted(): Generator<Delivery> {
    for (const waiting of [this.#urgent, this.#retries, this.#parked]) {
      for (const sending of waiting) yield* carriedBy(sending);
    }
  }

  #push(heap: RetryHeap, sending: Sending): void {
    for (const one of this.#parts(sending)) heap.push(one);
  }

  /** What is put back in place of this one: where there are no batches any more, the first of each of its lanes. */
  #parts(sending: Sending): ReadonlyArray<Sending> {
    if (this.#batches !== undefined || !(sending instanceof Batch)) return [sending];
    const { deliveries, retry, dueAt, schedule } = sending;
    const parts = this.#inTurn(deliveries);
    for (const part of parts) Object.assign(part, { retry, dueAt, schedule });
    return parts;
  }

  /** Those of a batch that may go now; the others wait behind these in their lanes. */
  #inTurn(deliveries: ReadonlyArray<Delivery>): ReadonlyArray<Delivery> {
    const lanes = new Set<string>();
    const [first, behind]: [Array<Delivery>, Array<Delivery>] = [[], []];
    for (const delivery of deliveries) {
      const { lane } = delivery;
      (lane === undefined || !lanes.has(lane) ? first : behind).push(delivery);
      if (lane !== undefined) lanes.add(lane);
    }
    for (const delivery of behind.reverse()) this.#fresh.putBack(delivery.lane ?? "", delivery);
    return first;
  }

  /** Sequential: whether everything else has to wait for a retry. */
  get #isBehindRetries(): boolean {
    return this.sequential && this.#retries.length > 0;
  }

  get #retryDue(): number {
    return this.#isBehindRetries ? this.#latestDue : this.#retries.peek()?.dueAt ?? Infinity;
  }
}

/** Each lane that is among these, once. */
const lanesOf = (deliveries: ReadonlyArray<Delivery>): ReadonlySet<string> => {
  const lanes = new Set<string>();
  for (const { lane } of deliveries) if (lane !== undefined) lanes.add(lane);
  return lanes;
};
