/** Waiting beside a plain one of arrays, whatever is asked of both in whatever order. */
import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import { ClientShares } from "../../../../src/webhook/account/ClientShares.ts";
import type { Sending } from "../../../../src/webhook/attempt/Batch.ts";
import { Batch } from "../../../../src/webhook/attempt/Batch.ts";
import type { Delivery } from "../../../../src/webhook/attempt/Delivery.ts";
import { Waiting } from "../../../../src/webhook/endpoint/Waiting.ts";

const delivery = (id: number, lane?: string): Delivery => ({
  id,
  event: 0,
  seq: id,
  born: 0,
  lane,
  slab: { bytes: new Uint8Array(0), live: 0 },
  offset: 0,
  length: 0,
  retry: undefined,
  dueAt: 0,
  schedule: undefined,
});

/** The rules of Waiting as they read, without any thought of cost. */
class PlainWaiting {
  ready: Array<Delivery> = [];
  /** Have waited behind another of their lane. */
  released: Array<Delivery> = [];
  urgent: Array<Delivery> = [];
  retries: Array<Delivery> = [];
  parked: Array<Delivery> = [];
  /** The lanes that are on their way, the oldest first, and what waits behind each. */
  lanes = new Map<string, Array<Delivery>>();
  latestDue = 0;

  constructor(readonly sequential: boolean) {}

  add(one: Delivery): boolean {
    if (one.lane !== undefined) {
      const behind = this.lanes.get(one.lane);
      if (behind !== undefined) return behind.push(one), false;
      this.lanes.set(one.lane, []);
    }
    this.ready.push(one);
    return true;
  }

  again(one: Delivery): void {
    this.urgent.push(one);
  }

  retry(one: Delivery, due: number): void {
    if (this.sequential && this.retries.length > 0) due = Math.max(due, this.latestDue);
    this.latestDue = due;
    this.retries.push({ ...one, dueAt: due });
  }

  park(one: Delivery, deadline: number): void {
    this.parked.push({ ...one, dueAt: deadline });
  }

  resume(): void {
    this.urgent.push(...this.parked.splice(0).sort((a, b) => a.id - b.id));
  }

  leave({ lane }: Delivery): void {
    if (lane === undefined) return;
    const next = this.lanes.get(lane)?.shift();
    if (next === undefined) this.lanes.delete(lane);
    else this.released.push(next);
  }

  /** The oldest that was never attempted. */
  shift(): Delivery | undefined {
    const [released] = this.released.toSorted((a, b) => a.id - b.id);
    const [ready] = this.ready;
    const from = (released?.id ?? Infinity) < (ready?.id ?? Infinity) ? released : ready;
    this.ready = this.ready.filter((one) => one !== from);
    this.released = this.released.filter((one) => one !== from);
    return from;
  }

  hasNext(probing: boolean): boolean {
    const blocked = this.sequential && this.retries.length > 0;
    if (blocked) return !probing && this.urgent.length > 0;
    const fresh = this.released.length + this.ready.length;
    return this.urgent.length + fresh + (probing ? this.parked.length : 0) > 0;
  }

  next(probing: boolean): Delivery | undefined {
    const blocked = this.sequential && this.retries.length > 0;
    return (probing ? earliest(this.parked) : undefined) ?? this.urgent.shift() ??
      (blocked ? undefined : this.shift());
  }

  takeOldest(): Delivery | undefined {
    const first = this.urgent.shift() ?? this.shift();
    if (first === undefined) {
      for (const behind of this.lanes.values()) if (behind.length > 0) return behind.shift();
    }
    const oldest = first ?? earliest(this.parked) ?? earliest(this.retries);
    if (oldest !== undefined) this.leave(oldest);
    return oldest;
  }

  get length(): number {
    const behind = [...this.lanes.values()].flat();
    return this.ready.length + this.urgent.length + this.retries.length + this.parked.length +
      behind.length;
  }

  evict(onTheirWay: number): ReadonlyArray<Delivery> {
    const behind = [...this.lanes.values()].flatMap((lane) => lane.splice(0));
    const others = this.urgent.length + this.retries.length + this.parked.length + onTheirWay;
    if (others === 0) this.urgent.push(...this.ready.splice(0, 1));
    const all = this.ready.splice(0);
    for (const { lane } of all) if (lane !== undefined) this.lanes.delete(lane);
    return [...all, ...behind];
  }

