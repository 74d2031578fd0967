/** The whole engine with its outbox on disk, over a store in memory that outlives it. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import { MemoryStore } from "../../../../src/store/MemoryStore.ts";
import { CommitError } from "../../../../src/store/StoreError.ts";
import type { OutboxSettings } from "../../../../src/domain/OutboxSettings.ts";
import type { WebHookSettings } from "../../../../src/domain/WebHookSettings.ts";
import { decode } from "../../../../src/webhook/outbox/GroupCodec.ts";
import type { Sent } from "../harness.ts";
import {
  A,
  accountsBalance,
  B,
  connected,
  IN_MEMORY,
  pass,
  published,
  rule,
  settingsOf,
  withEngine,
} from "../harness.ts";

const onDisk = (
  rest: Partial<WebHookSettings> = {},
  outbox: Partial<OutboxSettings> = {},
): WebHookSettings =>
  settingsOf({
    ...rest,
    outbox: { ...IN_MEMORY, kind: "disk", deadLetters: true, ...outbox },
  });

const idOf = ({ headers }: Sent): string => headers["webhook-id"]!; // every request has one

/** What waits in the store: ids by URL. */
const waitingIn = (store: MemoryStore) =>
  Effect.map(
    store.groups(0, Infinity),
    (groups) =>
      groups.flatMap(({ url, records }) =>
        [...decode(records)].map(({ id }) => [url, `${store.prefix}${id.toString(36)}`] as const)
      ),
  );

Deno.test("WebHook keeps at a stop what it could not deliver, and the next one delivers it first, under the same id", async () => {
  const store = new MemoryStore();
  const first: Array<Sent> = [];
  await withEngine(
    onDisk({ concurrencyLimit: 2 }),
    () => 503,
    ({ webhook, sent, stop, logs }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 20; n++) webhook.sink.emit(connected(`c${n % 3}`, n));
        const stopping = yield* Effect.fork(stop);
        yield* pass(10_000);
        yield* stopping.await;
        const snapshot = webhook.metrics.snapshot();
        assert.equal(snapshot.endpoints[0]!.total.kept, 20);
        assert.ok(accountsBalance(snapshot));
        assert.ok(logs.some((line) =>
          line.startsWith("stopped, the rest is kept for the next start kept=20")
        ));
        first.push(...sent);
      }),
    { store },
  );
  await withEngine(
    onDisk(),
    () => 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        webhook.sink.emit(connected("c0", 20));
        yield* pass(100);
        const told = sent.map(({ body }) => body.connected_at);
        assert.deepEqual(told.toSorted((a, b) => Number(a) - Number(b)), [...Array(21).keys()]);
        for (const client of ["c0", "c1", "c2"]) {
          const of = sent.filter(({ body }) => body.clientid === client);
          const times = of.map(({ body }) => Number(body.connected_at));
          assert.deepEqual(times, times.toSorted((a, b) => a - b));
          const seqs = of.map(({ headers }) => Number(headers["webhook-seq"]));
          assert.ok(seqs.every((seq, i) => i === 0 || seq > seqs[i - 1]!));
        }
        for (const one of first) {
          const again = sent.find(({ body }) => body.connected_at === one.body.connected_at)!;
          assert.equal(idOf(again), idOf(one));
          assert.equal(again.headers["webhook-seq"], one.headers["webhook-seq"]);
        }
        const snapshot = webhook.metrics.snapshot();
        assert.equal(snapshot.endpoints[0]!.total.delivered, 21);
        assert.ok(accountsBalance(snapshot));
        yield* pass(100);
        assert.deepEqual(yield* waitingIn(store), []);
      }),
    { store },
  );
});

