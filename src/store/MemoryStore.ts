/**
 * A store that lives as long as its object: for tests, which open it again to see what a process to come
 * would find. It keeps copies, as a file does.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { compareKeys } from "./compareKeys.ts";
import type { Commit, DeadGroup, Group, OnlineRow, Reserved, StateTable } from "./Commit.ts";
import type { DeadChange, DeadFilter, DeadPlace, DeadRow } from "./DeadRow.ts";
import type { LetterBounds, StateRow, Store, StoreFigures, UrlUse } from "./Store.ts";
import type { CommitError } from "./StoreError.ts";

export class MemoryStore implements Store {
  readonly prefix = `${crypto.randomUUID().slice(0, 13)}-`;
  readonly #groups = new Map<number, Group>();
  readonly #online = new Map<string, OnlineRow>();
  readonly #state = new Map<StateTable, Map<string, StateRow>>();
  /** Dead letters, the oldest first. */
  readonly dead: Array<DeadGroup> = [];
  readonly #deadRows = new Map<DeadGroup, number>();
  #lastDeadRow = 0;
  /** Of these: those that are to be sent again. */
  readonly #marked = new Set<DeadGroup>();
  #onMarked: (urls: ReadonlyArray<string>) => void = () => {};
  #purged = 0;
  #reserved: Reserved = { nextId: 1, nextSeq: 0 };

  get reserved(): Reserved {
    return this.#reserved;
  }

  get lastRow(): number {
    return Math.max(0, ...this.#groups.keys());
  }

  commit(commit: Commit, _sync: boolean): Effect.Effect<void, CommitError> {
    return Effect.sync(() => this.#write(commit));
  }

  #write(commit: Commit): void {
    for (const group of commit.groups) {
      this.#groups.set(group.row, { ...group, records: group.records.slice() });
    }
    for (const row of commit.ended) this.#groups.delete(row);
    for (const group of commit.dead) this.dead.push({ ...group, records: group.records.slice() });
    for (const row of commit.online) this.#online.set(row.clientid, row);
    for (const clientid of commit.offline) this.#online.delete(clientid);
    for (const { table, owner, key, value } of commit.state) {
      const rows = this.#rowsOf(table);
      if (key === undefined) {
        for (const [at, row] of rows) if (row.owner === owner) rows.delete(at);
      } else if (value === undefined) rows.delete(placeOf(owner, key));
      else rows.set(placeOf(owner, key), { owner, key, value: value.slice() });
    }
    if (commit.reserved !== undefined) this.#reserved = commit.reserved;
  }

  groups(after: number, bytes: number, url?: string) {
    return Effect.sync(() => {
      const behind = [...this.#groups.values()]
        .filter((group) => group.row > after && (url === undefined || group.url === url))
        .toSorted((a, b) => a.row - b.row);
      return pageOf(behind, ({ records }) => records.length, bytes);
    });
  }

  urls() {
    return Effect.sync(() => {
      const byUrl = Map.groupBy(this.#groups.values(), ({ url }) => url);
      return [...byUrl].map(([url, groups]) => useOf(url, groups));
    });
  }

  replay(url: string, reasons: ReadonlyArray<string>, firstRow: number, bytes: number) {
    return Effect.sync(() => {
      const found = this.dead.filter((one) =>
        one.url === url && (reasons.includes(one.reason) || this.#marked.has(one))
      );
      const moved = pageOf(found, ({ records }) => records.length, bytes);
      for (const [i, one] of moved.entries()) {
        this.dead.splice(this.dead.indexOf(one), 1);
        this.#marked.delete(one);
        this.#groups.set(firstRow + i, { row: firstRow + i, url, n: one.n, records: one.records });
      }
      return useOf(url, moved);
    });
  }

  figures(): StoreFigures {
    const { groups, n, bytes } = useOf("", this.dead);
    const oldest = this.dead.at(0)?.at;
    const marked = [...new Set([...this.#marked].map(({ url }) => url))];
    const letters = { groups, n, bytes, oldest, purged: this.#purged, marked };
    return { letters, damaged: 0, set_aside: 0, replaced: 0 };
  }

  bound(bounds: LetterBounds): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.sync(() => {
        let { bytes } = useOf("", this.dead);
        for (let first = this.dead.at(0); first !== undefined; first = this.dead.at(0)) {
          if (bytes <= bounds.maxBytes && first.at >= now - bounds.maxAge) return;
          bytes -= first.records.length;
          this.#purged += first.n;
          this.dead.shift();
        }
      }));
  }

  onMarked(listener: (urls: ReadonlyArray<string>) => void): void {
    this.#onMarked = listener;
  }

  letters({ url, reason, since, until }: DeadFilter, after: DeadPlace | undefined, bytes: number) {
    return Effect.sync(() => {
      const found = this.dead.filter((one) =>
        (url === undefined || one.url === url) && (reason === undefined || one.reason === reason) &&
        (since === undefined || one.at >= since) && (until === undefined || one.at < until)
      ).map((one) => this.#deadRow(one)).toSorted(comparePlaces);
      const behind = found.filter((row) => after === undefined || comparePlaces(row, after) > 0);
      return pageOf(behind, ({ records }) => records.length, bytes);
    });
  }

  #deadRow(group: DeadGroup): DeadRow {
    const row = this.#deadRows.get(group) ?? ++this.#lastDeadRow;
    this.#deadRows.set(group, row);
    return { ...group, row, crc: row, replay: this.#marked.has(group), isIntact: true };
  }

  changeLetters(changes: ReadonlyArray<DeadChange>) {
    return Effect.sync(() => {
      const changed: Array<number> = [];
      for (const { row, put } of changes) {
        const place = this.dead.findIndex((one) => this.#deadRows.get(one) === row);
        if (place < 0) continue;
        for (const group of this.dead.splice(place, 1)) this.#marked.delete(group);
        for (const { replay, ...group } of put) {
          this.dead.push(group);
          if (replay) this.#marked.add(group);
        }
        changed.push(row);
      }
      const { marked } = this.figures().letters;
      if (marked.length > 0) this.#onMarked(marked);
      return changed;
    });
  }

  online() {
    return Effect.sync(() => [...this.#online.values()]);
  }

  state(...[table, after, bytes]: Parameters<Store["state"]>) {
    return Effect.sync(() => {
      const behind = [...this.#rowsOf(table).values()]
        .filter((row) => after === undefined || compare(row, after) > 0)
        .toSorted(compare);
      return pageOf(behind, ({ value }) => value.length, bytes);
    });
  }

  #rowsOf(table: StateTable): Map<string, StateRow> {
    const rows = this.#state.get(table) ?? new Map<string, StateRow>();
    this.#state.set(table, rows);
    return rows;
  }
}

const useOf = (
  url: string,
  groups: ReadonlyArray<Pick<Group, "n" | "records">>,
): UrlUse => ({
  url,
  groups: groups.length,
  n: groups.reduce((sum, { n }) => sum + n, 0),
  bytes: groups.reduce((sum, { records }) => sum + records.length, 0),
});

const comparePlaces = (a: DeadPlace, b: DeadPlace): number => a.at - b.at || a.row - b.row;

const placeOf = (owner: string, key: string | number): string => JSON.stringify([owner, key]);

/** The first of these until they have so many bytes, one at least. */
const pageOf = <A>(
  all: ReadonlyArray<A>,
  sizeOf: (one: A) => number,
  bytes: number,
): ReadonlyArray<A> => {
  let taken = 0;
  const end = all.findIndex((one) => (taken += sizeOf(one)) >= bytes);
  return end < 0 ? all : all.slice(0, end + 1);
};

type Place = Pick<StateRow, "owner" | "key">;

/** By owner and key, as SQLite orders them. */
const compare = (a: Place, b: Place): number => compareKeys([a.owner, a.key], [b.owner, b.key]);
