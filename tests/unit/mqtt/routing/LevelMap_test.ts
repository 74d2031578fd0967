import assert from "node:assert/strict";
import * as FastCheck from "effect/FastCheck";
import { LevelMap } from "../../../../src/mqtt/routing/LevelMap.ts";

const level = FastCheck.constantFrom("", "a", "b", "c");

const step = FastCheck.oneof(
  FastCheck.record({ _tag: FastCheck.constant("set" as const), level, child: FastCheck.nat() }),
  FastCheck.record({ _tag: FastCheck.constant("delete" as const), level }),
);

Deno.test("LevelMap holds what a Map would hold", () => {
  FastCheck.assert(FastCheck.property(FastCheck.array(step), (steps) => {
    const levels = new LevelMap<number>();
    const model = new Map<string, number>();
    for (const step of steps) {
      if (step._tag === "set") {
        levels.set(step.level, step.child);
        model.set(step.level, step.child);
      } else {
        levels.delete(step.level);
        model.delete(step.level);
      }
      assert.equal(levels.size, model.size);
      for (const name of ["", "a", "b", "c"]) assert.equal(levels.get(name), model.get(name));
      assert.deepEqual(new Map(levels.entries()), model);
    }
  }));
});

Deno.test("LevelMap is walked to its end while entries come and go", () => {
  const levels = new LevelMap<number>();
  levels.set("a", 1);
  const walk = levels.entries();
  levels.set("b", 2);
  levels.delete("a");
  assert.deepEqual([...walk], [["a", 1]]);
  levels.set("c", 3);
  const longer = levels.entries();
  levels.delete("c");
  assert.deepEqual([...longer], [["b", 2]]);
});
