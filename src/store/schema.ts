/** The tables of a store's file, and what tells that a file is one. */

/** "HOOK": in the file's head, so that no other program's file is taken for one of ours. */
export const APPLICATION_ID = 0x484f4f4b;

/** Of the tables below. A file of an older one is migrated at the start, one of a newer one is refused. */
export const VERSION = 1;

/** What makes a file of version n + 1 of one of version n, from version 1 on: VERSION - 1 of them. */
export const MIGRATIONS: ReadonlyArray<string> = [];

/** Every table, by what a salvage copies: `meta` apart, without which a store begins a new life. */
export const TABLE_NAMES = [
  "waiting",
  "dead",
  "online",
  "retained",
  "session",
  "subscription",
  "received",
  "queued",
  "message",
] as const;

/**
 * `crc` is over all other columns of its row (checksum.ts): SQLite notices damage to its own structure, but
 * not to what is in a row.
 *
 * `waiting` and `dead`: a row per group of deliveries, whose `records` are GroupCodec's. `dead.replay`: 1 where
 * it is to wait again. The tables of state have a row per thing; what `value` holds is its journal's matter.
 * Where values are long, the table has row numbers of its own: in a table without, SQLite keeps whole rows
 * in the nodes of its tree.
 */
export const TABLES = `
create table meta (
  one integer primary key check (one = 1), prefix text not null, next_id integer not null, next_seq integer not null,
  crc integer not null
) strict;
create table waiting (
  row integer primary key, url text not null, n integer not null, crc integer not null, records blob not null
) strict;
create index waiting_url on waiting (url);
create table dead (
  row integer primary key, url text not null, reason text not null, detail text not null, at integer not null,
  n integer not null, replay integer not null, crc integer not null, records blob not null
) strict;
create index dead_at on dead (at);
create index dead_url on dead (url, reason);
create index dead_marked on dead (url) where replay = 1;
create table online (
  clientid text primary key, info text not null, clean integer not null, connected integer not null,
  crc integer not null
) strict, without rowid;
create table retained (
  owner text not null, key any not null, value blob not null, crc integer not null, unique (owner, key)
) strict;
create table session (
  owner text not null, key any not null, value blob not null, crc integer not null, unique (owner, key)
) strict;
create table subscription (
  owner text not null, key any not null, value blob not null, crc integer not null, primary key (owner, key)
) strict, without rowid;
create table received (
  owner text not null, key any not null, value blob not null, crc integer not null, primary key (owner, key)
) strict, without rowid;
create table queued (
  owner text not null, key any not null, value blob not null, crc integer not null, primary key (owner, key)
) strict, without rowid;
create table message (
  key integer primary key, owner text not null check (owner = ''), value blob not null, crc integer not null
) strict;
`;
