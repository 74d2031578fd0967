import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import { DropReason } from "../../../src/domain/DropReason.ts";
import type { WebHookSettings } from "../../../src/domain/WebHookSettings.ts";
import type { HookEvent } from "../../../src/domain/HookEvent.ts";
import type { Attempt } from "../../../src/webhook/attempt/Attempt.ts";
import { DELIVERED, RETURNED } from "../../../src/webhook/attempt/Attempt.ts";
import { fromStatus } from "../../../src/webhook/attempt/DeliveryError.ts";
import type { Attempting, Executor } from "../../../src/webhook/attempt/Executor.ts";
import type { Sent } from "./harness.ts";
import {
  A,
  accountsBalance,
  B,
  connected,
  pass,
  published,
  retryPolicy,
  rule,
  settingsOf,
  withEngine,
  withExecutor,
} from "./harness.ts";

const at = (sent: ReadonlyArray<Sent>) => sent.map(({ at }) => at);
const to = (url: string, sent: ReadonlyArray<Sent>) => sent.filter((one) => one.url === url);
const disconnected = (clientid: string, n: number): HookEvent => ({
  _tag: "client_disconnected",
  node: 1,
  ipaddress: "127.0.0.1:1",
  clientid,
  username: "undefined",
  disconnected_at: n,
  reason: "Disconnect",
});
const dropped = (clientid: string, n: number, reason: string): HookEvent => ({
  _tag: "message_dropped",
  from_node: 1,
  from_ipaddress: "127.0.0.1:2",
  from_clientid: "p",
  from_username: "undefined",
  node: 1,
  ipaddress: "127.0.0.1:1",
  clientid,
  username: "undefined",
  dup: false,
  retain: false,
  qos: 1,
  topic: "t",
  packet_id: n,
  payload: new Uint8Array(),
  reason,
  pts: n,
  ts: n,
});
const terminated = (clientid: string, reason: string): HookEvent => ({
  _tag: "session_terminated",
  node: 1,
  ipaddress: "127.0.0.1:1",
  clientid,
  username: "undefined",
  reason,
});
const executorOf = (of: Pick<Executor, "attempt" | "recall">): Executor => ({
  prepare: () => Effect.void,
  configure: () => {},
  forget: () => {},
  resize: () => {},
  takes: (limit) => limit,
  ...of,
});
/** What the log says of settings that wait for a restart. */
const PRESENCE = [rule("client_connected"), rule("client_disconnected"), rule("message_publish")];

Deno.test("WebHook repeats a failing delivery 0.5, 1.75, 4.875, 12.6875 and 32.21875 s after its first failure, then gives it up", () =>
  withEngine(settingsOf(), () => 500, ({ webhook, sent, logs }) =>
    Effect.gen(function* () {
      webhook.sink.emit(published("c", 1));
      yield* pass(100_000);
      assert.deepEqual(at(sent), [0, 500, 1_750, 4_875, 12_687.5, 32_218.75]);
      const { backlog, endpoints } = webhook.metrics.snapshot();
      assert.equal(backlog, 0);
      assert.deepEqual(endpoints[0]!.total.failed, { status_500: 1 });
      assert.ok(logs.some((line) =>
        line.startsWith("event lost") && / reason=status_500 .*count=1/.test(line)
      ));
    })));

Deno.test("WebHook keeps webhook-id and webhook-seq over attempts and renews webhook-timestamp", () =>
  withEngine(
    settingsOf(),
    (_, attempt) => attempt < 4 ? 503 : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(published("c", 1));
        webhook.sink.emit(published("c", 2));
        yield* pass(10_000);
        const ids = new Set(sent.map(({ headers }) => headers["webhook-id"]));
        assert.equal(ids.size, 2);
        const first = sent.filter(({ headers }) => headers["webhook-id"] === [...ids][0]);
        assert.deepEqual(first.map(({ headers }) => headers["webhook-timestamp"]), [
          "0",
          "0",
          "1",
          "4",
        ]);
        assert.deepEqual(
          new Set(first.map(({ headers }) => headers["webhook-seq"])),
          new Set(["1"]),
        );
        assert.equal(first[0]!.headers["content-type"], "application/json");
        assert.equal(first[0]!.headers["user-agent"], "hookline/0.1.0");
      }),
  ));

Deno.test("WebHook waits as long as Retry-After says, in seconds", () =>
  withEngine(
    settingsOf(),
    (_, attempt) => attempt === 1 ? { status: 429, headers: { "retry-after": "7" } } : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(published("c", 1));
        yield* pass(60_000);
        assert.deepEqual(at(sent), [0, 7_000]);
      }),
  ));

Deno.test("WebHook waits until the HTTP-date of Retry-After", () =>
  withEngine(
    settingsOf(),
    (_, attempt) =>
      attempt === 1
        ? { status: 503, headers: { "retry-after": "Thu, 01 Jan 1970 00:00:09 GMT" } }
        : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(published("c", 1));
        yield* pass(60_000);
        assert.deepEqual(at(sent), [0, 9_000]);
      }),
  ));

