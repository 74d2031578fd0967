import assert from "node:assert/strict";
import { onceATurn } from "../../../src/ops/onceATurn.ts";

Deno.test("onceATurn looks once in a turn, and again in the next", async () => {
  let looks = 0;
  const now = onceATurn(() => ++looks);
  assert.deepEqual([now(), now(), now()], [1, 1, 1]);
  await Promise.resolve();
  assert.deepEqual([now(), now()], [2, 2]);
});
