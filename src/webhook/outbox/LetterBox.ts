/**
 * Dead letters as somebody who runs the broker sees them: looked at, sent again, deleted, through the store's own
 * Worker. Some groups at a time, so that neither that nor the broker's thread has a long turn.
 */
import * as Effect from "effect/Effect";
import type { DeadChange, DeadPlace, DeadRow } from "../../store/DeadRow.ts";
import type { Store } from "../../store/Store.ts";
import type { CommitError, ReadError } from "../../store/StoreError.ts";
import type { Letter, LetterFilter } from "./LetterFilter.ts";
import { isMeant } from "./LetterFilter.ts";
import { isReadable, lettersOf, meansGroups, split } from "./lettersOf.ts";

/** A group that cannot be read. */
export interface DamagedGroup extends Pick<DeadRow, "url" | "detail" | "at"> {
  readonly bytes: number;
}

export interface LetterPage {
  readonly letters: ReadonlyArray<Letter | DamagedGroup>;
  /** Where the next page begins; undefined: there is none. */
  readonly next: string | undefined;
}

/** A place behind a letter: of which group, and how many of it come before. */
export const LETTER_PLACE = /^-?\d{1,16}:\d{1,16}:\d{1,9}$/;

/** Bytes of records that are read at a time: a few milliseconds of work where bodies are looked into. */
const PAGE_BYTES = 256 * 1024;

export class LetterBox {
  readonly #store: Pick<Store, "letters" | "changeLetters" | "prefix">;

  constructor(store: Pick<Store, "letters" | "changeLetters" | "prefix">) {
    this.#store = store;
  }

  /** Letters that are meant, the first given up first, and what cannot be read. `after`: the `next` of the page before. */
  page(
    filter: LetterFilter,
    most: number,
    after?: string,
  ): Effect.Effect<LetterPage, ReadError> {
    const begun = after === undefined ? undefined : placeOf(after);
    // The group itself is read again: some of it is still to be told.
    const from = begun && { at: begun.at, row: begun.row - 1 };
    const letters: Array<Letter | DamagedGroup> = [];
    return Effect.map(
      this.#each(filter, from, (group) => {
        const skipped = begun?.row === group.row && begun.at === group.at ? begun.n : 0;
        let n = 0;
        for (const one of partsOf(group, filter, this.#store.prefix)) {
          if (n++ < skipped || one === undefined) continue;
          if (letters.length === most) return `${group.at}:${group.row}:${n - 1}`;
          letters.push(one);
        }
        return undefined;
      }),
      (next) => ({ letters, next }),
    );
  }

  /** The letter of a `webhook-id`. */
  find(id: string): Effect.Effect<Letter | undefined, ReadError> {
    return Effect.map(
      this.page({ id }, 1),
      ({ letters: [letter] }) => letter !== undefined && "id" in letter ? letter : undefined,
    );
  }

  /** Has letters be sent again, to another URL where one is named. Returns: how many. */
  replay(
    filter: LetterFilter,
    to: string | undefined,
  ): Effect.Effect<number, ReadError | CommitError> {
    return this.#change(filter, (group) => {
      if (group.replay && (to === undefined || to === group.url)) return undefined;
      const { meant, others } = split(group, filter, this.#store.prefix);
      if (meant.n === 0) return undefined;
      const again = { ...group, ...meant, url: to ?? group.url, replay: true };
      return { n: meant.n, put: others.n > 0 ? [{ ...group, ...others }, again] : [again] };
    });
  }

  /** Deletes letters, and groups that cannot be read. Returns: how many. */
  purge(filter: LetterFilter): Effect.Effect<number, ReadError | CommitError> {
    return this.#change(filter, (group) => {
      if (!isReadable(group)) return meansGroups(filter) ? { n: group.n, put: [] } : undefined;
      const { meant, others } = split(group, filter, this.#store.prefix);
      if (meant.n === 0) return undefined;
      return { n: meant.n, put: others.n > 0 ? [{ ...group, ...others }] : [] };
    });
  }

  /** `changed`: what takes a group's place, and how many letters that concerns; undefined: it stays. */
  #change(
    filter: LetterFilter,
    changed: (
      group: DeadRow,
    ) => { readonly n: number; readonly put: DeadChange["put"] } | undefined,
  ): Effect.Effect<number, ReadError | CommitError> {
    const store = this.#store;
    const groupsOf = (after: DeadPlace | undefined) =>
      store.letters(groupFilter(filter), after, PAGE_BYTES);
    return Effect.gen(function* () {
      let all = 0;
      // What is put anew comes once more, behind: of that, there is nothing left to change.
      for (let groups = yield* groupsOf(undefined); groups.length > 0;) {
        const sizes = new Map<number, number>();
        const changes = groups.flatMap((group): ReadonlyArray<DeadChange> => {
          const change = changed(group);
          if (change === undefined) return [];
          sizes.set(group.row, change.n);
          return [{ row: group.row, crc: group.crc, put: change.put }];
        });
        const done = changes.length === 0 ? [] : yield* store.changeLetters(changes);
        for (const row of done) all += sizes.get(row) ?? 0;
        groups = yield* groupsOf(groups.at(-1));
      }
      return all;
    });
  }

  /** Calls `visit` for each group behind a place until it answers something, which is answered. */
  #each<A>(
    filter: LetterFilter,
    from: DeadPlace | undefined,
    visit: (group: DeadRow) => A | undefined,
  ): Effect.Effect<A | undefined, ReadError> {
    const store = this.#store;
    return Effect.gen(function* () {
      for (let after = from;;) {
        const groups = yield* store.letters(groupFilter(filter), after, PAGE_BYTES);
        for (const group of groups) {
          const found = visit(group);
          if (found !== undefined) return found;
        }
        after = groups.at(-1);
        if (after === undefined) return undefined;
      }
    });
  }
}

/** What a filter says of groups as a whole. */
const groupFilter = ({ url, reason, since, until }: LetterFilter) => ({
  url,
  reason,
  since,
  until,
});

const placeOf = (text: string) => {
  const [at, row, n] = text.split(":").map(Number);
  return { at: at ?? 0, row: row ?? 0, n: n ?? 0 };
};

/** One for each letter of the group: undefined where it is not meant. */
function* partsOf(
  group: DeadRow,
  filter: LetterFilter,
  prefix: string,
): Generator<Letter | DamagedGroup | undefined> {
  if (!isReadable(group)) {
    const { url, detail, at, records } = group;
    yield meansGroups(filter) ? { url, detail, at, bytes: records.length } : undefined;
    return;
  }
  for (const [letter] of lettersOf(group, prefix)) {
    yield isMeant(filter, letter) ? letter : undefined;
  }
}
