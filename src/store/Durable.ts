/** A store with its windows, as composition opens them for all that has to survive the process. */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import * as SqliteStore from "./SqliteStore.ts";
import type { Store } from "./Store.ts";
import type { StoreError } from "./StoreError.ts";
import * as Windows from "./Windows.ts";

export interface Durable {
  readonly store: Store;
  readonly windows: Windows.Windows;
}

export interface DurableOptions extends Omit<Windows.WindowsOptions, "store"> {
  /** Relative to the working directory. */
  readonly directory: string;
  /** In milliseconds. */
  readonly deadLetterMaxAge: number;
  readonly deadLetterMaxBytes: number;
}

/** Opens the store of a directory for the life of the scope, and makes what is missing. */
export const open = (options: DurableOptions): Effect.Effect<Durable, StoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const { directory, deadLetterMaxAge: maxAge, deadLetterMaxBytes: maxBytes } = options;
    const store = yield* SqliteStore.make({ directory, letters: { maxAge, maxBytes } });
    const windows = yield* Windows.make({ ...options, store });
    return { store, windows };
  });