Deno.test("WebHook makes a last attempt at the elapsed limit when Retry-After asks for more", () =>
  withEngine(
    settingsOf(),
    () => ({ status: 503, headers: { "retry-after": "3600" } }),
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(published("c", 1));
        yield* pass(4_000_000);
        assert.deepEqual(at(sent), [0, 60_000]);
        assert.deepEqual(webhook.metrics.snapshot().endpoints[0]!.total.failed, { status_503: 1 });
      }),
  ));

Deno.test("WebHook clamps back-offs at retry_max_interval and ends at retry_max_elapsed_time", () =>
  withEngine(
    settingsOf({
      endpoint: { retry: { ...retryPolicy, maxInterval: 2_000, maxElapsedTime: 8_000 } },
    }),
    () => "refused",
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(published("c", 1));
        yield* pass(60_000);
        assert.deepEqual(at(sent), [0, 500, 1_750, 3_750, 5_750, 7_750]);
        assert.deepEqual(webhook.metrics.snapshot().endpoints[0]!.total.failed, { refused: 1 });
      }),
  ));

Deno.test("WebHook spreads back-offs over interval x [1-jitter, 1+jitter]", () =>
  withEngine(
    settingsOf({ endpoint: { retry: { ...retryPolicy, jitter: 0.5 } }, breakerFailures: 1_000 }),
    (_, attempt) => attempt === 1 ? 500 : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 64; n++) webhook.sink.emit(published("c", n));
        yield* pass(0);
        for (let n = 0; n < 60; n++) yield* pass(20);
        const retried = at(sent).slice(64);
        assert.equal(retried.length, 64);
        assert.ok(retried.every((at) => at >= 240 && at <= 760), String(retried));
        assert.ok(new Set(retried).size > 5);
      }),
  ));

Deno.test("WebHook ends a delivery at once that the receiver refuses for good", async () => {
  for (const status of [301, 400, 404, 422]) {
    await withEngine(settingsOf(), () => status, ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(published("c", 1));
        yield* pass(60_000);
        assert.equal(sent.length, 1);
        assert.equal(webhook.metrics.snapshot().backlog, 0);
      }));
  }
});

Deno.test("WebHook repeats every non-2xx with retry_status = all", () =>
  withEngine(
    settingsOf({ endpoint: { retry: { ...retryPolicy, status: "all" } } }),
    (_, attempt) => attempt === 1 ? 404 : 204,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(published("c", 1));
        yield* pass(60_000);
        assert.deepEqual(at(sent), [0, 500]);
      }),
  ));

Deno.test("WebHook gives an attempt up after http_timeout and repeats it", () =>
  withEngine(
    settingsOf({ endpoint: { httpTimeout: 3_000 } }),
    (_, attempt) => attempt === 1 ? "hang" : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(published("c", 1));
        yield* pass(2_999);
        assert.equal(webhook.metrics.snapshot().endpoints[0]!.total.in_flight, 1);
        yield* pass(60_000);
        assert.deepEqual(at(sent), [0, 3_500]);
      }),
  ));

Deno.test("WebHook holds PUBLISH from 7/8 of the capacity, everything at the capacity, and lets go at half", () =>
  withEngine(
    settingsOf({ queueCapacity: 8, concurrencyLimit: 1, endpoint: { httpTimeout: 60_000 } }),
    () => "hang",
    ({ webhook }) =>
      Effect.gen(function* () {
        const seen: Array<string> = [];
        for (let n = 0; n < 10; n++) {
          seen.push(webhook.sink.pressure);
          webhook.sink.emit(published("c", n));
          yield* pass(0);
        }
        assert.deepEqual(seen.join(" "), "open open open open open open open high full full");
        assert.equal(webhook.metrics.snapshot().backlog, 10); // nothing is refused
      }),
  ));

for (const queueCapacity of [1, 2, 3, 10, 100]) {
  Deno.test(`WebHook delivers everything through a queue of ${queueCapacity} when its clients wait for room`, () =>
    withEngine(
      settingsOf({ queueCapacity, concurrencyLimit: 4 }),
      (_, attempt) => attempt === 1 ? 500 : 200,
      ({ webhook, sent }) =>
        Effect.gen(function* () {
          let next = 0;
          let most = 0;
          const publish = () => {
            while (next < 40 && webhook.sink.pressure === "open") {
              webhook.sink.emit(published("c", next++));
              most = Math.max(most, webhook.metrics.snapshot().backlog);
            }
          };
          webhook.onRelief(publish);
          publish();
          for (let n = 0; n < 100 && next < 40; n++) yield* pass(500);
          yield* pass(10_000);
          assert.equal(new Set(sent.map(({ body }) => body["packet_id"])).size, 40);
          assert.ok(most <= queueCapacity, `${most} waited`);
          const { backlog, endpoints } = webhook.metrics.snapshot();
          assert.equal(endpoints[0]!.total.delivered, 40);
          assert.equal(backlog, 0);
          assert.equal(webhook.sink.pressure, "open");
        }),
    ));
}

