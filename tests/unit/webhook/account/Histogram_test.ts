import assert from "node:assert/strict";
import { Histogram } from "../../../../src/webhook/account/Histogram.ts";

Deno.test("Histogram counts a value in the first range whose end it does not exceed, and what is beyond the last", () => {
  const histogram = new Histogram([1, 2.5, 10]);
  for (const value of [0, 1, 1.1, 2.5, 9, 10, 10.1, 1000]) histogram.add(value);
  const { ends, counts, sum } = histogram.snapshot();
  assert.deepEqual(ends, [1, 2.5, 10]);
  assert.deepEqual([...counts], [2, 2, 2, 2]);
  assert.ok(Math.abs(sum - 1033.7) < 1e-9);
});

Deno.test("Histogram.snapshot stays as it is when more is counted", () => {
  const histogram = new Histogram([1]);
  const { counts } = histogram.snapshot();
  histogram.add(0);
  assert.deepEqual([...counts], [0, 0]);
});
