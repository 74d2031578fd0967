/** What a worker's handle does with attempts that the worker has not got yet, and with their outcomes. */
import assert from "node:assert/strict";
import type { Delivery } from "../../../../src/webhook/attempt/Delivery.ts";
import type { Outcome } from "../../../../src/webhook/attempt/Attempt.ts";
import type { Attempting } from "../../../../src/webhook/attempt/Executor.ts";
import { WorkerHandle } from "../../../../src/webhook/worker/WorkerHandle.ts";
import { retryPolicy } from "../harness.ts";

const delivery = (id: number): Delivery => ({
  id,
  event: 0,
  seq: 1,
  born: 0,
  lane: undefined,
  slab: { bytes: new Uint8Array(2), live: 2 },
  offset: 0,
  length: 2,
  retry: undefined,
  dueAt: 0,
  schedule: undefined,
});

type Told = readonly [id: number, outcome: Outcome["_tag"], status?: number];

const endpointOf = (key: number, tell: (told: Told) => void): Attempting => ({
  key,
  settings: {
    url: "http://host/",
    name: "http://host/",
    headers: [],
    signingKeys: [],
    payload: "base64",
    identity: undefined,
    ca: undefined,
    httpTimeout: 8_000,
    concurrencyLimit: 4,
    retry: retryPolicy,
    batch: undefined,
    compression: "none",
    rateLimit: undefined,
  },
  complete: ({ id }, { _tag }, _, status) =>
    tell(status === undefined ? [id, _tag] : [id, _tag, status]),
});

Deno.test("WorkerHandle gives back what is recalled before its worker has started, and loses the rest with it", async () => {
  const outcomes: Array<Told> = [];
  const handle = new WorkerHandle({
    module: new URL("data:text/javascript,"), // never says that it is ready
    start: { _tag: "Start", httpClient: "pool", permits: 2, idPrefix: "" },
    endpoints: () => [],
    now: () => 0,
    onReady: () => {},
    onDeath: () => {},
  });
  handle.start();
  for (const [key, id] of [[1, 10], [2, 11], [1, 12]] as const) {
    handle.attempt(endpointOf(key, (told) => outcomes.push(told)), delivery(id));
  }
  handle.recall(1);
  assert.deepEqual(outcomes, [], "never before it returns");
  await Promise.resolve();
  assert.deepEqual(outcomes, [[10, "Returned"], [12, "Returned"]]);
  handle.stop();
  assert.deepEqual(outcomes.slice(2), [[11, "Lost"]]);
});

Deno.test("WorkerHandle tells outcomes in the order in which attempts ended, since a breaker counts failures in a row", async () => {
  const failure = { _tag: "Failed", reason: "timeout", detail: "", retryable: true, gone: false };
  const fault = { kind: "header", detail: "" };
  const ended = [
    10,
    { id: 11, ...failure },
    { _tag: "Delivered", id: 12, fault },
    { id: 13, ...failure },
  ];
  const worker = `onmessage = ({ data }) => {
    if (data._tag === "Start") postMessage({ _tag: "Ready" });
    if (data._tag === "Attempts") {
      postMessage({ _tag: "Outcomes", ended: ${
    JSON.stringify(ended)
  }, took: new Float32Array(${ended.length}), statuses: Uint16Array.of(200, 0, 202, 0), returned: [] });
    }
  }`;
  const outcomes: Array<Told> = [];
  const all = Promise.withResolvers<void>();
  const endpoint = endpointOf(1, (told) => {
    if (outcomes.push(told) === ended.length) all.resolve();
  });
  const handle = new WorkerHandle({
    module: new URL(`data:text/javascript,${encodeURIComponent(worker)}`),
    start: { _tag: "Start", httpClient: "pool", permits: 4, idPrefix: "" },
    endpoints: () => [],
    now: () => 0,
    onReady: () => {},
    onDeath: (reason) => all.reject(new Error(reason)),
  });
  handle.start();
  for (const id of [13, 12, 11, 10]) handle.attempt(endpoint, delivery(id));
  await all.promise;
  handle.stop();
  assert.deepEqual(outcomes, [
    [10, "Delivered", 200],
    [11, "Failed"],
    [12, "Delivered", 202],
    [13, "Failed"],
  ]);
});
