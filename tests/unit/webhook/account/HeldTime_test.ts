import assert from "node:assert/strict";
import { HeldTime } from "../../../../src/webhook/account/HeldTime.ts";

Deno.test("HeldTime adds up the times in which publishers were held, that which goes on too", () => {
  let now = 1000;
  const held = new HeldTime(() => now);
  now += 5000;
  assert.equal(held.seconds, 0);
  held.is(true);
  now += 1500;
  held.is(true); // higher still
  now += 500;
  assert.equal(held.seconds, 2);
  held.is(false);
  held.is(false);
  now += 9000;
  held.is(true);
  now += 250;
  assert.equal(held.seconds, 2.25);
});
