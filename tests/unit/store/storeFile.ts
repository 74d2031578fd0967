/** A store in a directory of its own, opened, ended and opened again, as processes to come would do it. */
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Logger from "effect/Logger";
import * as Scope from "effect/Scope";
import type { Commit, Group } from "../../../src/store/Commit.ts";
import { emptyCommit } from "../../../src/store/Commit.ts";
import type { SqliteStoreOptions } from "../../../src/store/SqliteStore.ts";
import * as SqliteStore from "../../../src/store/SqliteStore.ts";
import type { Store } from "../../../src/store/Store.ts";

export interface OpenStore {
  readonly store: Store;
  close(): Promise<void>;
}

export const openStore = async (options: SqliteStoreOptions): Promise<OpenStore> => {
  const scope = await Effect.runPromise(Scope.make());
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void));
  try {
    const store = await Effect.runPromise(
      SqliteStore.make(options).pipe(
        Scope.extend(scope),
        Effect.provide(Logger.remove(Logger.defaultLogger)),
      ),
    );
    return { store, close };
  } catch (error) {
    await close();
    throw error;
  }
};

/** Runs with a directory that is gone afterwards. */
export const withDirectory = async (body: (directory: string) => Promise<void>): Promise<void> => {
  const directory = await Deno.makeTempDir();
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
};

/** Runs with a store that is closed afterwards. */
export const withStore = async (
  options: SqliteStoreOptions,
  body: (store: Store) => Promise<void>,
): Promise<void> => {
  const { store, close } = await openStore(options);
  try {
    await body(store);
  } finally {
    await close();
  }
};

export const write = (store: Store, parts: Partial<Commit>, sync = false): Promise<void> =>
  Effect.runPromise(store.commit({ ...emptyCommit(), ...parts }, sync));

/** A group whose records can be told from its row. */
export const groupOf = (row: number, bytes = 300, url = "http://a/"): Group => ({
  row,
  url,
  n: 1,
  records: Uint8Array.from({ length: bytes }, (_, i) => (i * row + row) % 251),
});

export const readAll = (store: Store): Promise<ReadonlyArray<Group>> =>
  Effect.runPromise(store.groups(0, Number.MAX_SAFE_INTEGER));
