/** How few lines the delivery engine logs, however much it drops or fails. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as HashMap from "effect/HashMap";
import * as Logger from "effect/Logger";
import * as LogLevel from "effect/LogLevel";
import * as TestContext from "effect/TestContext";
import type { WebHookSettings } from "../../../../src/domain/WebHookSettings.ts";
import type { EventCounts } from "../../../../src/webhook/account/Metrics.ts";
import { DeliveryLog } from "../../../../src/webhook/account/DeliveryLog.ts";
import type { Answer, Harness } from "../harness.ts";
import { pass, published, retryPolicy, settingsOf, withEngine } from "../harness.ts";

/** A line as the log has it: its instant by the TestClock, its message, its fields but for the module. */
type Line = readonly [at: number, message: unknown, fields: Readonly<Record<string, unknown>>];

/** Runs a test with a log on the TestClock; `lines` grows with it. */
const withLog = (
  test: (log: DeliveryLog, lines: ReadonlyArray<Line>) => Effect.Effect<void>,
): Promise<void> => {
  const lines: Array<Line> = [];
  const logger = Logger.make<unknown, void>(({ date, message, annotations }) => {
    const { module, ...fields } = Object.fromEntries(HashMap.toEntries(annotations));
    assert.equal(module, "webhook");
    lines.push([date.getTime(), Array.isArray(message) ? message.join(" ") : message, fields]);
  });
  return Effect.gen(function* () {
    const log = new DeliveryLog(yield* Effect.runtime<never>(), yield* Effect.clock);
    yield* test(log, lines);
  }).pipe(
    Effect.provide(TestContext.TestContext),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Effect.runPromise,
  );
};

Deno.test("DeliveryLog says one line in 10 s, and in the next how many lines and events it left out", () =>
  withLog((log, lines) =>
    Effect.gen(function* () {
      const fail = (count?: number) =>
        log.limited(LogLevel.Warning, "http://a.test/", "failed", { reason: "timeout" }, count);
      for (let n = 0; n < 2_000; n++) fail();
      yield* pass(9_999);
      for (let n = 0; n < 1_000; n++) fail(5);
      yield* pass(1);
      fail(7);
      fail();
      yield* pass(60_000);
      fail();
      yield* pass(10_000);
      fail();
      assert.equal(lines.length, 4);
      const said = { url: "http://a.test/", reason: "timeout" };
      assert.deepEqual(lines, [
        [0, "failed", { ...said, count: 1 }],
        [10_000, "failed", { ...said, count: 1_999 + 5_000 + 7, lines_left_out: 2_999 }],
        [70_000, "failed", { ...said, count: 2, lines_left_out: 1 }],
        [80_000, "failed", { ...said, count: 1 }],
      ]);
    })
  ));

Deno.test("DeliveryLog limits each URL and message by itself, and no line that is always said", () =>
  withLog((log, lines) =>
    Effect.sync(() => {
      for (let n = 0; n < 3; n++) {
        log.limited(LogLevel.Warning, "http://a.test/", "failed");
        log.limited(LogLevel.Warning, "http://b.test/", "failed");
        log.limited(LogLevel.Warning, "http://a.test/", "dropped");
        log.always(LogLevel.Warning, "breaker open", { n });
      }
      assert.deepEqual(lines, [
        [0, "failed", { url: "http://a.test/", count: 1 }],
        [0, "failed", { url: "http://b.test/", count: 1 }],
        [0, "dropped", { url: "http://a.test/", count: 1 }],
        [0, "breaker open", { n: 0 }],
        [0, "breaker open", { n: 1 }],
        [0, "breaker open", { n: 2 }],
      ]);
    })
  ));

/** Something that happens to every event in a burst. */
interface Loss {
  readonly line: string;
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
    line: "dropped (queue_full)",
    lost: ({ dropped }) => dropped["queue_full"],
    when: "drop_newest",
    settings: { queueCapacity: 10, whenFull: "drop_newest" },
    answer: "hang",
    kept: 10,
  },
  {
    line: "dropped (queue_full)",
    lost: ({ dropped }) => dropped["queue_full"],
    when: "drop_oldest",
    settings: { queueCapacity: 10, concurrencyLimit: 1, whenFull: "drop_oldest" },
    answer: "hang",
    kept: 10,
  },
  {
    line: "dropped (endpoint_share)",
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
    line: "refused by the receiver",
    lost: ({ failed }) => failed["status_404"],
    when: "404",
    settings: {},
    answer: 404,
    kept: 0,
  },
  {
    line: "given up after its retries",
    lost: ({ failed }) => failed["status_500"],
    when: "500 and no retries",
    settings: { queueCapacity: 10_000, breakerFailures: 10_000 }, // none is dropped, nor waits
    retry: { maxElapsedTime: 0 },
    answer: 500,
    kept: 0,
  },
];

for (const { line, lost, when, settings, retry, answer, begin, kept } of LOSSES) {
  Deno.test(`WebHook logs thousands of "${line}" (${when}) as one line in 10 s, and how many it left out`, () =>
    withEngine(
      settingsOf({
        ...settings,
        endpoint: { httpTimeout: 60_000, retry: { ...retryPolicy, ...retry } },
      }),
      () => answer,
      (harness) =>
        Effect.gen(function* () {
          const { webhook, logs } = harness;
          const lines = () => logs.filter((one) => one.startsWith(`${line} `));
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
          assert.doesNotMatch(lines()[0]!, /lines_left_out/);
          yield* pass(9_999);
          yield* burst(1_000);
          assert.equal(lines().length, 1);
          yield* pass(1);
          yield* burst(1);
          assert.equal(lines().length, 2);
          assert.match(lines()[1]!, new RegExp(`\\bcount=${soFar() - 1}\\b`));
          assert.match(lines()[1]!, new RegExp(`\\blines_left_out=${soFar() - 2}\\b`));
        }),
    ));
}
