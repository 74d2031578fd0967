/**
 * Where windows are kept, for a process to come: one writer, transactions, and reading at the start.
 * A file by SqliteStore, nothing at all by MemoryStore; one suite holds them all.
 */
import type * as Effect from "effect/Effect";
import type { Commit, Group, OnlineRow, Reserved, StateTable } from "./Commit.ts";
import type { DeadChange, DeadFilter, DeadPlace, DeadRow } from "./DeadRow.ts";
import type { CommitError, ReadError } from "./StoreError.ts";

/** How a commit counts as done. docs/outbox.md says what each promises. */
export type Durability = "none" | "interval" | "commit";

/** A row of the broker's state as it was put. */
export interface StateRow {
  readonly owner: string;
  readonly key: string | number;
  readonly value: Uint8Array;
}

/** How much of a URL waits. */
export interface UrlUse {
  readonly url: string;
  readonly groups: number;
  /** Deliveries in them. */
  readonly n: number;
  readonly bytes: number;
}

/** What is kept of dead letters at most; beyond, the oldest go. */
export interface LetterBounds {
  /** In milliseconds. */
  readonly maxAge: number;
  readonly maxBytes: number;
}

/** What there is of dead letters. */
export interface LetterFigures {
  readonly groups: number;
  /** Deliveries in them. */
  readonly n: number;
  readonly bytes: number;
  /** When the oldest was given up, milliseconds since 1970; undefined: there is none. */
  readonly oldest: number | undefined;
  /** Deliveries deleted since the start because they were too old, or too many. */
  readonly purged: number;
  /** URLs of which somebody has marked letters, to be sent again: `replay` moves them. */
  readonly marked: ReadonlyArray<string>;
}

/** What a store tells of itself. */
export interface StoreFigures {
  readonly letters: LetterFigures;
  /** Rows whose checksum was wrong. */
  readonly damaged: number;
  /** Files that were damaged, and moved aside. */
  readonly set_aside: number;
  /** Workers that died or did not answer. */
  readonly replaced: number;
}

export interface Store {
  /** What every `webhook-id` of this store begins with, for ever. */
  readonly prefix: string;
  /** As the last commit before this start had it. */
  readonly reserved: Reserved;
  /** The largest row of a group that waits, or 0. */
  readonly lastRow: number;
  /** Writes a window. One at a time; `sync`: not before fsync has returned. */
  commit(commit: Commit, sync: boolean): Effect.Effect<void, CommitError>;
  /**
   * Groups behind row `after`, by row, until they have `bytes` of records (one at least, where there is
   * one). A group whose checksum is wrong becomes a dead letter (`damaged`) here and is not among them.
   */
  groups(
    after: number,
    bytes: number,
    url?: string,
  ): Effect.Effect<ReadonlyArray<Group>, ReadError>;
  /** What waits, by URL. */
  urls(): Effect.Effect<ReadonlyArray<UrlUse>, ReadError>;
  /**
   * Has dead letters of a URL wait again, the oldest first: groups that are marked or have one of these reasons,
   * until they have `bytes` of records (one at least, where there is one). They get the rows from `firstRow` on.
   *
   * Returns: what waits more.
   */
  replay(
    url: string,
    reasons: ReadonlyArray<string>,
    firstRow: number,
    bytes: number,
  ): Effect.Effect<UrlUse, CommitError>;
  /** Groups of dead letters behind a place, the oldest first, until they have `bytes` of records (one at least, where there is one). */
  letters(
    filter: DeadFilter,
    after: DeadPlace | undefined,
    bytes: number,
  ): Effect.Effect<ReadonlyArray<DeadRow>, ReadError>;
  /**
   * Puts others in the places of groups of dead letters that are still as they were read; those that are to be sent
   * again are told to `onMarked`.
   *
   * Returns: the rows of those that were
   */
  changeLetters(
    changes: ReadonlyArray<DeadChange>,
  ): Effect.Effect<ReadonlyArray<number>, CommitError>;
  figures(): StoreFigures;
  /** Changes what is kept of dead letters. */
  bound(bounds: LetterBounds): Effect.Effect<void, CommitError>;
  /** Calls back when there are marked letters, at once if there are some already. */
  onMarked(listener: (urls: ReadonlyArray<string>) => void): void;
  /** What receivers knew of when the process ended. */
  online(): Effect.Effect<ReadonlyArray<OnlineRow>, ReadError>;
  /** Rows of one table by owner and key, in pages: those behind the last of the page before. */
  state(
    table: StateTable,
    after: Pick<StateRow, "owner" | "key"> | undefined,
    bytes: number,
  ): Effect.Effect<ReadonlyArray<StateRow>, ReadError>;
}
