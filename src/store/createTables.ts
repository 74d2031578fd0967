/** A new store in an empty file. */
import type { DatabaseSync } from "node:sqlite";
import * as checksum from "./checksum.ts";
import { Damage } from "./Damage.ts";
import { APPLICATION_ID, TABLES } from "./schema.ts";

/** Has the file be written by way of a log beside it. */
export const useWal = (db: DatabaseSync): void => {
  const [mode] = Object.values(db.prepare("pragma journal_mode = wal").get() ?? {});
  if (mode !== "wal") throw new Damage(`journal_mode is ${mode}`);
};

/** What a store is born with. */
export interface NewIdentity {
  readonly prefix: string;
  readonly nextId: number;
  readonly nextSeq: number;
}

/** That of a store that gives no id up to `after`. */
export const newIdentity = (after: number): NewIdentity => ({
  prefix: `${crypto.randomUUID().slice(0, 13)}-`,
  nextId: after + 1,
  nextSeq: 0,
});

/** Makes all tables, in one transaction. */
export const createTables = (db: DatabaseSync, version: number, identity: NewIdentity): void => {
  const { prefix, nextId, nextSeq } = identity;
  db.exec("pragma auto_vacuum = incremental"); // before the first table
  useWal(db);
  db.exec("pragma synchronous = full; begin immediate");
  db.exec(TABLES);
  db.prepare("insert into meta values (1, ?, ?, ?, ?)")
    .run(prefix, nextId, nextSeq, checksum.ofMeta(prefix, nextId, nextSeq));
  db.exec(`pragma application_id = ${APPLICATION_ID}; pragma user_version = ${version}; commit`);
};
