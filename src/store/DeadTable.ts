/** The table of dead letters: written by the store's Worker, and by a program beside the broker. No Effect here. */
import { Buffer } from "node:buffer";
import type { DatabaseSync } from "node:sqlite";
import * as checksum from "./checksum.ts";
import type { DeadGroup } from "./Commit.ts";
import type { DeadChange, DeadFilter, DeadPlace, DeadRow } from "./DeadRow.ts";
import { rowsIn } from "./rowsIn.ts";
import type { LetterBounds, LetterFigures } from "./Store.ts";

const COLUMNS = "row, url, reason, detail, at, n, replay, crc, records";

export class DeadTable {
  readonly #statements: ReturnType<typeof prepare>;
  /** Counted as rows come and go: counting them anew reads a page of each. */
  #use: { groups: number; n: number; bytes: number } | undefined;

  constructor(db: DatabaseSync) {
    this.#statements = prepare(db);
  }

  /** Adds a group; within the caller's transaction. */
  bury(group: DeadGroup, isMarked = false): void {
    const { url, reason, detail, at, n, records } = group;
    const row = Number(this.#statements.next.get()?.row);
    const replay = isMarked ? 1 : 0;
    const crc = checksum.ofDeadGroup(row, replay, group);
    this.#statements.put.run(row, url, reason, detail, at, n, replay, crc, records);
    this.#count(1, n, records.length);
  }

  /** Takes a group out that has so many deliveries and bytes; within the caller's transaction. */
  take(row: number, n: number, bytes: number): void {
    this.#statements.take.run(row);
    this.#count(-1, -n, -bytes);
  }

  #count(groups: number, n: number, bytes: number): void {
    if (this.#use === undefined) return;
    this.#use.groups += groups;
    this.#use.n += n;
    this.#use.bytes += bytes;
  }

  /** Counts all anew when asked next: another process has changed them, or a transaction was undone. */
  recount(): void {
    this.#use = undefined;
  }

  /** Groups behind a place, the oldest first. */
  *rows(
    { url, reason, since, until }: DeadFilter = {},
    after: DeadPlace = { at: since ?? -Infinity, row: -1 },
  ): Generator<DeadRow> {
    const found = rowsIn({
      next: this.#statements.find,
      fixed: [url ?? null, url ?? null, reason ?? null, reason ?? null, until ?? Infinity],
      after: [after.at, after.row],
      key: ["at", "row"],
      atATime: 8,
    });
    for (const row of found) yield rowOf(row);
  }

  /** Puts others in a group's place, where it is still there; within the caller's transaction. Returns: whether. */
  change({ row, crc, put }: DeadChange): boolean {
    const group = this.find(row);
    if (group?.crc !== crc) return false;
    this.take(row, group.n, group.records.length);
    for (const { replay, ...other } of put) this.bury(other, replay);
    return true;
  }

  /** One group, or undefined. */
  find(row: number): DeadRow | undefined {
    const found = this.#statements.one.get(row);
    return found && rowOf(found);
  }

  use(): Omit<LetterFigures, "purged" | "marked"> {
    if (this.#use === undefined) {
      const row = this.#statements.use.get();
      const [groups, n, bytes] = [row?.groups, row?.n, row?.bytes].map(Number);
      this.#use = { groups: groups ?? 0, n: n ?? 0, bytes: bytes ?? 0 };
    }
    const oldest = this.#statements.oldest.get()?.at;
    return { ...this.#use, oldest: typeof oldest === "number" ? oldest : undefined };
  }

  /** URLs of groups that are to be sent again. */
  marked(): ReadonlyArray<string> {
    return this.#statements.marked.all().map(({ url }) => String(url));
  }

  /** Whether more is kept than these bounds allow. */
  exceeds({ maxAge, maxBytes }: LetterBounds, now: number): boolean {
    const { bytes, oldest } = this.use();
    return bytes > maxBytes || oldest !== undefined && oldest < now - maxAge;
  }

  /** Deletes the oldest beyond the bounds. Returns: how many deliveries. */
  purge({ maxAge, maxBytes }: LetterBounds, now: number): number {
    let { bytes } = this.use();
    const gone: Array<{ readonly row: number; readonly n: number; readonly bytes: number }> = [];
    for (const row of this.#statements.sizes.all()) {
      if (bytes <= maxBytes && Number(row.at) >= now - maxAge) break;
      gone.push({ row: Number(row.row), n: Number(row.n), bytes: Number(row.bytes) });
      bytes -= Number(row.bytes);
    }
    for (const { row, n, bytes } of gone) this.take(row, n, bytes);
    return gone.reduce((sum, { n }) => sum + n, 0);
  }
}

const rowOf = (found: Record<string, unknown>): DeadRow => {
  const row = Number(found.row);
  const replay = Number(found.replay);
  const group = {
    url: String(found.url),
    reason: String(found.reason),
    detail: String(found.detail),
    at: Number(found.at),
    n: Number(found.n),
    records: found.records instanceof Uint8Array
      ? found.records
      : Buffer.from(String(found.records)),
  };
  const isIntact = checksum.ofDeadGroup(row, replay, group) === found.crc;
  return { ...group, row, replay: replay === 1, crc: Number(found.crc), isIntact };
};

const prepare = (db: DatabaseSync) => ({
  next: db.prepare("select coalesce(max(row), 0) + 1 as row from dead"),
  put: db.prepare(`insert into dead (${COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)`),
  take: db.prepare("delete from dead where row = ?"),
  find: db.prepare(
    `select ${COLUMNS} from dead where (? is null or url = ?) and (? is null or reason = ?) ` +
      "and at < ? and (at, row) > (?, ?) order by at, row limit ?",
  ),
  one: db.prepare(`select ${COLUMNS} from dead where row = ?`),
  use: db.prepare(
    "select count(*) as groups, total(n) as n, total(length(records)) as bytes from dead",
  ),
  oldest: db.prepare("select min(at) as at from dead"),
  sizes: db.prepare("select row, at, n, length(records) as bytes from dead order by at, row"),
  marked: db.prepare("select distinct url from dead where replay = 1"),
});
