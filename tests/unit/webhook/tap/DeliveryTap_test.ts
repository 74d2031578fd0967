/** What the tap of a running engine tells of its deliveries, on the TestClock. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type { DeliveryFilter } from "../../../../src/webhook/tap/DeliveryFilter.ts";
import type { DeliveryRecord } from "../../../../src/webhook/tap/DeliveryRecord.ts";
import { MOST_ATTEMPTS, MOST_TEXT } from "../../../../src/webhook/tap/DeliveryRecord.ts";
import { DeliveryTap } from "../../../../src/webhook/tap/DeliveryTap.ts";
import type { WebHook } from "../../../../src/webhook/WebHook.ts";
import { A, B, connected, pass, published, rule, settingsOf, withEngine } from "../harness.ts";

const recorded = (tap: DeliveryTap, filter: DeliveryFilter = {}): ReadonlyArray<DeliveryRecord> =>
  tap.find(filter, 1e6).map((slot) => tap.record(slot));

const watched = ({ tap }: WebHook): Array<DeliveryRecord> => {
  const told: Array<DeliveryRecord> = [];
  tap.watch((slot) => told.push(tap.record(slot)));
  return told;
};

Deno.test("DeliveryTap keeps nothing before it is turned on", () =>
  withEngine(settingsOf(), () => 200, ({ webhook }) =>
    Effect.gen(function* () {
      webhook.sink.emit(published("c", 1));
      yield* pass(0);
      assert.deepEqual(recorded(webhook.tap), []);
    })));

Deno.test("DeliveryTap shows a delivery as its receiver has it", () =>
  withEngine(settingsOf(), () => 204, ({ webhook, sent }) =>
    Effect.gen(function* () {
      webhook.tap.turnOn(false);
      const told = watched(webhook);
      webhook.sink.emit(published("c/1", 1, "t/a"));
      yield* pass(0);
      const [of] = sent;
      const [shown] = recorded(webhook.tap);
      assert.partialDeepStrictEqual(shown, {
        id: of?.headers["webhook-id"],
        seq: Number(of?.headers["webhook-seq"]),
        event: "message_publish",
        action: "message_publish",
        clientid: "c/1",
        topic: "t/a",
        url: A,
        outcome: "delivered",
        reason: null,
        bytes: JSON.stringify(of?.body).length,
      });
      assert.deepEqual(shown?.attempts.map(({ error }) => error), [null]);
      assert.deepEqual(told, [shown]);
      webhook.sink.emit(connected("c/2", 1));
      yield* pass(0);
      assert.deepEqual(told.map(({ clientid, topic }) => [clientid, topic]), [
        ["c/1", "t/a"],
        ["c/2", null],
      ]);
    })));

Deno.test("DeliveryTap tells a delivery that fails at its first failure and at its end, with its attempts", () =>
  withEngine(
    settingsOf(),
    (_, attempt) => attempt < 3 ? 503 : 200,
    ({ webhook }) =>
      Effect.gen(function* () {
        webhook.tap.turnOn(false);
        const told = watched(webhook);
        webhook.sink.emit(published("c", 1));
        yield* pass(0);
        assert.partialDeepStrictEqual(recorded(webhook.tap), [
          { outcome: "retrying", reason: "status_503", attempts: [{ at: 0 }] },
        ]);
        yield* pass(500);
        yield* pass(1250);
        assert.deepEqual(told.map(({ outcome, at }) => [outcome, at]), [
          ["retrying", 0],
          ["delivered", 1750],
        ]);
        const [shown, ...others] = recorded(webhook.tap);
        assert.deepEqual(others, []);
        assert.deepEqual(shown, told[1]);
        assert.deepEqual(shown?.attempts.map(({ at, error }) => [at, error]), [
          [0, "answered 503"],
          [500, "answered 503"],
          [1750, null],
        ]);
      }),
  ));

Deno.test("DeliveryTap tells what is refused, given up and dropped, each with its reason", () => {
  const rules = [rule("message_publish", { urls: [A] }), rule("client_connected", { urls: [B] })];
  return withEngine(
    settingsOf({ rules }),
    ({ url }) => url === A ? 400 : "refused",
    ({ webhook }) =>
      Effect.gen(function* () {
        webhook.tap.turnOn(false);
        const told = watched(webhook);
        webhook.sink.emit(published("c", 1));
        webhook.sink.emit(connected("d", 1));
        for (let second = 0; second < 70; second++) yield* pass(1000);
        const [atA, atB] = [A, B].map((url) => told.filter((of) => of.url === url));
        assert.partialDeepStrictEqual(atA, [{ outcome: "failed", reason: "status_400" }]);
        assert.partialDeepStrictEqual(atB, [
          { outcome: "retrying", reason: "refused" },
          { outcome: "failed", reason: "refused" },
        ]);
        assert.equal(atA?.[0]?.attempts[0]?.error, "answered 400");
        assert.match(atB?.[1]?.attempts[0]?.error ?? "", /^refused: Connection refused/);
        assert.ok((atB?.[1]?.attempts.length ?? 0) > 3);
        const failed = recorded(webhook.tap, { outcomes: new Set(["failed"]) });
        assert.deepEqual(failed.map(({ url }) => url), [B, A]);
      }),
  );
});

/** A delivery as an endpoint has it, of a body. */
const told = (id: number, body: object) => {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  return { id, seq: id, event: 10, slab: { bytes }, offset: 0, length: bytes.length };
};

