import assert from "node:assert/strict";
import { Backlog, placesOf } from "../../../../src/webhook/account/Backlog.ts";

Deno.test("Backlog is high from 7/8 of its capacity, full at it, and open again at half", () => {
  const backlog = new Backlog(16, 0.5);
  const seen: Array<string> = [];
  for (let n = 0; n < 17; n++) {
    backlog.add(1);
    seen.push(backlog.pressure);
  }
  assert.deepEqual(seen.slice(0, 13), Array(13).fill("open"));
  assert.deepEqual(seen.slice(13), ["high", "high", "full", "full"]);
  while (backlog.count > 9) {
    backlog.add(-1);
    assert.notEqual(backlog.pressure, "open");
  }
  backlog.add(-1);
  assert.equal(backlog.pressure, "open");
});

Deno.test("Backlog calls back each time its pressure falls, in a microtask of its own", async () => {
  const backlog = new Backlog(8, 0.5);
  const seen: Array<string> = [];
  backlog.onRelief(() => seen.push(backlog.pressure));
  backlog.add(8);
  backlog.add(-1);
  assert.deepEqual(seen, []);
  await Promise.resolve();
  backlog.add(-3);
  await Promise.resolve();
  assert.deepEqual(seen, ["high", "open"]);
});

Deno.test("Backlog leaves what failing endpoints hold out of its pressure, and tells their excess", () => {
  const backlog = new Backlog(100, 0.5);
  backlog.add(100);
  assert.equal(backlog.pressure, "full");
  backlog.addFailing(60);
  assert.equal(backlog.failingExcess, 10);
  assert.equal(backlog.pressure, "full"); // 40 of 40
  backlog.add(-30);
  assert.equal(backlog.pressure, "open"); // 10 of 40
  backlog.addFailing(-60);
  assert.equal(backlog.pressure, "open"); // 70 of 100
});

Deno.test("Backlog lets failing endpoints never have more than 7/8, and always one", () => {
  const full = new Backlog(80, 1);
  full.addFailing(70);
  assert.equal(full.failingExcess, 0);
  const tiny = new Backlog(1, 0.5);
  tiny.addFailing(1);
  assert.equal(tiny.failingExcess, 0);
});

Deno.test("placesOf counts one place for each KB begun, so that large bodies are bounded too", () => {
  const sizes = [0, 1, 1024, 1025, 2048, 1024 * 1024];
  assert.deepEqual(sizes.map(placesOf), [1, 1, 1, 2, 2, 1024]);
});

Deno.test("Backlog is crowded from 15/16 on until it is open again, since when clients that come in wait", () => {
  const backlog = new Backlog(32, 0.5);
  backlog.add(29);
  assert.deepEqual([backlog.pressure, backlog.isCrowded], ["high", false]);
  backlog.add(1);
  assert.equal(backlog.isCrowded, true);
  backlog.add(-13);
  assert.deepEqual([backlog.pressure, backlog.isCrowded], ["high", true]);
  backlog.add(-1);
  assert.deepEqual([backlog.pressure, backlog.isCrowded], ["open", false]);
});

Deno.test("Backlog has room for bodies while they take less than failing endpoints leave, whatever waits as events", () => {
  const backlog = new Backlog(100, 0.5);
  backlog.addEvent(500);
  assert.equal(backlog.pressure, "full");
  assert.equal(backlog.hasRoom, true);
  backlog.encode(100);
  assert.equal(backlog.hasRoom, false); // 100 of 100
  backlog.addFailing(40);
  assert.equal(backlog.hasRoom, false); // 60 of 60
  backlog.add(-1);
  assert.equal(backlog.hasRoom, true);
});

Deno.test("Backlog tells once that there is room, when an eighth of it is free again", () => {
  const backlog = new Backlog(80, 0.5);
  let told = 0;
  backlog.addEvent(80);
  backlog.encode(80);
  backlog.whenRoom(() => told++);
  backlog.add(-10);
  assert.equal(told, 0);
  backlog.add(-1);
  assert.equal(told, 1);
  backlog.add(-1);
  assert.equal(told, 1);
});

Deno.test("Backlog tells of room at the next count to who asks for it where there is enough", () => {
  const backlog = new Backlog(80, 0.5);
  let told = 0;
  backlog.add(1);
  backlog.whenRoom(() => told++);
  backlog.add(1);
  assert.equal(told, 1);
});
