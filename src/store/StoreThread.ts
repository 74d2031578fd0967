/**
 * The store's Worker seen from the broker's thread. One that dies or does not answer is replaced, and what it
 * was asked is asked again: every request may be done twice, and is done at least once or fails.
 */
import type * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import * as FiberId from "effect/FiberId";
import * as Runtime from "effect/Runtime";
import type * as Scope from "effect/Scope";
import { monotonicMillis } from "../ops/monotonic.ts";
import type { Commit } from "./Commit.ts";
import { CommitBuffers } from "./CommitBuffers.ts";
import type { Identity } from "./Database.ts";
import type { LetterFigures, StoreFigures } from "./Store.ts";
import { CommitError, StoreError } from "./StoreError.ts";
import type { Answers, FromWorker, Request, Said, ToWorker } from "./StoreProtocol.ts";

type Open = Extract<Request, { readonly _tag: "Open" }>;

/** A Worker that has not answered for so long, in milliseconds, does not answer. */
const ANSWERS_WITHIN = 30_000;
/** Opening may have to read, and to salvage, all of a file. */
const OPENS_WITHIN = 600_000;

/** What was asked and is not answered. */
interface Asked {
  /** Makes the request, each time that it is sent. */
  readonly pack: () => { readonly request: Request; readonly transfer: Array<Transferable> };
  readonly answer: Deferred.Deferred<Answers[keyof Answers], CommitError>;
  /** Monotonic milliseconds. */
  sentAt: number;
}

type State =
  /** The file is being opened; what is asked waits. */
  | { readonly _tag: "Opening"; readonly worker: Worker; readonly since: number }
  | { readonly _tag: "Open"; readonly worker: Worker }
  /** Until something is asked: then another one is tried. */
  | { readonly _tag: "Down" };

/** The id of the request that opens the file. */
const OPEN_ID = 0;

const NO_LETTERS: LetterFigures = {
  groups: 0,
  n: 0,
  bytes: 0,
  oldest: undefined,
  purged: 0,
  marked: [],
};

/** A Worker with the file open, for the life of the scope. */
export const make = (
  module: URL,
  open: Open,
): Effect.Effect<StoreThread, StoreError, Scope.Scope> =>
  Effect.flatMap(Effect.runtime<never>(), (runtime) =>
    Effect.acquireRelease(
      Effect.sync(() => new StoreThread(module, open, runtime)),
      (worker) => worker.close,
    ));

export class StoreThread {
  /** What the file is, as it was opened first. */
  readonly identity: Effect.Effect<Identity, StoreError>;
  readonly #identity = Deferred.unsafeMake<Identity, StoreError>(FiberId.none);
  readonly #module: URL;
  readonly #open: Open;
  readonly #runtime: Runtime.Runtime<never>;
  readonly #clock: Clock.Clock;
  readonly #buffers = new CommitBuffers();
  readonly #asked = new Map<number, Asked>();
  #state: State = { _tag: "Down" };
  #lastId = OPEN_ID;
  #watching: Fiber.RuntimeFiber<void> | undefined;
  #isClosed = false;
  #letters = NO_LETTERS;
  /** By Workers before this one. */
  #purgedBefore = 0;
  #setAside = 0;
  #replaced = 0;
  #onMarked: (urls: ReadonlyArray<string>) => void = () => {};

