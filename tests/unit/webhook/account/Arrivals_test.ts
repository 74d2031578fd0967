import assert from "node:assert/strict";
import { hookEventNames } from "../../../../src/domain/HookEvent.ts";
import { Arrivals, isArrival, isArrivalEvent } from "../../../../src/webhook/account/Arrivals.ts";

Deno.test("Arrivals are over at a quarter of the capacity, and until half of that is free", () => {
  const arrivals = new Arrivals(80, () => {});
  arrivals.add(19);
  assert.equal(arrivals.isOver, false);
  arrivals.add(1);
  assert.equal(arrivals.isOver, true);
  arrivals.add(-9);
  assert.equal(arrivals.isOver, true);
  arrivals.add(-2);
  assert.equal(arrivals.isOver, false);
});

Deno.test("Arrivals call back when clients may come in again, in a microtask of its own", async () => {
  let relieved = 0;
  const arrivals = new Arrivals(4, () => relieved++);
  arrivals.add(1);
  assert.equal(arrivals.isOver, true);
  arrivals.add(-1);
  assert.equal(relieved, 0);
  await Promise.resolve();
  assert.equal(relieved, 1);
  arrivals.add(2);
  arrivals.resize(100); // so does a larger queue
  await Promise.resolve();
  assert.equal(relieved, 2);
});

Deno.test("Arrivals always have room for one", () => {
  const arrivals = new Arrivals(1, () => {});
  assert.equal(arrivals.isOver, false);
});

Deno.test("isArrival tells by its place what isArrivalEvent tells by its name", () => {
  assert.deepEqual(
    hookEventNames.filter((_, place) => isArrival(place)),
    ["session_created", "client_connect", "client_connack", "client_connected"],
  );
  assert.deepEqual(hookEventNames.filter(isArrivalEvent).length, 4);
});
