import assert from "node:assert/strict";
import { mostWorkers } from "../../../../src/webhook/worker/mostWorkers.ts";

Deno.test("mostWorkers gives what worker_threads says within the cores beside the broker's, and none with two cores", () => {
  const of = (workerThreads: number) =>
    [1, 2, 3, 4, 8].map((cores) => mostWorkers(workerThreads, cores));
  assert.deepEqual(of(3), [0, 0, 2, 3, 3]);
  assert.deepEqual(of(1), [0, 0, 1, 1, 1]);
  assert.deepEqual(of(0), [0, 0, 0, 0, 0]);
});
