/**
 * Lines appended to files: what an attempt is for a `file://` target, see LineFile. It must never have more
 * calls under way than leave the process threads for its other work.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { Deque } from "../../collections/Deque.ts";
import { timerFromClock } from "../../http/Timer.ts";
import type { OpenFile } from "./appendFile.ts";
import { openFile } from "./appendFile.ts";
import type { Executor } from "./Executor.ts";
import type { FileTurns } from "./LineFile.ts";
import { LineFile } from "./LineFile.ts";

export interface FileExecutor extends Executor {
  /** Files are opened anew before their next line. */
  readonly reopen: Effect.Effect<void>;
}

/**
 * Calls of file systems under way at once, one for each file. Deno makes all of a thread's blocking calls
 * on 32 others; names are looked up and passwords hashed there as well. More files than this can only hang
 * together where a file system does that they are on.
 */
const MOST_CALLS = 16;

/** An executor for files. When the scope closes, writes that run are awaited for a second. */
export const makeWith = (open: OpenFile): Effect.Effect<FileExecutor, never, Scope.Scope> =>
  Effect.gen(function* () {
    const files = new Map<number, LineFile>();
    const context = { open, timer: timerFromClock(yield* Effect.clock), turns: new Turns() };
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => Promise.all(Array.from(files.values(), (file) => file.close())))
    );
    return {
      prepare: () => Effect.void,
      configure(endpoint) {
        if (!files.has(endpoint.key)) files.set(endpoint.key, new LineFile(endpoint, context));
      },
      attempt: (endpoint, attempt) => files.get(endpoint.key)!.append(attempt), // configured
      recall: () => {}, // what it has is being written, or goes with the next write
      forget({ key }) {
        void files.get(key)!.close(); // configured; nothing of it is waited for
        files.delete(key);
      },
      resize: () => {}, // the ConcurrencyBudget's matter
      takes: (limit) => limit,
      reopen: Effect.sync(() => {
        for (const file of files.values()) file.reopen();
      }),
    };
  });

export const make: Effect.Effect<FileExecutor, never, Scope.Scope> = makeWith(openFile);

class Turns implements FileTurns {
  #left = MOST_CALLS;
  readonly #waiting = new Deque<() => void>();

  take(run: () => void): void {
    if (this.#left === 0) {
      this.#waiting.push(run);
      return;
    }
    this.#left--;
    run();
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#left++;
    else next();
  }
}
