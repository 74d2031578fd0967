/** How few lines are logged, however often the same happens, and that their counts add up. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import * as LogLevel from "effect/LogLevel";
import * as TestContext from "effect/TestContext";
import type { WebHookSettings } from "../../../src/domain/WebHookSettings.ts";
import type { EventCounts } from "../../../src/webhook/account/Metrics.ts";
import { LimitedLog } from "../../../src/ops/LimitedLog.ts";
import type { Answer, Harness } from "../webhook/harness.ts";
import { pass, published, retryPolicy, settingsOf, withEngine } from "../webhook/harness.ts";

/** A line as the log has it: its instant by the TestClock, its message, its fields. */
type Line = readonly [at: number, message: unknown, fields: Readonly<Record<string, unknown>>];

/** Runs a test with a log on the TestClock; `lines` grows with it. */
const withLog = (
  test: (log: LimitedLog, lines: ReadonlyArray<Line>) => Effect.Effect<void>,
): Promise<void> => {
  const lines: Array<Line> = [];
  const logger = Logger.make<unknown, void>(({ date, message }) => {
    const [text, fields] = message as [string, Line[2]]; // as LimitedLog says them
    lines.push([date.getTime(), text, fields]);
  });
  return Effect.gen(function* () {
    const log = new LimitedLog(yield* Effect.runtime<never>(), yield* Effect.clock);
    yield* Effect.fork(log.timer);
    yield* test(log, lines);
  }).pipe(
    Effect.provide(TestContext.TestContext),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Effect.runPromise,
  );
};

const URL = "http://a.test/";

Deno.test("LimitedLog says the first line at once, then one in 10 s with how often it happened, though nothing happens then", () =>
  withLog((log, lines) =>
    Effect.gen(function* () {
      const fail = (reason: string) =>
        log.limited(LogLevel.Warning, URL, "failed", { url: URL, reason });
      for (let n = 0; n < 2_000; n++) fail("timeout");
      yield* pass(9_999);
      for (let n = 0; n < 1_000; n++) fail("timeout");
      assert.equal(lines.length, 1);
      yield* pass(1);
      fail("timeout");
      yield* pass(60_000);
      fail("timeout");
      fail("refused");
      const said = { url: URL, reason: "timeout" };
      assert.deepEqual(lines, [
        [0, "failed", { ...said, count: 1 }],
        [10_000, "failed", { ...said, count: 2_999 }],
        [20_000, "failed", { ...said, count: 1 }],
        [70_000, "failed", { ...said, count: 1 }],
        [70_000, "failed", { url: URL, reason: "refused", count: 1 }],
      ]);
    })
  ));

Deno.test("LimitedLog limits each subject, message and reason by itself, and no line that is always said", () =>
  withLog((log, lines) =>
    Effect.sync(() => {
      for (let n = 0; n < 3; n++) {
        log.limited(LogLevel.Warning, "a", "failed");
        log.limited(LogLevel.Warning, "b", "failed");
        log.limited(LogLevel.Warning, "a", "failed", { reason: "status_401" });
        log.limited(LogLevel.Warning, "a", "failed", { reason: "status_404" });
        log.always(LogLevel.Warning, "breaker open", { n });
      }
      assert.deepEqual(lines, [
        [0, "failed", { count: 1 }],
        [0, "failed", { count: 1 }],
        [0, "failed", { reason: "status_401", count: 1 }],
        [0, "failed", { reason: "status_404", count: 1 }],
        [0, "breaker open", { n: 0 }],
        [0, "breaker open", { n: 1 }],
        [0, "breaker open", { n: 2 }],
      ]);
    })
  ));

Deno.test("LimitedLog.flush says at once what was left out, of one subject or of all", () =>
  withLog((log, lines) =>
    Effect.gen(function* () {
      for (let n = 0; n < 3; n++) {
        for (const subject of ["a", "b", "c"]) {
          log.limited(LogLevel.Warning, subject, "failed", { subject });
        }
      }
      yield* pass(5_000);
      log.flush("b");
      assert.deepEqual(lines.slice(3), [[5_000, "failed", { subject: "b", count: 2 }]]);
      log.flush();
      assert.deepEqual(lines.slice(4), [
        [5_000, "failed", { subject: "a", count: 2 }],
        [5_000, "failed", { subject: "c", count: 2 }],
      ]);
      yield* pass(20_000);
      assert.equal(lines.length, 6);
    })
  ));

