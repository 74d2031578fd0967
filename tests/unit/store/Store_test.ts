/** One suite over every store: what it holds is what a process to come finds. */
import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import type { Commit, Group, StateChange } from "../../../src/store/Commit.ts";
import { emptyCommit } from "../../../src/store/Commit.ts";
import { MemoryStore } from "../../../src/store/MemoryStore.ts";
import * as SqliteStore from "../../../src/store/SqliteStore.ts";
import type { StateRow, Store } from "../../../src/store/Store.ts";
import { testNeeding } from "../../support/permissions.ts";

/** Runs with a function that ends the process, so to speak, and opens what it left anew. */
interface Kind {
  readonly name: string;
  readonly needs: ReadonlyArray<Deno.PermissionName>;
  /** A function that opens the same store each time; what it opened before is closed then. */
  run(body: (open: () => Promise<Store>) => Promise<void>): Promise<void>;
}

const KINDS: ReadonlyArray<Kind> = [
  {
    name: "MemoryStore",
    needs: [],
    run: (body) => {
      const store = new MemoryStore();
      return body(() => Promise.resolve(store));
    },
  },
  {
    name: "SqliteStore",
    needs: ["read", "write"],
    async run(body) {
      const directory = await Deno.makeTempDir();
      let close = () => Promise.resolve();
      try {
        await body(async () => {
          await close();
          const opened = await open(directory);
          close = opened.close;
          return opened.store;
        });
      } finally {
        await close();
        await Deno.remove(directory, { recursive: true });
      }
    },
  },
];

const open = (directory: string) =>
  new Promise<{ store: Store; close: () => Promise<void> }>((resolve, reject) => {
    let release: () => void = () => {};
    const held = new Promise<void>((done) => release = done);
    const ended = Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const store = yield* SqliteStore.make({ directory });
      resolve({ store, close: () => (release(), ended) });
      yield* Effect.promise(() => held);
    })));
    ended.catch(reject);
  });

const run = Effect.runPromise;

const commitOf = (parts: Partial<Commit>): Commit => ({ ...emptyCommit(), ...parts });

const write = (store: Store, parts: Partial<Commit>, sync = false) =>
  run(store.commit(commitOf(parts), sync));

const bytesOf = (...bytes: ReadonlyArray<number>) => Uint8Array.from(bytes);

const group = (row: number, url = "http://a/", records = bytesOf(row, 0, 255)): Group => ({
  row,
  url,
  n: row,
  records,
});

/** As plain objects: a view's buffer and a Buffer's class are no difference. */
const plain = <A extends object>(rows: ReadonlyArray<A>) =>
  rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([
        key,
        value,
      ]) => [key, value instanceof Uint8Array ? [...value] : value]),
    )
  );

const all = Number.MAX_SAFE_INTEGER;

