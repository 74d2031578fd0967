/** The dead letters' program beside a store that is open, as a broker has it. */
import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import { hookEventNames } from "../../../../src/domain/HookEvent.ts";
import type { DeadGroup } from "../../../../src/store/Commit.ts";
import type { Store } from "../../../../src/store/Store.ts";
import { LetterFile, NoStore } from "../../../../src/tools/letters/LetterFile.ts";
import type { LetterFilter } from "../../../../src/webhook/outbox/LetterFilter.ts";
import { parseMoment } from "../../../../src/webhook/outbox/LetterFilter.ts";
import { decode, RecordWriter } from "../../../../src/webhook/outbox/GroupCodec.ts";
import { testNeeding } from "../../../support/permissions.ts";
import { readAll, withDirectory, withStore, write } from "../../store/storeFile.ts";

const NEEDED = ["read", "write"] as const;

const place = (name: string) => hookEventNames.findIndex((known) => known === name);

/** A group of letters `ids`, of client c<id>. */
const dead = (ids: ReadonlyArray<number>, parts: Partial<DeadGroup> = {}): DeadGroup => {
  const writer = new RecordWriter(64);
  for (const id of ids) {
    writer.add({
      id,
      seq: id * 10,
      born: 5,
      event: place(id % 2 === 0 ? "client_connected" : "message_publish"),
      lane: id % 2 === 0 ? `c${id}` : undefined,
      body: new TextEncoder().encode(JSON.stringify({ from_clientid: `c${id}` })),
    });
  }
  const rest = { url: "http://a/", reason: "refused", detail: "400", at: 1000, ...parts };
  return { ...rest, n: ids.length, records: writer.records() };
};

const withLetters = (
  groups: ReadonlyArray<DeadGroup>,
  body: (file: LetterFile, store: Store) => Promise<void> | void,
) =>
  withDirectory((directory) =>
    withStore({ directory }, async (store) => {
      await write(store, { dead: [...groups] });
      const file = new LetterFile(directory);
      try {
        await body(file, store);
      } finally {
        file.close();
      }
    })
  );

const idsOf = (file: LetterFile, store: Store, filter: LetterFilter = {}) =>
  [...file.letters(filter)].map(({ id }) => parseInt(id.slice(store.prefix.length), 36));

const GROUPS = [
  dead([1, 2, 3]),
  dead([40, 50], { url: "http://b/", reason: "given_up", at: 2000 }),
  dead([6], { at: 3000 }),
];

testNeeding(
  NEEDED,
  "LetterFile gives the letters that every filter means, the first given up first",
  () =>
    withLetters(GROUPS, (file, store) => {
      const ids = (filter: LetterFilter) => idsOf(file, store, filter);
      assert.deepEqual(ids({}), [1, 2, 3, 40, 50, 6]);
      assert.deepEqual(ids({ url: "http://b/" }), [40, 50]);
      assert.deepEqual(ids({ reason: "refused" }), [1, 2, 3, 6]);
      assert.deepEqual(ids({ event: "client_connected" }), [2, 40, 50, 6]);
      assert.deepEqual(ids({ event: "client_connected", url: "http://a/" }), [2, 6]);
      assert.deepEqual(ids({ client: "c2" }), [2]);
      assert.deepEqual(ids({ client: "c3" }), [3], "by its body");
      assert.deepEqual(ids({ since: 2000, until: 3000 }), [40, 50]);
      assert.deepEqual(ids({ id: `${store.prefix}14` }), [40]);
      assert.deepEqual(ids({ id: "unknown" }), []);
    }),
);

testNeeding(
  NEEDED,
  "LetterFile.replay marks what is meant, and nothing beside it, once",
  () =>
    withLetters(GROUPS, (file, store) => {
      assert.equal(file.replay({ client: "c2" }, undefined), 1);
      assert.equal(file.replay({ client: "c2" }, undefined), 0);
      assert.deepEqual(idsOf(file, store).toSorted((a, b) => a - b), [1, 2, 3, 6, 40, 50]);
      assert.deepEqual([...file.letters({})].filter(({ replay }) => replay).map(({ seq }) => seq), [
        20,
      ]);
      assert.equal(file.replay({ url: "http://b/" }, "http://c/"), 2);
      assert.deepEqual(idsOf(file, store, { url: "http://c/" }), [40, 50]);
    }),
);

