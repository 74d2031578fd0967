/** When workers make the attempts, by the processor time that is taken, and what becomes of those under way. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import { LimitedLog } from "../../../../src/ops/LimitedLog.ts";
import { monotonicMillis } from "../../../../src/ops/monotonic.ts";
import type { Attempt } from "../../../../src/webhook/attempt/Attempt.ts";
import { DELIVERED } from "../../../../src/webhook/attempt/Attempt.ts";
import type { Attempting, Executor } from "../../../../src/webhook/attempt/Executor.ts";
import * as DemandExecutor from "../../../../src/webhook/worker/DemandExecutor.ts";
import { WorkerStartError } from "../../../../src/webhook/worker/WorkerExecutor.ts";
import { A, pass, settingsOf } from "../harness.ts";

/** An executor whose attempts end when the test says so. */
class Held implements Executor {
  readonly configured: Array<number> = [];
  readonly open: Array<() => void> = [];

  constructor(readonly factor: number) {}

  prepare(): Effect.Effect<void> {
    return Effect.void;
  }

  configure({ key }: Attempting): void {
    this.configured.push(key);
  }

  attempt(endpoint: Attempting, attempt: Attempt): void {
    assert.ok(this.configured.includes(endpoint.key));
    this.open.push(() => endpoint.complete(attempt, DELIVERED, this.factor));
  }

  recall(): void {}

  forget(): void {}

  limit: number | undefined;

  resize(limit: number): void {
    this.limit = limit;
  }

  takes(limit: number): number {
    return this.factor * limit;
  }

  endAll(): void {
    for (const end of this.open.splice(0)) end();
  }
}

interface Harness {
  readonly thread: Held;
  readonly workers: Held;
  readonly executor: Executor;
  /** What is used of a core from now on, by this thread and in all. */
  readonly use: (thread: number, all?: number) => void;
  /** Lets so many milliseconds pass in which there are attempts. */
  readonly busy: (millis: number) => Effect.Effect<void>;
  readonly logs: ReadonlyArray<string>;
  /** Starts and ends of workers. */
  readonly lives: ReadonlyArray<string>;
  readonly takes: () => number;
  /** What `takes` answered each time that it was said to have changed. */
  readonly told: ReadonlyArray<number>;
  /** How long the attempts that have ended took, as the endpoint was told. */
  readonly took: ReadonlySet<number | undefined>;
}

const withDemand = (
  test: (harness: Harness) => Effect.Effect<void>,
  fails: () => boolean = () => false,
): Promise<void> => {
  const logs: Array<string> = [];
  const lives: Array<string> = [];
  const told: Array<number> = [];
  const took = new Set<number | undefined>();
  const logger = Logger.make(({ message }) => void logs.push(String([message].flat()[0])));
  return Effect.gen(function* () {
    const clock = yield* Effect.clock;
    const thread = new Held(1);
    const workers = new Held(8);
    const spent = { thread: 0, process: 0, at: monotonicMillis(clock) };
    let share = { thread: 0, process: 0 };
    const used = () => {
      const now = monotonicMillis(clock);
      const since = now - spent.at;
      spent.at = now;
      spent.thread += since * share.thread;
      spent.process += since * share.process;
      return { ...spent };
    };
    const executor: Executor = yield* DemandExecutor.make({
      context: { log: new LimitedLog(yield* Effect.runtime<never>(), clock) },
      local: thread,
      startWorkers: Effect.acquireRelease(
        Effect.sync(() => void lives.push("start")),
        () => Effect.sync(() => void lives.push("end")),
      ).pipe(
        Effect.zipRight(
          Effect.suspend(() =>
            fails() ? Effect.fail(new WorkerStartError({ detail: "no" })) : Effect.succeed(workers)
          ),
        ),
      ),
      onTakes: () => told.push(executor.takes(4, 1_000)),
      used,
    });
    const endpoint: Attempting = {
      key: 7,
      settings: settingsOf().endpoints.get(A)!, // the rules' URL
      complete: (_, __, millis) => void took.add(millis),
    };
    executor.configure(endpoint);
    const attempt = () =>
      executor.attempt(endpoint, {
        id: 1,
        seq: 1,
        lane: undefined,
        slab: { bytes: new Uint8Array() },
        offset: 0,
        length: 0,
        retry: undefined,
      });
    yield* test({
      thread,
      workers,
      executor,
      use: (thread, all = thread) => void (used(), share = { thread, process: all }),
      busy: (millis) =>
        Effect.gen(function* () {
          for (let passed = 0; passed < millis; passed += 100) {
            attempt();
            yield* pass(100);
          }
        }),
      logs,
      lives,
      takes: () => executor.takes(4, 1_000),
      told,
      took,
    });
  }).pipe(
    Effect.scoped,
    Effect.provide(TestContext.TestContext),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Effect.runPromise,
  );
};