  takeDueRetry(now: number): Delivery | undefined {
    const due = this.sequential ? this.latestDue : Math.min(...this.retries.map((d) => d.dueAt));
    return due <= now ? earliest(this.retries) : undefined;
  }

  takeOverdue(now: number): Delivery | undefined {
    return this.parked.some(({ dueAt }) => dueAt <= now) ? earliest(this.parked) : undefined;
  }

  get nextDue(): number {
    const retry = this.sequential && this.retries.length > 0
      ? this.latestDue
      : Math.min(...this.retries.map(({ dueAt }) => dueAt));
    return Math.min(retry, ...this.parked.map(({ dueAt }) => dueAt));
  }
}

/** Takes the one out that is due first; among equals the older delivery. */
const earliest = (from: Array<Delivery>): Delivery | undefined => {
  const [first] = from.toSorted((a, b) => a.dueAt - b.dueAt || a.id - b.id);
  if (first !== undefined) from.splice(from.indexOf(first), 1);
  return first;
};

const operation = fc.oneof(
  fc.record({ do: fc.constant("add"), lane: fc.constantFrom(undefined, "a", "b") }),
  fc.record({ do: fc.constant("next"), probing: fc.boolean() }),
  fc.record({ do: fc.constantFrom("end", "again"), which: fc.nat(3) }),
  fc.record({ do: fc.constantFrom("retry", "park"), which: fc.nat(3), after: fc.nat(20) }),
  fc.record({ do: fc.constantFrom("resume", "oldest", "retries", "overdue", "evict") }),
  fc.record({ do: fc.constant("wait"), millis: fc.nat(10) }),
);

for (const sequential of [false, true]) {
  Deno.test(`Waiting${sequential ? " (sequential)" : ""} is what a plain one of arrays is, whatever is asked of it`, () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const waiting = new Waiting(sequential, new ClientShares(100, 1, () => {}));
        const plain = new PlainWaiting(sequential);
        const onTheirWay: Array<Delivery> = [];
        let now = 0;
        let id = 0;
        const same = (a: Sending | undefined, b: Delivery | undefined) => {
          assert.equal(a?.id, b?.id);
          assert.ok(!(a instanceof Batch));
          return a;
        };
        const took = (one: Delivery | undefined) => void (one && onTheirWay.push(one));
        const taken = (which: number) => onTheirWay.splice(which % onTheirWay.length || 0, 1)[0];
        for (const operation of operations) {
          const one = "which" in operation ? taken(operation.which) : undefined;
          switch (operation.do) {
            case "add": {
              const lane = sequential || !("lane" in operation) ? undefined : operation.lane;
              const added = delivery(++id, lane);
              assert.equal(waiting.add(added), plain.add({ ...added }));
              break;
            }
            case "next": {
              const probing = "probing" in operation && operation.probing;
              assert.equal(waiting.hasNext(probing), plain.hasNext(probing));
              if (!waiting.hasNext(probing)) break;
              took(same(waiting.next(probing), plain.next(probing)));
              break;
            }
            case "end":
              if (one) waiting.leave(one), plain.leave(one);
              break;
            case "again":
              if (one) waiting.again(one), plain.again(one);
              break;
            case "retry":
              if (one && "after" in operation) {
                waiting.retry(one, now + operation.after);
                plain.retry(one, now + operation.after);
              }
              break;
            case "park":
              if (one && "after" in operation) {
                waiting.park(one, now + operation.after);
                plain.park(one, now + operation.after);
              }
              break;
            case "resume":
              waiting.resume(), plain.resume();
              break;
            case "oldest":
              same(waiting.takeOldest(), plain.takeOldest());
              break;
            case "retries":
              took(same(waiting.takeDueRetry(now), plain.takeDueRetry(now)));
              break;
            case "overdue":
              took(same(waiting.takeOverdue(now), plain.takeOverdue(now)));
              break;
            case "evict": {
              const held = plain.length + onTheirWay.length;
              const evicted = waiting.evict(held).map(({ id }) => id);
              const expected = plain.evict(onTheirWay.length).map(({ id }) => id);
              assert.deepEqual(evicted, expected);
              break;
            }
            case "wait":
              if ("millis" in operation) now += operation.millis;
          }
          assert.equal(waiting.nextDue, plain.nextDue);
        }
      }),
      { numRuns: 400 },
    );
  });
}
