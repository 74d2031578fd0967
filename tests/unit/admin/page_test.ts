import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import { pageOf } from "../../../src/admin/page.ts";

const page = (all: Iterable<number>, limit: number, rowsOf = (n: number) => [n]) =>
  Effect.runPromise(pageOf(all, limit, rowsOf, String));

Deno.test("pageOf answers no next page where the last one is full to the row", async () => {
  assert.deepEqual(await page([1, 2, 3], 2), { rows: [1, 2], next: "2" });
  assert.deepEqual(await page([1, 2], 2), { rows: [1, 2], next: undefined });
  assert.deepEqual(await page([], 2), { rows: [], next: undefined });
});

Deno.test("pageOf lets others have their turn while it looks through many for few", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const many = Array.from({ length: 100_000 }, (_, i) => i);
  const { rows } = await page(many, 10, (n) => n === 99_999 ? [n] : []);
  clearInterval(timer);
  assert.deepEqual(rows, [99_999]);
  assert.ok(turns > 5, `${turns} turns`);
});