for (const { name, needs, run: runWith } of KINDS) {
  const test = (said: string, body: (open: () => Promise<Store>) => Promise<void>) =>
    testNeeding(needs, `${name} ${said}`, () => runWith(body));

  test("gives the groups back that have not ended, by row, with every byte", async (open) => {
    const store = await open();
    assert.equal(store.lastRow, 0);
    await write(store, { groups: [group(3, "http://b/"), group(1), group(2)] });
    await write(store, { groups: [group(4)], ended: [2] }, true);
    const again = await open();
    assert.equal(again.lastRow, 4);
    assert.deepEqual(
      plain(await run(again.groups(0, all))),
      plain([group(1), group(3, "http://b/"), group(4)]),
    );
  });

  test("gives dead letters in pages, by when they were given up, and changes those that are as they were read", async (open) => {
    const store = await open();
    const dead = (at: number, url = "http://a/") => ({
      ...{ url, reason: "refused", detail: "", at, n: 1, records: bytesOf(at, 7) },
    });
    await write(store, { dead: [dead(3), dead(1), dead(2, "http://b/")] });
    const letters = (...args: Parameters<Store["letters"]>) => run(store.letters(...args));
    const times = async (...args: Parameters<Store["letters"]>) =>
      (await letters(...args)).map(({ at }) => at);
    assert.deepEqual(await times({}, undefined, all), [1, 2, 3]);
    const [first] = await letters({}, undefined, 1);
    assert.deepEqual(await times({}, first, all), [2, 3]);
    assert.deepEqual(await times({ url: "http://b/" }, undefined, all), [2]);
    assert.deepEqual(await times({ since: 2, until: 3 }, undefined, all), [2]);
    assert.deepEqual(await times({ reason: "given_up" }, undefined, all), []);

    const marked: Array<string> = [];
    store.onMarked((urls) => void marked.push(...urls));
    const { row = 0, crc = 0, ...group } = first ?? {};
    const again = { ...dead(1), ...group, url: "http://c/", replay: true };
    const changes = [{ row, crc, put: [again] }];
    assert.deepEqual(await run(store.changeLetters(changes)), [row]);
    assert.deepEqual(marked, ["http://c/"]);
    assert.deepEqual(await run(store.changeLetters(changes)), [], "they are others by now");
    const now = await letters({}, undefined, all);
    assert.deepEqual(
      now.map(({ at, url, replay, isIntact }) => [at, url, replay, isIntact]),
      [[1, "http://c/", true, true], [2, "http://b/", false, true], [3, "http://a/", false, true]],
    );
    assert.deepEqual([...now[0]?.records ?? []], [1, 7]);
    assert.equal(store.figures().letters.n, 3);
    await run(store.changeLetters(now.map(({ row, crc }) => ({ row, crc, put: [] }))));
    assert.deepEqual(await letters({}, undefined, all), []);
  });

  test("replaces a group that is written again", async (open) => {
    const store = await open();
    await write(store, { groups: [group(1), group(2)] });
    await write(store, { groups: [{ ...group(1), records: bytesOf(9) }] });
    const [first, ...others] = await run(store.groups(0, all));
    assert.deepEqual([...first?.records ?? []], [9]);
    assert.equal(others.length, 1);
  });

  test("gives groups in pages of at least one, of one URL where it is asked so", async (open) => {
    const store = await open();
    const large = new Uint8Array(1000).fill(7);
    await write(store, {
      groups: [
        group(1, "http://a/", large),
        group(2, "http://b/", large),
        group(3, "http://a/", large),
      ],
    });
    const rows = async (...args: Parameters<Store["groups"]>) =>
      (await run(store.groups(...args))).map(({ row }) => row);
    assert.deepEqual(await rows(0, 1), [1]);
    assert.deepEqual(await rows(1, 1), [2]);
    assert.deepEqual(await rows(0, 1001), [1, 2]);
    assert.deepEqual(await rows(3, 1), []);
    assert.deepEqual(await rows(0, all, "http://a/"), [1, 3]);
    assert.deepEqual(await rows(1, all, "http://a/"), [3]);
    assert.deepEqual(await rows(0, all, "http://c/"), []);
  });

  test("takes commits of no, few and many bytes, and leaves its caller's bytes alone", async (open) => {
    const store = await open();
    await write(store, {});
    await write(store, {}, true);
    const records = new Uint8Array(3_000_000).fill(1);
    await write(store, { groups: [group(1), group(2, "http://a/", records)] });
    assert.equal(records.length, 3_000_000);
    const [first, second] = await run((await open()).groups(0, all));
    assert.deepEqual([...first?.records ?? []], [1, 0, 255]);
    assert.deepEqual(second?.records.slice(), records);
  });

  test("keeps its prefix and what was reserved", async (open) => {
    const store = await open();
    const { prefix } = store;
    assert.match(prefix, /^[0-9a-f]{8}-[0-9a-f]{4}-$/);
    assert.deepEqual(store.reserved, { nextId: 1, nextSeq: 0 });
    const reserved = { nextId: 2 ** 40 + 1, nextSeq: 1_800_000_000_000 };
    await write(store, { reserved });
    await write(store, { groups: [group(1)] });
    const again = await open();
    assert.equal(again.prefix, prefix);
    assert.deepEqual(again.reserved, reserved);
  });

  test("keeps whom receivers know of", async (open) => {
    const store = await open();
    const row = (clientid: string, info: string, clean = true, connected = true) => ({
      clientid,
      info,
      clean,
      connected,
    });
    await write(store, { online: [row("a", "1"), row("b", "2"), row("é\u{1f600}", "3", false)] });
    await write(store, { online: [row("a", "4", false, false)], offline: ["b", "nobody"] });
    assert.deepEqual(plain(await run((await open()).online())), [
      row("a", "4", false, false),
      row("é\u{1f600}", "3", false),
    ]);
  });

  test("keeps the rows of state as the last change left them", async (open) => {
    const store = await open();
    const put = (
      table: StateChange["table"],
      owner: string,
      key: string | number,
      ...value: ReadonlyArray<number>
    ): StateChange => ({ table, owner, key, value: bytesOf(...value) });
    const take = (table: StateChange["table"], owner: string, key?: string | number) => ({
      table,
      owner,
      key,
      value: undefined,
    });
    await write(store, {
      state: [
        put("retained", "a/b", "", 1),
        put("retained", "a/b", "", 2),
        put("session", "c1", "", 3),
        put("subscription", "c1", "a/#", 4),
        put("subscription", "c1", "b/#", 5),
        put("subscription", "c2", "a/#", 6),
        put("received", "c1", 10, 0),
        put("received", "c1", 9, 0),
        put("message", "", 2 ** 33, 7),
        put("message", "", 5, 8),
        put("queued", "c1", 2, 9),
        put("queued", "c1", 11, 10),
      ],
    });
    await write(store, {
      state: [
        take("subscription", "c1", "a/#"),
        take("received", "c1"),
        put("received", "c1", 12),
        take("message", "", 5),
        take("session", "nobody", ""),
      ],
    });
    const again = await open();
    const rows = async (table: StateChange["table"]) => plain(await readState(again, table, all));
    assert.deepEqual(await rows("retained"), [{ owner: "a/b", key: "", value: [2] }]);
    assert.deepEqual(await rows("session"), [{ owner: "c1", key: "", value: [3] }]);
    assert.deepEqual(await rows("subscription"), [
      { owner: "c1", key: "b/#", value: [5] },
      { owner: "c2", key: "a/#", value: [6] },
    ]);
    assert.deepEqual(await rows("received"), [{ owner: "c1", key: 12, value: [] }]);
    assert.deepEqual(await rows("message"), [{ owner: "", key: 2 ** 33, value: [7] }]);
    assert.deepEqual(await rows("queued"), [
      { owner: "c1", key: 2, value: [9] },
      { owner: "c1", key: 11, value: [10] },
    ]);
  });

  test("gives every row of state once, whatever the size of its pages", async (open) => {
    const store = await open();
    const owners = ["", "A", "a", "aa", "b\uffee", "b\u{1f600}", "é"];
    const keys = [0, 1, 2.5, 65535, "", "0", "x"];
    const state = owners.flatMap((owner) =>
      keys.map((key) => ({ table: "queued" as const, owner, key, value: bytesOf(1, 2) }))
    );
    await write(store, { state: state.toReversed() });
    const expected = plain(state.map(({ owner, key, value }) => ({ owner, key, value })));
    for (const bytes of [1, 3, 14, all]) {
      assert.deepEqual(plain(await readState(store, "queued", bytes)), expected);
    }
    const messages = [1, 2, 3].map((key) => ({
      table: "message" as const,
      owner: "",
      key,
      value: bytesOf(key),
    }));
    await write(store, { state: messages });
    assert.deepEqual((await readState(store, "message", 1)).map(({ key }) => key), [1, 2, 3]);
  });
}

/** All rows of a table, page by page. */
const readState = async (
  store: Store,
  table: StateChange["table"],
  bytes: number,
): Promise<ReadonlyArray<StateRow>> => {
  const rows: Array<StateRow> = [];
  while (true) {
    const page = await run(store.state(table, rows.at(-1), bytes));
    if (page.length === 0) return rows;
    rows.push(...page);
  }
};
