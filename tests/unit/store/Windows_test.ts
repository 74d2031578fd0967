/** Windows on the TestClock, over a store whose commits take as long, and fail as often, as a test says. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as fc from "effect/FastCheck";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import type { Commit } from "../../../src/store/Commit.ts";
import type { Journal } from "../../../src/store/Journal.ts";
import { CommitError } from "../../../src/store/StoreError.ts";
import type { WindowsOptions } from "../../../src/store/Windows.ts";
import * as Windows from "../../../src/store/Windows.ts";

/** Changes by their marks: each is put, then undone or written. Deletes are numbers without a mark. */
class PlainJournal implements Journal {
  readonly open = new Set<number>();
  readonly writing = new Set<number>();
  readonly stored = new Set<number>();
  takes = 0;
  bytesEach = 100;

  constructor(readonly owner: Windows.Windows) {
    owner.join(this);
  }

  get oldest(): number {
    return Math.min(...this.open, ...this.writing);
  }

  get pendingBytes(): number {
    return this.open.size * this.bytesEach + this.takes;
  }

  put(urgent = false): number {
    const mark = this.owner.next();
    this.open.add(mark);
    this.owner.pending(this, urgent);
    return mark;
  }

  undo(mark: number): void {
    this.open.delete(mark);
    this.writing.delete(mark);
    this.owner.moved();
  }

  take(): void {
    this.takes++;
    this.owner.pending(this);
  }

  write(commit: Commit): void {
    for (const row of this.open) {
      commit.groups.push({ row, url: "u", n: 1, records: new Uint8Array(1) });
      this.writing.add(row);
    }
    this.open.clear();
    while (this.takes > 0) commit.ended.push(this.takes--);
  }

  written(): void {
    for (const mark of this.writing) this.stored.add(mark);
    this.writing.clear();
  }
}

interface Made {
  readonly at: number;
  readonly rows: ReadonlyArray<number>;
  readonly takes: number;
  readonly sync: boolean;
}

interface Bench {
  readonly windows: Windows.Windows;
  readonly journal: PlainJournal;
  /** Commits that were begun, when, and with what. */
  readonly made: Array<Made>;
  /** Milliseconds that a commit takes. */
  takes: number;
  /** Whether commits fail. */
  fails: boolean;
}

const withWindows = (
  options: Partial<WindowsOptions>,
  test: (bench: Bench) => Effect.Effect<void>,
): Promise<void> =>
  Effect.runPromise(
    Effect.scoped(Effect.gen(function* () {
      const clock = yield* Effect.clock;
      const made: Array<Made> = [];
      const settings = { takes: 0, fails: false };
      const store = {
        commit: ({ groups, ended }: Commit, sync: boolean) =>
          Effect.gen(function* () {
            const at = clock.unsafeCurrentTimeMillis();
            made.push({ at, rows: groups.map(({ row }) => row), takes: ended.length, sync });
            if (settings.takes > 0) yield* Effect.sleep(settings.takes);
            if (settings.fails) return yield* new CommitError({ message: "disk full" });
          }),
      };
      const windows = yield* Windows.make({
        store,
        sync: "commit",
        syncInterval: 500,
        delay: 5,
        ...options,
      });
      yield* test(Object.assign(settings, { windows, journal: new PlainJournal(windows), made }));
    })).pipe(Effect.provide(TestContext.TestContext)),
  );

const pass = (millis: number) => TestClock.adjust(millis);

Deno.test("Windows writes what is left after the delay, and calls it safe when the commit is done", () =>
  withWindows({}, (bench) =>
    Effect.gen(function* () {
      const { windows, journal, made } = bench;
      bench.takes = 3;
      const [a, b] = [journal.put(), journal.put()];
      const told: Array<string> = [];
      windows.whenSafe(a).then(() => told.push("a"));
      windows.whenSafe(b).then(() => told.push("b"));
      journal.undo(a);
      yield* pass(4);
      assert.deepEqual(told, ["a"]);
      assert.deepEqual(made, []);
      yield* pass(1);
      assert.deepEqual(made, [{ at: 5, rows: [b], takes: 0, sync: true }]);
      yield* pass(2);
      assert.deepEqual([told, windows.safe], [["a"], a]);
      yield* pass(1);
      assert.deepEqual([told, windows.safe], [["a", "b"], b]);
    })));