const FAILURE = { reason: "refused", detail: "no" };

Deno.test("DeliveryTap finds by event, URL, outcome, client and topic", () => {
  const tap = new DeliveryTap("p-");
  tap.turnOn(false);
  tap.delivered(A, told(1, { from_clientid: "pub", topic: "a/b" }), 1, undefined);
  tap.lost(B, told(2, { from_clientid: "pub", clientid: "sub", topic: "a/c" }), 2, "failed", "x");
  const ids = (filter: DeliveryFilter) => recorded(tap, filter).map(({ id }) => id);
  assert.deepEqual(ids({}), ["p-2", "p-1"]);
  assert.deepEqual(ids({ url: A }), ["p-1"]);
  assert.deepEqual(ids({ event: "message_publish" }), ["p-2", "p-1"]);
  assert.deepEqual(ids({ event: "client_connect" }), []);
  assert.deepEqual(ids({ outcomes: new Set(["failed", "dropped"]) }), ["p-2"]);
  assert.deepEqual(ids({ clientid: "pub" }), ["p-1"]);
  assert.deepEqual(ids({ likeClientid: "u" }), ["p-2", "p-1"]);
  assert.deepEqual(ids({ topic: "a/+" }), ["p-2", "p-1"]);
  assert.deepEqual(ids({ topic: "+/c" }), ["p-2"]);
  assert.deepEqual(tap.find({}, 1).map(({ id }) => id), [2]);
});

Deno.test("DeliveryTap keeps the last 1,000 that ended, and of each URL the last 200 that failed", () => {
  const tap = new DeliveryTap("");
  tap.turnOn(false);
  for (let id = 1; id <= 300; id++) tap.lost(A, told(id, {}), id, "failed", "x");
  for (let id = 301; id <= 500; id++) tap.failed(B, told(id, {}), id, FAILURE, 5);
  for (let id = 1000; id < 3000; id++) tap.delivered(A, told(id, {}), id, undefined);
  assert.equal(recorded(tap, { outcomes: new Set(["delivered"]) }).length, 1000);
  const failed = tap.find({ url: A, outcomes: new Set(["failed"]) }, 1e6).map(({ id }) => id);
  assert.deepEqual([failed.length, failed[0], failed.at(-1)], [200, 300, 101]);
  assert.equal(recorded(tap, { outcomes: new Set(["retrying"]) }).length, 200);
});

Deno.test("DeliveryTap keeps those of 64 URLs, the ones that failed last", () => {
  const tap = new DeliveryTap("");
  tap.turnOn(false);
  for (let n = 0; n < 70; n++) tap.failed(`http://${n % 69}.test/`, told(n, {}), n, FAILURE, 5);
  const urls = new Set(recorded(tap).map(({ url }) => url));
  assert.equal(urls.size, 64);
  assert.ok(urls.has("http://0.test/") && !urls.has("http://1.test/"));
});

Deno.test("DeliveryTap cuts texts, errors and the list of attempts, however large the body is", () => {
  const tap = new DeliveryTap("");
  tap.turnOn(true);
  const long = "ä".repeat(60_000);
  const body = { action: long, from_clientid: long, topic: long, payload: "QUJD".repeat(50_000) };
  const one = told(1, body);
  for (let n = 0; n < 50; n++) tap.failed(A, one, n, { reason: "network", detail: long }, 5);
  tap.lost(A, one, 99, "failed", "network");
  const [shown] = recorded(tap);
  assert.equal(shown?.bytes, one.length);
  for (const text of [shown?.action, shown?.clientid, shown?.topic]) {
    assert.equal(text, "ä".repeat(MOST_TEXT) + "…");
  }
  assert.equal(shown?.attempts.length, MOST_ATTEMPTS);
  assert.equal(shown?.attempts.at(-1)?.at, 49);
  assert.ok(JSON.stringify(shown).length < 10_000);
  assert.ok((tap.find({}, 1)[0]?.payload?.length ?? 0) < 2000);
});
