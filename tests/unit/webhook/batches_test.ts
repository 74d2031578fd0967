/** Batches by the instants of their attempts: when one goes, how it is repeated, split and counted. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type { BatchSettings } from "../../../src/domain/WebHookSettings.ts";
import { MemoryStore } from "../../../src/store/MemoryStore.ts";
import { sum } from "../../../src/webhook/account/Metrics.ts";
import type { Harness, Sent } from "./harness.ts";
import {
  A,
  accountsBalance,
  connected,
  IN_MEMORY,
  pass,
  published,
  retryPolicy,
  settingsOf,
  withEngine,
} from "./harness.ts";

const ARRAY: BatchSettings = {
  form: "array",
  maxEvents: 100,
  maxBytes: 64 * 1024,
  maxDelay: 50,
};

/** Settings for batches of this kind. */
const batched = (batch: Partial<BatchSettings> = {}, endpoint = {}, rest = {}) =>
  settingsOf({ ...rest, endpoint: { batch: { ...ARRAY, ...batch }, ...endpoint } });

const numbers = ({ bodies }: Sent) => bodies.map(({ ts }) => ts);

/** When each attempt was made, and with which events. */
const course = (sent: ReadonlyArray<Sent>) => sent.map((one) => [one.at, numbers(one)]);

/** Lets time pass in steps, so that what one step begins can end in another. */
const passInSteps = (millis: number): Effect.Effect<void> =>
  Effect.repeatN(pass(10), millis / 10 - 1);

const idOf = ({ headers }: Sent) => headers["webhook-id"];

const totalOf = ({ webhook }: Pick<Harness, "webhook">) => {
  const snapshot = webhook.metrics.snapshot();
  assert.ok(accountsBalance(snapshot));
  const [{ total, attempts, breaker } = assert.fail()] = snapshot.endpoints;
  return { ...total, failed: sum(total.failed), dropped: sum(total.dropped), attempts, breaker };
};

const emit = ({ webhook }: Harness, ...events: ReadonlyArray<number>) => {
  for (const n of events) webhook.sink.emit(published("c", n));
};

Deno.test("A batch goes at once when nothing is on its way to its URL, and has its form when it is of one", () =>
  withEngine(batched(), () => 200, (harness) =>
    Effect.gen(function* () {
      emit(harness, 1);
      yield* pass(10);
      emit(harness, 2);
      yield* pass(0);
      assert.deepEqual(course(harness.sent), [[0, [1]], [10, [2]]]);
      const [first] = harness.sent;
      assert.match(first!.text, /^\[\{.*\}\]$/);
      assert.equal(first!.headers["content-type"], "application/json");
      assert.ok(!("webhook-seq" in first!.headers));
    })));

Deno.test("A batch waits until its first event has waited batch_max_delay while others are on their way", () =>
  withEngine(
    batched(),
    (_, __) => ({ status: 200, after: 1000 }),
    (harness) =>
      Effect.gen(function* () {
        emit(harness, 1);
        yield* pass(20);
        emit(harness, 2);
        yield* pass(30);
        emit(harness, 3, 4);
        yield* pass(19);
        assert.equal(harness.sent.length, 1);
        yield* pass(21);
        emit(harness, 5);
        yield* pass(50);
        assert.deepEqual(course(harness.sent), [[0, [1]], [70, [2, 3, 4]], [140, [5]]]);
      }),
  ));

Deno.test("A batch goes before its delay when the last answer has come", () =>
  withEngine(batched(), () => ({ status: 200, after: 30 }), (harness) =>
    Effect.gen(function* () {
      emit(harness, 1);
      yield* pass(10);
      emit(harness, 2, 3);
      yield* pass(100);
      assert.deepEqual(course(harness.sent), [[0, [1]], [30, [2, 3]]]);
    })));

Deno.test("A batch goes at once when it has batch_max_events, the rest waits on", () =>
  withEngine(
    batched({ maxEvents: 3 }),
    () => ({ status: 200, after: 1000 }),
    (harness) =>
      Effect.gen(function* () {
        emit(harness, 1);
        yield* pass(10);
        emit(harness, 2, 3, 4, 5);
        yield* pass(100);
        assert.deepEqual(course(harness.sent), [[0, [1]], [10, [2, 3, 4]], [60, [5]]]);
      }),
  ));