Deno.test("WebHook never gives an id or a webhook-seq of another process again, even where the clock was set back", async () => {
  const store = new MemoryStore();
  const seen = new Set<string>();
  let last = 0;
  for (let start = 0; start < 3; start++) {
    await withEngine(
      onDisk(),
      () => 200,
      ({ webhook, sent }) =>
        Effect.gen(function* () {
          for (let n = 0; n < 5; n++) webhook.sink.emit(connected("c", n));
          yield* pass(10);
          assert.equal(sent.length, 5);
          for (const one of sent) {
            assert.ok(!seen.has(idOf(one)) && idOf(one).startsWith(store.prefix));
            seen.add(idOf(one));
            const seq = Number(one.headers["webhook-seq"]);
            assert.ok(seq > last, `${seq} after ${last}`);
            last = seq;
          }
        }),
      { store },
    );
  }
});

Deno.test("WebHook makes no event safe before it is delivered or written", () =>
  withEngine(
    onDisk(),
    ({ body }) => body.packet_id === "2" ? "hang" : 200,
    ({ webhook: { sink } }) =>
      Effect.gen(function* () {
        sink.emit(published("c", 1));
        assert.deepEqual([sink.mark, sink.safe], [1, 0]);
        yield* pass(1);
        assert.deepEqual([sink.mark, sink.safe], [1, 1]);
        sink.emit(published("c", 2));
        yield* pass(4);
        assert.deepEqual([sink.mark, sink.safe], [2, 1]);
        yield* pass(2);
        assert.deepEqual([sink.mark, sink.safe], [2, 2]);
      }),
    { store: new MemoryStore() },
  ));

Deno.test("WebHook with its outbox in memory has nothing to wait for", () =>
  withEngine(settingsOf(), () => "hang", ({ webhook: { sink } }) =>
    Effect.gen(function* () {
      sink.emit(published("c", 1));
      yield* pass(10);
      assert.equal(sink.mark, sink.safe);
      yield* Effect.promise(() => sink.whenSafe(sink.mark));
    })));

Deno.test("WebHook lets what waits for a dead URL wait on disk alone, and delivers all of it in order when it answers", () => {
  let isUp = false;
  const store = new MemoryStore();
  const EVENTS = 600;
  return withEngine(
    onDisk({ queueCapacity: 200, rules: [rule("client_connected", { urls: [A, B] })] }),
    ({ url }) => url === B || isUp ? 200 : 503,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        const { sink, metrics } = webhook;
        let n = 0;
        const come = (many: number) =>
          Effect.gen(function* () {
            for (const to = n + many; n < to;) {
              sink.emit(connected(`c${n % 7}`, n));
              if (++n % 20 === 0) yield* pass(100);
              assert.notEqual(sink.pressure, "full");
            }
          });
        yield* come(20);
        yield* pass(5000); // from here on it counts as failing
        yield* come(EVENTS);
        const before = metrics.snapshot();
        assert.ok(before.backlog < 200, `${before.backlog} in memory`);
        assert.ok(accountsBalance(before));
        assert.equal(sink.safe, sink.mark);
        isUp = true;
        yield* come(100); // behind what waits
        yield* pass(120_000);
        const after = metrics.snapshot();
        assert.ok(accountsBalance(after));
        for (const { url, total } of after.endpoints) {
          assert.deepEqual(total.dropped, {}, url);
          assert.equal(total.queued + total.in_flight, 0);
        }
        const of = (url: string) => sent.filter((one) => one.url === url);
        const answered = of(A).filter(({ at }) => at >= 0);
        for (let client = 0; client < 7; client++) {
          const ids = new Set<string>();
          const order = answered.filter(({ body }) => body.clientid === `c${client}`)
            .filter((one) => !ids.has(idOf(one)) && ids.add(idOf(one)))
            .map(({ body }) => Number(body.connected_at));
          assert.deepEqual(order, order.toSorted((a, b) => a - b), `client ${client}`);
        }
        assert.equal(new Set(of(A).map(idOf)).size, n);
        yield* pass(100);
        assert.deepEqual(yield* waitingIn(store), []);
      }),
    { store },
  );
});

