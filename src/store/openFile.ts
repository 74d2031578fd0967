/**
 * Opens a store's file, whatever state it is in: made where there is none, migrated where it is older, moved
 * aside and salvaged where it is damaged. Nothing is ever deleted but what this has made itself.
 */
import { DatabaseSync } from "node:sqlite";
import { createTables, newIdentity, useWal } from "./createTables.ts";
import { Damage, isDamage, messageOf } from "./Damage.ts";
import type { DatabaseOptions } from "./Database.ts";
import { Database } from "./Database.ts";
import { finishSalvage, isThere, salvage } from "./salvage.ts";
import { APPLICATION_ID, MIGRATIONS, TABLES, VERSION } from "./schema.ts";

/** The file is not one that this program may use: it is left as it is. */
export class FileRefused extends Error {
  readonly expected: string;
  readonly found: string;

  constructor(expected: string, found: string) {
    super(`expected ${expected}, found ${found}`);
    this.expected = expected;
    this.found = found;
  }
}

export interface Opened {
  readonly database: Database;
  /** What somebody should know of how it was opened, in words. */
  readonly notice: string | undefined;
}

export interface Schema {
  readonly version: number;
  readonly migrations: ReadonlyArray<string>;
}

/** A larger file is not looked through at the start: its rows have checksums, and damage is noticed when met. */
const CHECKED_BYTES = 256 * 1024 * 1024;

/**
 * Opens the file at `path`.
 *
 * @param now milliseconds since 1970, for the name of what is moved aside
 * @throws FileRefused, or what SQLite and Deno throw where the disk does not do what it should
 */
export const openFile = (
  path: string,
  options: DatabaseOptions,
  now: number,
  schema: Schema = { version: VERSION, migrations: MIGRATIONS },
): Opened => {
  finishSalvage(path, now);
  // Whoever makes a file says who may read it; SQLite gives its log the same.
  if (!isThere(path)) Deno.writeFileSync(path, new Uint8Array(), { mode: 0o600, createNew: true });
  try {
    return openSound(path, options, schema);
  } catch (error) {
    if (!isDamage(error)) throw error;
    const notice = salvage(path, messageOf(error), now);
    return { ...openSound(path, options, schema), notice };
  }
};

const openSound = (path: string, options: DatabaseOptions, schema: Schema): Opened => {
  const db = new DatabaseSync(path);
  try {
    db.exec("pragma busy_timeout = 2000");
    const notice = lookAt(db, path, schema);
    return { database: new Database(db, options), notice };
  } catch (error) {
    db.close();
    throw error;
  }
};

/** Has the file be one of ours, of this version. */
const lookAt = (db: DatabaseSync, path: string, schema: Schema): string | undefined => {
  const application = numberOf(db, "application_id");
  const version = numberOf(db, "user_version");
  const tables = Number(db.prepare("select count(*) as n from sqlite_schema").get()?.n);
  if (application === 0 && version === 0 && tables === 0) {
    createTables(db, schema.version, newIdentity(0));
    return undefined;
  }
  if (application !== APPLICATION_ID) {
    throw new FileRefused(
      `a store of this program (application_id ${APPLICATION_ID})`,
      `a database of another one (application_id ${application})`,
    );
  }
  if (version > schema.version) {
    throw new FileRefused(
      `a store of version ${schema.version} or older`,
      `version ${version}, of a later release: run that one, or empty the store with its ` +
        "`dead-letters export` before going back",
    );
  }
  // By an index that has lost an entry, a group would never be found.
  if (Deno.statSync(path).size <= CHECKED_BYTES) {
    const [said] = Object.values(db.prepare("pragma integrity_check(1)").get() ?? {});
    if (said !== "ok") throw new Damage(String(said));
  }
  if (version < 1) throw new Damage(`user_version is ${version}`);
  if (version === VERSION) checkSchema(db);
  useWal(db);
  return version < schema.version ? migrate(db, path, version, schema) : undefined;
};

/** SQLite takes any text for the tables' description that it can read: one letter makes another table of it. */
const checkSchema = (db: DatabaseSync): void => {
  const fresh = new DatabaseSync(":memory:");
  try {
    fresh.exec(TABLES);
    const described = "select type, name, tbl_name, sql from sqlite_schema where sql is not null";
    const found = new Set(db.prepare(described).all().map((row) => JSON.stringify(row)));
    for (const row of fresh.prepare(described).all()) {
      if (!found.has(JSON.stringify(row))) throw new Damage(`the description of ${row.name}`);
    }
  } finally {
    fresh.close();
  }
};

const numberOf = (db: DatabaseSync, pragma: string): number =>
  Number(Object.values(db.prepare(`pragma ${pragma}`).get() ?? {})[0]);

/** All steps in one transaction, behind a copy of what was. */
const migrate = (db: DatabaseSync, path: string, from: number, schema: Schema): string => {
  const copy = `${path}.v${from}`;
  if (!isThere(copy)) {
    // All of it is in the file itself then. `vacuum into` would attach the copy, which Deno allows only to who may do all.
    db.exec("pragma wal_checkpoint(truncate)");
    Deno.copyFileSync(path, `${copy}.part`);
    Deno.chmodSync(`${copy}.part`, 0o600);
    Deno.renameSync(`${copy}.part`, copy); // under its name it is whole
  }
  db.exec("pragma synchronous = full; begin immediate");
  try {
    for (const step of schema.migrations.slice(from - 1, schema.version - 1)) db.exec(step);
    db.exec(`pragma user_version = ${schema.version}; commit`);
  } catch (error) {
    if (db.isTransaction) db.exec("rollback");
    throw new FileRefused(
      `a store that can be migrated to version ${schema.version}`,
      `version ${from}, and ${messageOf(error)}`,
    );
  }
  return `migrated from version ${from} to ${schema.version}; a copy of what was is ${copy}`;
};
