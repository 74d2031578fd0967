/** What happens to a store's file and directory, and to its Worker: nothing is lost silently, nothing is changed. */
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Logger from "effect/Logger";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { MIGRATIONS, VERSION } from "../../../src/store/schema.ts";
import { leftBehind } from "../../../src/store/leftBehind.ts";
import { openFile } from "../../../src/store/openFile.ts";
import { emptyCommit } from "../../../src/store/Commit.ts";
import * as SqliteStore from "../../../src/store/SqliteStore.ts";
import * as StoreDirectory from "../../../src/store/StoreDirectory.ts";
import type { Store } from "../../../src/store/Store.ts";
import { StoreError } from "../../../src/store/StoreError.ts";
import { flag } from "../../support/flag.ts";
import { testNeeding } from "../../support/permissions.ts";
import { groupOf, openStore, readAll, withDirectory, withStore, write } from "./storeFile.ts";

const NEEDED = ["read", "write"] as const;

const fileOf = (directory: string) => `${directory}/outbox.db`;

const refused = async (directory: string): Promise<StoreError> => {
  try {
    await (await openStore({ directory })).close();
  } catch (error) {
    // runPromise has wrapped what failed.
    const fault = await Effect.runPromise(
      Effect.flip(Effect.scoped(SqliteStore.make({ directory }))),
    );
    assert.ok(fault instanceof StoreError, String(error));
    return fault;
  }
  throw new assert.AssertionError({ message: "it was opened" });
};

