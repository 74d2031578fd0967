/**
 * The file itself: SQLite's calls, which block, and so belong to the store's Worker and to programs beside
 * the broker. No Effect here, which would cost the Worker 16 MB. A fault is thrown as SQLite's own error.
 */
import { Buffer } from "node:buffer";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import * as checksum from "./checksum.ts";
import type { Commit, Group, OnlineRow, Reserved, StateTable } from "./Commit.ts";
import { Damage } from "./Damage.ts";
import type { DeadChange, DeadFilter, DeadPlace, DeadRow } from "./DeadRow.ts";
import { DeadTable } from "./DeadTable.ts";
import { rowsIn } from "./rowsIn.ts";
import { transaction } from "./transaction.ts";
import type { LetterBounds, StateRow, UrlUse } from "./Store.ts";

const STATE_TABLES: ReadonlyArray<StateTable> = [
  "retained",
  "session",
  "subscription",
  "received",
  "message",
  "queued",
];

interface StateStatements {
  readonly put: StatementSync;
  readonly take: StatementSync;
  readonly takeAll: StatementSync;
  readonly next: StatementSync;
}

/** A page of rows, and what was damaged among them: those are dead letters now. */
export interface Page<A> {
  readonly rows: ReadonlyArray<A>;
  readonly damaged: number;
}

export interface Identity {
  readonly prefix: string;
  readonly reserved: Reserved;
  readonly lastRow: number;
}

export interface DatabaseOptions {
  /** Beyond this many pages of 4 KB the disk counts as full: for tests. */
  readonly maxPages?: number | undefined;
}

/** Rows that are read at a time: groups have up to some 256 KB, rows of state hardly a hundred bytes. */
const GROUPS = 8;
const ROWS = 256;

/** What no row of state comes before: a key is a number from 0 on, or text. */
const BEFORE_ALL = { owner: "", key: -1 };

/** Pages that are given back at a time: 8 MB, some 10 ms. */
const SHRUNK_PAGES = 2000;

/** Bytes of the log that stay for the commits to come: as many are written again without the file growing. */
const KEPT_LOG_BYTES = 1024 * 1024;

const PAGE_BYTES = 4096;

export class Database {
  readonly #db: DatabaseSync;
  /** Bytes of the log since it was emptied, about. */
  #logBytes = 0;
  #isCalm = true;
  #sync: boolean | undefined;
  readonly #statements: ReturnType<typeof prepare>;

  readonly #identity: Identity;
  readonly dead: DeadTable;