Deno.test("WebHook drops the newest events of a full queue with when_full = drop_newest, and counts them", () =>
  withEngine(
    settingsOf({ queueCapacity: 5, whenFull: "drop_newest", concurrencyLimit: 1 }),
    () => "hang",
    ({ webhook }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 9; n++) webhook.sink.emit(published("c", n));
        yield* pass(0);
        const snapshot = webhook.metrics.snapshot();
        assert.deepEqual(snapshot.endpoints[0]!.total.dropped, { queue_full: 4 });
        assert.equal(snapshot.backlog, 5);
        assert.equal(webhook.sink.pressure, "open");
        assert.ok(accountsBalance(snapshot));
      }),
  ));

Deno.test("WebHook drops the oldest waiting events of a full queue with when_full = drop_oldest", () =>
  withEngine(
    settingsOf({
      queueCapacity: 5,
      whenFull: "drop_oldest",
      concurrencyLimit: 1,
      endpoint: { httpTimeout: 2_000 },
    }),
    ({ body }, attempt) => body["packet_id"] === "0" && attempt === 1 ? "hang" : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 9; n++) webhook.sink.emit(published("c", n));
        yield* pass(0);
        const snapshot = webhook.metrics.snapshot();
        assert.deepEqual(snapshot.endpoints[0]!.total.dropped, { queue_full: 4 });
        assert.ok(accountsBalance(snapshot));
        yield* pass(100_000);
        const ids = new Set(sent.map(({ body }) => body["packet_id"]));
        assert.deepEqual([...ids], ["0", "5", "6", "7", "8"]);
      }),
  ));

Deno.test("WebHook keeps one client's lifecycle events in order while it repeats one; messages overtake", () =>
  withEngine(
    settingsOf({ rules: PRESENCE }),
    ({ body }, attempt) => body["action"] === "client_connected" && attempt < 3 ? 500 : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(connected("c", 1));
        webhook.sink.emit(published("c", 2));
        webhook.sink.emit(disconnected("c", 3));
        webhook.sink.emit(connected("d", 4));
        yield* pass(0);
        assert.deepEqual(sent.map(({ body }) => body["action"]), [
          "client_connected",
          "message_publish",
          "client_connected",
        ]);
        yield* pass(5_000);
        const ofC = sent.filter(({ body }) => body["clientid"] === "c");
        assert.deepEqual(ofC.map(({ at, body }) => [at, body["action"]]), [
          [0, "client_connected"],
          [500, "client_connected"],
          [1_750, "client_connected"],
          [1_750, "client_disconnected"],
        ]);
        assert.deepEqual(ofC.map(({ headers }) => headers["webhook-seq"]), ["1", "1", "1", "3"]);
      }),
  ));

Deno.test("WebHook lets a client's next lifecycle event go when the one before has ended as failed", () =>
  withEngine(
    settingsOf({ rules: PRESENCE }),
    ({ body }) => body["action"] === "client_connected" ? 500 : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(connected("c", 1));
        webhook.sink.emit(disconnected("c", 2));
        yield* pass(100_000);
        assert.deepEqual(sent.map(({ body }) => body["action"]).at(-1), "client_disconnected");
        assert.equal(sent.at(-1)!.at, 32_218.75);
      }),
  ));

const ENDING = [rule("message_dropped"), rule("session_terminated")];

Deno.test("WebHook sends session_terminated after all that the session's end has dropped, while it repeats one of these", () =>
  withEngine(
    settingsOf({ rules: ENDING }),
    ({ body }, attempt) => body["packet_id"] === "2" && attempt < 3 ? 500 : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        for (const n of [1, 2, 3]) webhook.sink.emit(dropped("c", n, "Kicked"));
        webhook.sink.emit(terminated("c", "Kicked"));
        yield* pass(5_000);
        assert.deepEqual(sent.map(({ at, body }) => [at, body["packet_id"] ?? body["action"]]), [
          [0, "1"],
          [0, "2"],
          [500, "2"],
          [1_750, "2"],
          [1_750, "3"],
          [1_750, "session_terminated"],
        ]);
      }),
  ));

Deno.test("WebHook lets a message that was dropped for another reason wait for nothing of its client's", () =>
  withEngine(
    settingsOf({ rules: ENDING }),
    ({ body }) => body["action"] === "session_terminated" ? 500 : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(terminated("c", "Kicked"));
        for (const reason of Object.values(DropReason)) webhook.sink.emit(dropped("c", 1, reason));
        yield* pass(0);
        assert.deepEqual(sent.map(({ body }) => body["reason"]), [
          "Kicked",
          ...Object.values(DropReason),
        ]);
      }),
  ));

Deno.test("WebHook keeps all of one client's events in order with ordering = client", () =>
  withEngine(
    settingsOf({ ordering: "client" }),
    (_, attempt) => attempt === 1 ? 503 : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 5; n++) webhook.sink.emit(published("c", n));
        yield* pass(30_000);
        assert.deepEqual(sent.map(({ body }) => body["packet_id"]).join(), "0,0,1,1,2,2,3,3,4,4");
      }),
  ));

Deno.test("WebHook keeps no order with ordering = none", () =>
  withEngine(
    settingsOf({ ordering: "none", rules: PRESENCE }),
    ({ body }, attempt) => body["action"] === "client_connected" && attempt === 1 ? 500 : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(connected("c", 1));
        webhook.sink.emit(disconnected("c", 2));
        yield* pass(0);
        assert.equal(sent.length, 2);
      }),
  ));