/** What a process that is killed leaves: copies of all files while the store is open. */
const copyOf = async (from: string, to: string): Promise<void> => {
  await Deno.mkdir(to, { recursive: true });
  for (const name of ["outbox.db", "outbox.db-wal"]) {
    await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
};

const namesIn = (directory: string): ReadonlyArray<string> =>
  [...Deno.readDirSync(directory)].map(({ name }) => name).toSorted();

testNeeding(
  NEEDED,
  "SqliteStore makes its directory and files for its user alone",
  () =>
    withDirectory(async (above) => {
      const directory = `${above}/a/b`;
      await withStore({ directory }, async (store) => {
        await write(store, { groups: [groupOf(1)] });
        assert.equal(Deno.statSync(directory).mode! & 0o777, 0o700);
        for (const name of namesIn(directory)) {
          assert.equal(Deno.statSync(`${directory}/${name}`).mode! & 0o777, 0o600, name);
        }
      });
      assert.deepEqual(namesIn(directory), ["lock", "outbox.db"]);
    }),
);

testNeeding(
  NEEDED,
  "SqliteStore refuses a directory that another broker uses, and names its process",
  () =>
    withDirectory(async (directory) => {
      await withStore({ directory }, async () => {
        const { path, found } = await refused(directory);
        assert.deepEqual([path, found], [directory, `in use by process ${Deno.pid}`]);
      });
      await withStore({ directory }, async () => {}); // free again
    }),
);

testNeeding(
  NEEDED,
  "SqliteStore warns of a directory that other users of the machine can look into",
  () =>
    withDirectory(async (directory) => {
      Deno.chmodSync(directory, 0o750);
      assert.match(
        (await Effect.runPromise(StoreDirectory.check(directory))).join(),
        /: its mode is 750: other users .*\(chmod 700\)$/,
      );
      Deno.chmodSync(directory, 0o700);
      assert.deepEqual(await Effect.runPromise(StoreDirectory.check(directory)), []);
    }),
);

testNeeding(
  NEEDED,
  "SqliteStore refuses what is no directory, and one of another user",
  () =>
    withDirectory(async (above) => {
      Deno.writeTextFileSync(`${above}/file`, "");
      assert.match((await refused(`${above}/file`)).message, /expected a directory, found a file/);
      assert.match(
        (await refused(`${above}/file/b`)).message,
        /expected a directory that can be made/,
      );
      Deno.mkdirSync(`${above}/other`);
      try {
        Deno.chownSync(`${above}/other`, 12345, null);
      } catch {
        return; // only root can give it away
      }
      const { message } = await refused(`${above}/other`);
      assert.match(message, /other: expected .*\(uid \d+\), found one of uid 12345$/);
    }),
);

testNeeding(
  NEEDED,
  "SqliteStore leaves a file alone that is another program's, or of a later version",
  () =>
    withDirectory(async (directory) => {
      const foreign = new DatabaseSync(fileOf(directory));
      foreign.exec("create table t (a)");
      foreign.close();
      const before = Deno.readFileSync(fileOf(directory));
      assert.match((await refused(directory)).message, /found a database of another one/);
      assert.deepEqual(Deno.readFileSync(fileOf(directory)), before);
      Deno.removeSync(fileOf(directory));
      await withStore({ directory }, (store) => write(store, { groups: [groupOf(1)] }));
      const later = new DatabaseSync(fileOf(directory));
      later.exec(`pragma user_version = ${VERSION + 1}`);
      later.close();
      assert.match(
        (await refused(directory)).message,
        /expected a store of version 1 or older, found version 2, .*dead-letters export/,
      );
    }),
);

testNeeding(
  NEEDED,
  "openFile migrates an older file in one transaction and keeps a copy of what was",
  () =>
    withDirectory(async (directory) => {
      const path = fileOf(directory);
      await withStore({ directory }, (store) => write(store, { groups: [groupOf(1)] }));
      const next = { version: VERSION + 1, migrations: [...MIGRATIONS, "create table extra (a)"] };
      const { database, notice } = openFile(path, {}, 0, next);
      assert.match(notice ?? "", /migrated from version 1 to 2/);
      assert.deepEqual(database.groups(0, 1, undefined, 0).rows.map(({ row }) => row), [1]);
      database.close();
      const copy = new DatabaseSync(`${path}.v${VERSION}`, { readOnly: true });
      assert.equal(copy.prepare("pragma user_version").get()?.user_version, VERSION);
      assert.equal(copy.prepare("select count(*) as n from waiting").get()?.n, 1);
      copy.close();
      const broken = {
        version: VERSION + 2,
        migrations: [...next.migrations, "create table nonsense"],
      };
      assert.throws(() => openFile(path, {}, 0, broken), /can be migrated to version 3/);
      openFile(path, {}, 0, next).database.close(); // as it was
    }),
);

testNeeding(
  NEEDED,
  "SqliteStore keeps a file that is no database aside, and begins a new one",
  () =>
    withDirectory(async (directory) => {
      const garbage = crypto.getRandomValues(new Uint8Array(10_000));
      Deno.writeFileSync(fileOf(directory), garbage);
      await withStore({ directory }, async (store) => {
        assert.equal(store.figures().set_aside, 1);
        await write(store, { groups: [groupOf(1)] });
        assert.equal((await readAll(store)).length, 1);
      });
      const aside = namesIn(directory).find((name) => name.includes(".corrupt-"));
      assert.deepEqual(Deno.readFileSync(`${directory}/${aside}`), garbage);
    }),
);

testNeeding(
  NEEDED,
  "SqliteStore that meets damage while it runs keeps the file aside and goes on with what can be read",
  () =>
    withDirectory(async (directory) => {
      // More than SQLite keeps in memory.
      const groups = Array.from({ length: 60 }, (_, i) => groupOf(i + 1, 400_000));
      await withStore({ directory }, (store) => write(store, { groups }));
      await withStore({ directory }, async (store) => {
        const file = Deno.openSync(fileOf(directory), { write: true });
        file.seekSync(20 * 4096, Deno.SeekMode.Start);
        file.writeSync(new Uint8Array(4096).fill(0xa5)); // as a disk does that loses a page
        file.close();
        const saved = await readAll(store);
        assert.equal(store.figures().set_aside, 1);
        assert.ok(saved.length >= 20 && saved.length < 60, `${saved.length} of 60`);
        for (const { row, records } of saved) {
          assert.equal(crc32(records), crc32(groups[row - 1]!.records)); // one of them
        }
        await write(store, { groups: [groupOf(61)], ended: [saved[0]!.row] });
        assert.equal((await readAll(store)).length, saved.length);
      });
      assert.ok(namesIn(directory).some((name) => name.includes(".corrupt-")));
    }),
);

testNeeding(
  NEEDED,
  "SqliteStore saves what can be read out of a file with a page zeroed or its end gone",
  () =>
    withDirectory(async (above) => {
      const whole = `${above}/whole`;
      const groups = Array.from({ length: 60 }, (_, i) => groupOf(i + 1, 3000));
      let prefix = "";
      await withStore({ directory: whole }, async (store) => {
        prefix = store.prefix;
        await write(store, { groups, reserved: { nextId: 77, nextSeq: 7 } });
      });
      const bytes = Deno.readFileSync(fileOf(whole));
      const damages: ReadonlyArray<readonly [string, (bytes: Uint8Array) => Uint8Array]> = [
        ["zeroed", (bytes) => bytes.fill(0, bytes.length - 30 * 4096, bytes.length - 29 * 4096)],
        ["truncated", (bytes) => bytes.slice(0, bytes.length - 20 * 4096)],
      ];
      for (const [name, damage] of damages) {
        const directory = `${above}/${name}`;
        Deno.mkdirSync(directory);
        const damaged = damage(bytes.slice());
        Deno.writeFileSync(fileOf(directory), damaged);
        await withStore({ directory }, async (store) => {
          assert.equal(store.figures().set_aside, 1);
          assert.equal(store.prefix, prefix);
          assert.deepEqual(store.reserved, { nextId: 77, nextSeq: 7 });
          const saved = await readAll(store);
          assert.ok(saved.length >= 20, `${name}: ${saved.length} of 60`);
          for (const { row, records } of saved) {
            assert.deepEqual(records.slice(), groups[row - 1]?.records);
          }
        });
        const aside = namesIn(directory).find((file) => /\.corrupt-[^-]*-[^-]*-[^-]*$/.test(file));
        assert.deepEqual(Deno.readFileSync(`${directory}/${aside}`), damaged, "kept as it was");
      }
    }),
);

testNeeding(
  NEEDED,
  "openFile never gives a changed body, and says so of every row it loses, whatever byte is flipped",
  () =>
    withDirectory(async (above) => {
      const whole = `${above}/whole`;
      const groups = [groupOf(1, 200), groupOf(2, 200), groupOf(3, 200)];
      const online = [{ clientid: "c", info: "{}", clean: false, connected: true }];
      const state = [{
        table: "retained" as const,
        owner: "t",
        key: "",
        value: Uint8Array.of(1, 2),
      }];
      await withStore({ directory: whole }, (store) => write(store, { groups, online, state }));
      const bytes = Deno.readFileSync(fileOf(whole));
      const used = bytes.length;
      const path = `${above}/flipped.db`;
      const said = { intact: 0, damaged: 0, salvaged: 0, refused: 0 };
      // Of the bytes that hold something, and of each 16th of the zeros between, one in so many.
      const step = flag("flip-step", 37);
      let met = 0;
      for (let at = 0; at < used; at++) {
        if (bytes[at] === 0 && at % 16 !== 0 || met++ % step !== 0) continue;
        const flipped = bytes.slice();
        flipped[at]! ^= 1 << (at % 8);
        Deno.writeFileSync(path, flipped);
        for (const suffix of ["-wal", "-shm", ".new"]) {
          try {
            Deno.removeSync(path + suffix);
          } catch { /* there is none */ }
        }
        try {
          const { database, notice } = openFile(path, {}, at);
          const found = database.groups(0, 1e9, undefined, 0);
          const clients = database.online(0);
          const retained = database.state("retained", undefined, 1e9, 0);
          const dead = database.dead.use().groups;
          database.close();
          for (const { row, records } of found.rows) {
            assert.deepEqual(records.slice(), groups[row - 1]?.records, `byte ${at}`);
          }
          for (const row of clients.rows) assert.deepEqual({ ...row }, online[0], `byte ${at}`);
          for (const { value } of retained.rows) assert.deepEqual([...value], [1, 2], `byte ${at}`);
          const rows = found.rows.length + clients.rows.length + retained.rows.length;
          if (notice !== undefined) said.salvaged++;
          else if (dead > 0) said.damaged++;
          else said.intact++;
          if (notice === undefined) assert.equal(rows + dead, 5, `byte ${at}: rows are gone`);
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          assert.ok(
            error instanceof Error && /expected .*, found /.test(error.message),
            `byte ${at}: ${error}`,
          );
          said.refused++;
        }
      }
      assert.ok(said.damaged > 0 && said.salvaged > 0 && said.intact > 0, JSON.stringify(said));
    }),
);

testNeeding(
  NEEDED,
  "SqliteStore has all that was synced, whatever became of the log behind it",
  () =>
    withDirectory(async (above) => {
      const directory = `${above}/live`;
      await withStore({ directory }, async (store) => {
        const wal = `${directory}/outbox.db-wal`;
        await write(store, { groups: [groupOf(1), groupOf(2)] }, true);
        const synced = Deno.statSync(wal).size;
        await write(store, { groups: [groupOf(3, 2000)], ended: [] });
        await write(store, { groups: [groupOf(4, 2000)] });
        await copyOf(directory, `${above}/copy`);
        const log = Deno.readFileSync(`${above}/copy/outbox.db-wal`);
        for (let cut = synced; cut <= log.length; cut += 512) {
          const garbled = log.slice();
          garbled.fill(0xa5, cut, cut + 512);
          const torn = log.slice(0, cut);
          for (const image of [torn, garbled]) {
            const at = `${above}/image.db`;
            Deno.copyFileSync(`${above}/copy/outbox.db`, at);
            Deno.writeFileSync(`${at}-wal`, image);
            try {
              Deno.removeSync(`${at}-shm`);
            } catch { /* there is none */ }
            const { database, notice } = openFile(at, {}, 0);
            const { rows, damaged } = database.groups(0, 1e9, undefined, 0);
            database.close();
            assert.equal(notice, undefined);
            assert.equal(damaged, 0);
            assert.deepEqual(rows.slice(0, 2).map(({ row }) => row), [1, 2], `cut at ${cut}`);
            for (const { row, records } of rows) {
              assert.deepEqual(records.slice(), groupOf(row, records.length).records);
            }
          }
        }
      });
    }),
);

testNeeding(
  NEEDED,
  "Database gives a long log back to the disk when nothing is written any more, and leaves a short one",
  () =>
    withDirectory((directory) => {
      const path = `${directory}/outbox.db`;
      const logSize = () => Deno.statSync(`${path}-wal`).size;
      const { database } = openFile(path, {}, 0);
      const write = (...rows: ReadonlyArray<number>) =>
        database.commit(
          { ...emptyCommit(), groups: rows.map((row) => groupOf(row, 300_000)) },
          false,
        );
      write(1);
      const short = logSize();
      database.shrink();
      database.shrink();
      assert.ok(short > 300_000 && logSize() === short, `${logSize()} of ${short}`);
      write(2, 3, 4);
      database.shrink(); // something was written since the last time
      assert.ok(logSize() > 1_000_000);
      database.shrink();
      assert.equal(logSize(), 0);
      assert.equal(database.groups(0, Infinity, undefined, 0).rows.length, 4);
      database.close();
      return Promise.resolve();
    }),
);

testNeeding(
  NEEDED,
  "SqliteStore writes nothing of a commit for which the disk is full, and goes on when there is room",
  () =>
    withDirectory((directory) =>
      withStore({ directory, maxPages: 60 }, async (store) => {
        await write(store, { groups: [groupOf(1)] });
        const large = { groups: [groupOf(2), groupOf(3, 300_000)], ended: [1] };
        await assert.rejects(write(store, large), /disk is full/);
        assert.deepEqual((await readAll(store)).map(({ row }) => row), [1]);
        await write(store, { groups: [groupOf(4)], ended: [1] });
        assert.deepEqual((await readAll(store)).map(({ row }) => row), [4]);
      })
    ),
);

testNeeding(
  NEEDED,
  "leftBehind tells what waits in a store that nobody opens, and leaves it as it is",
  () =>
    withDirectory(async (directory) => {
      assert.equal(leftBehind(directory), undefined);
      await withStore({ directory }, (store) => write(store, { groups: [groupOf(1)] }));
      const before = Deno.readFileSync(fileOf(directory));
      assert.match(
        leftBehind(directory) ?? "",
        /outbox.db: events wait in it \(1\), but `outbox` is/,
      );
      assert.deepEqual(Deno.readFileSync(fileOf(directory)), before);
      await withStore({ directory }, (store) => write(store, { ended: [1] }));
      assert.equal(leftBehind(directory), undefined);
      Deno.writeTextFileSync(
        fileOf(directory),
        "no database at all, but long enough for one".repeat(9),
      );
      assert.match(leftBehind(directory) ?? "", /cannot be read/);
    }),
);

const workerOf = (source: string): URL =>
  new URL(`data:application/typescript,${encodeURIComponent(source)}`);

const MODULE = new URL("../../../src/store/storeWorker.ts", import.meta.url).href;

testNeeding(
  NEEDED,
  "SqliteStore replaces a Worker that dies, and writes again what it was given",
  () =>
    withDirectory((directory) => {
      // It dies of its third message: the second commit, which it has written.
      const module = workerOf(`
      await import(${JSON.stringify(MODULE)});
      const real = globalThis.onmessage;
      let n = 0;
      globalThis.onmessage = (event) => {
        const mark = ${JSON.stringify(`${directory}.died`)};
        if (++n === 3 && !hasDied(mark)) {
          const post = globalThis.postMessage;
          globalThis.postMessage = () => {};
          real(event);
          globalThis.postMessage = post;
          Deno.writeTextFileSync(mark, "");
          queueMicrotask(() => { throw new Error("dead"); });
          return;
        }
        real(event);
      };
      const hasDied = (mark) => { try { Deno.statSync(mark); return true; } catch { return false; } };
    `);
      return withStore({ directory, module }, async (store: Store) => {
        await write(store, { groups: [groupOf(1)] });
        await write(store, { groups: [groupOf(2)], ended: [1] });
        await write(store, { groups: [groupOf(3)] }, true);
        assert.deepEqual((await readAll(store)).map(({ row }) => row), [2, 3]);
        assert.equal(store.figures().replaced, 1);
        Deno.removeSync(`${directory}.died`);
      });
    }),
);

testNeeding(
  NEEDED,
  "SqliteStore replaces a Worker that does not answer for 30 s, and asks the next one the same",
  () =>
    withDirectory((directory) => {
      // The first one opens the file, and hears nothing after that.
      const module = workerOf(`
      await import(${JSON.stringify(MODULE)});
      const real = globalThis.onmessage;
      const mark = ${JSON.stringify(`${directory}/mute`)};
      let isFirst = false;
      globalThis.onmessage = (event) => {
        if (event.data.request._tag === "Open") {
          try { Deno.writeTextFileSync(mark, "", { createNew: true }); isFirst = true; } catch {}
        } else if (isFirst) return;
        real(event);
      };
    `);
      const program = Effect.scoped(Effect.gen(function* () {
        const store = yield* SqliteStore.make({ directory, module });
        const written = yield* Effect.fork(
          store.commit({ ...emptyCommit(), groups: [groupOf(1)] }, true),
        );
        yield* TestClock.adjust(29_000);
        assert.equal(store.figures().replaced, 0);
        yield* TestClock.adjust(32_000);
        assert.equal(store.figures().replaced, 1);
        yield* Fiber.join(written);
        assert.deepEqual((yield* store.groups(0, 1)).map(({ row }) => row), [1]);
      }));
      return Effect.runPromise(program.pipe(
        Effect.provide(Logger.remove(Logger.defaultLogger)),
        Effect.provide(TestContext.TestContext),
      ));
    }),
);