for (const form of ["array", "ndjson"] as const) {
  Deno.test(`A batch (${form}) has at most batch_max_bytes, to the byte, and a larger event goes alone`, () => {
    const body = JSON.stringify({
      action: "message_publish",
      from_node: 1,
      from_ipaddress: "127.0.0.1:1",
      from_clientid: "c",
      from_username: "undefined",
      dup: false,
      retain: false,
      qos: 1,
      topic: "t",
      packet_id: "1",
      payload: "AQ==",
      ts: 1,
    }).length;
    const three = 3 * body + (form === "array" ? 4 : 3);
    const run = (maxBytes: number) =>
      withEngine(
        batched({ form, maxBytes }),
        () => ({ status: 200, after: 1000 }),
        (harness) =>
          Effect.gen(function* () {
            emit(harness, 1);
            yield* pass(10);
            emit(harness, 2, 3, 4, 5);
            harness.webhook.sink.emit({ ...published("c", 6), topic: "t".repeat(three) } as never);
            emit(harness, 7);
            yield* pass(100);
            const fit = maxBytes >= three ? [[2, 3, 4], [5]] : [[2, 3], [4, 5]];
            assert.deepEqual(harness.sent.map(numbers), [[1], ...fit, [6], [7]]);
            assert.deepEqual(harness.sent.map(({ at }) => at), [0, 10, 10, 10, 60]);
            const texts = harness.sent.map(({ text }) => text);
            if (maxBytes === three) assert.equal(texts[1]!.length, three);
            assert.ok(texts.every((text) => text.endsWith(form === "array" ? "]" : "\n")));
            const type = form === "array" ? "application/json" : "application/x-ndjson";
            assert.equal(harness.sent[0]!.headers["content-type"], type);
          }),
      );
    return run(three).then(() => run(three - 1));
  });
}

Deno.test("A batch is repeated with the same events, bytes and webhook-id, and counts as one attempt and as its events", () =>
  withEngine(
    batched(),
    (_, attempt) => ({ status: attempt < 3 ? 503 : 200, after: 10 }),
    (harness) =>
      Effect.gen(function* () {
        emit(harness, 1);
        yield* pass(5);
        emit(harness, 2, 3);
        yield* pass(15);
        const { queued, in_flight, attempts, breaker } = totalOf(harness);
        assert.deepEqual([queued, in_flight, attempts, breaker], [3, 0, 2, "closed"]);
        emit(harness, 4);
        yield* passInSteps(3_000);
        const repeats = harness.sent.filter((one) => numbers(one)[0] === 2);
        assert.deepEqual(repeats.map(({ at }) => at), [10, 520, 1780]);
        assert.equal(new Set(repeats.map(({ text }) => text)).size, 1);
        assert.equal(new Set(repeats.map(idOf)).size, 1);
        assert.equal(idOf(repeats[0]!)?.replace(/.*-/, ""), "2");
        assert.equal(totalOf(harness).delivered, 4);
      }),
  ));

Deno.test("A batch that is refused is split once: each event goes alone with an id of its own, and costs no other", () => {
  const refuses = (sent: Sent) => numbers(sent).includes(3) ? 422 : 200;
  return withEngine(
    batched({}, {}, { ordering: "client" }),
    (sent) => ({ status: refuses(sent), after: 10 }),
    (harness) =>
      Effect.gen(function* () {
        emit(harness, 1);
        yield* pass(5);
        for (const [client, n] of [["a", 2], ["a", 3], ["b", 4], ["a", 5]] as const) {
          harness.webhook.sink.emit(published(client, n));
        }
        yield* pass(10);
        harness.webhook.sink.emit(published("a", 6));
        yield* pass(200);
        // In each lane one after the other; 6 was not in the batch, and goes with nobody of it.
        assert.deepEqual(course(harness.sent), [
          [0, [1]],
          [10, [2, 3, 4, 5]],
          [20, [2]],
          [20, [4]],
          [30, [3]],
          [40, [5]],
          [50, [6]],
        ]);
        const ids = harness.sent.slice(2).map(idOf);
        assert.equal(new Set(ids).size, ids.length);
        assert.ok(harness.sent.every(({ text }) => text.startsWith("[")));
        const { delivered, failed, attempts, breaker } = totalOf(harness);
        assert.deepEqual([delivered, failed, attempts, breaker], [5, 1, 7, "closed"]);
      }),
  );
});