Deno.test("WebHook opens the breaker after 20 failures in a row and then sends one probe at a time", () => {
  let up = false;
  return withEngine(
    settingsOf({ concurrencyLimit: 1 }),
    () => up ? 200 : 500,
    ({ webhook, sent, logs }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 100; n++) webhook.sink.emit(published("c", n));
        yield* pass(0);
        assert.equal(sent.length, 20);
        assert.equal(webhook.metrics.snapshot().endpoints[0]!.breaker, "open");
        yield* pass(12_600);
        assert.deepEqual(at(sent).slice(20), [500, 1_750, 4_875]);
        up = true;
        yield* pass(100);
        assert.equal(webhook.metrics.snapshot().endpoints[0]!.breaker, "closed");
        yield* pass(100);
        assert.equal(webhook.metrics.snapshot().endpoints[0]!.total.delivered, 100);
        assert.equal(logs.filter((line) => line.startsWith("breaker open")).length, 1);
        assert.equal(logs.filter((line) => line.startsWith("breaker closed")).length, 1);
      }),
  );
});

Deno.test("WebHook ends what was in back-off by its elapsed limit while the breaker is open, and keeps what was never attempted", () =>
  withEngine(
    settingsOf({ concurrencyLimit: 1 }),
    () => 500,
    ({ webhook }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 100; n++) webhook.sink.emit(published("c", n));
        yield* pass(59_999);
        const before = webhook.metrics.snapshot().endpoints[0]!.total;
        yield* pass(1);
        const { total } = webhook.metrics.snapshot().endpoints[0]!;
        // The one whose turn it was to be the probe at 32.2 s had no attempt left.
        assert.deepEqual(before.failed, { status_500: 1 });
        assert.deepEqual(total.failed, { status_500: 20 });
        assert.equal(total.queued, 80);
        assert.deepEqual(total.dropped, {});
      }),
  ));

Deno.test("WebHook sends nothing more to a URL that answered 410 until a reload", () => {
  let gone = true;
  const settings = settingsOf();
  return withEngine(
    settings,
    () => gone ? 410 : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(published("c", 1));
        yield* pass(0);
        webhook.sink.emit(published("c", 2));
        yield* pass(600_000);
        assert.equal(sent.length, 1);
        const { endpoints } = webhook.metrics.snapshot();
        assert.equal(endpoints[0]!.breaker, "gone");
        assert.deepEqual(endpoints[0]!.total.failed, { status_410: 1 });
        gone = false;
        yield* Effect.orDie(webhook.reload(settings));
        yield* pass(0);
        assert.equal(webhook.metrics.snapshot().endpoints[0]!.total.delivered, 1);
        assert.equal(webhook.metrics.snapshot().endpoints[0]!.breaker, "closed");
      }),
  );
});

for (const dead of ["refused", 500, "hang"] as const) {
  Deno.test(`WebHook never holds publishers for long because of a URL that is dead (${dead}), and bounds what it occupies`, () =>
    withEngine(
      settingsOf({
        queueCapacity: 60,
        concurrencyLimit: 16,
        rules: [rule("message_publish", { urls: [A, B] })],
      }),
      ({ url }) => url === A ? dead : 200,
      ({ webhook, sent }) =>
        Effect.gen(function* () {
          let next = 0;
          let held = 0;
          for (let ms = 0; ms < 40_000; ms += 250) {
            if (webhook.sink.pressure === "open") webhook.sink.emit(published("c", next++));
            else held += 250;
            yield* pass(250);
            const snapshot = webhook.metrics.snapshot();
            assert.ok(accountsBalance(snapshot));
            assert.ok(snapshot.backlog <= 60);
          }
          // 3 s until it counts as failing, and for one that hangs its first time-out.
          assert.ok(held <= 11_000, `held for ${held} ms`);
          const [a, b] = webhook.metrics.snapshot().endpoints;
          assert.equal(b!.total.delivered, next);
          assert.ok(a!.total.queued + a!.total.in_flight <= 30);
          assert.ok((a!.total.dropped["endpoint_share"] ?? 0) > 20);
          assert.ok(
            to(B, sent).every(({ at, body }, n) => body["packet_id"] === String(n) && at >= 0),
          );
        }),
    ));
}

Deno.test("WebHook leaves room for the others when every other URL is dead and endpoint_share is 1", () => {
  const urls = [A, B, "http://c.test/", "http://d.test/"];
  return withEngine(
    settingsOf({
      queueCapacity: 80,
      endpointShare: 1,
      breakerFailures: 3,
      rules: [rule("message_publish", { urls })],
    }),
    ({ url }) => url === B ? 200 : 500,
    ({ webhook }) =>
      Effect.gen(function* () {
        let next = 0;
        for (let n = 0; n < 80; n++) {
          if (webhook.sink.pressure === "open") webhook.sink.emit(published("c", next++));
          yield* pass(250);
        }
        const { endpoints, backlog } = webhook.metrics.snapshot();
        assert.equal(endpoints[1]!.total.delivered, next);
        assert.ok(next > 50, `${next} published`);
        assert.ok(backlog <= 80);
      }),
  );
});

