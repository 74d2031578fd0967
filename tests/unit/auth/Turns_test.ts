import assert from "node:assert/strict";
import { Turns } from "../../../src/auth/Turns.ts";

const wanted = () => true;

/** A task that ends when it is told to. */
const task = () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const state = { started: false, end: resolve };
  return {
    state,
    run: () => {
      state.started = true;
      return promise;
    },
  };
};

Deno.test("Turns runs as many tasks at once as it may, and the next ones in their order", async () => {
  const turns = new Turns(2, 10);
  const tasks = [task(), task(), task(), task()] as const;
  const results = tasks.map(({ run }) => turns.run(run, wanted));
  const started = () => tasks.map(({ state }) => state.started);
  assert.deepEqual(started(), [true, true, false, false]);
  tasks[1].state.end("b");
  assert.equal(await results[1], "b");
  assert.deepEqual(started(), [true, true, true, false]);
  tasks[0].state.end("a");
  tasks[2].state.end("c");
  tasks[3].state.end("d");
  assert.deepEqual(await Promise.all(results), ["a", "b", "c", "d"]);
});

Deno.test("Turns refuses what comes when as many wait as may, and takes more when one has ended", async () => {
  const turns = new Turns(1, 1);
  const [first, second] = [task(), task()];
  const results = [turns.run(first.run, wanted), turns.run(second.run, wanted)];
  assert.equal(turns.isFull, true);
  assert.equal(await turns.run(() => Promise.resolve("third"), wanted), undefined);
  first.state.end("a");
  await results[0];
  assert.equal(turns.isFull, false);
  second.state.end("b");
  await results[1];
});

Deno.test("Turns passes over what is not wanted any more at its turn", async () => {
  const turns = new Turns(1, 10);
  const [first, gone, last] = [task(), task(), task()];
  void turns.run(first.run, wanted);
  const passedOver = turns.run(gone.run, () => false);
  const done = turns.run(last.run, wanted);
  first.state.end("a");
  assert.equal(await passedOver, undefined);
  assert.equal(gone.state.started, false);
  last.state.end("c");
  assert.equal(await done, "c");
});

Deno.test("Turns gives the place of a task that failed to the next", async () => {
  const turns = new Turns(1, 10);
  const failed = turns.run(() => Promise.reject(new Error("no")), wanted);
  const next = turns.run(() => Promise.resolve("yes"), wanted);
  await assert.rejects(failed, /no/);
  assert.equal(await next, "yes");
});
