import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import { monotonicMillis } from "../../../src/ops/monotonic.ts";

Deno.test("monotonicMillis does not follow the wall clock, and goes on", () => {
  const clock = Effect.runSync(Effect.clock);
  const wall = Date.now;
  const before = monotonicMillis(clock);
  for (const hours of [1, -1]) {
    Date.now = () => wall() + hours * 3_600_000;
    try {
      const after = monotonicMillis(clock);
      assert.ok(after >= before && after < before + 60_000, `${after - before} ms`);
    } finally {
      Date.now = wall;
    }
  }
});