Deno.test("WebHook keeps half of the permits from a URL that hangs", () =>
  withEngine(
    settingsOf({
      concurrencyLimit: 8,
      rules: [
        rule("message_publish", { topics: ["a"] }),
        rule("message_publish", { topics: ["b"], urls: [B] }),
      ],
    }),
    ({ url }) => url === A ? "hang" : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 20; n++) webhook.sink.emit(published("c", n, "a"));
        yield* pass(0);
        assert.equal(to(A, sent).length, 6); // its 2 reserved and the common 4
        for (let n = 0; n < 20; n++) webhook.sink.emit(published("c", n, "b"));
        yield* pass(0);
        assert.equal(webhook.metrics.snapshot().endpoints[1]!.total.delivered, 20);
      }),
  ));

Deno.test("WebHook never has more than concurrency_limit requests in flight, nor more than a URL's own limit", () => {
  const settings = settingsOf({
    concurrencyLimit: 5,
    rules: [rule("message_publish", { urls: [A, B] })],
  });
  const endpoints = new Map(settings.endpoints);
  endpoints.set(A, { ...endpoints.get(A)!, concurrencyLimit: 1 });
  return withEngine(
    { ...settings, endpoints },
    () => "hang",
    ({ webhook }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 20; n++) webhook.sink.emit(published("c", n));
        yield* pass(0);
        const [a, b] = webhook.metrics.snapshot().endpoints;
        assert.equal(a!.total.in_flight, 1);
        assert.equal(b!.total.in_flight, 4);
      }),
  );
});

Deno.test("WebHook wants an event only when a rule's topics match its subject", () =>
  withEngine(
    settingsOf({ rules: [rule("message_publish", { topics: ["a/+", "b/#"] })] }),
    () => 200,
    ({ webhook: { sink } }) =>
      Effect.sync(() => {
        assert.ok(sink.wants("message_publish", "a/x"));
        assert.ok(sink.wants("message_publish", "b"));
        assert.ok(sink.wants("message_publish"));
        assert.ok(!sink.wants("message_publish", "c"));
        assert.ok(!sink.wants("message_acked", "a/x"));
      }),
  ));

Deno.test("WebHook makes one request per matching rule and URL, each under the rule's action", () =>
  withEngine(
    settingsOf({
      rules: [
        rule("message_publish", { urls: [A, B] }),
        rule("message_publish", { action: "other", topics: ["t"] }),
        rule("message_publish", { action: "unmatched", topics: ["u"] }),
      ],
    }),
    () => 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(published("c", 7));
        yield* pass(0);
        assert.deepEqual(
          sent.map(({ url, body }) => [url, body["action"]]),
          [[A, "message_publish"], [B, "message_publish"], [A, "other"]],
        );
        assert.deepEqual(
          new Set(sent.map(({ headers }) => headers["webhook-seq"])),
          new Set(["1"]),
        );
        assert.deepEqual(sent[2]!.body, {
          action: "other",
          from_node: 1,
          from_ipaddress: "127.0.0.1:1",
          from_clientid: "c",
          from_username: "undefined",
          dup: false,
          retain: false,
          qos: 1,
          topic: "t",
          packet_id: "7",
          payload: "Bw==",
          ts: 7,
        });
      }),
  ));

Deno.test("WebHook delivers what is queued when it is stopped, retries included", () => {
  let time = 0;
  return withEngine(
    settingsOf({ concurrencyLimit: 1, breakerFailures: 1_000 }),
    (_, attempt) => attempt === 1 ? 500 : 200,
    ({ webhook, stop }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 50; n++) webhook.sink.emit(published("c", n));
        const stopping = yield* Effect.fork(stop);
        for (; time < 5_000 && stopping.unsafePoll() === null; time += 100) yield* pass(100);
        const { total } = webhook.metrics.snapshot().endpoints[0]!;
        assert.equal(total.delivered, 50);
        assert.deepEqual(total.dropped, {});
        assert.ok(time < 1_000);
      }),
  );
});

Deno.test("WebHook does not wait at a stop for a URL that is gone, when what its executor held has come back", () => {
  const held: Array<readonly [Attempting, Attempt]> = [];
  return withExecutor(
    settingsOf(),
    executorOf({
      attempt: (...attempt) => void held.push(attempt),
      recall() {
        for (const [endpoint, delivery] of held.splice(0)) {
          queueMicrotask(() => endpoint.complete(delivery, RETURNED));
        }
      },
    }),
    ({ webhook, stop }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 3; n++) webhook.sink.emit(published("c", n));
        yield* pass(0);
        const stopping = yield* Effect.fork(stop);
        yield* pass(0);
        const [endpoint, delivery] = held.shift()!;
        endpoint.complete(delivery, {
          _tag: "Failed",
          error: fromStatus(410, undefined, "transient", 0),
        });
        yield* pass(0);
        assert.notEqual(stopping.unsafePoll(), null);
        const { total } = webhook.metrics.snapshot().endpoints[0]!;
        assert.deepEqual([total.failed, total.dropped], [{ status_410: 1 }, { shutdown: 2 }]);
      }),
  );
});

