/** Dead letters by the API, over a store in memory. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import { hookEventNames } from "../../../../src/domain/HookEvent.ts";
import { emptyCommit } from "../../../../src/store/Commit.ts";
import { MemoryStore } from "../../../../src/store/MemoryStore.ts";
import { RecordWriter } from "../../../../src/webhook/outbox/GroupCodec.ts";
import { LETTER_PLACE, LetterBox } from "../../../../src/webhook/outbox/LetterBox.ts";
import type { LetterFilter } from "../../../../src/webhook/outbox/LetterFilter.ts";

const run = Effect.runPromise;

const PUBLISH = hookEventNames.indexOf("message_publish");

/** A store with three groups: letters 1 to 3 of a, 4 and 5 of b, 6 of a; odd ones of client odd, the others of even. */
const start = async () => {
  const store = new MemoryStore();
  const commit = emptyCommit();
  const bury = (at: number, url: string, ...ids: ReadonlyArray<number>) => {
    const writer = new RecordWriter(1024);
    for (const id of ids) {
      const body = new TextEncoder().encode(`{"clientid":"${id % 2 === 1 ? "odd" : "even"}"}`);
      writer.add({ id, seq: id, born: at - 1, event: PUBLISH, lane: undefined, body });
    }
    const records = writer.records();
    commit.dead.push({ url, reason: "refused", detail: "", at, n: ids.length, records });
  };
  bury(10, "http://a/", 1, 2, 3);
  bury(20, "http://b/", 4, 5);
  bury(30, "http://a/", 6);
  const marked: Array<string> = [];
  store.onMarked((urls) => void marked.push(...urls));
  await run(store.commit(commit, true));
  const box = new LetterBox(store);
  const seqs = async (filter: LetterFilter = {}) =>
    (await run(box.page(filter, 100))).letters.map((one) => "seq" in one ? one.seq : NaN);
  return { store, box, seqs, marked };
};

Deno.test("LetterBox.page tells what is meant in pages that begin where the one before ended, within a group too", async () => {
  const { box } = await start();
  for (const most of [1, 2, 3, 4, 6, 7]) {
    const found: Array<number> = [];
    let after: string | undefined;
    do {
      const { letters, next } = await run(box.page({}, most, after));
      assert.ok(letters.length <= most);
      found.push(...letters.map((one) => "seq" in one ? one.seq : NaN));
      assert.ok(next === undefined || LETTER_PLACE.test(next));
      after = next;
    } while (after !== undefined);
    assert.deepEqual(found, [1, 2, 3, 4, 5, 6], `${most} a page`);
  }
  const { letters, next } = await run(box.page({ client: "even" }, 2));
  assert.deepEqual(letters.map((one) => "seq" in one && one.seq), [2, 4]);
  const { letters: rest } = await run(box.page({ client: "even" }, 2, next));
  assert.deepEqual(rest.map((one) => "seq" in one && one.seq), [6]);
});

Deno.test("LetterBox finds one by its webhook-id, and no other", async () => {
  const { store, box } = await start();
  assert.equal((await run(box.find(`${store.prefix}4`)))?.url, "http://b/");
  assert.equal(await run(box.find(`${store.prefix}7`)), undefined);
});

Deno.test("LetterBox purges what a filter means, and leaves the rest of each group", async () => {
  const { box, seqs } = await start();
  assert.equal(await run(box.purge({ client: "odd" })), 3);
  assert.deepEqual((await seqs()).toSorted(), [2, 4, 6]);
  assert.equal(await run(box.purge({ url: "http://a/", since: 25 })), 1);
  assert.deepEqual((await seqs()).toSorted(), [2, 4]);
  assert.equal(await run(box.purge({ client: "odd" })), 0);
});

Deno.test("LetterBox marks what is to be sent again once, to another URL where one is named", async () => {
  const { box, store, seqs, marked } = await start();
  assert.equal(await run(box.replay({ client: "odd", url: "http://a/" }, undefined)), 2);
  assert.deepEqual(marked, ["http://a/"]);
  assert.equal(await run(box.replay({ url: "http://a/" }, undefined)), 2, "the other two");
  assert.equal(await run(box.replay({ url: "http://a/" }, undefined)), 0);
  assert.equal(await run(box.replay({ url: "http://b/" }, "http://c/")), 2);
  assert.deepEqual((await seqs()).toSorted(), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual((await seqs({ url: "http://c/" })).toSorted(), [4, 5]);
  assert.deepEqual(store.figures().letters.marked.toSorted(), ["http://a/", "http://c/"]);
});

Deno.test("LetterBox shows a group that cannot be read as one, which is purged as a whole alone", async () => {
  const { store, box } = await start();
  const commit = emptyCommit();
  const records = new Uint8Array(9);
  commit.dead.push({ url: "http://a/", reason: "damaged", detail: "crc", at: 40, n: 5, records });
  await run(store.commit(commit, true));
  const { letters } = await run(box.page({ since: 35 }, 10));
  assert.deepEqual(letters, [{ url: "http://a/", detail: "crc", at: 40, bytes: 9 }]);
  assert.deepEqual((await run(box.page({ client: "odd", since: 35 }, 10))).letters, []);
  assert.equal(await run(box.replay({ since: 35 }, undefined)), 0);
  assert.equal(await run(box.purge({ client: "odd", since: 35 })), 0);
  assert.equal(await run(box.purge({ since: 35 })), 5);
});
