import * as assert from "node:assert/strict";
import * as FastCheck from "effect/FastCheck";
import { BodySlabs } from "../../../../src/webhook/body/BodySlab.ts";
import type { Delivery } from "../../../../src/webhook/attempt/Delivery.ts";
import { ReadyQueue } from "../../../../src/webhook/endpoint/ReadyQueue.ts";
import { textOf, writeText } from "../bodies.ts";

const deliveryOf = (slabs: BodySlabs, id: number, seq = 1_795_495_413_060 + id): Delivery => {
  const ref = slabs.write(`body ${id}`, writeText);
  slabs.retain(ref.slab, ref.length);
  return {
    id,
    event: id % 15,
    seq,
    born: 1_795_495_413_060 + 3 * id,
    lane: id % 7 === 0 ? `client ${id}` : undefined,
    ...ref,
    retry: undefined,
    dueAt: 0,
    schedule: undefined,
  };
};

Deno.test("ReadyQueue gives out what was put in, in its order, as an array would", () => {
  const step = FastCheck.record({ push: FastCheck.nat(700), shift: FastCheck.nat(700) });
  FastCheck.assert(
    FastCheck.property(FastCheck.array(step, { maxLength: 6 }), (steps) => {
      const slabs = new BodySlabs();
      const queue = new ReadyQueue();
      const model: Array<Delivery> = [];
      let id = 1;
      for (const { push, shift } of steps) {
        for (let i = 0; i < push; i++) {
          const delivery = deliveryOf(slabs, id++);
          queue.push(delivery);
          model.push(delivery);
        }
        for (let i = 0; i < shift; i++) {
          const wanted = model.shift();
          const got = queue.shift();
          assert.ok(got?.slab === wanted?.slab); // deepEqual would walk through it
          assert.deepEqual({ ...got, slab: 0 }, { ...wanted, slab: 0 });
        }
        assert.equal(queue.length, model.length);
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("ReadyQueue keeps numbers that are far apart", () => {
  const slabs = new BodySlabs();
  const queue = new ReadyQueue();
  const numbers: ReadonlyArray<readonly [id: number, seq: number]> = [
    [1, 2 ** 52],
    [2, 1],
    [3, 2 ** 31],
    [4, 2 ** 31 + 1],
    [2 ** 32 + 1, 2 ** 31 + 1],
    [2 ** 32 + 2, 2 ** 53 - 1],
    [2 ** 50, 0],
    [7, 2 ** 31], // a dead letter that is sent again
    [2 ** 53 - 1, 2 ** 53 - 1],
  ];
  for (let round = 0; round < 3; round++) {
    for (const [id, seq] of numbers) queue.push(deliveryOf(slabs, id, seq));
    const got = numbers.map(() => queue.shift());
    assert.deepEqual(got.map((delivery) => [delivery?.id, delivery?.seq]), numbers);
    assert.equal(queue.length, 0);
  }
});

Deno.test("ReadyQueue moves its bodies out of slabs that are mostly unused", () => {
  const slabs = new BodySlabs();
  const queue = new ReadyQueue();
  let passing = 0;
  const ids: Array<number> = [];
  for (let id = 1; slabs.allocatedBytes < 32 * 1024 * 1024; id++) {
    if (id % 100 === 0) {
      queue.push(deliveryOf(slabs, id));
      ids.push(id);
    } else {
      const { slab, length } = slabs.write("x".repeat(600), writeText);
      slabs.retain(slab, length);
      slabs.release(slab, length);
      passing++;
    }
    if (slabs.sparse) break;
  }
  assert.ok(passing > 10_000);
  for (let i = 0; i < 5; i++) queue.shift();
  queue.compact(slabs);
  assert.ok(!slabs.sparse, `${slabs.allocatedBytes} bytes for ${slabs.liveBytes}`);
  for (const id of ids.slice(5)) {
    const delivery = queue.shift();
    assert.ok(delivery !== undefined);
    assert.equal(delivery.id, id);
    assert.equal(textOf(delivery), `body ${id}`);
  }
});

Deno.test("ReadyQueue moves the same bodies again and again", () => {
  const slabs = new BodySlabs();
  const queue = new ReadyQueue();
  for (let id = 1; id <= 5; id++) queue.push(deliveryOf(slabs, id));
  for (let round = 0; round < 1_500; round++) {
    const { slab, length } = slabs.write("x".repeat(60_000), writeText); // the next slab
    slabs.retain(slab, length);
    slabs.release(slab, length);
    queue.compact(slabs);
  }
  for (let id = 1; id <= 5; id++) {
    const delivery = queue.shift();
    assert.equal(delivery?.id, id);
    assert.equal(textOf(delivery), `body ${id}`);
    slabs.release(delivery.slab, delivery.length);
  }
  assert.equal(slabs.liveBytes, 0);
  assert.equal(slabs.allocatedBytes, 65_536);
});