Deno.test("WebHook ends by its elapsed limit what came back from its executor while the breaker is open", () => {
  const held: Array<readonly [Attempting, Attempt]> = [];
  const fail = () => {
    const [endpoint, delivery] = held.shift()!;
    endpoint.complete(delivery, {
      _tag: "Failed",
      error: fromStatus(500, undefined, "transient", 0),
    });
  };
  return withExecutor(
    settingsOf({
      breakerFailures: 5,
      endpoint: { retry: { ...retryPolicy, initialInterval: 20_000, multiplier: 1 } },
    }),
    executorOf({
      attempt: (...attempt) => void held.push(attempt),
      recall() {
        for (const [endpoint, delivery] of held.splice(0)) {
          queueMicrotask(() => endpoint.complete(delivery, RETURNED));
        }
      },
    }),
    ({ webhook }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 4; n++) webhook.sink.emit(published("c", n));
        yield* pass(0);
        for (let n = 0; n < 4; n++) fail();
        yield* pass(20_000); // all four are tried again; the first opens the breaker
        fail();
        yield* pass(40_000 - 1);
        assert.deepEqual(webhook.metrics.snapshot().endpoints[0]!.total.failed, {});
        yield* pass(1);
        const { total } = webhook.metrics.snapshot().endpoints[0]!;
        assert.deepEqual(total.failed, { status_500: 3 });
        assert.equal(total.in_flight, 1); // the probe, which hangs
      }),
  );
});

Deno.test("WebHook cuts at shutdown_timeout what is left, counts it and says so", () =>
  withEngine(
    settingsOf({ concurrencyLimit: 3 }),
    () => "hang",
    ({ webhook, stop, logs }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 50; n++) webhook.sink.emit(published("c", n));
        const stopping = yield* Effect.fork(stop);
        yield* pass(9_999);
        assert.equal(stopping.unsafePoll(), null);
        yield* pass(1);
        yield* stopping.await;
        const snapshot = webhook.metrics.snapshot();
        assert.deepEqual(snapshot.endpoints[0]!.total.dropped, { shutdown: 50 });
        assert.ok(accountsBalance(snapshot));
        assert.equal(snapshot.backlog, 0);
        assert.ok(logs.some((line) => /stopped with events undelivered.*dropped=50/.test(line)));
        webhook.sink.emit(published("c", 51));
        assert.deepEqual(webhook.metrics.snapshot().endpoints[0]!.total.dropped, { shutdown: 51 });
      }),
  ));

Deno.test("WebHook keeps what waits over a reload, and drains a URL that no rule names any more", () => {
  let up = false;
  return withEngine(
    settingsOf(),
    () => up ? 200 : 503,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(published("c", 1));
        yield* pass(100);
        yield* Effect.orDie(
          webhook.reload(settingsOf({ rules: [rule("message_publish", { urls: [B] })] })),
        );
        up = true;
        webhook.sink.emit(published("c", 2));
        yield* pass(1_000);
        assert.deepEqual(sent.map(({ url, body }) => [url, body["packet_id"]]), [
          [A, "1"],
          [B, "2"],
          [A, "1"],
        ]);
        assert.ok(accountsBalance(webhook.metrics.snapshot()));
      }),
  );
});

const naming = (...urls: ReadonlyArray<string>) =>
  settingsOf({ concurrencyLimit: 8, rules: [rule("message_publish", { urls })] });

Deno.test("WebHook gives to the others what URLs could use that reloads have removed", () =>
  withEngine(
    naming(A),
    ({ url }) => url === A ? "hang" : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 3; n++) {
          yield* Effect.orDie(webhook.reload(naming(`http://${n}.test/`)));
          webhook.sink.emit(published("c", n));
          yield* pass(0);
        }
        yield* Effect.orDie(webhook.reload(naming(A)));
        for (let n = 0; n < 20; n++) webhook.sink.emit(published("c", n));
        yield* pass(0);
        assert.equal(to(A, sent).length, 8); // all permits, as the only URL
      }),
  ));

Deno.test("WebHook lets a removed URL go when its last event has ended, and keeps its figures", () => {
  let up = false;
  return withEngine(
    naming(A, B),
    ({ url }, attempt) => url === A ? up || attempt > 2 ? 200 : 503 : "hang",
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        const figures = () => {
          const { breaker, total } = webhook.metrics.snapshot().endpoints[0]!;
          return [breaker, total.matched, total.delivered];
        };
        webhook.sink.emit(published("c", 1));
        yield* pass(0);
        yield* Effect.orDie(webhook.reload(naming(B)));
        for (let n = 0; n < 20; n++) webhook.sink.emit(published("c", n));
        yield* pass(499);
        assert.equal(to(B, sent).length, 6); // 2 are kept for the other
        yield* pass(1_251); // two retries
        assert.deepEqual(figures(), ["removed", 1, 1]);
        assert.equal(to(B, sent).length, 8);
        up = true;
        yield* Effect.orDie(webhook.reload(naming(A, B)));
        assert.deepEqual(figures(), ["closed", 1, 1]);
        webhook.sink.emit(published("c", 2));
        yield* pass(8_000); // until a request to the other has ended
        assert.deepEqual(figures(), ["closed", 2, 2]);
        assert.ok(accountsBalance(webhook.metrics.snapshot()));
      }),
  );
});

