/** `rate_limit` by the instants of attempts: what waits for it is slow, and does not fail. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type { EndpointSettings, WebHookSettings } from "../../../src/domain/WebHookSettings.ts";
import { sum } from "../../../src/webhook/account/Metrics.ts";
import type { Harness, Sent } from "./harness.ts";
import {
  accountsBalance,
  pass,
  published,
  retryPolicy,
  settingsOf,
  withEngine,
} from "./harness.ts";

const FOUR_A_SECOND = { count: 4, period: 1000 };

const limited = (
  endpoint: Partial<EndpointSettings> = {},
  rest: Partial<WebHookSettings> = {},
) => settingsOf({ ...rest, endpoint: { rateLimit: FOUR_A_SECOND, ...endpoint } });

const emit = ({ webhook }: Harness, ...events: ReadonlyArray<number>) => {
  for (const n of events) webhook.sink.emit(published("c", n));
};

const passInSteps = (millis: number) => Effect.repeatN(pass(10), millis / 10 - 1);

const course = (sent: ReadonlyArray<Sent>) => sent.map(({ at, body }) => [at, body.ts]);

Deno.test("rate_limit lets as many go at once as it has, and the others evenly", () =>
  withEngine(limited(), () => 200, (harness) =>
    Effect.gen(function* () {
      emit(harness, 1, 2, 3, 4, 5, 6, 7);
      yield* passInSteps(2_000);
      emit(harness, 8, 9, 10, 11, 12);
      yield* passInSteps(500);
      assert.deepEqual(course(harness.sent), [
        ...[[0, 1], [0, 2], [0, 3], [0, 4], [250, 5], [500, 6], [750, 7]],
        ...[[2000, 8], [2000, 9], [2000, 10], [2000, 11], [2250, 12]],
      ]);
    })));

Deno.test("rate_limit counts a batch once, which gathers while it waits", () =>
  withEngine(
    limited({
      batch: { form: "array", maxEvents: 100, maxBytes: 65_536, maxDelay: 50 },
      rateLimit: { count: 1, period: 1000 },
    }),
    () => 200,
    (harness) =>
      Effect.gen(function* () {
        for (let n = 1; n <= 20; n++) {
          emit(harness, n);
          yield* pass(10);
        }
        yield* passInSteps(1_000);
        const batches = harness.sent.map(({ at, bodies }) => [at, bodies.length]);
        assert.deepEqual(batches, [[0, 1], [1000, 19]]);
      }),
  ));

Deno.test("rate_limit holds publishers as a slow receiver does: the breaker stays closed, and nothing is dropped", () =>
  withEngine(
    limited({}, { queueCapacity: 20, endpointShare: 0.1 }),
    () => 200,
    (harness) =>
      Effect.gen(function* () {
        const { webhook, sent } = harness;
        for (let n = 1; webhook.sink.pressure !== "full"; n++) emit(harness, n);
        yield* passInSteps(1_000);
        assert.equal(webhook.sink.pressure, "high");
        yield* passInSteps(10_000);
        const [{ total, breaker } = assert.fail()] = webhook.metrics.snapshot().endpoints;
        assert.ok(accountsBalance(webhook.metrics.snapshot()));
        assert.deepEqual([total.delivered, sum(total.dropped), breaker], [20, 0, "closed"]);
        assert.equal(sent.at(-1)?.at, 4_000);
      }),
  ));

Deno.test("rate_limit is fair to lanes: events go in their order, and a client's new ones never before another's older", () =>
  withEngine(
    limited({}, { ordering: "client", clientShare: 1 }),
    () => 200,
    (harness) =>
      Effect.gen(function* () {
        const { sink } = harness.webhook;
        for (const n of [1, 2, 3, 4, 5, 6]) sink.emit(published("a", n));
        for (const n of [7, 8]) sink.emit(published("b", n));
        yield* pass(10);
        for (const n of [9, 10]) sink.emit(published("a", n));
        sink.emit(published("b", 11));
        sink.emit(published("a", 12));
        yield* passInSteps(3_000);
        const order = harness.sent.map(({ body }) => body.ts);
        assert.deepEqual(order, [1, 7, 2, 8, 3, 4, 5, 6, 9, 10, 11, 12]);
      }),
  ));

Deno.test("rate_limit counts repeats, and what waits for it past retry_max_elapsed_time is attempted all the same", () =>
  withEngine(
    limited({
      rateLimit: { count: 2, period: 20_000 },
      retry: { ...retryPolicy, maxElapsedTime: 1_000 },
    }),
    ({ body }, attempt) => body.ts === 1 && attempt === 1 ? 503 : 200,
    (harness) =>
      Effect.gen(function* () {
        emit(harness, 1, 2, 3);
        yield* passInSteps(1_000);
        for (let i = 0; i < 29; i++) yield* pass(1_000);
        assert.deepEqual(course(harness.sent), [[0, 1], [0, 2], [10_000, 1], [20_000, 3]]);
        const [{ total } = assert.fail()] = harness.webhook.metrics.snapshot().endpoints;
        assert.equal(total.delivered, 3);
      }),
  ));

Deno.test("SIGHUP takes another rate_limit at once, and the same one gives nothing anew", () =>
  withEngine(limited(), () => 200, (harness) =>
    Effect.gen(function* () {
      emit(harness, ...Array.from({ length: 40 }, (_, n) => n + 1));
      yield* pass(0);
      yield* Effect.orDie(harness.webhook.reload(limited()));
      yield* pass(0);
      assert.equal(harness.sent.length, 4);
      yield* Effect.orDie(
        harness.webhook.reload(limited({ rateLimit: { count: 10, period: 1000 } })),
      );
      yield* pass(0);
      assert.equal(harness.sent.length, 14);
      yield* pass(100);
      assert.equal(harness.sent.length, 15);
      yield* Effect.orDie(harness.webhook.reload(settingsOf()));
      yield* pass(0);
      assert.equal(harness.sent.length, 40);
    })));