Deno.test("An event of a split batch is repeated alone, with retries of its own", () =>
  withEngine(
    batched(),
    (sent, attempt) => {
      const status = numbers(sent).length > 1
        ? attempt === 1 ? 503 : 400
        // The first of a batch has the webhook-id that the batch had.
        : numbers(sent)[0] === 2 && attempt < 4
        ? 503
        : 200;
      return { status, after: 10 };
    },
    (harness) =>
      Effect.gen(function* () {
        emit(harness, 1);
        yield* pass(5);
        emit(harness, 2, 3);
        yield* pass(5);
        yield* passInSteps(2_000);
        const of2 = harness.sent.filter((one) => numbers(one).includes(2));
        assert.deepEqual(course(of2), [
          [10, [2, 3]],
          [520, [2, 3]],
          [530, [2]],
          [1040, [2]],
        ]);
        assert.equal(totalOf(harness).delivered, 3);
      }),
  ));

Deno.test("A batch that is answered 410 lets the URL go, and splits nothing", () =>
  withEngine(
    batched(),
    (sent) => ({ status: numbers(sent).length > 1 ? 410 : 200, after: 10 }),
    (harness) =>
      Effect.gen(function* () {
        emit(harness, 1);
        yield* pass(5);
        emit(harness, 2, 3);
        yield* pass(1_000);
        assert.deepEqual(harness.sent.map(numbers), [[1], [2, 3]]);
        const { failed, breaker } = totalOf(harness);
        assert.deepEqual([failed, breaker], [2, "gone"]);
      }),
  ));

Deno.test('With retry_status = "all" a batch that is refused is repeated, and never split', () =>
  withEngine(
    batched({}, { retry: { ...retryPolicy, status: "all" } }),
    (sent, attempt) => ({
      status: numbers(sent).length > 1 && attempt === 1 ? 400 : 200,
      after: 10,
    }),
    (harness) =>
      Effect.gen(function* () {
        emit(harness, 1);
        yield* pass(5);
        emit(harness, 2, 3);
        yield* pass(1_000);
        assert.deepEqual(course(harness.sent), [[0, [1]], [10, [2, 3]], [520, [2, 3]]]);
      }),
  ));

Deno.test("A client's ordered events ride in one batch in their order, and those behind wait for its answer", () =>
  withEngine(
    batched({ maxEvents: 4 }, {}, { ordering: "client" }),
    () => ({ status: 200, after: 200 }),
    (harness) =>
      Effect.gen(function* () {
        const { sink } = harness.webhook;
        sink.emit(published("x", 1));
        yield* pass(1);
        for (const n of [2, 3, 4]) sink.emit(published("a", n));
        for (const n of [5, 6]) sink.emit(published("b", n));
        yield* pass(1);
        // 2 to 5 were full; 6 is b's as 5 is, and nothing of b goes before that is answered.
        sink.emit(published("a", 7));
        sink.emit(published("y", 8));
        yield* pass(1_000);
        assert.deepEqual(course(harness.sent), [
          [0, [1]],
          [1, [2, 3, 4, 5]],
          [52, [8]],
          [201, [6, 7]],
        ]);
      }),
  ));

Deno.test("The breaker counts a batch that fails as one failure, and probes with one batch", () =>
  withEngine(
    batched({}, {}, { breakerFailures: 3 }),
    (sent) => ({ status: sent.at < 3_000 ? 503 : 200, after: 10 }),
    (harness) =>
      Effect.gen(function* () {
        emit(harness, 1);
        yield* pass(5);
        emit(harness, ...Array.from({ length: 50 }, (_, n) => n + 2));
        yield* pass(100);
        assert.equal(totalOf(harness).breaker, "closed"); // 51 events in 2 attempts
        yield* pass(1_000);
        assert.equal(totalOf(harness).breaker, "open");
        yield* pass(60_000);
        const { delivered, breaker } = totalOf(harness);
        assert.deepEqual([delivered, breaker], [51, "closed"]);
      }),
  ));

Deno.test("A batch that waits for its retry is dropped as a whole, where the oldest is dropped", () =>
  withEngine(
    batched({}, {}, { whenFull: "drop_oldest", queueCapacity: 4, breakerFailures: 1 }),
    () => 503,
    (harness) =>
      Effect.gen(function* () {
        emit(harness, 1, 2, 3, 4);
        yield* pass(0);
        assert.deepEqual(harness.sent.map(numbers), [[1]]);
        yield* Effect.orDie(harness.webhook.reload({
          ...harness.webhook.settings(),
          breakerFailures: 20,
        }));
        yield* pass(0);
        assert.deepEqual(harness.sent.map(numbers), [[1], [2, 3, 4]]);
        emit(harness, 5, 6);
        yield* pass(0);
        const { dropped, queued } = totalOf(harness);
        assert.deepEqual([dropped, queued], [4, 2]);
      }),
  ));

