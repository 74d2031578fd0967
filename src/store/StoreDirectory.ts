/** The directory of a store: made, looked at, and held by one broker at a time. */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { StoreError } from "./StoreError.ts";

/** The file whose lock says that a broker runs here; it holds that broker's process id. */
const LOCK = "lock";

/**
 * Makes the directory where there is none, and has it for this process until the scope closes, or the process
 * ends in whatever way.
 */
export const hold = (directory: string): Effect.Effect<void, StoreError, Scope.Scope> =>
  Effect.gen(function* () {
    yield* tried(directory, "a directory that can be made", () => make(directory));
    for (const warning of yield* look(directory)) {
      yield* Effect.logWarning(warning, { module: "store" });
    }
    yield* lock(`${directory}/${LOCK}`);
  });

/**
 * Whether a store could be opened here, without making anything that stays.
 *
 * Returns: what somebody should know of it.
 */
export const check = (directory: string): Effect.Effect<ReadonlyArray<string>, StoreError> =>
  isThere(directory) ? look(directory) : Effect.as(
    Effect.suspend(() => {
      const parent = parentOf(directory);
      return tried(directory, "a directory that can be made", () => probe(parent));
    }),
    [],
  );

/** The nearest directory above that is there. */
const parentOf = (directory: string): string => {
  const parent = directory.replace(/\/*[^/]+\/*$/, "") || (directory.startsWith("/") ? "/" : ".");
  return isThere(parent) || parent === "." || parent === "/" ? parent : parentOf(parent);
};

const isThere = (path: string): boolean => {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false; // whatever is wrong is told by who uses it
  }
};

const tried = <A>(path: string, expected: string, body: () => A): Effect.Effect<A, StoreError> =>
  Effect.try({
    try: body,
    catch: (error) => new StoreError({ path, expected, found: saidOf(error) }),
  });

const saidOf = (error: unknown): string => error instanceof Error ? error.message : String(error);

const make = (directory: string): void => {
  if (!isThere(directory)) Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
};

/** Makes a file and removes it. Returns: what the system says of it. */
const probe = (directory: string): Deno.FileInfo => {
  const file = `${directory}/.probe-${Deno.pid}`;
  Deno.writeFileSync(file, new Uint8Array(), { mode: 0o600 });
  try {
    return Deno.statSync(file);
  } finally {
    Deno.removeSync(file);
  }
};

/** Returns: what is not as it should be, and yet no reason not to start. */
const look = (directory: string): Effect.Effect<ReadonlyArray<string>, StoreError> =>
  Effect.gen(function* () {
    const { isDirectory, mode, uid } = yield* tried(
      directory,
      "a directory",
      () => Deno.statSync(directory),
    );
    if (!isDirectory) {
      yield* new StoreError({ path: directory, expected: "a directory", found: "a file" });
    }
    const own = yield* tried(
      directory,
      "a directory that this process may write to",
      () => probe(directory),
    );
    // Asking for the own user would need one permission more.
    if (uid !== own.uid) {
      yield* new StoreError({
        path: directory,
        expected: `a directory of the user that runs the broker (uid ${own.uid})`,
        found: `one of uid ${uid}`,
      });
    }
    return mode === null || (mode & 0o077) === 0 ? [] : [
      `${directory}: its mode is ${
        (mode & 0o777).toString(8)
      }: other users of this machine can look ` +
      "into it, and it holds what clients have sent (chmod 700)",
    ];
  });

const lock = (path: string): Effect.Effect<void, StoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const file = yield* Effect.acquireRelease(
      tried(
        path,
        "a file that this process may write",
        () => Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 }),
      ),
      (file) => Effect.sync(() => file.close()), // which frees the lock
    );
    const isFree = yield* Effect.tryPromise({
      try: () => file.tryLock(true),
      catch: (error) =>
        new StoreError({ path, expected: "a file system that can lock", found: saidOf(error) }),
    });
    if (!isFree) {
      const pid = Deno.readTextFileSync(path).trim();
      yield* new StoreError({
        path: path.slice(0, -LOCK.length - 1),
        expected: "a directory that no other broker uses",
        found: `in use by process ${pid}`,
      });
    }
    yield* tried(path, "a file that this process may write", () => {
      file.truncateSync(0);
      file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
    });
  });
