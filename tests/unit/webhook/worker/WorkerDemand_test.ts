import assert from "node:assert/strict";
import { LOOK_MS, WorkerDemand } from "../../../../src/webhook/worker/WorkerDemand.ts";

/** A process whose threads take parts of a core, and what is asked for at each look. */
const looking = (demand: WorkerDemand) => {
  let at = 0;
  const used = { thread: 0, process: 0 };
  demand.look(at, used, false);
  return {
    /** Looks so often, after a time in which so much was used; answers what was asked for, and when. */
    look(looks: number, thread: number, process: number, areThere: boolean) {
      for (let look = 1; look <= looks; look++) {
        at += LOOK_MS;
        used.thread += thread * LOOK_MS;
        used.process += process * LOOK_MS;
        const order = demand.look(at, { ...used }, areThere);
        if (order !== undefined) return [order, look];
      }
      return undefined;
    },
    pause: (milliseconds: number) => void (at += milliseconds),
  };
};

Deno.test("WorkerDemand asks for workers once this thread was busy for two looks in a row", () => {
  const { look } = looking(new WorkerDemand());
  assert.equal(look(100, 0.65, 1.2, false), undefined);
  assert.equal(look(1, 0.9, 1, false), undefined);
  assert.equal(look(1, 0.5, 1, false), undefined); // once more from the beginning
  assert.deepEqual(look(10, 0.9, 1, false), ["start", 2]);
});

Deno.test("WorkerDemand ends workers after half a minute in which this thread could do all, and no sooner", () => {
  const { look } = looking(new WorkerDemand());
  assert.equal(look(200, 0.2, 0.6, true), undefined);
  assert.equal(look(59, 0.2, 0.5, true), undefined);
  assert.equal(look(1, 0.2, 0.6, true), undefined);
  assert.deepEqual(look(100, 0.2, 0.5, true), ["end", 60]);
});

Deno.test("WorkerDemand never has workers come and go by a load that stays as it is", () => {
  // By workers the same load takes all threads together more, never less.
  for (let load = 0; load <= 1; load += 0.01) {
    for (const dearer of [1, 1.2, 2]) {
      const { look } = looking(new WorkerDemand());
      const isStarted = look(10, load, load, false) !== undefined;
      const isEnded = look(200, load / 4, load * dearer, true) !== undefined;
      assert.ok(!(isStarted && isEnded), `${load}, ${dearer} times as dear`);
    }
  }
});

Deno.test("WorkerDemand concludes nothing from a time in which nobody has looked", () => {
  const { look, pause } = looking(new WorkerDemand());
  assert.equal(look(1, 0.9, 0.9, false), undefined);
  pause(10 * LOOK_MS);
  assert.equal(look(1, 20, 20, false), undefined);
  assert.deepEqual(look(2, 0.9, 0.9, false), ["start", 2]);
});