Deno.test("SIGHUP takes another form, or none: what waits goes as the receiver wants it now", () =>
  withEngine(
    batched({}, {}, { ordering: "client" }),
    (sent) => ({ status: sent.at < 600 ? 503 : 200, after: 10 }),
    (harness) =>
      Effect.gen(function* () {
        emit(harness, 1);
        yield* pass(5);
        for (const n of [2, 3]) harness.webhook.sink.emit(published("a", n));
        harness.webhook.sink.emit(published("b", 4));
        yield* pass(95);
        const reload = (settings: ReturnType<typeof settingsOf>) =>
          Effect.orDie(harness.webhook.reload(settings));
        yield* reload(batched({ form: "ndjson" }, {}, { ordering: "client" }));
        yield* pass(450);
        assert.deepEqual(course(harness.sent.slice(2)), [[510, [1]], [520, [2, 3, 4]]]);
        assert.ok(harness.sent[3]!.text.endsWith("\n"));
        yield* reload(settingsOf({ ordering: "client" }));
        yield* pass(3_000);
        const alone = harness.sent.slice(4);
        assert.deepEqual(alone.map(numbers), [[1], [2], [4], [3]]);
        assert.ok(
          alone.every(({ text, headers }) => text.startsWith("{") && headers["webhook-seq"]),
        );
        assert.equal(idOf(alone[1]!), idOf(harness.sent[3]!), "the first of the batch");
        assert.equal(totalOf(harness).delivered, 4);
      }),
  ));

Deno.test("SIGHUP that asks for batches has what was sent before by itself go alone in their form", () =>
  withEngine(
    settingsOf(),
    (sent) => sent.at < 100 ? 503 : 200,
    (harness) =>
      Effect.gen(function* () {
        emit(harness, 1, 2);
        yield* pass(200);
        yield* Effect.orDie(harness.webhook.reload(batched()));
        yield* pass(1_000);
        const again = harness.sent.slice(2);
        assert.deepEqual(again.map(({ text }) => text[0]), ["[", "["]);
        assert.deepEqual(again.map(idOf), harness.sent.slice(0, 2).map(idOf));
      }),
  ));

Deno.test("What a batch is given up with becomes a dead letter for each of its events", () => {
  const store = new MemoryStore();
  const outbox = { ...IN_MEMORY, kind: "disk", deadLetters: true } as const;
  return withEngine(
    batched({}, { retry: { ...retryPolicy, maxElapsedTime: 1_000 } }, { outbox }),
    () => ({ status: 503, after: 10 }),
    (harness) =>
      Effect.gen(function* () {
        emit(harness, 1);
        yield* pass(5);
        emit(harness, 2, 3);
        yield* pass(5_000);
        assert.equal(totalOf(harness).failed, 3);
        assert.equal(harness.webhook.metrics.snapshot().disk?.letters.n, 3);
      }),
    { store },
  );
});

Deno.test("A stop delivers what waits for its batch, and its lifecycle events in their order", () =>
  withEngine(
    batched({ maxDelay: 100_000 }),
    () => ({ status: 200, after: 400 }),
    (harness) =>
      Effect.gen(function* () {
        harness.webhook.sink.emit(connected("a", 1));
        yield* pass(10);
        for (const n of [2, 3]) harness.webhook.sink.emit(connected("a", n));
        emit(harness, 4);
        const stopping = yield* Effect.fork(harness.stop);
        yield* pass(1_000);
        yield* stopping.await;
        assert.deepEqual(harness.sent.map(({ bodies }) => bodies.length), [1, 3]);
        assert.equal(harness.webhook.undelivered(), 0);
      }),
  ));

Deno.test("compression packs bodies of 1 KB and more, and says so; a batch's bytes are counted unpacked", () =>
  withEngine(
    batched({ maxEvents: 10 }, { compression: "gzip" }),
    () => ({ status: 200, after: 10 }),
    (harness) =>
      Effect.gen(function* () {
        emit(harness, 1);
        yield* pass(5);
        emit(harness, ...Array.from({ length: 10 }, (_, n) => n + 2));
        yield* pass(100);
        const [small, large] = harness.sent;
        assert.ok(small!.text.length < 1024 && large!.text.length > 1024);
        assert.equal(small!.headers["content-encoding"], undefined);
        assert.equal(large!.headers["content-encoding"], "gzip");
        assert.equal(large!.bodies.length, 10);
        assert.equal(small!.url, A);
      }),
  ));