testNeeding(
  NEEDED,
  "Store is told of marks that another process has made, and moves what they mean, as it was",
  () =>
    withLetters(GROUPS, async (file, store) => {
      const marked = new Promise<ReadonlyArray<string>>((resolve) => store.onMarked(resolve));
      assert.equal(file.replay({ event: "message_publish" }, undefined), 2);
      assert.deepEqual(await marked, ["http://a/"]);
      const { n, groups } = await Effect.runPromise(store.replay("http://a/", [], 7, 1e9));
      assert.deepEqual([n, groups], [2, 1]);
      const [group] = await readAll(store);
      assert.equal(group?.row, 7);
      assert.deepEqual([...decode(group!.records)].map(({ id, seq }) => [id, seq]), [[1, 10], [
        3,
        30,
      ]]);
      assert.deepEqual(idsOf(file, store).toSorted((a, b) => a - b), [2, 6, 40, 50]);
      assert.equal((await Effect.runPromise(store.replay("http://a/", [], 8, 1e9))).n, 0);
    }),
);

testNeeding(
  NEEDED,
  "LetterFile.purge deletes what is meant, and what is damaged only where no letter is",
  () =>
    withLetters([...GROUPS, dead([9], { reason: "damaged" })], (file, store) => {
      assert.equal([...file.damaged({})].length, 1);
      assert.equal(file.replay({}, undefined), 6, "what is damaged is never sent");
      assert.equal(file.purge({ client: "c1" }), 1);
      assert.equal([...file.damaged({})].length, 1);
      assert.equal(file.purge({ until: 2500 }), 5);
      assert.deepEqual(idsOf(file, store), [6]);
      assert.equal(file.purge({}), 1);
    }),
);

testNeeding(
  NEEDED,
  "Store keeps dead letters within their age and bytes, the oldest go first, counted",
  () =>
    withDirectory((directory) => {
      const now = Date.now();
      const size = dead([1]).records.length;
      const letters = { maxAge: 60_000, maxBytes: 2 * size };
      return withStore({ directory, letters }, async (store) => {
        await write(store, { dead: [dead([1], { at: now - 70_000 }), dead([2], { at: now })] });
        assert.deepEqual([store.figures().letters.n, store.figures().letters.purged], [1, 1]);
        await write(store, { dead: [dead([3], { at: now }), dead([5], { at: now })] });
        const { n, bytes, purged, oldest } = store.figures().letters;
        assert.deepEqual([n, purged, oldest], [2, 2, now]);
        assert.ok(bytes <= 2 * size);
        await Effect.runPromise(store.bound({ maxAge: 60_000, maxBytes: 0 }));
        assert.deepEqual([store.figures().letters.n, store.figures().letters.purged], [0, 4]);
      });
    }),
);

testNeeding(NEEDED, "LetterFile says where there is no store", () => {
  assert.throws(() => new LetterFile("/nonexistent"), (error) => {
    assert.ok(error instanceof NoStore);
    assert.match(error.message, /nonexistent\/outbox.db: expected a broker's store, found nothing/);
    return true;
  });
});

Deno.test("parseMoment reads dates in UTC and how long ago, and nothing else", () => {
  const now = Date.UTC(2026, 0, 2);
  assert.equal(parseMoment("2h", now), now - 7_200_000);
  assert.equal(parseMoment("2026-01-01", now), now - 86_400_000);
  assert.equal(parseMoment("2026-01-01T12:00", now), now - 43_200_000);
  assert.equal(parseMoment("2026-01-01T12:00+01:00", now), now - 46_800_000);
  for (const text of ["", "2", "h", "yesterday", "2026-13-01"]) {
    assert.equal(parseMoment(text, now), undefined, text);
  }
});
