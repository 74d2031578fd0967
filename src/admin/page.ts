/** Rows for a page: a bounded number of them, found without keeping others from their turn. */
import * as Effect from "effect/Effect";

/** Rows that are looked at before others have a turn: some milliseconds' worth. */
const TURN = 2000;

/** A page, and where the next one begins; undefined: there is none. */
export interface Page<Row> {
  readonly rows: ReadonlyArray<Row>;
  readonly next: string | undefined;
}

const nextTurn = Effect.async<void>((resume) => {
  const turn = setImmediate(() => resume(Effect.void));
  return Effect.sync(() => clearImmediate(turn));
});

/**
 * Looks through `all` for rows.
 *
 * @param all may change between turns, as a Map's iterators bear it
 * @param rowsOf of one of them; none where it is not asked for
 * @param cursorOf what the next page is asked for by, to begin behind this one
 */
export const pageOf = <One, Row>(
  all: Iterable<One>,
  limit: number,
  rowsOf: (one: One) => ReadonlyArray<Row>,
  cursorOf: (one: One) => string,
): Effect.Effect<Page<Row>> =>
  Effect.gen(function* () {
    const rows: Array<Row> = [];
    let looked = 0;
    let last: One | undefined;
    for (const one of all) {
      if (rows.length >= limit) return { rows, next: last && cursorOf(last) };
      if (++looked % TURN === 0) yield* nextTurn;
      rows.push(...rowsOf(one));
      last = one;
    }
    return { rows, next: undefined };
  });
