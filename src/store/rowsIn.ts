import type { SQLOutputValue, StatementSync } from "node:sqlite";
import { compareKeys } from "./compareKeys.ts";
import { Damage } from "./Damage.ts";

export type Row = Record<string, SQLOutputValue>;

/** The columns of a key, as they are given to the query. */
type Key = ReadonlyArray<string | number>;

export interface RowsInOptions {
  /** Of rows behind a key: its parameters are `fixed`, the key, and how many. */
  readonly next: StatementSync;
  readonly fixed?: ReadonlyArray<string | number | null>;
  readonly after: Key;
  /** The columns of the key, in its order. */
  readonly key: ReadonlyArray<string>;
  readonly isDescending?: boolean;
  readonly atATime: number;
}

/**
 * Rows of a query in the order of its key, some at a time: `iterate` of node:sqlite takes an error for the end
 * (Deno 2.9), so that damage would hide all that is behind it.
 *
 * @throws Damage where they are not in their order, in which one might go round for ever; what SQLite throws
 */
export function* rowsIn(
  { next, fixed = [], after, key, isDescending = false, atATime }: RowsInOptions,
): Generator<Row> {
  for (let last = after;;) {
    const rows = next.all(...fixed, ...last, atATime);
    for (const row of rows) {
      const at = key.map((column) => columnOf(row[column]));
      const order = compareKeys(at, last);
      if (isDescending ? order >= 0 : order <= 0) throw new Damage("rows are not in their order");
      last = at;
      yield row;
    }
    if (rows.length < atATime) return;
  }
}

/** @throws Damage where it is no part of a key */
export const columnOf = (value: SQLOutputValue | undefined): string | number => {
  if (typeof value === "string" || typeof value === "number") return value;
  throw new Damage("a key is neither text nor a number");
};
