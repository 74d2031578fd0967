/**
 * The store in a file: `outbox.db` in a directory that one broker has for itself, written by a Worker, so
 * that no fsync holds the broker's thread.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { Commit } from "./Commit.ts";
import type { DatabaseOptions, Identity } from "./Database.ts";
import type { DeadChange } from "./DeadRow.ts";
import type { LetterBounds, Store, StoreFigures } from "./Store.ts";
import * as StoreDirectory from "./StoreDirectory.ts";
import type { CommitError, StoreError } from "./StoreError.ts";
import { ReadError } from "./StoreError.ts";
import type { Answers, Request } from "./StoreProtocol.ts";
import * as StoreThread from "./StoreThread.ts";

export interface SqliteStoreOptions extends DatabaseOptions {
  readonly directory: string;
  /** What is kept of dead letters; without: everything. */
  readonly letters?: LetterBounds;
  /** The Worker's module, in tests another one. */
  readonly module?: URL;
}

const MODULE = new URL("./storeWorker.ts", import.meta.url);

/** The file in the directory. */
export const FILE = "outbox.db";

const BOUNDLESS: LetterBounds = { maxAge: Infinity, maxBytes: Infinity };

/**
 * Opens the store of a directory for the life of the scope, and makes what is missing.
 *
 * Returns: the store, which no other broker has open.
 */
export const make = (
  options: SqliteStoreOptions,
): Effect.Effect<Store, StoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const { directory, module = MODULE, letters = BOUNDLESS, maxPages } = options;
    const path = `${directory}/${FILE}`;
    yield* StoreDirectory.hold(directory);
    const open = { _tag: "Open", path, options: { maxPages }, bounds: letters } as const;
    const worker = yield* StoreThread.make(module, open);
    return new SqliteStore(worker, yield* worker.identity);
  });

class SqliteStore implements Store {
  readonly prefix: string;
  readonly reserved: Store["reserved"];
  readonly lastRow: number;
  readonly #worker: StoreThread.StoreThread;
  /** Rows whose checksum was wrong. */
  #damaged = 0;

  constructor(worker: StoreThread.StoreThread, { prefix, reserved, lastRow }: Identity) {
    this.#worker = worker;
    this.prefix = prefix;
    this.reserved = reserved;
    this.lastRow = lastRow;
  }

  figures(): StoreFigures {
    return { ...this.#worker.figures(), damaged: this.#damaged };
  }

  onMarked(listener: (urls: ReadonlyArray<string>) => void): void {
    this.#worker.onMarked(listener);
  }

  bound(bounds: LetterBounds): Effect.Effect<void, CommitError> {
    return this.#worker.ask({ _tag: "Bound", bounds });
  }

  commit(commit: Commit, sync: boolean): Effect.Effect<void, CommitError> {
    return this.#worker.commit(commit, sync);
  }

  groups(after: number, bytes: number, url?: string) {
    return this.#rows({ _tag: "Groups", after, bytes, url });
  }

  urls() {
    return Effect.mapError(
      this.#worker.ask({ _tag: "Urls" }),
      ({ message }) => new ReadError({ message }),
    );
  }

  replay(url: string, reasons: ReadonlyArray<string>, firstRow: number, bytes: number) {
    return this.#worker.ask({ _tag: "Replay", url, reasons, firstRow, bytes });
  }

  letters(...[filter, after, bytes]: Parameters<Store["letters"]>) {
    return this.#rows({ _tag: "Letters", filter, after, bytes });
  }

  changeLetters(changes: ReadonlyArray<DeadChange>) {
    return this.#worker.ask({ _tag: "ChangeLetters", changes });
  }

  online() {
    return this.#rows({ _tag: "Online" });
  }

  state(...[table, after, bytes]: Parameters<Store["state"]>) {
    return this.#rows({ _tag: "State", table, after, bytes });
  }

  #rows<R extends Extract<Request, { readonly _tag: "Groups" | "Letters" | "Online" | "State" }>>(
    request: R,
  ) {
    return this.#worker.ask(request).pipe(
      Effect.mapError(({ message }) => new ReadError({ message })),
      Effect.tap(({ damaged }) => this.#tellDamaged(damaged)),
      Effect.map(({ rows }): Answers[R["_tag"]]["rows"] => rows),
    );
  }

  #tellDamaged(rows: number): Effect.Effect<void> {
    if (rows === 0) return Effect.void;
    this.#damaged += rows;
    return Effect.logError(
      "rows of the store are not as they were written: they are dead letters now",
      {
        module: "store",
        rows,
      },
    );
  }
}
