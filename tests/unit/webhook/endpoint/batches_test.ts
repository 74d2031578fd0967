/** Waiting with batches beside a plain one of arrays, whatever is asked of both in whatever order. */
import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import type { BatchSettings } from "../../../../src/domain/WebHookSettings.ts";
import { ClientShares } from "../../../../src/webhook/account/ClientShares.ts";
import type { Sending } from "../../../../src/webhook/attempt/Batch.ts";
import { Batch, carriedBy, joinedBytes } from "../../../../src/webhook/attempt/Batch.ts";
import type { Delivery } from "../../../../src/webhook/attempt/Delivery.ts";
import { Waiting } from "../../../../src/webhook/endpoint/Waiting.ts";

const BATCHES: BatchSettings = { form: "array", maxEvents: 4, maxBytes: 60, maxDelay: 50 };

const delivery = (id: number, lane: string | undefined, length: number): Delivery => ({
  id,
  event: 0,
  seq: id,
  born: 0,
  lane,
  slab: { bytes: new Uint8Array(length), live: 0 },
  offset: 0,
  length,
  retry: undefined,
  dueAt: 0,
  schedule: undefined,
});

const idsOf = (sending: Sending | undefined): ReadonlyArray<number> =>
  sending === undefined ? [] : carriedBy(sending).map(({ id }) => id);

/** The rules as they read, by ids. */
class PlainBatches {
  /** Never attempted, the oldest first. */
  fresh: Array<Delivery> = [];
  /** Of split batches: each goes alone, when nothing of its lane is on its way. */
  alone: Array<Delivery> = [];
  urgent: Array<ReadonlyArray<Delivery>> = [];
  retries: Array<{ readonly due: number; readonly batch: ReadonlyArray<Delivery> }> = [];
  /** Lanes of which something was taken out that has not ended. */
  away = new Set<string>();

  #mayGo({ lane }: Delivery): boolean {
    return lane === undefined || !this.away.has(lane);
  }

  get candidates(): ReadonlyArray<Delivery> {
    return this.fresh.filter((one) => this.#mayGo(one));
  }

  get fills(): boolean {
    const { candidates } = this;
    return candidates.length >= BATCHES.maxEvents ||
      joinedBytes(candidates, BATCHES.form) >= BATCHES.maxBytes;
  }

  next(): ReadonlyArray<Delivery> {
    const urgent = this.urgent.shift();
    if (urgent !== undefined) return urgent;
    const batch: Array<Delivery> = [];
    for (const one of this.candidates) {
      const more = joinedBytes([...batch, one], BATCHES.form) > BATCHES.maxBytes;
      if (batch.length === BATCHES.maxEvents || (batch.length > 0 && more)) break;
      batch.push(one);
    }
    for (const { lane } of batch) if (lane !== undefined) this.away.add(lane);
    this.fresh = this.fresh.filter((one) => !batch.includes(one));
    return batch;
  }

  end(batch: ReadonlyArray<Delivery>): void {
    for (const lane of new Set(batch.map(({ lane }) => lane))) {
      if (lane === undefined) continue;
      const next = this.alone.find((one) => one.lane === lane);
      if (next === undefined) this.away.delete(lane);
      else {
        this.alone.splice(this.alone.indexOf(next), 1);
        this.urgent.push([next]);
      }
    }
  }

  split(batch: ReadonlyArray<Delivery>): void {
    const first = batch.filter(({ lane }, i) =>
      lane === undefined || batch.findIndex((one) => one.lane === lane) === i
    );
    this.urgent.push(...first.map((one) => [one]));
    this.alone.push(...batch.filter((one) => !first.includes(one)));
  }

  takeDue(now: number): ReadonlyArray<Delivery> {
    const [first] = this.retries.toSorted((a, b) => a.due - b.due || a.batch[0]!.id - b.batch[0]!.id // none is empty
    );
    if (first === undefined || first.due > now) return [];
    this.retries.splice(this.retries.indexOf(first), 1);
    return first.batch;
  }
}

const operation = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("add"),
      lane: fc.constantFrom(undefined, "a", "b"),
      length: fc.oneof({ weight: 9, arbitrary: fc.nat(16) }, fc.nat(70)),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("next") }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("end", "again", "split", "retry"),
      which: fc.nat(5),
      after: fc.nat(20),
    }),
  },
  fc.record({ do: fc.constantFrom("due", "oldest", "reload") }),
);

