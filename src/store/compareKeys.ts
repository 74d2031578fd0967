import { Buffer } from "node:buffer";

/** What a key's columns are. */
type Column = string | number;

/** By column after column, numbers before text, text by the bytes of its UTF-8: the order of SQLite. */
export const compareKeys = (a: ReadonlyArray<Column>, b: ReadonlyArray<Column>): number => {
  for (const [i, left] of a.entries()) {
    const order = compareColumns(left, b[i]!);
    if (order !== 0) return order;
  }
  return 0;
};

const compareColumns = (a: Column, b: Column): number => {
  if (a === b) return 0;
  if (typeof a === "number") return typeof b === "number" ? a - b : -1;
  return typeof b === "number" ? 1 : Buffer.compare(Buffer.from(a), Buffer.from(b));
};