Deno.test("WebHook asks its executor anew how much it takes when a URL has left", () => {
  const known = new Set<number>();
  const held: Array<readonly [Attempting, Attempt]> = [];
  return withExecutor(
    naming(A, B),
    {
      ...executorOf({ attempt: (...attempt) => void held.push(attempt), recall: () => {} }),
      configure: ({ key }) => void known.add(key),
      forget: ({ key }) => void known.delete(key),
      resize: () => {},
      takes: (limit) => known.size > 1 ? 2 : limit,
    },
    ({ webhook }) =>
      Effect.gen(function* () {
        webhook.sink.emit(published("c", 1));
        yield* pass(0);
        yield* Effect.orDie(webhook.reload(naming(B)));
        for (let n = 2; n < 20; n++) webhook.sink.emit(published("c", n));
        yield* pass(0);
        assert.equal(held.length, 2);
        const [endpoint, delivery] = held.shift()!; // to A
        endpoint.complete(delivery, DELIVERED);
        yield* pass(0);
        assert.equal(held.length, 8);
      }),
  );
});

Deno.test("WebHook keeps a removed URL that is named again before its last event has ended", () =>
  withEngine(
    naming(A),
    (_, attempt) => attempt < 3 ? 503 : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(published("c", 1));
        yield* pass(0);
        yield* Effect.orDie(webhook.reload(naming(B)));
        yield* pass(600); // one retry
        yield* Effect.orDie(webhook.reload(naming(A)));
        yield* pass(2_000);
        assert.deepEqual(at(sent), [0, 500, 1_750]);
        webhook.sink.emit(published("c", 2));
        yield* pass(10_000);
        const { breaker, total } = webhook.metrics.snapshot().endpoints[0]!;
        assert.deepEqual([breaker, total.delivered], ["closed", 2]);
      }),
  ));

Deno.test("WebHook drops what waits for a removed URL that answered 410, and begins anew when it is named again", () => {
  let gone = true;
  return withEngine(
    naming(A),
    () => gone ? 410 : 200,
    ({ webhook, sent, logs }) =>
      Effect.gen(function* () {
        webhook.sink.emit(published("c", 1));
        yield* pass(0);
        for (let n = 2; n < 5; n++) webhook.sink.emit(published("c", n));
        yield* pass(0);
        yield* Effect.orDie(webhook.reload(naming(B)));
        yield* pass(0);
        const { backlog, endpoints } = webhook.metrics.snapshot();
        assert.equal(backlog, 0);
        assert.equal(endpoints[0]!.breaker, "removed");
        assert.deepEqual(endpoints[0]!.total.dropped, { gone: 3 });
        const said = logs.filter((line) =>
          line.startsWith("event lost") && line.includes("reason=gone")
        );
        assert.deepEqual(said.map((line) => /count=\d/.exec(line)?.[0]), ["count=1", "count=2"]);
        gone = false;
        yield* Effect.orDie(webhook.reload(naming(A)));
        webhook.sink.emit(published("c", 5));
        yield* pass(0);
        assert.deepEqual(sent.map(({ body }) => body["packet_id"]), ["1", "5"]);
        assert.equal(webhook.metrics.snapshot().endpoints[0]!.breaker, "closed");
      }),
  );
});

Deno.test("WebHook lets a removed URL go that only fails, after the time that a retry would wait", () =>
  withEngine(
    naming(A),
    () => "refused",
    ({ webhook }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 300; n++) webhook.sink.emit(published("c", n));
        yield* pass(20_000);
        yield* Effect.orDie(webhook.reload(naming(B)));
        yield* pass(retryPolicy.maxElapsedTime - 1);
        assert.equal(webhook.metrics.snapshot().endpoints[0]!.breaker, "open");
        yield* pass(1);
        const { backlog, endpoints } = webhook.metrics.snapshot();
        const { breaker, total } = endpoints[0]!;
        assert.equal(breaker, "removed");
        assert.equal(backlog, 0);
        assert.ok(total.dropped.gone! > 100, "never attempted"); // there are some
        assert.equal(total.failed["refused"]! + total.dropped.gone!, 300);
      }),
  ));

Deno.test("WebHook pauses intake while events are dropped and none is delivered", () =>
  withExecutor(
    settingsOf({ queueCapacity: 2_000, whenFull: "drop_oldest", rules: [rule("message_publish")] }),
    executorOf({ attempt: () => {}, recall: () => {} }),
    ({ webhook }) =>
      Effect.gen(function* () {
        let paused = 0;
        for (let n = 0; n < 200; n++) {
          for (let i = 0; i < 100; i++) webhook.sink.emit(published("c", n * 100 + i));
          if (webhook.sink.pressure !== "open") paused++;
          yield* pass(0);
        }
        assert.ok(paused > 0);
        assert.ok(webhook.metrics.snapshot().endpoints[0]!.total.dropped.queue_full! > 10_000); // some
      }),
  ));

