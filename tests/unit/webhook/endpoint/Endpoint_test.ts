/** One endpoint alone, over an executor that keeps what it is given: what it tells the others. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import * as LogLevel from "effect/LogLevel";
import * as Runtime from "effect/Runtime";
import { Arrivals } from "../../../../src/webhook/account/Arrivals.ts";
import { Backlog, placesOf } from "../../../../src/webhook/account/Backlog.ts";
import { ClientShares } from "../../../../src/webhook/account/ClientShares.ts";
import { DeliveryPace } from "../../../../src/webhook/account/DeliveryPace.ts";
import { EndpointCounters } from "../../../../src/webhook/account/Metrics.ts";
import { BodySlabs } from "../../../../src/webhook/body/BodySlab.ts";
import type { Attempt } from "../../../../src/webhook/attempt/Attempt.ts";
import { DELIVERED, RETURNED } from "../../../../src/webhook/attempt/Attempt.ts";
import { fromStatus, timedOut } from "../../../../src/webhook/attempt/DeliveryError.ts";
import { DeliveryTap } from "../../../../src/webhook/tap/DeliveryTap.ts";
import { LimitedLog } from "../../../../src/ops/LimitedLog.ts";
import type { EndpointOwner } from "../../../../src/webhook/endpoint/Endpoint.ts";
import { Endpoint } from "../../../../src/webhook/endpoint/Endpoint.ts";
import { A, settingsOf } from "../harness.ts";

/** An endpoint, what its executor was given, and what it said. Its owner is a plain one. */
const endpointWith = (owner: Partial<EndpointOwner>) => {
  const silent = Logger.minimumLogLevel(LogLevel.None);
  const runtime = Effect.runSync(Effect.provide(Effect.runtime<never>(), silent));
  const clock = Effect.runSync(Effect.clock);
  const backlog = new Backlog(100, 0.5);
  const attempted: Array<Attempt> = [];
  let now = 0;
  const counters = new EndpointCounters(A);
  const endpoint = new Endpoint(
    0,
    settingsOf().endpoints.get(A)!, // its rules name it
    {
      clock,
      now: () => now,
      runSync: Runtime.runSync(runtime),
      log: new LimitedLog(runtime, clock),
      backlog,
      arrivals: new Arrivals(100, backlog.relieve),
      shares: new ClientShares(100, 1, () => {}),
      pace: new DeliveryPace(),
      slabs: new BodySlabs(),
      tap: new DeliveryTap("test-"),
      disk: undefined,
      letters: undefined,
      onShortage: () => {},
      breakerFailures: () => 20,
    },
    {
      shedExcess: () => {},
      mostOnDisk: () => undefined,
      onSettled: () => {},
      onLeft: () => {},
      ...owner,
    },
    counters,
    {
      executor: {
        prepare: () => Effect.void,
        configure: () => {},
        attempt: (_, delivery) => void attempted.push(delivery),
        recall: () => {},
        forget: () => {},
        resize: () => {},
        takes: (limit) => limit,
      },
      budget: undefined,
      sequential: false,
    },
  );
  let id = 0;
  const offer = () => {
    const bytes = new TextEncoder().encode("{}");
    backlog.add(placesOf(bytes.length));
    endpoint.offer({
      id: ++id,
      event: 0,
      seq: 1,
      born: now,
      lane: undefined,
      slab: { bytes, live: 0 },
      offset: 0,
      length: bytes.length,
      retry: undefined,
      dueAt: 0,
      schedule: undefined,
    });
  };
  return { endpoint, attempted, offer, counters, sleep: (ms: number) => void (now += ms) };
};

Deno.test("Endpoint says that it has settled when its last delivery has ended", () => {
  let settled = 0;
  const { endpoint, attempted, offer } = endpointWith({ onSettled: () => settled++ });
  offer();
  offer();
  endpoint.complete(attempted[0]!, DELIVERED); // there are two
  assert.equal(settled, 0);
  endpoint.complete(attempted[1]!, DELIVERED);
  assert.ok(endpoint.settled);
  assert.equal(settled, 1);
});

Deno.test("Endpoint counts a faulty answer by its kind, and ends the delivery by the status", () => {
  const { endpoint, attempted, offer, counters } = endpointWith({});
  const fault = { kind: "stalled", detail: "" } as const;
  offer();
  offer();
  offer();
  endpoint.complete(attempted[0]!, { _tag: "Delivered", fault }); // there are three
  const refused = fromStatus(404, undefined, "transient", 0);
  endpoint.complete(attempted[1]!, { _tag: "Failed", error: refused, fault });
  endpoint.complete(attempted[2]!, DELIVERED);
  const { answer_faults, total } = counters.snapshot(0);
  assert.deepEqual(answer_faults, { stalled: 2 });
  assert.deepEqual([total.delivered, total.failed], [2, { status_404: 1 }]);
});

Deno.test("Endpoint says that it has settled when its URL is gone and what its executor held has come back", () => {
  let settled = 0;
  const { endpoint, attempted, offer } = endpointWith({ onSettled: () => settled++ });
  offer();
  offer();
  const gone = fromStatus(410, undefined, "transient", 0);
  endpoint.complete(attempted[0]!, { _tag: "Failed", error: gone }); // there are two
  assert.equal(settled, 0);
  endpoint.complete(attempted[1]!, RETURNED);
  assert.equal(endpoint.held, 1);
  assert.ok(endpoint.settled);
  assert.equal(settled, 1);
});

Deno.test("Endpoint counts how attempts end, how long they took, and how long each event was on its way", () => {
  const { endpoint, attempted, offer, counters, sleep } = endpointWith({});
  for (let i = 0; i < 5; i++) offer();
  sleep(3000);
  const refused = fromStatus(404, undefined, "transient", 0);
  const later = fromStatus(503, undefined, "transient", 0);
  endpoint.complete(attempted[0]!, DELIVERED, 20); // there are five
  endpoint.complete(attempted[1]!, { _tag: "Failed", error: refused }, 3);
  endpoint.complete(attempted[2]!, { _tag: "Failed", error: later }, 3);
  endpoint.complete(attempted[3]!, { _tag: "Failed", error: timedOut(8000) }, 8000);
  endpoint.complete(attempted[4]!, RETURNED);
  const { attempts_by_outcome, requests, delays, oldest_ms, ...others } = counters.snapshot(9000);
  assert.deepEqual(attempts_by_outcome, { ok: 1, retry: 1, refused: 1, timeout: 1, network: 0 });
  assert.equal(requests.sum, 8026);
  assert.equal(requests.counts.reduce((sum, n) => sum + n, 0), 4);
  assert.deepEqual([...delays.counts], [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  assert.equal(oldest_ms, 8000); // three wait since 0, to the second
  assert.equal(others.last_success, 3000);
  assert.deepEqual([others.last_error?.status, others.last_error?.at], [undefined, 3000]);
  assert.equal(others.since_ms, 9000);
});

Deno.test("Endpoint is of no age once all has ended, however it ended", () => {
  const { endpoint, attempted, offer, counters } = endpointWith({});
  for (let i = 0; i < 3; i++) offer();
  endpoint.complete(attempted[0]!, DELIVERED, 1); // there are three
  endpoint.complete(attempted[1]!, RETURNED);
  endpoint.stop();
  endpoint.dropOldest("queue_full");
  assert.equal(counters.snapshot(60_000).oldest_ms, 59_000);
  endpoint.complete(attempted[2]!, RETURNED);
  endpoint.abandon(false);
  assert.equal(counters.snapshot(60_000).oldest_ms, 0);
});
