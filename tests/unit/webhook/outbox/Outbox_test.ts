/** The Outbox over Windows and a store in memory, which a test looks into as a process to come would. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as fc from "effect/FastCheck";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import { monotonicMillis } from "../../../../src/ops/monotonic.ts";
import type { Commit } from "../../../../src/store/Commit.ts";
import { MemoryStore } from "../../../../src/store/MemoryStore.ts";
import { CommitError } from "../../../../src/store/StoreError.ts";
import * as Windows from "../../../../src/store/Windows.ts";
import type { Delivery } from "../../../../src/webhook/attempt/Delivery.ts";
import { BodySlabs } from "../../../../src/webhook/body/BodySlab.ts";
import { DeadLetters } from "../../../../src/webhook/outbox/DeadLetters.ts";
import { decode } from "../../../../src/webhook/outbox/GroupCodec.ts";
import { DiskUse } from "../../../../src/webhook/outbox/DiskUse.ts";
import { Outbox } from "../../../../src/webhook/outbox/Outbox.ts";
import { OutboxUrl } from "../../../../src/webhook/outbox/OutboxUrl.ts";

class Bench {
  readonly slabs = new BodySlabs();
  readonly urls = ["a", "b"].map((url) => new OutboxUrl(url, false));
  readonly spilled = new OutboxUrl("a", true);
  /** The mark of each delivery's event. */
  readonly marks = new Map<number, number>();
  readonly deliveries = new Map<number, Delivery>();
  #lastId = 0;

  constructor(
    readonly store: MemoryStore,
    readonly windows: Windows.Windows,
    readonly outbox: Outbox,
    readonly letters: DeadLetters,
    readonly settings: { takes: number; fails: boolean },
    /** How often it was said whether the disk is full. */
    readonly told: ReadonlyArray<boolean>,
  ) {}

  /** How long deliveries should take, in milliseconds; 0: not longer than others. */
  wait = 0;

  /** An event with a delivery to each of these. */
  event(...to: ReadonlyArray<OutboxUrl>): ReadonlyArray<number> {
    this.outbox.taken();
    const { mark } = this.windows;
    this.outbox.look();
    const ids = to.map((url) => this.#open(url, mark));
    this.outbox.dispatched();
    return ids;
  }

  #open(url: OutboxUrl, mark: number): number {
    const id = ++this.#lastId;
    const ref = this.slabs.copy(new TextEncoder().encode(`body ${id}`));
    const delivery = { id, event: 0, seq: id, born: 0, lane: `c${id}`, ...ref };
    const whole = { ...delivery, retry: undefined, dueAt: 0, schedule: undefined };
    this.marks.set(id, mark);
    this.deliveries.set(id, whole);
    this.outbox.opened(whole, url, this.wait);
    return id;
  }

  end(id: number): void {
    this.deliveries.delete(id);
    this.outbox.ended(id);
  }

  giveUp(id: number): void {
    const delivery = this.deliveries.get(id)!;
    this.letters.add("a", delivery, "refused", "answered 400", this.outbox.markOf(id));
    this.end(id);
  }

  /** What waits on disk. */
  get waiting(): Effect.Effect<ReadonlyArray<number>> {
    return Effect.map(
      Effect.orDie(this.store.groups(0, Infinity)),
      (groups) =>
        groups.flatMap(({ records, n }) => {
          const all = [...decode(records)];
          assert.equal(all.length, n);
          for (const { id, body } of all) {
            assert.equal(new TextDecoder().decode(body), `body ${id}`);
          }
          return all.map(({ id }) => id);
        }),
    );
  }

  get dead(): ReadonlyArray<number> {
    return this.store.dead.flatMap(({ records }) => [...decode(records)].map(({ id }) => id));
  }
}