/** Something that happens to every event in a burst. */
interface Loss {
  readonly reason: string;
  /** How many events were lost so, of those that the engine counts. */
  readonly lost: (total: EventCounts) => number | undefined;
  readonly when: string;
  readonly settings: Partial<WebHookSettings>;
  readonly retry?: Partial<typeof retryPolicy>;
  readonly answer: Answer;
  /** Brings the engine there. */
  readonly begin?: (harness: Harness) => Effect.Effect<void>;
  /** Events that the engine keeps in spite of it. */
  readonly kept: number;
}

const LOSSES: ReadonlyArray<Loss> = [
  {
    reason: "queue_full",
    lost: ({ dropped }) => dropped["queue_full"],
    when: "drop_newest",
    settings: { queueCapacity: 10, whenFull: "drop_newest" },
    answer: "hang",
    kept: 10,
  },
  {
    reason: "queue_full",
    lost: ({ dropped }) => dropped["queue_full"],
    when: "drop_oldest",
    settings: { queueCapacity: 10, concurrencyLimit: 1, whenFull: "drop_oldest" },
    answer: "hang",
    kept: 10,
  },
  {
    reason: "endpoint_share",
    lost: ({ dropped }) => dropped["endpoint_share"],
    when: "a URL that has failed for 3 s",
    settings: { queueCapacity: 100, endpointShare: 0.5 },
    answer: 500,
    begin: ({ webhook }) =>
      Effect.suspend(() => {
        webhook.sink.emit(published("c", 0));
        return pass(3_000);
      }),
    kept: 49, // 50 with the first
  },
  {
    reason: "status_404",
    lost: ({ failed }) => failed["status_404"],
    when: "404",
    settings: {},
    answer: 404,
    kept: 0,
  },
  {
    reason: "status_500",
    lost: ({ failed }) => failed["status_500"],
    when: "500 and no retries",
    settings: { queueCapacity: 10_000, breakerFailures: 10_000 }, // none is dropped, nor waits
    retry: { maxElapsedTime: 0 },
    answer: 500,
    kept: 0,
  },
];

for (const { reason, lost, when, settings, retry, answer, begin, kept } of LOSSES) {
  Deno.test(`WebHook logs thousands of events lost for ${reason} (${when}) as one line in 10 s, with how many and what to do`, () =>
    withEngine(
      settingsOf({
        ...settings,
        endpoint: { httpTimeout: 60_000, retry: { ...retryPolicy, ...retry } },
      }),
      () => answer,
      (harness) =>
        Effect.gen(function* () {
          const { webhook, logs } = harness;
          const lines = () =>
            logs.filter((one) =>
              one.startsWith("event lost ") && one.includes(` reason=${reason} `)
            );
          const soFar = () => lost(webhook.metrics.snapshot().endpoints[0]!.total) ?? 0;
          let emitted = 0;
          /** Returns when all of them have happened to what they happen to. */
          const burst = (events: number) =>
            Effect.gen(function* () {
              for (let n = 0; n < events; n++) webhook.sink.emit(published("c", ++emitted));
              const expected = emitted - kept;
              for (let n = 0; n < 1_000 && soFar() < expected; n++) yield* pass(0);
              assert.equal(soFar(), expected);
            });
          if (begin !== undefined) yield* begin(harness);

          yield* burst(2_000);
          assert.equal(lines().length, 1);
          assert.match(lines()[0]!, /\bcount=1\b/);
          yield* pass(9_999);
          yield* burst(1_000);
          assert.equal(lines().length, 1);
          yield* pass(1);
          assert.equal(lines().length, 2);
          assert.match(lines()[1]!, new RegExp(`\\bcount=${soFar() - 1}\\b`));
          yield* burst(50);
          assert.equal(lines().length, 2);
          const stopping = yield* Effect.fork(harness.stop);
          yield* pass(10_000);
          yield* stopping.await;
          assert.equal(lines().length, 3);
          const counts = lines().map((line) => Number(/ count=(\d+)/.exec(line)?.[1]));
          assert.equal(counts[0]! + counts[1]! + counts[2]!, soFar());
          for (const line of lines()) assert.match(line, / advice=.{20}/);
        }),
    ));
}
