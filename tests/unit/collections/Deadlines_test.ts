import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import type { Deadline } from "../../../src/collections/Deadlines.ts";
import { Deadlines } from "../../../src/collections/Deadlines.ts";

Deno.test("Deadlines run in order of time at the first runDue at or after it, each once", () => {
  const deadlines = new Deadlines();
  const ran: Array<number> = [];
  for (const at of [50, 10, 40, 20, 30]) deadlines.schedule(at, () => ran.push(at));
  deadlines.runDue(9);
  assert.deepEqual(ran, []);
  deadlines.runDue(10);
  assert.deepEqual(ran, [10]);
  deadlines.runDue(35);
  assert.deepEqual(ran, [10, 20, 30]);
  deadlines.runDue(1000);
  deadlines.runDue(1000);
  assert.deepEqual(ran, [10, 20, 30, 40, 50]);
  assert.equal(deadlines.size, 0);
});

Deno.test("Deadlines tell what runs the time that it is", () => {
  const deadlines = new Deadlines();
  let told = 0;
  deadlines.schedule(10, (now) => told = now);
  deadlines.runDue(25);
  assert.equal(told, 25);
});

Deno.test("Deadlines that are cancelled leave at once and never run, and may be cancelled twice", () => {
  const deadlines = new Deadlines();
  const deadline = deadlines.schedule(10, () => assert.fail());
  deadlines.schedule(20, () => {});
  deadlines.cancel(deadline);
  deadlines.cancel(deadline);
  assert.equal(deadlines.size, 1);
  deadlines.runDue(100);
  deadlines.cancel(deadline);
  assert.equal(deadlines.size, 0);
});

Deno.test("Deadlines may be scheduled and cancelled by what runs; the past runs in the same call", () => {
  const deadlines = new Deadlines();
  const ran: Array<string> = [];
  const victim = deadlines.schedule(30, () => ran.push("victim"));
  deadlines.schedule(10, () => {
    ran.push("first");
    deadlines.cancel(victim);
    deadlines.schedule(5, () => ran.push("past"));
    deadlines.schedule(200, () => ran.push("future"));
  });
  deadlines.runDue(100);
  assert.deepEqual(ran, ["first", "past"]);
  assert.equal(deadlines.size, 1);
});

Deno.test("Deadlines run exactly what a sorted list would run, whatever is scheduled and cancelled", () => {
  const step = fc.record({ at: fc.nat(50), cancel: fc.option(fc.nat(30)), pass: fc.nat(5) });
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const deadlines = new Deadlines();
    const ran: Array<number> = [];
    let model: Array<{ readonly at: number; readonly deadline: Deadline }> = [];
    let now = 0;
    for (const { at, cancel, pass } of steps) {
      const due = now + at;
      model.push({ at: due, deadline: deadlines.schedule(due, () => ran.push(due)) });
      const victim = cancel === null ? undefined : model[cancel];
      if (victim !== undefined) {
        deadlines.cancel(victim.deadline);
        model = model.filter((entry) => entry !== victim);
      }
      now += pass;
      ran.length = 0;
      deadlines.runDue(now);
      const expected = model.filter((entry) => entry.at <= now).map((entry) => entry.at);
      assert.deepEqual(ran, expected.sort((a, b) => a - b));
      model = model.filter((entry) => entry.at > now);
      assert.equal(deadlines.size, model.length);
    }
  }));
});

Deno.test("Deadlines tell when one is scheduled before all others, and when the first is due", () => {
  const told: Array<number> = [];
  const deadlines = new Deadlines((at) => told.push(at));
  assert.equal(deadlines.nextAt, Infinity);
  deadlines.schedule(20, () => {});
  deadlines.schedule(20, () => {});
  const first = deadlines.schedule(10, () => {});
  deadlines.schedule(15, () => {});
  assert.deepEqual(told, [20, 10]);
  assert.equal(deadlines.nextAt, 10);
  deadlines.cancel(first);
  assert.equal(deadlines.nextAt, 15);
});
