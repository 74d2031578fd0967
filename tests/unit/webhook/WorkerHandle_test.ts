/** What a worker's handle does with attempts that the worker has not got yet. */
import assert from "node:assert/strict";
import type { Delivery, Outcome } from "../../../src/webhook/Delivery.ts";
import type { Attempting } from "../../../src/webhook/Executor.ts";
import { WorkerHandle } from "../../../src/webhook/WorkerHandle.ts";
import { retryPolicy } from "./harness.ts";

const delivery = (id: number): Delivery => ({
  id,
  event: 0,
  seq: 1,
  lane: undefined,
  slab: { bytes: new Uint8Array(2), live: 2 },
  offset: 0,
  length: 2,
  retry: undefined,
  dueAt: 0,
});

Deno.test("WorkerHandle gives back what is recalled before its worker has started, and loses the rest with it", async () => {
  const outcomes: Array<readonly [number, Outcome["_tag"]]> = [];
  const endpoint = (key: number): Attempting => ({
    key,
    settings: {
      url: "http://host/",
      headers: [],
      caFile: undefined,
      httpTimeout: 8_000,
      concurrencyLimit: 4,
      retry: retryPolicy,
    },
    complete: ({ id }, { _tag }) => outcomes.push([id, _tag]),
  });
  const handle = new WorkerHandle({
    module: new URL("data:text/javascript,"), // never says that it is ready
    start: { _tag: "Start", httpClient: "pool", permits: 2, idPrefix: "" },
    endpoints: () => [],
    onReady: () => {},
    onDeath: () => {},
  });
  handle.start();
  for (const [key, id] of [[1, 10], [2, 11], [1, 12]] as const) {
    handle.attempt(endpoint(key), delivery(id));
  }
  handle.recall(1);
  assert.deepEqual(outcomes, [], "never before it returns");
  await Promise.resolve();
  assert.deepEqual(outcomes, [[10, "Returned"], [12, "Returned"]]);
  handle.stop();
  assert.deepEqual(outcomes.slice(2), [[11, "Lost"]]);
});