Deno.test("WebHook sends again by itself what was given up because its URL failed as a whole, once it answers", () => {
  let isUp = false;
  const store = new MemoryStore();
  return withEngine(
    onDisk({ breakerFailures: 3 }),
    () => isUp ? 200 : 503,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        const { sink, metrics } = webhook;
        for (let n = 0; n < 5; n++) sink.emit(connected("c", n));
        yield* pass(100);
        const ids = new Set(sent.map(idOf));
        yield* pass(600_000);
        assert.deepEqual(new Set(store.dead.map(({ reason }) => reason)), new Set(["url_failed"]));
        isUp = true;
        sink.emit(connected("d", 5));
        yield* pass(120_000);
        assert.deepEqual(store.dead, []);
        const snapshot = metrics.snapshot();
        const { total } = snapshot.endpoints[0]!;
        assert.deepEqual([total.delivered, total.queued, total.in_flight], [6, 0, 0]);
        assert.ok(accountsBalance(snapshot));
        for (const id of ids) assert.ok(sent.some((one) => idOf(one) === id), id);
        assert.equal(new Set(sent.map(idOf)).size, 6);
        yield* pass(100);
        assert.deepEqual(yield* waitingIn(store), []);
      }),
    { store },
  );
});

Deno.test("WebHook leaves dead letters alone that the receiver refused, or where dead_letter_replay is manual", async () => {
  for (const refuses of [true, false]) {
    let isUp = false;
    const store = new MemoryStore();
    await withEngine(
      onDisk({}, refuses ? {} : { deadLetterReplay: "manual" }),
      ({ body }) => isUp && body.clientid === "d" ? 200 : refuses ? 400 : 503,
      ({ webhook: { sink } }) =>
        Effect.gen(function* () {
          sink.emit(connected("c", 1));
          yield* pass(300_000);
          isUp = true;
          sink.emit(connected("d", 2));
          yield* pass(10_000);
          assert.deepEqual(
            store.dead.map(({ url, reason, detail, n }) => [url, reason, detail, n]),
            [
              [A, ...(refuses ? ["refused", "answered 400"] : ["url_failed", "status_503"]), 1],
            ],
          );
        }),
      { store },
    );
  }
});

Deno.test("WebHook makes dead letters of what waits for a URL that no rule names any more, and of what is dropped", async () => {
  const store = new MemoryStore();
  await withEngine(
    onDisk(),
    () => "hang",
    ({ webhook: { sink } }) => Effect.sync(() => sink.emit(connected("c", 1))),
    { store },
  );
  await withEngine(
    onDisk({
      rules: [rule("client_connected", { urls: [B] })],
      queueCapacity: 2,
      whenFull: "drop_newest",
    }),
    () => "hang",
    ({ webhook: { sink, metrics } }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 5; n++) sink.emit(connected(`d${n}`, n));
        yield* pass(100);
        assert.equal(sink.safe, sink.mark); // the dropped ones, because they are kept
        const letters = store.dead.map(({ url, reason, n }) => [url, reason, n]);
        assert.deepEqual(letters.toSorted(), [[A, "unconfigured", 1], [B, "queue_full", 3]]);
        assert.ok(accountsBalance(metrics.snapshot()));
      }),
    { store },
  );
});

Deno.test("WebHook writes a group anew of which little is left, at its own row", () => {
  const store = new MemoryStore();
  return withEngine(
    onDisk({ breakerFailures: 1000 }),
    ({ body }, attempt) => attempt > 1 && Number(body.connected_at) % 10 > 0 ? 200 : 503,
    ({ webhook: { sink } }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 100; n++) sink.emit(connected(`c${n}`, n));
        yield* pass(10);
        const rows = () =>
          Effect.map(store.groups(0, Infinity), (groups) => groups.map(({ row, n }) => [row, n]));
        assert.deepEqual(yield* rows(), [[1, 100]]);
        yield* pass(500); // their second attempts
        assert.deepEqual(yield* rows(), [[1, 100]]);
        yield* pass(1020);
        assert.deepEqual(yield* rows(), [[1, 10]]);
        assert.equal((yield* waitingIn(store)).length, 10);
      }),
    { store },
  );
});

