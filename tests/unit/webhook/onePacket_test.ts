/** Events that one packet has made by the thousand: they wait as events, and bodies are written as there is room. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type { HookEvent } from "../../../src/domain/HookEvent.ts";
import type { Attempt } from "../../../src/webhook/attempt/Attempt.ts";
import { DELIVERED } from "../../../src/webhook/attempt/Attempt.ts";
import type { Attempting, Executor } from "../../../src/webhook/attempt/Executor.ts";
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
  withExecutor,
} from "./harness.ts";

const KB = 1024;

/** One message for an absent session, of a payload that all of them share. */
const offline = (clientid: string, payload: Uint8Array) => ({
  _tag: "offline_message",
  node: 1,
  ipaddress: "127.0.0.1:2",
  clientid,
  username: "undefined",
  from_node: 1,
  from_ipaddress: "127.0.0.1:1",
  from_clientid: "p",
  from_username: "undefined",
  dup: false,
  retain: false,
  qos: 1,
  topic: "t",
  packet_id: 0,
  payload,
  pts: 1,
  ts: 1,
} as const);

/** An executor that ends attempts when it is told to. */
class Held implements Executor {
  readonly attempts: Array<readonly [Attempting, Attempt]> = [];
  readonly prepare = () => Effect.void;
  configure(): void {}
  recall(): void {}
  forget(): void {}
  resize(): void {}

  takes(limit: number): number {
    return limit;
  }
  attempt(endpoint: Attempting, attempt: Attempt): void {
    this.attempts.push([endpoint, attempt]);
  }
  endAll(): number {
    const ended = this.attempts.splice(0);
    for (const [endpoint, attempt] of ended) endpoint.complete(attempt, DELIVERED);
    return ended.length;
  }
}

const LARGE = settingsOf({
  queueCapacity: 4_000,
  rules: [rule("offline_message"), rule("client_connected", { urls: [A, B] })],
});

Deno.test("WebHook writes no more bodies than queue_capacity has KB, whatever one packet has made, and delivers all", () => {
  const executor = new Held();
  return withExecutor(LARGE, executor, ({ webhook }) =>
    Effect.gen(function* () {
      const payload = new Uint8Array(150 * KB); // 200 KB in base64: a hundred are 20 MB
      for (let n = 0; n < 100; n++) webhook.sink.emit(offline(`c${n}`, payload));
      assert.equal(webhook.sink.pressure, "full"); // they count as if they were written
      let most = 0;
      let ended = 0;
      for (let turns = 0; turns < 200 && ended < 100; turns++) {
        yield* pass(0);
        const snapshot = webhook.metrics.snapshot();
        assert.ok(accountsBalance(snapshot));
        const { matched } = snapshot.endpoints[0]!.total;
        assert.equal(matched + snapshot.waiting_events, 100);
        assert.ok(snapshot.slab_bytes > 0);
        most = Math.max(most, snapshot.slab_bytes);
        ended += executor.endAll();
      }
      assert.equal(ended, 100);
      // The body that takes the last room may exceed it.
      assert.ok(most <= (4_000 + 201) * KB, `${most} bytes`);
      yield* pass(0);
      assert.equal(webhook.metrics.snapshot().backlog, 0);
      assert.equal(webhook.sink.pressure, "open");
    }));
});

Deno.test("WebHook counts a client identifier, a user name and a topic of an event that waits", () =>
  withExecutor(settingsOf({ queueCapacity: 100 }), new Held(), ({ webhook }) =>
    Effect.sync(() => {
      const backlog = () => webhook.metrics.snapshot().backlog;
      webhook.sink.emit(connected("x".repeat(30 * KB), 1));
      assert.equal(backlog(), 31); // and "undefined", its user name
      webhook.sink.emit({ ...connected("c", 1), username: "u".repeat(20 * KB) } as HookEvent);
      assert.equal(backlog(), 52);
      webhook.sink.emit(published("c", 1, "t".repeat(10 * KB)));
      assert.equal(backlog(), 63);
    })));

Deno.test("WebHook delivers to a URL that works although one that hangs has taken the room, once that counts as failing", () => {
  const payload = new Uint8Array(150 * KB);
  return withEngine(
    LARGE,
    ({ url }) => url === A ? "hang" : 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 100; n++) webhook.sink.emit(offline(`c${n}`, payload));
        webhook.sink.emit(connected("late", 1));
        yield* pass(100);
        assert.equal(sent.filter(({ url }) => url === B).length, 0);
        // It counts as failing from its time-out on, and is bounded by endpoint_share.
        for (let s = 0; s < 30; s++) yield* pass(1_000);
        assert.equal(sent.filter(({ url }) => url === B).length, 1);
        assert.ok(accountsBalance(webhook.metrics.snapshot()));
      }),
  );
});

