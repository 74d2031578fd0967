/**
 * The store in a file: `outbox.db` in a directory that one broker has for itself, written by a Worker, so
 * that no fsync holds the broker's thread. A Worker that dies or does not answer is replaced, and what it was
 * asked is asked again: every request may be done twice.
 */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { Commit } from "./Commit.ts";
import { CommitBuffers } from "./CommitBuffers.ts";
import type { DatabaseOptions, Identity } from "./Database.ts";
import type { Store } from "./Store.ts";
import { CommitError, ReadError, StoreError } from "./StoreError.ts";
import type { Answers, FromWorker, Request } from "./StoreProtocol.ts";

export interface SqliteStoreOptions extends DatabaseOptions {
  readonly directory: string;
  /** The Worker's module, in tests another one. */
  readonly module?: URL;
}

const MODULE = new URL("./storeWorker.ts", import.meta.url);

/** The file in the directory. */
export const FILE = "outbox.db";

/**
 * Opens the store of a directory for the life of the scope, and makes what is missing.
 *
 * Returns: the store, which nobody else has open for writing.
 */
export const make = (
  options: SqliteStoreOptions,
): Effect.Effect<Store, StoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const { directory, module = MODULE, maxPages } = options;
    const path = `${directory}/${FILE}`;
    yield* Effect.try({
      try: () => Deno.mkdirSync(directory, { recursive: true, mode: 0o700 }),
      catch: (error) => new StoreError({ path, expected: "a directory", found: String(error) }),
    });
    const worker = yield* Effect.acquireRelease(
      Effect.sync(() => new StoreWorker(module)),
      (worker) =>
        Effect.ignore(worker.ask({ _tag: "Close" })).pipe(
          Effect.andThen(Effect.sync(() => worker.terminate())),
        ),
    );
    const identity = yield* worker.ask({ _tag: "Open", path, options: { maxPages } }).pipe(
      Effect.mapError(({ message }) =>
        new StoreError({ path, expected: "a store of this program", found: message })
      ),
    );
    return new SqliteStore(worker, identity);
  });

class SqliteStore implements Store {
  readonly prefix: string;
  readonly reserved: Store["reserved"];
  readonly lastRow: number;
  readonly #worker: StoreWorker;

  constructor(worker: StoreWorker, { prefix, reserved, lastRow }: Identity) {
    this.#worker = worker;
    this.prefix = prefix;
    this.reserved = reserved;
    this.lastRow = lastRow;
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

  online() {
    return this.#rows({ _tag: "Online" });
  }

  state(...[table, after, bytes]: Parameters<Store["state"]>) {
    return this.#rows({ _tag: "State", table, after, bytes });
  }

  #rows<R extends Extract<Request, { readonly _tag: "Groups" | "Online" | "State" }>>(request: R) {
    return this.#worker.ask(request).pipe(
      Effect.mapBoth({
        onSuccess: ({ rows }): Answers[R["_tag"]]["rows"] => rows,
        onFailure: ({ message }) => new ReadError({ message }),
      }),
    );
  }
}

type Answer = Deferred.Deferred<Answers[keyof Answers], CommitError>;

/** The Worker seen from the broker's thread. */
class StoreWorker {
  readonly #worker: Worker;
  readonly #asked = new Map<number, Answer>();
  readonly #buffers = new CommitBuffers();
  #lastId = 0;

  constructor(module: URL) {
    this.#worker = new Worker(module, { type: "module", name: "store" });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
  }

  ask<R extends Request>(request: R): Effect.Effect<Answers[R["_tag"]], CommitError> {
    return Effect.suspend(() => this.#send(request, [])) as Effect.Effect<
      Answers[R["_tag"]], // the answer to a request is of its tag: StoreProtocol
      CommitError
    >;
  }

  commit(commit: Commit, sync: boolean): Effect.Effect<void, CommitError> {
    return Effect.suspend(() => {
      const packed = this.#buffers.pack(commit);
      return this.#send({ _tag: "Commit", packed, sync }, [packed.bytes]);
    });
  }

  #send(request: Request, transfer: Array<Transferable>) {
    return Effect.gen(this, function* () {
      const answer: Answer = yield* Deferred.make<Answers[keyof Answers], CommitError>();
      const id = ++this.#lastId;
      this.#asked.set(id, answer);
      this.#worker.postMessage({ id, request }, transfer);
      return yield* Deferred.await(answer);
    });
  }

  #receive(message: FromWorker): void {
    const asked = this.#asked.get(message.id);
    this.#asked.delete(message.id);
    const bytes = message._tag === "Answer" ? message.answer : message.bytes;
    if (bytes instanceof ArrayBuffer) this.#buffers.giveBack(bytes);
    if (asked === undefined) return;
    Deferred.unsafeDone(
      asked,
      message._tag === "Answer"
        ? Effect.succeed(message.answer)
        : Effect.fail(new CommitError({ message: message.message })),
    );
  }

  terminate(): void {
    this.#worker.terminate();
  }
}