Deno.test("Waiting gathers batches as a plain one of arrays does, whatever is asked of it", () => {
  let splits = 0;
  let largest = 0;
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80, size: "max" }), (operations) => {
      const waiting = new Waiting(false, new ClientShares(10_000, 1, () => {}));
      waiting.setBatches(BATCHES);
      const plain = new PlainBatches();
      const onTheirWay: Array<Sending> = [];
      let now = 0;
      let id = 0;
      for (const operation of operations) {
        const which = "which" in operation ? operation.which % (onTheirWay.length || 1) : 0;
        const one = "which" in operation ? onTheirWay.splice(which, 1)[0] : undefined;
        const carried = one === undefined ? [] : carriedBy(one);
        switch (operation.do) {
          case "add": {
            if (!("lane" in operation)) break;
            const added = delivery(++id, operation.lane, operation.length);
            plain.fresh.push(added);
            assert.equal(waiting.add(added), plain.candidates.includes(added));
            break;
          }
          case "next": {
            assert.equal(waiting.hasNext(false), plain.urgent.length > 0);
            const taken = waiting.next(false);
            assert.deepEqual(idsOf(taken), plain.next().map(({ id }) => id));
            if (taken === undefined) break;
            assert.ok(taken instanceof Batch);
            largest = Math.max(largest, taken.deliveries.length);
            onTheirWay.push(taken);
            break;
          }
          case "end":
            if (one) waiting.leave(one), plain.end(carried);
            break;
          case "again":
            if (one) waiting.again(one), plain.urgent.push(carried);
            break;
          case "split":
            if (one instanceof Batch) waiting.split(one), plain.split(carried), splits++;
            break;
          case "retry":
            if (one && "after" in operation) {
              waiting.retry(one, now + operation.after);
              plain.retries.push({ due: now + operation.after, batch: carried });
            }
            break;
          case "due": {
            now += 10;
            const due = waiting.takeDueRetry(now);
            assert.deepEqual(idsOf(due), plain.takeDue(now).map(({ id }) => id));
            if (due !== undefined) waiting.again(due), plain.urgent.push(carriedBy(due));
            break;
          }
          case "oldest": {
            const [oldest] = plain.urgent.length > 0 ? plain.urgent : plain.candidates.map((
              one,
            ) => [one]);
            if (oldest === undefined) break;
            assert.deepEqual(idsOf(waiting.takeOldest()), oldest.map(({ id }) => id));
            if (plain.urgent.shift() !== undefined) plain.end(oldest);
            else plain.fresh = plain.fresh.filter((one) => !oldest.includes(one));
            break;
          }
          case "reload": // counts anew what was counted one by one
            if (onTheirWay.length + plain.retries.length + plain.urgent.length > 0) break;
            waiting.setBatches(undefined);
            waiting.setBatches(BATCHES);
        }
        assert.equal(waiting.fillsBatch, plain.fills);
        assert.equal(waiting.freshId, plain.candidates[0]?.id ?? Infinity);
        const all = [...plain.fresh, ...plain.alone, ...plain.urgent.flat()];
        for (const { batch } of plain.retries) all.push(...batch);
        assert.deepEqual(
          waiting.find(() => true).map(({ id }) => id),
          all.map(({ id }) => id).sort((a, b) => a - b),
        );
      }
    }),
    { numRuns: 1000 },
  );
  assert.ok(splits > 100, `${splits} split`);
  assert.equal(largest, BATCHES.maxEvents);
});

Deno.test("Waiting takes batches apart when there are to be none any more: in each lane only the first may go", () => {
  const waiting = new Waiting(false, new ClientShares(10_000, 1, () => {}));
  waiting.setBatches(BATCHES);
  for (const [id, lane] of [[1, "a"], [2, "b"], [3, "a"], [4, undefined]] as const) {
    waiting.add(delivery(id, lane, 2));
  }
  const batch = waiting.next(false);
  assert.deepEqual(idsOf(batch), [1, 2, 3, 4]);
  assert.ok(batch instanceof Batch);
  batch.retry = { failures: 1, deadline: 1000, reason: "timeout" };
  waiting.retry(batch, 500);
  waiting.add(delivery(5, "a", 2));
  waiting.setBatches(undefined);
  const due: Array<Sending> = [];
  for (let one = waiting.takeDueRetry(500); one; one = waiting.takeDueRetry(500)) due.push(one);
  assert.deepEqual(due.map(idsOf), [[1], [2], [4]]);
  assert.ok(due.every((one) => !(one instanceof Batch) && one.retry?.deadline === 1000));
  const next = () => idsOf(waiting.next(false));
  assert.deepEqual(next(), []);
  waiting.leave(due[0]!); // of three
  assert.deepEqual(next(), [3]);
});