  /**
   * Opens a file that openFile has found sound, or made.
   *
   * @throws what SQLite throws
   */
  constructor(db: DatabaseSync, { maxPages }: DatabaseOptions = {}) {
    this.#db = db;
    db.exec("pragma wal_autocheckpoint = 4000; pragma cache_size = -16000");
    if (maxPages !== undefined) db.exec(`pragma max_page_count = ${maxPages}`);
    this.#statements = prepare(db);
    this.dead = new DeadTable(db);
    const row = this.#statements.meta.get();
    const prefix = String(row?.prefix);
    const reserved = { nextId: Number(row?.next_id), nextSeq: Number(row?.next_seq) };
    if (row?.crc !== checksum.ofMeta(prefix, reserved.nextId, reserved.nextSeq)) {
      throw new Damage("checksum of meta");
    }
    const lastRow = Number(this.#statements.lastRow.get()?.row ?? 0);
    this.#identity = { prefix, reserved, lastRow };
  }

  /** As the file had it when it was opened. */
  get identity(): Identity {
    return this.#identity;
  }

  /** Writes all of it or nothing. `sync`: fsync has returned when this does. */
  commit(commit: Commit, sync: boolean): void {
    if (this.#sync !== sync) {
      this.#db.exec(`pragma synchronous = ${sync ? "full" : "normal"}`);
      this.#sync = sync;
    }
    this.#transaction(() => this.#write(commit, sync));
    this.#isCalm = false;
    this.#logBytes += PAGE_BYTES * (1 + commit.ended.length);
    for (const { records } of commit.groups) this.#logBytes += PAGE_BYTES + records.length;
  }

  #transaction(body: () => void): void {
    try {
      transaction(this.#db, body);
    } catch (error) {
      this.dead.recount();
      throw error;
    }
  }

  /** Deletes dead letters beyond these bounds. Returns: how many. */
  tidy(bounds: LetterBounds, now: number): number {
    let purged = 0;
    if (this.dead.exceeds(bounds, now)) {
      this.#transaction(() => {
        purged = this.dead.purge(bounds, now);
      });
    }
    return purged;
  }

  /**
   * Gives some of what is free of the file back to the disk, where that is most of it, and the log where it is long
   * and nothing was written since the last call.
   */
  shrink(): void {
    if (this.#isCalm && this.#logBytes > KEPT_LOG_BYTES) {
      this.#db.exec("pragma wal_checkpoint(truncate)");
      this.#logBytes = 0;
    }
    this.#isCalm = true;
    const free = this.#pragma("freelist_count");
    if (free > SHRUNK_PAGES && 2 * free > this.#pragma("page_count")) {
      this.#db.exec(`pragma incremental_vacuum(${SHRUNK_PAGES})`);
    }
  }

  /** Changes whenever another process has written to the file. */
  get othersVersion(): number {
    return this.#pragma("data_version");
  }

  #pragma(name: string): number {
    return Number(Object.values(this.#db.prepare(`pragma ${name}`).get() ?? {})[0]);
  }

  #write(commit: Commit, sync: boolean): void {
    const { putGroup, takeGroup, putOnline, takeOnline, reserve, touch, state } = this.#statements;
    for (const group of commit.groups) {
      putGroup.run(group.row, group.url, group.n, checksum.ofGroup(group), group.records);
    }
    for (const row of commit.ended) takeGroup.run(row);
    for (const group of commit.dead) this.dead.bury(group);
    for (const row of commit.online) {
      const { clientid, info, clean, connected } = row;
      putOnline.run(clientid, info, clean ? 1 : 0, connected ? 1 : 0, checksum.ofOnlineRow(row));
    }
    for (const clientid of commit.offline) takeOnline.run(clientid);
    for (const { table, owner, key, value } of commit.state) {
      const { put, take, takeAll } = state[table];
      if (key === undefined) takeAll.run(owner);
      else if (value === undefined) take.run(owner, key);
      else put.run(owner, key, value, checksum.ofStateRow(table, owner, key, value));
    }
    if (commit.reserved) {
      const { nextId, nextSeq } = commit.reserved;
      reserve.run(nextId, nextSeq, checksum.ofMeta(this.#identity.prefix, nextId, nextSeq));
    } // SQLite syncs the log of a transaction only that has written something; its fsync covers those before.
    else if (sync) touch.run();
  }

  groups(after: number, bytes: number, url: string | undefined, now: number): Page<Group> {
    const { groups, groupsOf } = this.#statements;
    const found = url === undefined
      ? rowsIn({ next: groups, after: [after], key: ["row"], atATime: GROUPS })
      : rowsIn({ next: groupsOf, fixed: [url], after: [after], key: ["row"], atATime: GROUPS });
    const rows: Array<Group> = [];
    const damaged: Array<Group> = [];
    let taken = 0;
    for (const row of found) {
      const group = {
        row: Number(row.row),
        url: String(row.url),
        n: Number(row.n),
        records: bytesOf(row.records),
      };
      if (checksum.ofGroup(group) !== row.crc) damaged.push(group);
      else rows.push(group);
      taken += group.records.length;
      if (taken >= bytes && rows.length > 0) break;
    }
    if (damaged.length > 0) {
      this.#transaction(() => {
        for (const { row, url, n, records } of damaged) {
          this.#statements.takeGroup.run(row);
          const detail = `checksum of group ${row}`;
          this.dead.bury({ url, reason: "damaged", detail, at: now, n, records });
        }
      });
    }
    return { rows, damaged: damaged.length };
  }

  urls(): ReadonlyArray<UrlUse> {
    return this.#statements.urls.all().map(({ url, groups, n, bytes }) => ({
      url: String(url),
      groups: Number(groups),
      n: Number(n),
      bytes: Number(bytes),
    }));
  }

  /** What is damaged stays where it is, so that nothing is sent that was changed. */
  replay(
    url: string,
    reasons: ReadonlyArray<string>,
    firstRow: number,
    bytes: number,
  ): UrlUse {
    const { deadOf, putGroup } = this.#statements;
    const moved: Array<Group & { readonly dead: number }> = [];
    let taken = 0;
    const candidates = rowsIn({
      next: deadOf,
      fixed: [url, JSON.stringify(reasons)],
      after: [-Infinity, -1],
      key: ["at", "row"],
      atATime: GROUPS,
    });
    for (const found of candidates) {
      const { row, reason, detail, at, n, replay, crc } = found;
      const records = bytesOf(found.records);
      const numbers = { at: Number(at), n: Number(n) };
      const group = { url, reason: String(reason), detail: String(detail), ...numbers, records };
      if (checksum.ofDeadGroup(Number(row), Number(replay), group) !== crc) continue;
      moved.push({ row: firstRow + moved.length, dead: Number(row), url, n: numbers.n, records });
      taken += records.length;
      if (taken >= bytes) break;
    }
    this.#transaction(() => {
      for (const group of moved) {
        this.dead.take(group.dead, group.n, group.records.length);
        putGroup.run(group.row, group.url, group.n, checksum.ofGroup(group), group.records);
      }
    });
    const n = moved.reduce((sum, group) => sum + group.n, 0);
    return { url, groups: moved.length, n, bytes: taken };
  }

  /** Groups of dead letters behind a place until they have `bytes` of records, one at least. */
  letters(filter: DeadFilter, after: DeadPlace | undefined, bytes: number): Page<DeadRow> {
    const rows: Array<DeadRow> = [];
    let taken = 0;
    for (const row of this.dead.rows(filter, after)) {
      rows.push(row);
      taken += row.records.length;
      if (taken >= bytes) break;
    }
    return { rows, damaged: 0 };
  }

  /** Returns: the rows of those that were still there. */
  changeLetters(changes: ReadonlyArray<DeadChange>): ReadonlyArray<number> {
    const changed: Array<number> = [];
    this.#transaction(() => {
      for (const change of changes) if (this.dead.change(change)) changed.push(change.row);
    });
    return changed;
  }

  online(now: number): Page<OnlineRow> {
    const rows: Array<OnlineRow> = [];
    const damaged: Array<OnlineRow> = [];
    for (const row of this.#statements.online.all()) {
      const online = {
        clientid: String(row.clientid),
        info: String(row.info),
        clean: row.clean === 1,
        connected: row.connected === 1,
      };
      (checksum.ofOnlineRow(online) === row.crc ? rows : damaged).push(online);
    }
    if (damaged.length > 0) {
      this.#transaction(() => {
        for (const { clientid, info } of damaged) {
          this.#statements.takeOnline.run(clientid);
          this.#buryRow("online", clientid, new TextEncoder().encode(info), now);
        }
      });
    }
    return { rows, damaged: damaged.length };
  }

  state(
    table: StateTable,
    after: Pick<StateRow, "owner" | "key"> | undefined,
    bytes: number,
    now: number,
  ): Page<StateRow> {
    const { next, take } = this.#statements.state[table];
    const start = after ?? BEFORE_ALL;
    const found = rowsIn({
      next,
      after: [start.owner, start.key],
      key: ["owner", "key"],
      atATime: ROWS,
    });
    const rows: Array<StateRow> = [];
    const damaged: Array<StateRow> = [];
    let taken = 0;
    for (const row of found) {
      const key = typeof row.key === "number" ? row.key : String(row.key);
      const owner = String(row.owner);
      const value = bytesOf(row.value);
      const intact = checksum.ofStateRow(table, owner, key, value) === row.crc;
      (intact ? rows : damaged).push({ owner, key, value });
      taken += value.length;
      if (taken >= bytes && rows.length > 0) break;
    }
    if (damaged.length > 0) {
      this.#transaction(() => {
        for (const { owner, key, value } of damaged) {
          take.run(owner, key);
          this.#buryRow(table, owner, value, now);
        }
      });
    }
    return { rows, damaged: damaged.length };
  }

  /** A row of state that is damaged is no delivery: it is kept to be looked at, and counts none. */
  #buryRow(table: string, owner: string, records: Uint8Array, now: number): void {
    const detail = `checksum of a row of ${table}: ${owner}`;
    this.dead.bury({ url: "", reason: "damaged", detail, at: now, n: 0, records });
  }

  close(): void {
    this.#db.close();
  }
}

