/** How workers share the limit of requests in flight, how much more they are given, and which of them gets a delivery. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as fc from "effect/FastCheck";
import * as Logger from "effect/Logger";
import * as TestContext from "effect/TestContext";
import { gauges } from "../../../support/gauges.ts";
import { Metrics } from "../../../../src/webhook/account/Metrics.ts";
import { LimitedLog } from "../../../../src/ops/LimitedLog.ts";
import type { Attempting } from "../../../../src/webhook/attempt/Executor.ts";
import * as WorkerExecutor from "../../../../src/webhook/worker/WorkerExecutor.ts";
import { testNeeding } from "../../../support/permissions.ts";
import { A, pass, rule, settingsOf } from "../harness.ts";

Deno.test("shares add up to the limit, differ by one at most, and are no more than the workers", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 256 }),
      fc.integer({ min: 1, max: 65_535 }),
      (n, limit) => {
        const permits = WorkerExecutor.shares(n, limit);
        assert.equal(permits.reduce((sum, share) => sum + share, 0), limit);
        assert.equal(permits.length, Math.min(n, limit));
        assert.ok(Math.max(...permits) - Math.min(...permits) <= 1);
      },
    ),
  );
});

const READY_WORKER = new URL(
  `data:text/javascript,${encodeURIComponent('onmessage = () => postMessage({ _tag: "Ready" });')}`,
);

Deno.test("WorkerExecutor takes more than may be sent while a worker has a permit for each URL that is named or drains", () =>
  Effect.gen(function* () {
    const settings = settingsOf({
      workerThreads: 1,
      concurrencyLimit: 3,
      rules: ["a", "b", "c"].map((host) =>
        rule("message_publish", { urls: [`http://${host}.test/`] })
      ),
    });
    const executor = yield* WorkerExecutor.make({
      settings,
      idPrefix: "",
      metrics: new Metrics(gauges()),
      log: new LimitedLog(yield* Effect.runtime<never>(), yield* Effect.clock),
    }, READY_WORKER);
    const all = [...settings.endpoints];
    const endpoints = all.map(([, settings], key): Attempting => ({
      key,
      settings,
      complete: () => {},
    }));
    const prepare = (count: number) => executor.prepare(new Map(all.slice(0, count)));

    yield* prepare(2);
    assert.equal(executor.takes(3, 300), 24);
    yield* prepare(3);
    assert.equal(executor.takes(3, 300), 3);
    for (const endpoint of endpoints) executor.configure(endpoint);
    yield* prepare(2);
    assert.equal(executor.takes(3, 300), 3, "the third drains");
    executor.forget(endpoints[2]!); // of three
    assert.equal(executor.takes(3, 300), 24);
    yield* prepare(3);
    yield* prepare(2);
    assert.equal(executor.takes(3, 100), 12, "an eighth of the queue");
    assert.equal(executor.takes(3, 1), 3);
    yield* prepare(3);
    executor.forget(endpoints[0]!); // as if it had drained while it was named again
    assert.equal(executor.takes(3, 300), 3);
  }).pipe(Effect.scoped, Effect.runPromise));

const NAMED_WORKER = new URL("../../../support/namedWorker.ts", import.meta.url);

/** An attempt that has ended. */
interface Ended {
  readonly id: number;
  readonly lane: string | undefined;
  /** The name of the worker that had it; undefined: it was lost with one that died. */
  readonly worker: string | undefined;
}

interface Workers {
  /** Makes an attempt; ids grow. `body` is for the worker: see namedWorker.ts. */
  readonly attempt: (lane: string | undefined, body?: string) => void;
  /** Waits until every attempt has ended, and answers those that did since the last time, in that order. */
  readonly ended: Effect.Effect<ReadonlyArray<Ended>>;
  readonly metrics: Metrics;
}

