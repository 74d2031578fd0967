import assert from "node:assert/strict";
import { FairShare } from "../../../src/net/FairShare.ts";

const bytes = new Uint8Array(10_000).map((_, i) => i);

/** Keeps the processor busy. */
const work = (milliseconds: number): void => {
  for (const end = performance.now() + milliseconds; performance.now() < end;);
};

Deno.test("FairShare hands over all bytes in their order", async () => {
  const given: Array<number> = [];
  await new FairShare().give(bytes, (piece) => given.push(...piece));
  assert.deepEqual(given, [...bytes]);
});

Deno.test("FairShare lets others have their turn while one client's bytes take long", async () => {
  let turns = 0;
  const others = setInterval(() => turns++, 0);
  await new FairShare().give(bytes, () => work(12));
  clearInterval(others);
  assert.ok(turns >= 2, `${turns} turns`);
});