/** Of a blob of SQLite's, which is never shared with anybody. */
const bytesOf = (value: unknown): Uint8Array =>
  value instanceof Uint8Array ? value : Buffer.from(String(value));

const prepare = (db: DatabaseSync) => ({
  meta: db.prepare("select prefix, next_id, next_seq, crc from meta"),
  reserve: db.prepare("update meta set next_id = ?, next_seq = ?, crc = ?"),
  touch: db.prepare("update meta set next_id = next_id"),
  lastRow: db.prepare("select max(row) as row from waiting"),
  putGroup: db.prepare(
    "insert or replace into waiting (row, url, n, crc, records) values (?, ?, ?, ?, ?)",
  ),
  takeGroup: db.prepare("delete from waiting where row = ?"),
  groups: db.prepare(
    "select row, url, n, crc, records from waiting where row > ? order by row limit ?",
  ),
  groupsOf: db.prepare(
    "select row, url, n, crc, records from waiting where url = ? and row > ? order by row limit ?",
  ),
  urls: db.prepare(
    "select url, count(*) as groups, sum(n) as n, sum(length(records)) as bytes from waiting group by url",
  ),
  deadOf: db.prepare(
    "select row, reason, detail, at, n, replay, crc, records from dead where url = ? and reason <> 'damaged' and (replay = 1 or " +
      "reason in (select value from json_each(?))) and (at, row) > (?, ?) order by at, row limit ?",
  ),
  putOnline: db.prepare(
    "insert or replace into online (clientid, info, clean, connected, crc) values (?, ?, ?, ?, ?)",
  ),
  takeOnline: db.prepare("delete from online where clientid = ?"),
  online: db.prepare("select clientid, info, clean, connected, crc from online order by clientid"),
  state: Object.fromEntries(
    STATE_TABLES.map((table) => [table, prepareState(db, table)]),
  ) as Record<StateTable, StateStatements>, // of the keys that the list has, which are all
});

const prepareState = (db: DatabaseSync, table: StateTable): StateStatements => {
  const select = `select owner, key, value, crc from ${table}`;
  // Every row of `message` has the same owner, and no index over it.
  const order = table === "message" ? "key" : "owner, key";
  return {
    put: db.prepare(
      `insert or replace into ${table} (owner, key, value, crc) values (?, ?, ?, ?)`,
    ),
    take: db.prepare(`delete from ${table} where owner = ? and key = ?`),
    takeAll: db.prepare(`delete from ${table} where owner = ?`),
    next: db.prepare(`${select} where (owner, key) > (?, ?) order by ${order} limit ?`),
  };
};