const withOutbox = (
  options: { readonly delay?: number; readonly maxBytes?: number },
  test: (bench: Bench) => Effect.Effect<void>,
): Promise<void> =>
  Effect.runPromise(
    Effect.scoped(Effect.gen(function* () {
      const clock = yield* Effect.clock;
      const store = new MemoryStore();
      const settings = { takes: 1, fails: false };
      const windows = yield* Windows.make({
        store: {
          commit: (commit: Commit, sync: boolean) =>
            Effect.gen(function* () {
              yield* Effect.sleep(settings.takes);
              if (settings.fails) return yield* new CommitError({ message: "disk full" });
              yield* store.commit(commit, sync);
            }),
        },
        sync: "commit",
        syncInterval: 500,
        delay: options.delay ?? 5,
      });
      const now = () => clock.unsafeCurrentTimeMillis();
      const letters = new DeadLetters(windows, now);
      const slabs = new BodySlabs();
      const told: Array<boolean> = [];
      const outbox = new Outbox({
        owner: windows,
        monotonic: () => monotonicMillis(clock),
        delay: options.delay ?? 5,
        lastRow: 0,
        slabs,
        use: new DiskUse(options.maxBytes ?? Infinity, (isFull) => told.push(isFull)),
      });
      windows.join(outbox);
      windows.join(letters);
      yield* test(new Bench(store, windows, outbox, letters, settings, told));
    })).pipe(Effect.provide(TestContext.TestContext)),
  );

const pass = (millis: number) => TestClock.adjust(millis);

Deno.test("Outbox writes nothing of a stream of deliveries each of which ends within the delay", () =>
  withOutbox({}, (bench) =>
    Effect.gen(function* () {
      const { outbox, urls: [a], windows } = bench;
      let before: ReadonlyArray<number> = [];
      for (let i = 0; i < 100; i++) { // at each moment there is one that is open
        const ids = bench.event(a!);
        before.forEach((id) => bench.end(id));
        before = ids;
        yield* pass(3);
      }
      assert.deepEqual(yield* bench.waiting, []);
      assert.equal(outbox.figures().written, 0);
      assert.equal(windows.figures().commits, 0);
      assert.equal(windows.safe, windows.mark - 1);
    })));

Deno.test("Outbox gives deliveries that should take longer than the delay twice as long, within bounds", () =>
  withOutbox({}, (bench) =>
    Effect.gen(function* () {
      const { outbox, urls: [a], windows } = bench;
      bench.wait = 10;
      let before: ReadonlyArray<number> = [];
      for (let i = 0; i < 20; i++) {
        const ids = bench.event(a!);
        yield* pass(12);
        before.forEach((id) => bench.end(id));
        before = ids;
      }
      // Each took 24 ms: the first to be seen as late is written with what came meanwhile.
      assert.ok(outbox.figures().written > 0);
      before.forEach((id) => bench.end(id));
      const { written } = outbox.figures();
      for (let i = 0; i < 20; i++) {
        const [id] = bench.event(a!);
        yield* pass(19);
        bench.end(id!);
      }
      assert.equal(outbox.figures().written, written);
      bench.wait = 126; // twice that is more than 50 delays
      bench.event(a!);
      yield* pass(1);
      assert.equal(outbox.figures().written, written + 1);
      assert.equal(windows.safe, windows.mark);
    })));

Deno.test("Outbox with a delay of 0 writes everything, however long it should take", () =>
  withOutbox({ delay: 0 }, (bench) =>
    Effect.gen(function* () {
      bench.wait = 10;
      bench.event(bench.urls[0]!);
      yield* pass(1);
      assert.equal(bench.outbox.figures().written, 1);
    })));

Deno.test("Outbox writes what has not ended within the delay, a group for each URL, and deletes it when it ends", () =>
  withOutbox({}, (bench) =>
    Effect.gen(function* () {
      const { outbox, urls: [a, b], windows } = bench;
      const [one, two] = bench.event(a!, b!);
      const [three] = bench.event(a!);
      bench.event(); // no rule matched
      yield* pass(5);
      assert.equal(windows.safe, 0);
      yield* pass(1);
      assert.deepEqual(yield* bench.waiting, [one, three, two]);
      assert.deepEqual(outbox.figures(), {
        groups: 2,
        events: 3,
        bytes: 3 * (32 + 2 + 6),
        written: 3,
        skipped: 0,
      });
      assert.equal(windows.safe, 3);
      bench.end(one!);
      bench.end(three!);
      yield* pass(21);
      assert.deepEqual(yield* bench.waiting, [two]);
      bench.end(two!);
      yield* pass(21);
      assert.deepEqual(yield* bench.waiting, []);
      const { groups, events, bytes } = outbox.figures();
      assert.deepEqual([groups, events, bytes], [0, 0, 0]);
    })));