for (const whenFull of ["drop_newest", "drop_oldest"] as const) {
  Deno.test(`WebHook drops what one packet has too much of and counts it, and no event waits for room for ever (${whenFull})`, () => {
    const executor = new Held();
    return withExecutor({ ...LARGE, whenFull }, executor, ({ webhook }) =>
      Effect.gen(function* () {
        const payload = new Uint8Array(150 * KB);
        for (let n = 0; n < 100; n++) webhook.sink.emit(offline(`c${n}`, payload));
        for (let turns = 0; turns < 50; turns++) yield* pass(0);
        const before = webhook.metrics.snapshot();
        assert.ok(before.slab_bytes <= (4_000 + 201) * KB, `${before.slab_bytes} bytes`);
        for (let turns = 0; turns < 50; turns++) {
          executor.endAll();
          yield* pass(0);
        }
        const snapshot = webhook.metrics.snapshot();
        const { matched, delivered, dropped } = snapshot.endpoints[0]!.total;
        assert.equal(snapshot.waiting_events, 0);
        assert.equal(matched, 100);
        assert.equal(delivered + dropped.queue_full!, 100);
        assert.ok(delivered >= 4, `${delivered} delivered`);
      }));
  });
}

Deno.test("WebHook counts at a stop what still waits as an event, and stops in time", () =>
  withExecutor(LARGE, new Held(), ({ webhook, logs, stop }) =>
    Effect.gen(function* () {
      const payload = new Uint8Array(150 * KB);
      for (let n = 0; n < 100; n++) webhook.sink.emit(offline(`c${n}`, payload));
      yield* pass(0);
      assert.ok(webhook.metrics.snapshot().waiting_events > 80);
      const stopping = yield* Effect.fork(stop);
      yield* pass(LARGE.shutdownTimeout);
      yield* stopping.await;
      const { total } = webhook.metrics.snapshot().endpoints[0]!;
      assert.equal(total.matched, 100);
      // This executor never says what became of those in flight.
      assert.equal(total.dropped.shutdown! + total.in_flight, 100);
      assert.ok(total.dropped.shutdown! > 80);
      assert.ok(
        logs.some((line) => line.startsWith("stopped with events undelivered dropped=100")),
      );
    })));

const LANES = settingsOf({ queueCapacity: 200, rules: [rule("client_connected")] });

Deno.test("WebHook holds a client alone whose ordered events are more than client_share of the queue", () => {
  const executor = new Held();
  return withExecutor(LANES, executor, ({ webhook }) =>
    Effect.gen(function* () {
      for (let n = 0; n < 21; n++) webhook.sink.emit(connected("a", n));
      yield* pass(0);
      assert.equal(webhook.sink.holds("a"), false); // 20 behind the one on its way
      webhook.sink.emit(connected("a", 21));
      webhook.sink.emit(connected("b", 1));
      yield* pass(0);
      assert.equal(webhook.sink.holds("a"), true);
      assert.equal(webhook.sink.holds("b"), false);
      assert.equal(webhook.sink.pressure, "open");
      let relieved = 0;
      webhook.onRelief(() => relieved++);
      for (let n = 0; n < 11; n++) executor.endAll();
      yield* pass(0);
      assert.equal(webhook.sink.holds("a"), false);
      assert.ok(relieved > 0);
    }));
});

Deno.test("WebHook holds no client for what waits at a URL that fails", () =>
  withEngine(LANES, () => 500, ({ webhook }) =>
    Effect.gen(function* () {
      for (let n = 0; n < 30; n++) webhook.sink.emit(connected("a", n));
      yield* pass(2_900);
      assert.equal(webhook.sink.holds("a"), true);
      yield* pass(200);
      assert.equal(webhook.sink.holds("a"), false);
    })));

Deno.test("WebHook holds the publisher that fills a subscriber's lane, with ordering = client", () => {
  const delivered = (from_clientid: string): HookEvent => ({
    ...offline("s", new Uint8Array(1)),
    _tag: "message_delivered",
    from_clientid,
  });
  const settings = { ...LANES, ordering: "client" as const };
  const rules = [rule("message_delivered")];
  return withExecutor(
    settingsOf({ ...settings, rules }),
    new Held(),
    ({ webhook }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 22; n++) webhook.sink.emit(delivered("p"));
        yield* pass(0);
        webhook.sink.emit(delivered("p"));
        assert.equal(webhook.sink.holds("p"), true);
        assert.equal(webhook.sink.holds("q"), false);
      }),
  );
});

Deno.test("WebHook drops the events of a client beyond its share, and no other's, where nobody is held", () =>
  withExecutor(
    { ...LANES, whenFull: "drop_newest" },
    new Held(),
    ({ webhook }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 22; n++) webhook.sink.emit(connected("a", n));
        yield* pass(0);
        for (let n = 0; n < 10; n++) webhook.sink.emit(connected("a", n));
        webhook.sink.emit(connected("b", 1));
        yield* pass(0);
        assert.equal(webhook.sink.holds("a"), false);
        const { matched, dropped } = webhook.metrics.snapshot().endpoints[0]!.total;
        assert.equal(matched, 33);
        assert.deepEqual(dropped, { queue_full: 10 });
      }),
  ));