Deno.test("Windows writes nothing where all has undone itself in time, and then has no timer", () =>
  withWindows({}, ({ windows, journal, made }) =>
    Effect.gen(function* () {
      for (let i = 0; i < 3; i++) journal.undo(journal.put());
      assert.equal(windows.safe, 3);
      yield* pass(10);
      assert.deepEqual(made, []);
      assert.equal((yield* TestClock.sleeps()).length, 0);
    })));

Deno.test("Windows closes at once for what is urgent and at 256 KB, with all of the turn in it", () =>
  withWindows({}, ({ journal, made }) =>
    Effect.gen(function* () {
      journal.put(true);
      journal.put();
      yield* pass(0);
      assert.deepEqual(made.map(({ at, rows }) => [at, rows.length]), [[0, 2]]);
      journal.bytesEach = 64 * 1024;
      for (let i = 0; i < 3; i++) journal.put();
      yield* pass(0);
      assert.equal(made.length, 1);
      journal.put();
      yield* pass(0);
      assert.deepEqual(made.map(({ at, rows }) => [at, rows.length]), [[0, 2], [0, 4]]);
    })));

Deno.test("Windows gathers on while a commit is under way: the slower the disk, the larger the next", () =>
  withWindows({}, (bench) =>
    Effect.gen(function* () {
      const { journal, made } = bench;
      bench.takes = 50;
      for (let i = 0; i < 100; i++) {
        journal.put(true);
        yield* pass(1);
      }
      yield* pass(100);
      assert.deepEqual(made.map(({ at, rows }) => [at, rows.length]), [[0, 1], [50, 49], [
        100,
        50,
      ]]);
    })));

Deno.test("Windows has deletes alone wait 20 ms and does not sync them", () =>
  withWindows({}, ({ journal, made }) =>
    Effect.gen(function* () {
      journal.take();
      yield* pass(10);
      journal.take();
      yield* pass(9);
      assert.deepEqual(made, []);
      yield* pass(1);
      assert.deepEqual(made, [{ at: 20, rows: [], takes: 2, sync: false }]);
      journal.take();
      const mark = journal.put();
      yield* pass(5);
      assert.deepEqual(made[1], { at: 25, rows: [mark], takes: 1, sync: true });
      yield* pass(15); // when the deletes would have gone alone
      assert.equal(made.length, 2);
      assert.equal((yield* TestClock.sleeps()).length, 0);
    })));

Deno.test("Windows repeats a commit that fails each second; what has ended meanwhile is safe all the same", () =>
  withWindows({}, (bench) =>
    Effect.gen(function* () {
      const { windows, journal, made } = bench;
      bench.fails = true;
      const [a, b] = [journal.put(), journal.put()];
      yield* pass(5);
      assert.equal(windows.figures().failing, true);
      assert.equal(windows.figures().last_error, "disk full");
      journal.undo(a);
      assert.equal(windows.safe, a);
      const c = journal.put();
      yield* pass(2500);
      assert.deepEqual(made.map(({ at, rows }) => [at, rows]), [
        [5, [a, b]],
        [1005, [a, b]],
        [2005, [a, b]],
      ]);
      bench.fails = false;
      yield* pass(500);
      assert.deepEqual(made.slice(3).map(({ at, rows }) => [at, rows]), [
        [3005, [a, b]],
        [3005, [c]],
      ]);
      assert.deepEqual([windows.safe, windows.figures().failing], [c, false]);
    })));

Deno.test("Windows under `none` never syncs", () =>
  withWindows({ sync: "none" }, ({ windows, journal, made }) =>
    Effect.gen(function* () {
      journal.put();
      yield* pass(5000);
      journal.put();
      yield* Effect.fork(windows.flush);
      yield* pass(5000);
      assert.deepEqual(made.map(({ sync }) => sync), [false, false]);
    })));

Deno.test("Windows under `interval` has everything synced within it, and idle syncs nothing", () =>
  withWindows({ sync: "interval" }, ({ journal, made }) =>
    Effect.gen(function* () {
      journal.put();
      yield* pass(5);
      journal.put();
      yield* pass(5);
      assert.deepEqual(made.map(({ at, sync }) => [at, sync]), [[5, true], [10, false]]);
      yield* pass(1000);
      assert.deepEqual(made.slice(2).map(({ at, rows, sync }) => [at, rows, sync]), [
        [505, [], true],
      ]);
      yield* pass(10_000);
      assert.equal(made.length, 3);
      assert.equal((yield* TestClock.sleeps()).length, 0);
    })));