/** Runs a test on the TestClock with an executor over three workers of three permits each. */
const withWorkers = (test: (workers: Workers) => Effect.Effect<void>): Promise<void> =>
  Effect.gen(function* () {
    const metrics = new Metrics(gauges());
    const log = new LimitedLog(yield* Effect.runtime<never>(), yield* Effect.clock);
    const settings = settingsOf({ workerThreads: 3, concurrencyLimit: 9 });
    const executor = yield* WorkerExecutor.make(
      { settings, idPrefix: "", metrics, log },
      NAMED_WORKER,
    );
    let made = 0;
    let open = 0;
    let ended: Array<Ended> = [];
    let wake = () => {};
    const endpoint: Attempting = {
      key: 1,
      settings: settings.endpoints.get(A)!, // the rules' URL
      complete: ({ id, lane }, outcome) => {
        const worker = outcome._tag === "Failed" ? outcome.error.detail : undefined;
        ended.push({ id, lane, worker });
        if (--open === 0) wake();
      },
    };
    executor.configure(endpoint);
    yield* test({
      metrics,
      attempt: (lane, body = "{}") => {
        const bytes = new TextEncoder().encode(body);
        open++;
        executor.attempt(endpoint, {
          id: ++made,
          seq: 1,
          lane,
          slab: { bytes },
          offset: 0,
          length: bytes.length,
          retry: undefined,
        });
      },
      ended: Effect.promise(() =>
        new Promise((resolve, reject) => {
          const deadline = setTimeout(
            () => reject(new Error(`${open} of ${made} attempts did not end within 10 s`)),
            10_000,
          );
          wake = () => {
            clearTimeout(deadline);
            wake = () => {};
            resolve(ended);
            ended = [];
          };
          if (open === 0) wake();
        })
      ),
    });
  }).pipe(
    Effect.scoped,
    Effect.provide(TestContext.TestContext),
    Effect.provide(Logger.remove(Logger.defaultLogger)),
    Effect.runPromise,
  );

const lanes = Array.from({ length: 30 }, (_, n) => `client-${n}`);

/** The worker of each lane; fails when a lane had two, or ended out of its order. */
const workerByLane = (
  ended: ReadonlyArray<Ended>,
): ReadonlyMap<string | undefined, string | undefined> => {
  const workers = new Map<string | undefined, string | undefined>();
  const last = new Map<string | undefined, number>();
  for (const { id, lane, worker } of ended) {
    assert.equal(workers.has(lane) ? workers.get(lane) : worker, worker, `${lane} had two workers`);
    assert.ok(id > (last.get(lane) ?? 0), `${lane}: ${id} after ${last.get(lane)}`);
    workers.set(lane, worker);
    last.set(lane, id);
  }
  return workers;
};

testNeeding(
  ["read"],
  "WorkerExecutor keeps the deliveries of a client's lane on one worker, and spreads lanes over all of them",
  () =>
    withWorkers(({ attempt, ended }) =>
      Effect.gen(function* () {
        const all: Array<Ended> = [];
        for (let round = 0; round < 3; round++) {
          for (let n = 0; n < round; n++) attempt(undefined); // the least busy is another each time
          for (const lane of [...lanes, ...lanes]) attempt(lane);
          all.push(...(yield* ended).filter(({ lane }) => lane !== undefined));
        }
        assert.equal(all.length, 3 * 2 * lanes.length);
        const workers = workerByLane(all);
        assert.equal(workers.size, lanes.length);
        assert.equal(new Set(workers.values()).size, 3);
      })
    ),
);

testNeeding(
  ["read"],
  "WorkerExecutor keeps a lane's worker while that is dead and when it was replaced",
  () =>
    withWorkers(({ attempt, ended, metrics }) =>
      Effect.gen(function* () {
        for (const lane of lanes) attempt(lane);
        const before = workerByLane(yield* ended);
        const [first] = lanes;
        const dead = before.get(first);
        attempt(first, "die");
        assert.deepEqual((yield* ended).map(({ worker }) => worker), [undefined]); // lost
        assert.equal(metrics.workersLost, 1);

        for (const lane of [...lanes, ...lanes]) attempt(lane);
        yield* pass(1_000); // no worker is started again sooner after its start
        const meanwhile = workerByLane(yield* ended);
        const replacement = meanwhile.get(first);
        assert.ok(![...before.values()].includes(replacement), "another worker took its lanes");
        const expected = lanes.map((lane) => {
          const worker = before.get(lane);
          return worker === dead ? replacement : worker;
        });
        assert.deepEqual(lanes.map((lane) => meanwhile.get(lane)), expected);

        for (const lane of lanes) attempt(lane);
        const after = workerByLane(yield* ended);
        assert.deepEqual(lanes.map((lane) => after.get(lane)), expected);
      })
    ),
);

testNeeding(
  ["read"],
  "WorkerExecutor gives what keeps no order to the least busy worker",
  () =>
    withWorkers(({ attempt, ended }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 9; n++) attempt(undefined);
        const counts = Map.groupBy(yield* ended, ({ worker }) => worker);
        assert.deepEqual([...counts.values()].map(({ length }) => length), [3, 3, 3]);
      })
    ),
);