for (
  const { kind, n, payload } of [
    { kind: "a group of many events", n: 40, payload: 1 },
    { kind: "one large event", n: 1, payload: 200_000 },
  ]
) {
  Deno.test(`WebHook reads ${kind} that exceeds a dead URL's share of memory once, not again and again`, () => {
    const store = new MemoryStore();
    let reads = 0;
    let isUp = false;
    const read = store.groups.bind(store);
    store.groups = (...from) => {
      assert.ok(++reads < 1000, "it reads for ever");
      return read(...from);
    };
    return withEngine(
      onDisk({ queueCapacity: 60, breakerFailures: 3, rules: [rule("message_publish")] }),
      () => isUp ? 200 : 503,
      ({ webhook: { sink, metrics }, sent }) =>
        Effect.gen(function* () {
          // From here on it counts as failing.
          for (let i = 0; i < 3; i++) sink.emit(published("first", i));
          yield* pass(5_000);
          for (let i = 0; i < n; i++) {
            sink.emit(published("c", i, "t", new Uint8Array(payload)));
          }
          yield* pass(5_000);
          assert.ok(metrics.snapshot().backlog <= 30 || n === 1);
          assert.equal(sink.pressure, "open");
          assert.ok(reads < 20, `${reads} reads`);
          yield* pass(120_000); // the first ones are given up
          assert.ok(reads < 20, `${reads} reads`);
          isUp = true;
          for (let i = 0; i < 20; i++) yield* pass(10_000);
          const { total } = metrics.snapshot().endpoints[0]!;
          assert.equal(total.queued + total.in_flight, 0);
          assert.equal(new Set(sent.map(idOf)).size, n + 3);
          assert.deepEqual(store.dead, []);
          assert.ok(accountsBalance(metrics.snapshot()));
        }),
      { store },
    );
  });
}

Deno.test("WebHook holds publishers while the disk is full, and has failing URLs hold none of it beyond endpoint_share", () => {
  const store = new MemoryStore();
  let isUp = false;
  return withEngine(
    onDisk(
      { rules: [rule("client_connected", { urls: [A, B] })], queueCapacity: 10_000 },
      { maxBytes: 40_000 },
    ),
    ({ url }) => url === A || isUp ? 200 : 503,
    ({ webhook: { sink, metrics } }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 60; n++) {
          for (let i = 0; i < 10; i++) sink.emit(connected(`c${i}`, 10 * n + i));
          yield* pass(200);
          if (n > 20) assert.equal(sink.pressure, "open");
        }
        const { total } = metrics.snapshot().endpoints.find(({ url }) => url === B)!;
        assert.ok(total.dropped.endpoint_share! > 0, JSON.stringify(total));
        assert.ok(accountsBalance(metrics.snapshot()));
        const letters = store.dead.reduce((sum, { n }) => sum + n, 0);
        assert.equal(letters, total.dropped.endpoint_share);
        isUp = true;
        yield* pass(200_000);
        const after = metrics.snapshot().endpoints.find(({ url }) => url === B)!;
        assert.equal(after.total.delivered, 600);
        assert.ok(accountsBalance(metrics.snapshot()));
      }),
    { store },
  );
});

Deno.test("WebHook waits 5 s more at a stop for a disk that takes nothing, and no longer", () => {
  const store = new MemoryStore();
  return withEngine(
    onDisk(),
    () => 503,
    ({ webhook, stop, logs }) =>
      Effect.gen(function* () {
        store.commit = () => new CommitError({ message: "disk full" });
        webhook.sink.emit(connected("c", 1));
        const stopping = yield* Effect.fork(stop);
        for (let i = 0; i < 15; i++) {
          assert.equal(stopping.unsafePoll(), null);
          yield* pass(1_000);
        }
        yield* stopping.await;
        assert.equal(webhook.undelivered(), 1);
        assert.ok(
          logs.some((line) => line.startsWith("stopped with events undelivered dropped=1")),
        );
      }),
    { store },
  );
});