  constructor(module: URL, open: Open, runtime: Runtime.Runtime<never>) {
    this.#module = module;
    this.#open = open;
    this.#runtime = runtime;
    this.#clock = Runtime.runSync(runtime)(Effect.clock);
    this.identity = Deferred.await(this.#identity);
    this.#start();
  }

  figures(): Omit<StoreFigures, "damaged"> {
    const { purged, ...letters } = this.#letters;
    return {
      letters: { ...letters, purged: this.#purgedBefore + purged },
      set_aside: this.#setAside,
      replaced: this.#replaced,
    };
  }

  onMarked(listener: (urls: ReadonlyArray<string>) => void): void {
    this.#onMarked = listener;
    if (this.#letters.marked.length > 0) listener(this.#letters.marked);
  }

  ask<R extends Exclude<Request, Open>>(
    request: R,
  ): Effect.Effect<Answers[R["_tag"]], CommitError> {
    const pack = () => ({ request, transfer: [] });
    return this.#ask(pack) as Effect.Effect<Answers[R["_tag"]], CommitError>; // an answer is of its request's tag
  }

  commit(commit: Commit, sync: boolean): Effect.Effect<void, CommitError> {
    return Effect.asVoid(this.#ask(() => {
      const packed = this.#buffers.pack(commit);
      return { request: { _tag: "Commit", packed, sync }, transfer: [packed.bytes] };
    }));
  }

  #ask(pack: Asked["pack"]): Effect.Effect<Answers[keyof Answers], CommitError> {
    return Effect.suspend(() => {
      const answer = Deferred.unsafeMake<Answers[keyof Answers], CommitError>(FiberId.none);
      const id = ++this.#lastId;
      const asked = { pack, answer, sentAt: this.#now() };
      this.#asked.set(id, asked);
      if (this.#state._tag === "Open") this.#send(this.#state.worker, id, asked);
      else if (this.#state._tag === "Down") this.#start();
      this.#watch();
      return Deferred.await(answer);
    });
  }

  #send(worker: Worker, id: number, asked: Asked): void {
    const { request, transfer } = asked.pack();
    asked.sentAt = this.#now();
    worker.postMessage({ id, request } satisfies ToWorker, transfer);
  }

  #start(): void {
    const worker = new Worker(this.#module, { type: "module", name: "store" });
    this.#state = { _tag: "Opening", worker, since: this.#now() };
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(worker, data);
    worker.onerror = (event) => {
      event.preventDefault(); // or the broker's own thread ends with it
      this.#die(worker, event.message);
    };
    worker.onmessageerror = () => this.#die(worker, "a message could not be read");
    worker.postMessage({ id: OPEN_ID, request: this.#open } satisfies ToWorker);
    this.#watch();
  }

  #receive(worker: Worker, message: FromWorker): void {
    if (this.#state._tag === "Down" || this.#state.worker !== worker) return; // from a dead one
    if (message._tag === "Notice" || message._tag === "Letters") return this.#hear(message);
    if (message.id === OPEN_ID) return this.#opened(worker, message);
    const bytes = message._tag === "Answer" ? message.answer : message.bytes;
    if (bytes instanceof ArrayBuffer) this.#buffers.giveBack(bytes);
    const asked = this.#asked.get(message.id);
    this.#asked.delete(message.id);
    if (asked === undefined) return;
    Deferred.unsafeDone(
      asked.answer,
      message._tag === "Answer"
        ? Exit.succeed(message.answer)
        : Exit.fail(new CommitError({ message: message.message })),
    );
  }

  #opened(worker: Worker, message: Exclude<FromWorker, Said>): void {
    if (message._tag === "Answer") {
      this.#state = { _tag: "Open", worker };
      Deferred.unsafeDone(this.#identity, Exit.succeed(message.answer as Identity)); // of an Open
      for (const [id, asked] of this.#asked) this.#send(worker, id, asked);
      return;
    }
    worker.terminate();
    this.#state = { _tag: "Down" };
    const { path } = this.#open;
    const expected = message.expected ?? "a file that can be opened, read and written";
    const fault = new StoreError({ path, expected, found: message.message });
    Deferred.unsafeDone(this.#identity, Exit.fail(fault));
    this.#failAll(fault.message);
  }

  #hear(said: Said): void {
    if (said._tag === "Letters") {
      this.#letters = said.letters;
      if (said.letters.marked.length > 0) this.#onMarked(said.letters.marked);
      return;
    }
    if (said.isDamage) this.#setAside++;
    this.#fork(Effect.logError(`${this.#open.path}: ${said.message}`, { module: "store" }));
  }

  /** Replaces a Worker, unless it has died before it had the file open: then all that was asked fails. */
  #die(worker: Worker, reason: string): void {
    if (this.#state._tag === "Down" || this.#state.worker !== worker) return;
    const wasOpen = this.#state._tag === "Open";
    worker.terminate();
    this.#state = { _tag: "Down" };
    this.#replaced++;
    this.#purgedBefore += this.#letters.purged;
    this.#letters = { ...this.#letters, purged: 0 };
    this.#fork(Effect.logError("the store's Worker is replaced", { module: "store", reason }));
    if (wasOpen) return this.#start();
    const { path } = this.#open;
    const expected = "a file that can be opened";
    Deferred.unsafeDone(
      this.#identity,
      Exit.fail(new StoreError({ path, expected, found: reason })),
    );
    this.#failAll(reason);
  }

  #failAll(message: string): void {
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    for (const { answer } of asked) {
      Deferred.unsafeDone(answer, Exit.fail(new CommitError({ message })));
    }
  }

  /** Looks, while something is asked, whether it is answered in time. */
  #watch(): void {
    if (this.#watching !== undefined || this.#isClosed) return;
    const look = Effect.sync(() => {
      this.#watching = undefined;
      if (this.#state._tag === "Down" || this.#isClosed) return;
      const { worker } = this.#state;
      if (this.#isLate(this.#state)) this.#die(worker, "it does not answer");
      if (this.#asked.size > 0 || this.#state._tag === "Opening") this.#watch();
    });
    this.#watching = this.#fork(Effect.delay(look, ANSWERS_WITHIN));
  }

  #isLate(state: Exclude<State, { readonly _tag: "Down" }>): boolean {
    if (state._tag === "Opening") return this.#now() - state.since >= OPENS_WITHIN;
    const [first] = this.#asked.values();
    return first !== undefined && this.#now() - first.sentAt >= ANSWERS_WITHIN;
  }

  #now(): number {
    return monotonicMillis(this.#clock);
  }

  #fork(effect: Effect.Effect<void>): Fiber.RuntimeFiber<void> {
    return Runtime.runFork(this.#runtime)(effect);
  }

  /** Closes the file, which empties its log into it. */
  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#isClosed = true;
      const unwatch = this.#watching === undefined ? Effect.void : Fiber.interrupt(this.#watching);
      if (this.#state._tag === "Down") return unwatch;
      const { worker } = this.#state;
      return this.ask({ _tag: "Close" }).pipe(
        Effect.timeoutFail({
          duration: ANSWERS_WITHIN,
          onTimeout: () => new CommitError({ message: "its Worker does not answer" }),
        }),
        // What was committed is in its log all the same: the next start reads it from there.
        Effect.catchAll(({ message }) =>
          Effect.logWarning("the outbox was not closed in time", {
            module: "store",
            error: message,
          })
        ),
        Effect.andThen(Effect.sync(() => {
          this.#state = { _tag: "Down" };
          worker.terminate();
        })),
        Effect.andThen(unwatch),
      );
    });
  }
}
