/** The process itself is short of descriptors or memory: no receiver is blamed, and no event is lost. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type { Attempt } from "../../../src/webhook/attempt/Attempt.ts";
import { DELIVERED, failed } from "../../../src/webhook/attempt/Attempt.ts";
import * as DeliveryError from "../../../src/webhook/attempt/DeliveryError.ts";
import type { Attempting, Executor } from "../../../src/webhook/attempt/Executor.ts";
import { accountsBalance, pass, published, settingsOf, withExecutor } from "./harness.ts";

const SHORT = failed(DeliveryError.fromCause(new Error("Too many open files (os error 24)")));
const REFUSED = failed(DeliveryError.fromCause(new Error("Connection refused (os error 111)")));

/** An executor whose attempts end at once as `outcome` says, and what it was given. */
const executorOf = (outcome: () => typeof SHORT | typeof DELIVERED) => {
  const attempted: Array<number> = [];
  const executor: Executor = {
    prepare: () => Effect.void,
    configure: () => {},
    forget: () => {},
    recall: () => {},
    resize: () => {},
    takes: (limit) => limit,
    attempt: (endpoint: Attempting, attempt: Attempt) => {
      attempted.push(attempt.id);
      const ended = outcome();
      queueMicrotask(() => endpoint.complete(attempt, ended));
    },
  };
  return { executor, attempted };
};

Deno.test("Endpoint lets events wait while the process is short, however long, and counts nothing against them", () => {
  let short = true;
  const { executor, attempted } = executorOf(() => short ? SHORT : DELIVERED);
  return withExecutor(
    settingsOf({ breakerFailures: 2, concurrencyLimit: 4 }),
    executor,
    ({ webhook, logs }) =>
      Effect.gen(function* () {
        let told = 0;
        webhook.onShortage(() => told++);
        for (let n = 0; n < 100; n++) webhook.sink.emit(published("c", n));
        yield* pass(1_000);
        assert.equal(attempted.length, 5 * 4); // no more than may be in flight, four times a second
        yield* pass(90_000);
        const waiting = webhook.metrics.snapshot();
        assert.equal(waiting.endpoints[0]!.breaker, "closed");
        assert.equal(waiting.endpoints[0]!.attempts, 0);
        assert.equal(waiting.endpoints[0]!.total.queued, 100);
        assert.ok(accountsBalance(waiting));
        assert.ok(told > 0);
        assert.ok(logs.some((line) => line.startsWith("short of descriptors or memory")));
        short = false;
        yield* pass(250);
        assert.equal(webhook.metrics.snapshot().endpoints[0]!.total.delivered, 100);
      }),
  );
});

Deno.test("Endpoint gives a repeated event as much time more as the process was short", () => {
  let outcome: typeof SHORT | typeof DELIVERED = REFUSED;
  const { executor } = executorOf(() => outcome);
  return withExecutor(settingsOf(), executor, ({ webhook }) =>
    Effect.gen(function* () {
      webhook.sink.emit(published("c", 1));
      yield* pass(100);
      outcome = SHORT;
      yield* pass(90_000);
      const { total } = webhook.metrics.snapshot().endpoints[0]!;
      assert.deepEqual([total.queued, total.failed], [1, {}]);
      outcome = DELIVERED;
      yield* pass(250);
      assert.equal(webhook.metrics.snapshot().endpoints[0]!.total.delivered, 1);
    }));
});

Deno.test("Endpoint probes again when the probe could not be made", () => {
  let outcome: typeof SHORT | typeof DELIVERED = REFUSED;
  const { executor } = executorOf(() => outcome);
  return withExecutor(
    settingsOf({ breakerFailures: 2 }),
    executor,
    ({ webhook }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 5; n++) webhook.sink.emit(published("c", n));
        yield* pass(0);
        assert.equal(webhook.metrics.snapshot().endpoints[0]!.breaker, "open");
        outcome = SHORT;
        yield* pass(30_000);
        assert.equal(webhook.metrics.snapshot().endpoints[0]!.breaker, "open");
        outcome = DELIVERED;
        yield* pass(250);
        const [endpoint] = webhook.metrics.snapshot().endpoints;
        assert.deepEqual([endpoint!.breaker, endpoint!.total.delivered], ["closed", 5]);
      }),
  );
});