Deno.test("WebHook repeats at a stop what a URL that a reload brought has to repeat", () =>
  withEngine(
    settingsOf({ rules: [rule("message_publish", { urls: [B] })] }),
    (_, attempt) => attempt === 1 ? 500 : 200,
    ({ webhook, sent, stop }) =>
      Effect.gen(function* () {
        yield* Effect.orDie(webhook.reload(settingsOf()));
        webhook.sink.emit(published("c", 1));
        yield* Effect.fork(stop);
        yield* pass(1_000);
        assert.deepEqual(at(to(A, sent)), [0, 500]);
      }),
  ));

Deno.test("WebHook.reload answers which settings wait for a restart, and they stay as they were", () =>
  withEngine(
    settingsOf({ concurrencyLimit: 2 }),
    () => 200,
    ({ webhook }) =>
      Effect.gen(function* () {
        const reload = (settings: WebHookSettings) => Effect.orDie(webhook.reload(settings));
        assert.deepEqual(yield* reload(settingsOf({ concurrencyLimit: 1 })), []);
        assert.deepEqual(
          yield* reload(
            settingsOf({ concurrencyLimit: 3, workerThreads: 3, httpClient: "fetch" }),
          ),
          ["worker_threads", "http_client"],
        );
        const { concurrencyLimit, workerThreads, httpClient } = webhook.settings();
        assert.deepEqual([concurrencyLimit, workerThreads, httpClient], [3, 0, "pool"]);
      }),
  ));

Deno.test("WebHook sends nothing to a paused URL and all of it in order when it is resumed, holds nobody, and a reload leaves it paused", () =>
  withEngine(
    settingsOf({ ordering: "client", rules: [rule("message_publish")] }),
    () => 200,
    ({ webhook, sent, logs }) =>
      Effect.gen(function* () {
        const state = () => webhook.metrics.snapshot().endpoints[0]?.breaker;
        assert.equal(webhook.pause(A), "paused");
        for (let n = 0; n < 400; n++) webhook.sink.emit(published("c", n));
        yield* pass(3_600_000);
        assert.equal(sent.length, 0);
        assert.equal(webhook.sink.pressure, "open");
        assert.equal(webhook.sink.holds("c"), false);
        assert.equal(state(), "paused");
        yield* Effect.orDie(
          webhook.reload(settingsOf({ ordering: "client", rules: [rule("message_publish")] })),
        );
        yield* pass(1_000);
        assert.deepEqual([sent.length, state()], [0, "paused"]);
        assert.equal(webhook.resume(A), "closed");
        yield* pass(1_000);
        assert.equal(sent.length, 400);
        const seqs = sent.map(({ headers }) => Number(headers["webhook-seq"]));
        assert.deepEqual(seqs, seqs.toSorted((a, b) => a - b));
        assert.deepEqual(logs.filter((line) => line.startsWith("breaker")).length, 2);
        assert.equal(webhook.resume(A), "closed");
      }),
  ));

Deno.test("WebHook drops what waits for a paused URL beyond endpoint_share, and a stop does not wait for it", () =>
  withEngine(
    settingsOf({ rules: [rule("message_publish")] }),
    () => 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.pause(A);
        for (let n = 0; n < 900; n++) webhook.sink.emit(published(`c${n}`, n));
        yield* pass(1_000);
        const [of] = webhook.metrics.snapshot().endpoints;
        assert.deepEqual([of?.total.queued, of?.total.dropped], [500, { endpoint_share: 400 }]);
        assert.equal(webhook.sink.pressure, "open");
        assert.equal(sent.length, 0);
      }),
  ));

Deno.test("WebHook has as many requests in flight as a reload allows, without workers at once", () =>
  withEngine(
    settingsOf({ concurrencyLimit: 2 }),
    () => "hang",
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 9; n++) webhook.sink.emit(published("c", n));
        yield* pass(0);
        assert.equal(sent.length, 2);
        yield* Effect.orDie(webhook.reload(settingsOf({ concurrencyLimit: 5 })));
        yield* pass(0);
        assert.equal(sent.length, 5);
      }),
  ));

Deno.test("WebHook logs a URL's first failure with its reason, once in 10 s, and no password", () =>
  withEngine(
    settingsOf({
      rules: [rule("message_publish", { urls: ["http://user:secret@a.test/hook"] })],
      breakerFailures: 1_000,
    }),
    (_, attempt) => attempt === 1 ? "refused" : 200,
    ({ webhook, logs }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 30; n++) {
          webhook.sink.emit(published("c", n));
          yield* pass(1_000);
        }
        const failures = logs.filter((line) => line.startsWith("attempt failed"));
        assert.equal(failures.length, 4); // at 0, 10, 20 and 30 s
        assert.match(failures[0]!, /reason=refused/);
        assert.match(failures[0]!, /url=http:\/\/a.test\/hook/);
        assert.match(failures[1]!, /count=9$/);
        assert.match(failures[2]!, /count=10$/);
        assert.ok(!logs.some((line) => line.includes("secret")));
      }),
  ));
