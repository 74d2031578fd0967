import assert from "node:assert/strict";
import type { StatementSync } from "node:sqlite";
import { DatabaseSync } from "node:sqlite";
import { compareKeys } from "../../../src/store/compareKeys.ts";
import { rowsIn } from "../../../src/store/rowsIn.ts";

Deno.test("rowsIn gives every row once, in either direction, however many at a time", () => {
  const db = new DatabaseSync(":memory:");
  db.exec("create table t (a text, b any, primary key (a, b)) strict, without rowid");
  const put = db.prepare("insert into t values (?, ?)");
  const keys = ["", "a", "b\uffee", "b\u{1f600}"].flatMap((a) =>
    [0, 1.5, 300, "", "x"].map((b) => [a, b] as const)
  );
  for (const key of keys.toReversed()) put.run(...key);
  const next = db.prepare("select a, b from t where (a, b) > (?, ?) order by a, b limit ?");
  const last = db.prepare(
    "select a, b from t where (a, b) < (?, ?) order by a desc, b desc limit ?",
  );
  const key = ["a", "b"];
  for (const atATime of [1, 3, 20, 100]) {
    const up = rowsIn({ next, after: ["", -1], key, atATime });
    assert.deepEqual([...up].map(({ a, b }) => [a, b]), keys);
    const down = rowsIn({ next: last, after: ["c", 0], key, isDescending: true, atATime });
    assert.deepEqual([...down].map(({ a, b }) => [a, b]), keys.toReversed());
  }
  assert.deepEqual(keys.toSorted(compareKeys), keys);
  db.close();
});

Deno.test("rowsIn throws where rows come again, as a damaged file may have them: it never goes round", () => {
  const circle = { all: (after: number) => [{ row: after === 2 ? 1 : after + 1 }] };
  const next = circle as unknown as StatementSync; // no more of it is used
  const rows = rowsIn({ next, after: [0], key: ["row"], atATime: 1 });
  assert.deepEqual([rows.next().value, rows.next().value], [{ row: 1 }, { row: 2 }]);
  assert.throws(() => rows.next(), /not in their order/);
});