Deno.test("Outbox calls an event safe when it is dispatched and its deliveries are, not when it was taken", () =>
  withOutbox({}, ({ outbox, windows }) =>
    Effect.sync(() => {
      outbox.taken();
      assert.deepEqual([windows.mark, windows.safe], [1, 0]);
      outbox.dispatched();
      assert.deepEqual([windows.mark, windows.safe], [1, 1]);
    })));

Deno.test("Outbox lets the body of a spilled delivery go when it is written, and forgets it", () =>
  withOutbox({}, (bench) =>
    Effect.gen(function* () {
      const { outbox, spilled, windows } = bench;
      const [id] = bench.event(spilled);
      yield* pass(6);
      assert.deepEqual(yield* bench.waiting, [id]);
      assert.equal(windows.safe, 1);
      outbox.ended(id!); // nobody has it
      yield* pass(21);
      assert.deepEqual(yield* bench.waiting, [id]);
    })));

Deno.test("Outbox is full from its most bytes on, and until an eighth of them is free", () =>
  withOutbox({ maxBytes: 400 }, (bench) =>
    Effect.gen(function* () {
      const { outbox: { use }, told, urls: [a] } = bench;
      const ids: Array<number> = [];
      for (let i = 0; i < 11; i++) { // 39 bytes and more, each a group of its own
        ids.push(...bench.event(a!));
        yield* pass(6);
      }
      assert.deepEqual([told, use.isFull], [[true], true]);
      bench.end(ids[0]!);
      bench.end(ids[1]!);
      assert.deepEqual(told, [true]);
      bench.end(ids[2]!);
      assert.deepEqual([told, use.isFull], [[true, false], false]);
    })));

Deno.test("Outbox and DeadLetters have every safe delivery on disk or at its end, at each moment that a kill may come", async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("event" as const), to: fc.nat(3) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("end" as const), which: fc.nat() }) },
    fc.record({ do: fc.constant("giveUp" as const), which: fc.nat() }),
    { weight: 3, arbitrary: fc.record({ do: fc.constant("pass" as const), millis: fc.nat(12) }) },
    fc.record({ do: fc.constant("disk" as const), takes: fc.nat(9), fails: fc.boolean() }),
    fc.record({ do: fc.constant("slow" as const), wait: fc.constantFrom(0, 4, 30, Infinity) }),
  );
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 80, size: "max" }),
    fc.nat(8),
    (steps, delay) =>
      withOutbox({ delay }, (bench) =>
        Effect.gen(function* () {
          const { outbox, windows, settings, urls: [a, b] } = bench;
          const givenUp: Array<number> = [];
          const ended = new Set<number>();
          const check = Effect.gen(function* () {
            const waiting = new Set(yield* bench.waiting);
            const dead = new Set(bench.dead);
            for (const [id, mark] of bench.marks) {
              if (mark > windows.safe || ended.has(id)) continue;
              assert.ok(waiting.has(id) || dead.has(id), `${id} is lost`);
            }
          });
          for (const one of steps) {
            const open = [...bench.deliveries.keys()];
            const which = "which" in one ? open[one.which % Math.max(1, open.length)] : undefined;
            if (one.do === "event") {
              bench.event(...[[a!], [b!], [a!, b!], []][one.to]!);
            } else if (one.do === "pass") yield* pass(one.millis);
            else if (one.do === "disk") Object.assign(settings, one);
            else if (one.do === "slow") bench.wait = one.wait;
            else if (which !== undefined && one.do === "end") {
              ended.add(which);
              bench.end(which);
            } else if (which !== undefined) {
              givenUp.push(which);
              bench.giveUp(which);
            }
            yield* check;
          }
          Object.assign(settings, { takes: 0, fails: false });
          yield* pass(3000);
          assert.equal(windows.safe, windows.mark);
          assert.deepEqual(bench.dead.toSorted(), givenUp.toSorted());
          for (const id of [...bench.deliveries.keys()]) bench.end(id);
          yield* pass(100);
          assert.deepEqual(yield* bench.waiting, []);
          const { groups, events, bytes } = outbox.figures();
          assert.deepEqual([groups, events, bytes], [0, 0, 0]);
        })),
  );
  await fc.assert(property, { numRuns: 50 });
});
