import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import { IdMap } from "../../../src/collections/IdMap.ts";

/** Ids that share their low bits, so that they stand in each other's places. */
const id = fc.oneof(
  fc.nat(40),
  fc.nat(8).map((n) => n * 0x8000_0000),
  fc.nat(8).map((n) => n * 2 ** 32 + 15),
  fc.constantFrom(2 ** 31, 2 ** 31 - 1, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER),
);

Deno.test("IdMap holds what a Map would hold, whatever is added and taken", () => {
  const steps = fc.array(fc.tuple(fc.boolean(), id), { maxLength: 300 });
  fc.assert(fc.property(steps, (steps) => {
    const map = new IdMap<string>();
    const model = new Map<number, string>();
    for (const [adds, id] of steps) {
      if (adds && !model.has(id)) {
        map.add(id, `of ${id}`);
        model.set(id, `of ${id}`);
      } else {
        assert.equal(map.take(id), model.get(id));
        model.delete(id);
      }
      assert.equal(map.size, model.size);
    }
    assert.deepEqual(map.takeAll().sort(), [...model.values()].sort());
    assert.equal(map.size, 0);
    for (const id of model.keys()) assert.equal(map.take(id), undefined);
  }));
});

Deno.test("IdMap keeps a thousand at a time of ids that come one after the other", () => {
  const map = new IdMap<number>();
  for (let id = 0; id < 10_000; id++) {
    map.add(id, 2 * id);
    if (id >= 1000) assert.equal(map.take(id - 1000), 2 * (id - 1000));
  }
  assert.equal(map.size, 1000);
  assert.equal(map.take(8999), undefined);
  assert.equal(map.take(9000), 18_000);
});