Deno.test("DemandExecutor makes attempts on this thread as long as that has time, and waits for nothing when there are none", () =>
  withDemand(({ thread, workers, busy, use, lives }) =>
    Effect.gen(function* () {
      use(0.69);
      yield* busy(60_000);
      thread.endAll();
      yield* pass(1_000);
      assert.deepEqual(lives, []);
      assert.deepEqual(workers.open, []);
      assert.deepEqual([...yield* TestClock.sleeps()], []);
    })
  ));

Deno.test("DemandExecutor starts workers when this thread was busy for a second, and ends them after half a minute of calm", () =>
  withDemand(({ thread, workers, busy, use, lives, takes }) =>
    Effect.gen(function* () {
      use(0.1);
      yield* busy(1_000);
      use(0.9);
      yield* busy(900);
      assert.deepEqual([lives, takes()], [[], 4]);
      thread.endAll();
      yield* busy(200);
      thread.endAll();
      assert.deepEqual([lives, takes()], [["start"], 32]);
      assert.deepEqual(workers.configured, [7]);
      yield* busy(1_000);
      assert.deepEqual([thread.open.length, workers.open.length], [0, 11]);
      workers.endAll();

      use(0.2, 0.39);
      yield* busy(29_000);
      assert.deepEqual(lives, ["start"]);
      workers.endAll();
      yield* busy(1_500);
      workers.endAll();
      yield* pass(0);
      assert.deepEqual([lives, takes()], [["start", "end"], 4]);
    })
  ));

Deno.test("DemandExecutor takes no more than the limit while this thread and workers both have attempts", () =>
  withDemand(({ thread, workers, busy, use, lives, takes, told, took }) =>
    Effect.gen(function* () {
      use(0.9);
      yield* busy(1_600);
      assert.deepEqual([lives, takes()], [["start"], 4]);
      thread.endAll();
      assert.equal(takes(), 32);
      assert.deepEqual(told, [4, 32]);

      yield* busy(100); // by workers
      use(0.1, 0.2);
      yield* pass(35_000);
      assert.equal(takes(), 4);
      yield* busy(100);
      assert.deepEqual(
        [thread.open.length > 0, lives],
        [true, ["start"]],
        "they keep what they have",
      );
      workers.endAll();
      yield* pass(0);
      assert.deepEqual(lives, ["start", "end"]);
      assert.deepEqual([...took], [1, 8], "the endpoint is told how long each took");
    })
  ));

Deno.test("DemandExecutor gives workers that are about to end their work back when this thread is busy again", () =>
  withDemand(({ thread, workers, busy, use, lives }) =>
    Effect.gen(function* () {
      use(0.9);
      yield* busy(1_600);
      thread.endAll();
      yield* busy(100);
      use(0.1, 0.2);
      yield* pass(35_000);
      use(0.9);
      yield* busy(1_700);
      thread.endAll();
      workers.endAll();
      yield* busy(100);
      assert.equal(workers.open.length, 1);
      assert.deepEqual(lives, ["start"]);
    })
  ));

Deno.test("DemandExecutor goes on by this thread where workers do not start, says so, and tries again a minute later", () => {
  let fails = true;
  return withDemand(({ thread, busy, use, lives, logs }) =>
    Effect.gen(function* () {
      use(0.9);
      yield* busy(50_000);
      assert.deepEqual(lives, ["start", "end"]);
      assert.deepEqual(logs, ["a delivery worker did not start: no"]);
      assert.ok(thread.open.length > 0);
      fails = false;
      yield* busy(15_000);
      assert.deepEqual(lives, ["start", "end", "start"]);
    }), () => fails);
});

Deno.test("DemandExecutor tells both sides of another concurrency_limit, workers that come later too", () =>
  withDemand(({ thread, workers, executor, busy, use }) =>
    Effect.gen(function* () {
      executor.resize(7);
      assert.deepEqual([thread.limit, workers.limit], [7, undefined]);
      use(0.9);
      yield* busy(1_600);
      assert.equal(workers.limit, 7);
      executor.resize(9);
      assert.deepEqual([thread.limit, workers.limit], [9, 9]);
    })
  ));