Deno.test("Windows.flush writes all that is pending at once, synced, and is done with it", () =>
  withWindows({ sync: "interval" }, (bench) =>
    Effect.gen(function* () {
      const { windows, journal, made } = bench;
      bench.takes = 10;
      journal.put();
      yield* pass(5); // under way
      journal.put();
      const flush = yield* Effect.fork(windows.flush);
      yield* pass(10);
      assert.equal(flush.unsafePoll(), null);
      yield* pass(10);
      assert.notEqual(flush.unsafePoll(), null);
      assert.deepEqual(made.map(({ at, sync }) => [at, sync]), [[5, true], [15, true]]);
      assert.equal(windows.safe, 2);
      yield* windows.flush; // nothing is pending: at once
    })));

Deno.test("Windows is high from 64 MB that are not on disk, and says when half of it is", () =>
  withWindows({}, (bench) =>
    Effect.gen(function* () {
      const { windows, journal } = bench;
      const told: Array<boolean> = [];
      windows.onHigh(() => told.push(windows.isHigh));
      bench.takes = 100;
      journal.bytesEach = 1024 * 1024;
      journal.put();
      yield* pass(5);
      for (let i = 0; i < 62; i++) journal.put();
      assert.equal(windows.isHigh, false);
      journal.put();
      assert.equal(windows.isHigh, true);
      yield* pass(100); // 63 MB go on being written
      assert.deepEqual(told, [true]);
      yield* pass(100);
      assert.deepEqual(told, [true, false]);
    })));

Deno.test("Windows never calls a mark safe before it and all before it are stored or undone, and each in the end", async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("put" as const), urgent: fc.boolean() }),
    fc.record({ do: fc.constant("undo" as const), which: fc.nat() }),
    fc.record({ do: fc.constant("pass" as const), millis: fc.nat(30) }),
    fc.record({ do: fc.constant("take" as const) }),
    fc.record({ do: fc.constant("disk" as const), takes: fc.nat(40), fails: fc.boolean() }),
    fc.record({ do: fc.constant("ask" as const) }),
  );
  const sync = fc.constantFrom("none" as const, "interval" as const, "commit" as const);
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 60 }),
    fc.nat(10),
    sync,
    (steps, delay, sync) =>
      withWindows({ delay, sync }, (bench) =>
        Effect.gen(function* () {
          const { windows } = bench;
          const journals = [bench.journal, new PlainJournal(windows)];
          const owner = new Map<number, PlainJournal>();
          const undone = new Set<number>();
          const isSafe = (mark: number) => undone.has(mark) || owner.get(mark)!.stored.has(mark);
          const allSafe = (mark: number) =>
            Array.from({ length: mark }, (_, i) => i + 1).every(isSafe);
          let asked = 0;
          let told = 0;
          let at = 0;
          for (const one of steps) {
            if (one.do === "put") {
              const journal = journals[at++ % 2]!;
              owner.set(journal.put(one.urgent), journal);
            } else if (one.do === "undo") {
              const open = [...owner.keys()].filter((mark) => !isSafe(mark));
              const mark = open[one.which % Math.max(1, open.length)];
              if (mark !== undefined) {
                undone.add(mark);
                owner.get(mark)!.undo(mark);
              }
            } else if (one.do === "take") journals[at++ % 2]!.take();
            else if (one.do === "disk") {
              Object.assign(bench, { takes: one.takes, fails: one.fails });
            } else if (one.do === "pass") yield* pass(one.millis);
            else {
              const { mark } = windows;
              asked++;
              windows.whenSafe(mark).then(() => {
                told++;
                assert.ok(allSafe(mark), `mark ${mark} was told`);
              });
            }
            assert.ok(windows.safe <= windows.mark && allSafe(windows.safe));
          }
          Object.assign(bench, { takes: 1, fails: false });
          yield* pass(5000);
          assert.equal(windows.safe, windows.mark);
          assert.equal(told, asked);
          assert.equal((yield* TestClock.sleeps()).length, 0, "a timer where nothing is pending");
          assert.ok(journals.every(({ takes }) => takes === 0));
        })),
  );
  await fc.assert(property, { numRuns: 100 });
});
