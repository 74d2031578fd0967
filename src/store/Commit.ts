/** What one window writes: in one transaction, all of it or nothing. */

/** Deliveries of one URL that wait, as GroupCodec has written them. The store knows no more of them. */
export interface Group {
  /** Given by the writer, ascending in the order of writing: writing one again replaces it. */
  readonly row: number;
  readonly url: string;
  /** How many deliveries are in it. */
  readonly n: number;
  readonly records: Uint8Array;
}

/** Deliveries of one URL that were given up for one reason. */
export interface DeadGroup {
  readonly url: string;
  readonly reason: string;
  /** The last error in words; "" where there is none. */
  readonly detail: string;
  /** When they were given up, milliseconds since 1970. */
  readonly at: number;
  readonly n: number;
  readonly records: Uint8Array;
}

/** A session or connection that receivers know of. */
export interface OnlineRow {
  readonly clientid: string;
  /** What its events need, as its journal has written it. */
  readonly info: string;
  /** Whether its session ends with its connection. */
  readonly clean: boolean;
  /** False: its session is kept, and the client is away. */
  readonly connected: boolean;
}

/** Where ids and sequence numbers may begin after a restart: nothing at or above these was given. */
export interface Reserved {
  readonly nextId: number;
  readonly nextSeq: number;
}

/** The tables of the broker's state, by the names that the store has for them. */
export type StateTable =
  | "retained"
  | "session"
  | "subscription"
  | "received"
  | "message"
  | "queued";

/**
 * A row of the broker's state: put (`value`) or taken (`undefined`). `owner`: the client identifier, or the
 * topic of a retained message, or "" ; `key`: what tells the rows of one owner apart ("" where there is one
 * only). `key: undefined` with no value takes all rows of the owner in this table.
 */
export interface StateChange {
  readonly table: StateTable;
  readonly owner: string;
  readonly key: string | number | undefined;
  readonly value: Uint8Array | undefined;
}

export interface Commit {
  readonly groups: Array<Group>;
  /** Rows of groups of which nothing waits any more. */
  readonly ended: Array<number>;
  readonly dead: Array<DeadGroup>;
  readonly online: Array<OnlineRow>;
  /** Client identifiers of which receivers know no longer. */
  readonly offline: Array<string>;
  /** In order: a later one of the same row counts. */
  readonly state: Array<StateChange>;
  reserved: Reserved | undefined;
}

export const emptyCommit = (): Commit => ({
  groups: [],
  ended: [],
  dead: [],
  online: [],
  offline: [],
  state: [],
  reserved: undefined,
});

/** Whether losing it would only mean that something is delivered again: it needs no fsync of its own. */
export const onlyTakes = (commit: Commit): boolean =>
  commit.groups.length === 0 && commit.dead.length === 0 && commit.online.length === 0 &&
  commit.state.every(({ value }) => value === undefined) && commit.reserved === undefined;

/** Whether there is nothing to be written. */
export const isEmpty = (commit: Commit): boolean =>
  onlyTakes(commit) && commit.ended.length === 0 && commit.offline.length === 0 &&
  commit.state.length === 0;
