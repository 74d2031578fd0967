/** A file that is damaged is moved aside, never deleted, and what can be read of it goes on in a new one. */
import { DatabaseSync } from "node:sqlite";
import * as checksum from "./checksum.ts";
import type { NewIdentity } from "./createTables.ts";
import { createTables, newIdentity } from "./createTables.ts";
import { isDamage, messageOf } from "./Damage.ts";
import type { Row } from "./rowsIn.ts";
import { columnOf, rowsIn } from "./rowsIn.ts";
import { TABLE_NAMES, VERSION } from "./schema.ts";

/** A database and its log belong together: one without the other is another database. */
const SUFFIXES = ["", "-wal"];

/**
 * Moves the file aside, with its log, and makes a new one of all rows that can be read. Each keeps its
 * checksum, so that what is wrong in a row is noticed when it is read.
 *
 * Returns: what somebody should know.
 */
export const salvage = (path: string, why: string, now: number): string => {
  const aside = nameAside(path, now);
  const work = `${path}.salvage`;
  const draft = `${path}.new`;
  for (const file of [work, draft]) removeAll(file); // of a salvage that was cut short
  for (const suffix of SUFFIXES) {
    if (isThere(path + suffix)) Deno.copyFileSync(path + suffix, work + suffix); // SQLite writes to what it opens
  }
  fill(work);
  Deno.writeFileSync(draft, new Uint8Array(), { mode: 0o600 });
  const rows = copyRows(work, draft);
  removeAll(work);
  for (const suffix of SUFFIXES) {
    if (isThere(path + suffix)) Deno.renameSync(path + suffix, aside + suffix);
  }
  if (isThere(`${path}-shm`)) Deno.removeSync(`${path}-shm`); // an index of the log, made anew
  Deno.renameSync(draft, path);
  return `the file was damaged (${why}): it is kept as ${aside}, ${rows} rows of it were saved`;
};

const nameAside = (path: string, now: number): string =>
  freeName(`${path}.corrupt-${new Date(now).toISOString().replaceAll(":", "")}`);

/** Ends a salvage that was cut short between its renames: until they begin, the damaged file is in its place. */
export const finishSalvage = (path: string, now: number): void => {
  if (isThere(path) || !isThere(`${path}.new`)) return;
  if (isThere(`${path}-wal`)) Deno.renameSync(`${path}-wal`, `${nameAside(path, now)}-wal`);
  if (isThere(`${path}-shm`)) Deno.removeSync(`${path}-shm`);
  Deno.renameSync(`${path}.new`, path);
};

/** Whether there is such a file. */
export const isThere = (path: string): boolean => {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
};

const freeName = (name: string): string => {
  let free = name;
  for (let n = 1; isThere(free); n++) free = `${name}.${n}`;
  return free;
};

const removeAll = (file: string): void => {
  for (const suffix of ["", "-wal", "-shm"]) {
    if (isThere(file + suffix)) Deno.removeSync(file + suffix);
  }
};

/** Has a file be as long as its head says: SQLite reads nothing of a shorter one. */
const fill = (file: string): void => {
  const head = new Uint8Array(100);
  const opened = Deno.openSync(file, { read: true, write: true });
  try {
    if (opened.readSync(head) !== head.length) return;
    const view = new DataView(head.buffer);
    const size = view.getUint16(16) * view.getUint32(28); // of a page, and how many there are
    const isBelievable = size < 4 * opened.statSync().size + 64 * 1024 * 1024;
    if (isBelievable && size > opened.statSync().size) opened.truncateSync(size);
  } finally {
    opened.close();
  }
};

/** Returns: how many rows were read. */
const copyRows = (from: string, to: string): number => {
  const target = new DatabaseSync(to);
  let source: DatabaseSync | undefined;
  try {
    try {
      source = new DatabaseSync(from);
      source.exec("pragma cell_size_check = on");
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
    createTables(target, VERSION, source && metaOf(source) || lostIdentity());
    if (source === undefined) return 0;
    target.exec("begin immediate");
    let rows = 0;
    for (const table of TABLE_NAMES) rows += copyTable(source, target, table);
    target.exec("commit; pragma wal_checkpoint(truncate)");
    return rows;
  } finally {
    source?.close();
    target.close();
  }
};

/** Under a new prefix, ids of what was saved must not be given again: they start far beyond. */
const lostIdentity = (): NewIdentity => ({
  ...newIdentity(2 ** 40 * (1 + Math.floor(Math.random() * 4000))),
  nextSeq: (Date.now() + 24 * 3_600_000) * 1000,
});

const metaOf = (db: DatabaseSync): NewIdentity | undefined => {
  try {
    const row = db.prepare("select prefix, next_id, next_seq, crc from meta").get();
    const prefix = String(row?.prefix);
    const [nextId, nextSeq] = [Number(row?.next_id), Number(row?.next_seq)];
    return row?.crc === checksum.ofMeta(prefix, nextId, nextSeq)
      ? { prefix, nextId, nextSeq }
      : undefined;
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
};

/** Forwards as far as it goes, then backwards: one page that cannot be read hides none behind it. */
const copyTable = (source: DatabaseSync, target: DatabaseSync, table: string): number => {
  const columnsIn = target.prepare("select name, pk from pragma_table_info(?) order by cid");
  const columns = columnsIn.all(table).map(({ name }) => String(name));
  const keys = columns.includes("owner")
    ? table === "message" ? ["key"] : ["owner", "key"]
    : columns.slice(0, 1);
  const put = target.prepare(
    `insert or ignore into ${table} (${columns}) values (${columns.map(() => "?")})`,
  );
  const copy = (row: Row): number => {
    try {
      return Number(put.run(...columns.map((column) => row[column] ?? null)).changes);
    } catch (error) {
      if (/constraint|datatype|cannot store/i.test(messageOf(error))) return 0; // no such row was written
      throw error;
    }
  };
  let rows = 0;
  for (const [beyond, direction] of [[">", ""], ["<", " desc"]]) {
    const select = (condition: string) =>
      `select ${columns} from ${table} ${condition} order by ` +
      `${keys.map((key) => key + direction)} limit ?`;
    try {
      const [first] = source.prepare(select("")).all(1);
      if (first === undefined) return rows;
      rows += copy(first);
      const next = source.prepare(select(`where (${keys}) ${beyond} (${keys.map(() => "?")})`));
      const after = keys.map((key) => columnOf(first[key]));
      const isDescending = direction !== "";
      for (const row of rowsIn({ next, after, key: keys, isDescending, atATime: 1 })) {
        rows += copy(row);
      }
      return rows;
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
  }
  return rows;
};
