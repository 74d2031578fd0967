/** How long deliveries should take, by how fast those before have ended. */
import assert from "node:assert/strict";
import { EndPace } from "../../../../src/webhook/endpoint/EndPace.ts";

const ended = (pace: EndPace, ends: number) => {
  for (let i = 0; i < ends; i++) pace.end();
};

Deno.test("EndPace knows nothing before it has counted for a while, nor after nobody has asked", () => {
  const pace = new EndPace();
  assert.equal(pace.until(1, 0), Infinity);
  ended(pace, 100);
  assert.equal(pace.until(1, 9), Infinity);
  assert.equal(pace.until(100, 10), 10);
  ended(pace, 100);
  assert.equal(pace.until(100, 20), 10);
  assert.equal(pace.until(100, 1020) > 10, true);
});

Deno.test("EndPace follows a pace that changes, half by half", () => {
  const pace = new EndPace();
  pace.until(0, 0);
  ended(pace, 100);
  assert.equal(pace.until(60, 10), 6);
  ended(pace, 20);
  assert.equal(pace.until(60, 20), 10); // 6 in a millisecond
  assert.equal(pace.until(60, 30), 20); // 3: nothing has ended
});
