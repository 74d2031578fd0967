import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import { GroupIndex } from "../../../../src/webhook/outbox/GroupIndex.ts";

Deno.test("GroupIndex finds what a Map would, however often ids are set and taken", () => {
  const id = fc.oneof(fc.nat(300), fc.nat(300).map((n) => 2 ** 40 + n));
  const step = fc.tuple(id, fc.option(fc.nat(400), { nil: undefined }));
  fc.assert(
    fc.property(fc.array(step, { size: "max", maxLength: 2000 }), (steps) => {
      const index = new GroupIndex();
      const model = new Map<number, object>();
      const groups = Array.from({ length: 401 }, (_, row) => ({ row, open: 0 }));
      for (const [id, row] of steps) {
        if (row === undefined) {
          assert.equal(index.take(id), model.get(id));
          model.delete(id);
        } else {
          index.set(id, groups[row]!);
          model.set(id, groups[row]!);
        }
        assert.equal(index.get(id), model.get(id));
      }
      for (const [id, group] of model) assert.equal(index.get(id), group);
    }),
  );
});

Deno.test("GroupIndex has room on a page for more groups in turn than it has ids", () => {
  const index = new GroupIndex();
  for (let row = 0; row < 1000; row++) {
    const group = { row, open: 1 };
    index.set(row % 128, group);
    assert.equal(index.get(row % 128), group);
    if (row > 0) assert.equal(index.get((row - 1) % 128)?.row, row - 1);
  }
});
