import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import {
  A,
  accountsBalance,
  B,
  connected,
  pass,
  published,
  rule,
  settingsOf,
  withEngine,
} from "./harness.ts";

const at = (sent: ReadonlyArray<{ readonly at: number }>) => sent.map(({ at }) => at);

Deno.test("WebHook repeats a failing delivery at 0.5, 1.75, 4.875, 12.6875 and 32.21875 s and then gives it up", () =>
  withEngine(settingsOf(), () => 500, ({ webhook, sent, logs }) =>
    Effect.gen(function* () {
      webhook.sink.emit(published("c", 1));
      yield* pass(0);
      yield* pass(40_000);
      assert.deepEqual(at(sent), [0, 500, 1_750, 4_875, 12_687.5, 32_218.75]);
      const { total } = webhook.metrics.snapshot().endpoints[0]!;
      assert.deepEqual(total.failed, { status_500: 1 });
      assert.equal(total.queued + total.in_flight, 0);
      assert.equal(webhook.metrics.snapshot().backlog, 0);
      assert.ok(
        logs.some((line) => line.startsWith("given up after its retries")),
        logs.join("\n"),
      );
    })));

Deno.test("WebHook keeps webhook-id over attempts and renews webhook-timestamp", () =>
  withEngine(
    settingsOf(),
    (_, attempt) => attempt < 4 ? 503 : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(published("c", 1));
        webhook.sink.emit(published("c", 2));
        yield* pass(0);
        yield* pass(10_000);
        const ids = sent.map(({ headers }) => headers["webhook-id"]);
        assert.equal(new Set(ids).size, 2);
        const first = sent.filter(({ headers }) => headers["webhook-id"] === ids[0]);
        assert.deepEqual(first.map(({ headers }) => headers["webhook-timestamp"]), [
          "0",
          "0",
          "1",
          "4",
        ]);
        assert.equal(first[0]!.headers["content-type"], "application/json");
        assert.equal(first[0]!.headers["user-agent"], "hookline/0.1.0");
        assert.equal(webhook.metrics.snapshot().endpoints[0]!.total.delivered, 2);
      }),
  ));
