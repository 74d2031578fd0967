import assert from "node:assert/strict";
import { LoopDelay } from "../../../src/admin/LoopDelay.ts";

Deno.test("LoopDelay tells quantiles within half as much again, the exact maximum, and what there ever was", () => {
  const delay = new LoopDelay();
  for (let i = 0; i < 98; i++) delay.add(2, i);
  delay.add(200, 98);
  delay.add(300, 99);
  const { p50, p99, max, sum, count } = delay.figures();
  assert.ok(p50 >= 0.002 && p50 <= 0.003, `${p50}`);
  assert.ok(p99 >= 0.2 && p99 <= 0.3, `${p99}`);
  assert.equal(max, 0.3);
  assert.ok(Math.abs(sum - (98 * 2 + 500) / 1000) < 1e-9);
  assert.equal(count, 100);
});

Deno.test("LoopDelay forgets what is over a minute old, and knows nothing before the first", () => {
  const delay = new LoopDelay();
  assert.deepEqual(delay.figures(), { p50: 0, p99: 0, max: 0, sum: 0, count: 0 });
  delay.add(500, 0);
  delay.add(1, 31_000);
  assert.equal(delay.figures().max, 0.5);
  delay.add(1, 62_000);
  assert.equal(delay.figures().max, 0.001);
  assert.equal(delay.figures().count, 3);
});

Deno.test("LoopDelay takes a delay beyond its last bucket", () => {
  const delay = new LoopDelay();
  delay.add(1e9, 0);
  assert.equal(delay.figures().p50, 1e6);
});
