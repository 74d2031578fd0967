/** Streams on the TestClock, read by hand. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import type { DeliveryQuery } from "../../../src/admin/deliveryQuery.ts";
import * as EventStreams from "../../../src/admin/EventStreams.ts";
import { DeliveryTap } from "../../../src/webhook/tap/DeliveryTap.ts";

const ALL: DeliveryQuery = { filter: {}, limit: undefined, payload: undefined };

/** What one reader gets, each message with its name. */
class Reader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(response: Response) {
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    assert.ok(response.body);
    this.#reader = response.body.getReader();
  }

  /** The next message; undefined: the stream has ended. */
  async next(): Promise<{ readonly name: string; readonly data: unknown } | undefined> {
    const { value } = await this.#reader.read();
    if (value === undefined) return undefined;
    const text = new TextDecoder().decode(value);
    if (text.startsWith(":")) return { name: text.trim(), data: undefined };
    const [, name, data] = /^event: (\w+)\ndata: (.*)\n\n$/.exec(text) ?? [];
    assert.ok(name !== undefined && data !== undefined, text);
    return { name, data: JSON.parse(data) };
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

const test = (
  name: string,
  body: (
    of: { readonly tap: DeliveryTap; readonly streams: EventStreams.EventStreams },
  ) => Effect.Effect<void, never, Scope.Scope>,
) =>
  Deno.test(name, () =>
    Effect.runPromise(
      Effect.scoped(Effect.gen(function* () {
        const tap = new DeliveryTap("");
        tap.turnOn(false);
        let n = 0;
        const streams = yield* EventStreams.make(() => ({ n: n++ }));
        yield* body({ tap, streams });
      })).pipe(Effect.provide(TestContext.TestContext)),
    ));

const deliver = (tap: DeliveryTap, id: number, topic = "t") => {
  const bytes = new TextEncoder().encode(JSON.stringify({ topic }));
  tap.delivered(
    "u",
    { id, seq: 1, event: 10, slab: { bytes }, offset: 0, length: bytes.length },
    0,
    undefined,
  );
};

const next = (reader: Reader) => Effect.promise(() => reader.next());

test("EventStreams sends a snapshot at once and each second, and a ping each 15", ({ tap, streams }) =>
  Effect.gen(function* () {
    const reader = new Reader(streams.open(tap, ALL));
    assert.deepEqual(yield* next(reader), { name: "snapshot", data: { n: 0 } });
    yield* TestClock.adjust(999);
    yield* TestClock.adjust(1);
    for (let n = 1; n <= 15; n++) {
      if (n > 1) yield* TestClock.adjust(1000);
      assert.deepEqual(yield* next(reader), { name: "snapshot", data: { n } });
    }
    assert.equal((yield* next(reader))?.name, ": ping");
  }));

test("EventStreams gathers deliveries for a quarter of a second, and counts those beyond 25", ({ tap, streams }) =>
  Effect.gen(function* () {
    const reader = new Reader(streams.open(tap, ALL));
    yield* next(reader);
    for (let id = 1; id <= 40; id++) deliver(tap, id);
    yield* TestClock.adjust(250);
    const message = yield* next(reader);
    assert.equal(message?.name, "events");
    const { events, omitted } = message.data as { events: Array<{ id: string }>; omitted: number };
    assert.deepEqual(
      events.map(({ id }) => parseInt(id, 36)),
      Array.from({ length: 25 }, (_, i) => i + 1),
    );
    assert.equal(omitted, 15);
    deliver(tap, 41);
    yield* TestClock.adjust(250);
    assert.partialDeepStrictEqual((yield* next(reader))?.data, { omitted: 0 });
  }));

test("EventStreams gives each reader what it asked for", ({ tap, streams }) =>
  Effect.gen(function* () {
    const reader = new Reader(streams.open(tap, { ...ALL, filter: { topic: "a/#" } }));
    yield* next(reader);
    deliver(tap, 1, "b");
    deliver(tap, 2, "a/b");
    yield* TestClock.adjust(250);
    const { events } = (yield* next(reader))?.data as { events: ReadonlyArray<unknown> };
    assert.partialDeepStrictEqual(events, [{ id: "2", topic: "a/b" }]);
    assert.equal(events.length, 1);
  }));

test("EventStreams leaves out a reader that does not read, and no other; what it missed is counted", ({ tap, streams }) =>
  Effect.gen(function* () {
    const slow = new Reader(streams.open(tap, ALL));
    const quick = new Reader(streams.open(tap, ALL));
    const topic = "t".repeat(200);
    let sent = 0;
    let seen = 0;
    for (let turn = 0; turn < 80; turn++) {
      for (let n = 0; n < 25; n++) deliver(tap, ++sent, topic);
      yield* TestClock.adjust(250);
      for (
        let message = yield* next(quick);
        message?.name !== "events";
        message = yield* next(quick)
      );
      seen += 25;
    }
    assert.equal(seen, sent);
    let bytes = 0;
    let told = 0;
    let omitted = 0;
    const drain = Effect.gen(function* () {
      for (;;) {
        const message = yield* next(slow);
        bytes += JSON.stringify(message).length;
        if (message?.name !== "events") continue;
        const data = message.data as { events: ReadonlyArray<unknown>; omitted: number };
        told += data.events.length;
        omitted += data.omitted;
        if (data.omitted > 0) return;
      }
    });
    const draining = yield* Effect.fork(drain);
    yield* TestClock.adjust(0);
    deliver(tap, ++sent, topic);
    yield* TestClock.adjust(250);
    yield* draining;
    assert.equal(told + omitted, sent);
    assert.ok(bytes < 64 * 1024 + 25 * 700, `${bytes} bytes waited`);
  }));

test("EventStreams takes a reader that has not read for a minute for gone", ({ tap, streams }) =>
  Effect.gen(function* () {
    streams.open(tap, ALL);
    const topic = "t".repeat(200);
    for (let turn = 0; turn < 600 && streams.size > 0; turn++) {
      for (let n = 0; n < 25; n++) deliver(tap, n, topic);
      yield* TestClock.adjust(250);
    }
    assert.equal(streams.size, 0);
  }));

test("EventStreams has 16 readers; one more is told to come later, until one has gone", ({ tap, streams }) =>
  Effect.gen(function* () {
    const readers = Array.from({ length: 16 }, () => new Reader(streams.open(tap, ALL)));
    const refused = streams.open(tap, ALL);
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get("retry-after"), "10");
    yield* Effect.promise(() => readers[0]!.cancel()); // of 16
    assert.equal(streams.open(tap, ALL).status, 200);
  }));

test("EventStreams asks for no snapshot while nobody reads", ({ tap, streams }) =>
  Effect.gen(function* () {
    const reader = new Reader(streams.open(tap, ALL));
    assert.deepEqual((yield* next(reader))?.data, { n: 0 });
    yield* Effect.promise(() => reader.cancel());
    yield* TestClock.adjust("10 minutes");
    const another = new Reader(streams.open(tap, ALL));
    assert.deepEqual((yield* next(another))?.data, { n: 1 });
  }));

test("EventStreams ends its streams", ({ tap, streams }) =>
  Effect.gen(function* () {
    const reader = new Reader(streams.open(tap, ALL));
    yield* next(reader);
    streams.end();
    assert.equal(yield* next(reader), undefined);
    assert.equal(streams.size, 0);
  }));
