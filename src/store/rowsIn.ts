import type { SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";

export type Row = Record<string, SQLOutputValue>;

/**
 * Rows of a query in the order of its key, some at a time: `iterate` of node:sqlite takes an error for the end
 * (Deno 2.9), so that damage would hide all that is behind it.
 *
 * @param next a query of rows behind a key, whose last parameter is how many
 * @param after its other parameters
 * @param keyOf those for what is behind a row
 * @throws what SQLite throws
 */
export function* rowsIn(
  next: StatementSync,
  after: ReadonlyArray<SQLInputValue>,
  keyOf: (row: Row) => ReadonlyArray<SQLInputValue>,
  atATime: number,
): Generator<Row> {
  for (let key = after;;) {
    const rows = next.all(...key, atATime);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < atATime) return;
    key = keyOf(last);
  }
}
