import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import { Deque } from "../../../src/collections/Deque.ts";

type Step = { readonly push: number } | "shift" | { readonly keep: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.nat(9).map((push) => ({ push })) },
  { weight: 4, arbitrary: fc.constant<Step>("shift") },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }).map((keep) => ({ keep })) },
);

Deno.test("Deque holds what an array would hold, whatever is pushed, shifted and filtered", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const deque = new Deque<number>();
    const model: Array<number> = [];
    for (const step of steps) {
      if (step === "shift") assert.equal(deque.shift(), model.shift());
      else if ("push" in step) {
        deque.push(step.push);
        model.push(step.push);
      } else {
        const keep = (item: number) => item % step.keep === 0;
        deque.filter(keep);
        model.splice(0, Infinity, ...model.filter(keep));
      }
      assert.equal(deque.length, model.length);
      assert.equal(deque.peek(), model[0]);
      assert.deepEqual([...deque], model);
    }
  }));
});

Deno.test("Deque gives items back in their order through growth, wrap-around and shrinking", () => {
  const deque = new Deque<number>();
  let pushed = 0;
  let shifted = 0;
  for (const [grow, shrink] of [[100, 40], [3, 60], [1000, 990], [5, 18]] as const) {
    for (let i = 0; i < grow; i++) deque.push(pushed++);
    for (let i = 0; i < shrink; i++) assert.equal(deque.shift(), shifted++);
  }
  assert.equal(deque.length, pushed - shifted);
  while (deque.length > 0) assert.equal(deque.shift(), shifted++);
  assert.equal(shifted, pushed);
  assert.equal(deque.shift(), undefined);
  assert.equal(deque.peek(), undefined);
});
