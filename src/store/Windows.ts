/**
 * When what journals have goes to disk, and which marks are safe by then. Changes are gathered for a window's
 * time, in which most of them undo themselves (a delivery ends); what is left then is written, by one commit
 * at a time: while it is under way the next window gathers on, so that a slower disk has larger commits and
 * not more of them.
 *
 * It must never call a mark safe that is not on disk nor undone, nor have a timer where nothing is pending.
 */
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Runtime from "effect/Runtime";
import type * as Scope from "effect/Scope";
import { monotonicMillis } from "../ops/monotonic.ts";
import type { Commit } from "./Commit.ts";
import { emptyCommit, isEmpty, onlyTakes } from "./Commit.ts";
import { CommitTimes } from "./CommitTimes.ts";
import type { Journal, JournalOwner } from "./Journal.ts";
import type { Durability, Store } from "./Store.ts";
import { Waiters } from "./Waiters.ts";

export interface WindowsOptions {
  readonly store: Pick<Store, "commit">;
  readonly sync: Durability;
  /** Milliseconds within which `interval` has everything synced. */
  readonly syncInterval: number;
  /** Milliseconds that a change may wait for its undoing before it is written; 0: everything is written. */
  readonly delay: number;
}

/** What can be read of them. */
export interface WindowsFigures {
  readonly commits: number;
  /** Milliseconds of the last commits. */
  readonly commit_p50: number;
  readonly commit_p99: number;
  /** Whether the last try of a commit failed, and why. */
  readonly failing: boolean;
  readonly last_error: string;
  /** Flushes of sockets that wait for a commit. */
  readonly waiting: number;
  /** Bytes that are pending or being written. */
  readonly unsafe_bytes: number;
}

/** A window with so many bytes closes at once, unless its journal knows better. */
export const WINDOW_BYTES = 256 * 1024;
/** Milliseconds that deletes wait for something to be written with: losing one only repeats a delivery. */
const LONE_DELAY = 20;
/** Milliseconds between two tries of a commit that fails. */
const RETRY_DELAY = 1000;
/** Tries between two errors in the log. */
const TRIES_PER_LINE = 10;
/** With so many bytes that are not on disk nobody should bring more. */
const MOST_UNSAFE_BYTES = 64 * 1024 * 1024;
const OPEN_AGAIN_BYTES = MOST_UNSAFE_BYTES / 2;

/** Windows over a store, for the life of the scope, whose end does not write what is pending: see `flush`. */
export const make = (
  options: WindowsOptions,
): Effect.Effect<Windows, never, Scope.Scope> =>
  Effect.flatMap(
    Effect.runtime<never>(),
    (runtime) =>
      Effect.acquireRelease(
        Effect.sync(() => new Windows(options, runtime)),
        (windows) => windows.close,
      ),
  );

type Timer = Fiber.RuntimeFiber<void>;

export class Windows implements JournalOwner {
  readonly #options: WindowsOptions;
  readonly #runtime: Runtime.Runtime<never>;
  readonly #now: () => number;
  readonly #journals: Array<Journal> = [];
  readonly #waiters = new Waiters();
  readonly #times = new CommitTimes();
  #mark = 0;
  /** When the journal's `pending` came, where it does not know better. */
  readonly #since = new Map<Journal, number>();
  /** Nobody gains by waiting. */
  #urgent = false;
  #timer: Timer | undefined;
  #timerAt = Infinity;
  #committing: Timer | undefined;
  /** Of the commit under way. */
  #committingBytes = 0;
  #lastSync = -Infinity;
  #syncTimer: Timer | undefined;
  #error = "";
  #isHigh = false;
  #onHigh: () => void = () => {};
  /** Told when a commit that begins after they came is done. */
  #flushing: Array<() => void> = [];
  #closed = false;

  constructor(options: WindowsOptions, runtime: Runtime.Runtime<never>) {
    this.#options = options;
    this.#runtime = runtime;
    const clock = Runtime.runSync(runtime)(Effect.clock);
    this.#now = () => monotonicMillis(clock);
  }

  /** Has a journal take part. */
  join(journal: Journal): void {
    this.#journals.push(journal);
  }

  /** The mark of the last change. */
  get mark(): number {
    return this.#mark;
  }

  /** Every change up to this mark is on disk, or undone. */
  get safe(): number {
    let safe = this.#mark;
    for (const { oldest } of this.#journals) if (oldest <= safe) safe = oldest - 1;
    return safe;
  }

  /** Resolves when this mark is safe. To be asked for in the order of marks. */
  whenSafe(mark: number): Promise<void> {
    return mark <= this.safe ? Promise.resolve() : this.#waiters.when(mark);
  }

  next(): number {
    return ++this.#mark;
  }

  moved(): void {
    if (this.#waiters.length > 0) this.#waiters.settle(this.safe);
  }

  pending(journal: Journal, urgent = false): void {
    if (urgent || journal.pendingBytes >= (journal.largest ?? WINDOW_BYTES)) this.#urgent = true;
    if (journal.since === undefined && !this.#since.has(journal)) {
      this.#since.set(journal, this.#now());
    }
    if (this.#committing === undefined) this.#arm();
    else if (!this.#isHigh && this.#unsafeBytes >= MOST_UNSAFE_BYTES) this.#setHigh(true);
  }

  /** Whether so much is not on disk yet that no more should come. */
  get isHigh(): boolean {
    return this.#isHigh;
  }

  /** Calls back when `isHigh` has changed. */
  onHigh(listener: () => void): void {
    this.#onHigh = listener;
  }

  /** Writes all that is pending now, synced unless nothing ever is; done when it is on disk. */
  get flush(): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const done = () => resume(Effect.void);
      this.#flushing.push(done);
      this.#urgent = true;
      if (this.#committing === undefined) this.#arm();
      return Effect.sync(() => {
        this.#flushing = this.#flushing.filter((other) => other !== done);
      });
    });
  }

  figures(): WindowsFigures {
    return {
      ...this.#times.figures(),
      failing: this.#error !== "",
      last_error: this.#error,
      waiting: this.#waiters.length,
      unsafe_bytes: this.#unsafeBytes,
    };
  }

  /** Ends all timers, and the commit that may be under way. */
  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#closed = true;
      return Fiber.interruptAll(
        [this.#timer, this.#syncTimer, this.#committing].filter((fiber) => fiber !== undefined),
      );
    });
  }

  get #pendingBytes(): number {
    let bytes = 0;
    for (const { pendingBytes } of this.#journals) bytes += pendingBytes;
    return bytes;
  }

  get #unsafeBytes(): number {
    return this.#committingBytes + this.#pendingBytes;
  }

  /** When the window closes; Infinity: nothing is pending. */
  get #due(): number {
    if (this.#urgent) return -Infinity;
    let due = Infinity;
    for (const journal of this.#journals) {
      if (journal.pendingBytes === 0) continue;
      const since = journal.since ?? this.#since.get(journal) ?? this.#now();
      const isLone = journal.oldest === Infinity;
      due = Math.min(due, since + (isLone ? LONE_DELAY : journal.delay ?? this.#options.delay));
    }
    return due;
  }

  /** Has the timer run as long as it should. No commit is under way. */
  #arm(): void {
    if (this.#timerAt === -Infinity) return;
    const due = this.#due;
    if (due >= this.#timerAt || this.#closed) return;
    if (this.#timer !== undefined) this.#fork(Fiber.interrupt(this.#timer));
    this.#timerAt = due;
    const wait = due === -Infinity ? 0 : due - this.#now();
    this.#timer = wait <= 0
      ? this.#fork(Effect.andThen(nextTurn, this.#fire))
      : this.#fork(Effect.andThen(Effect.sleep(wait), this.#fire));
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    if (this.#closed || this.#committing !== undefined) return;
    if (this.#due <= this.#now()) this.#shut();
    else this.#arm();
  };

  /** The window closes: what is left of it is written. */
  #shut(): void {
    this.#urgent = false;
    const flushing = this.#flushing;
    this.#flushing = [];
    this.#since.clear();
    const commit = emptyCommit();
    const bytes = this.#pendingBytes;
    for (const journal of this.#journals) journal.write(commit);
    const synced = flushing.length > 0 && this.#options.sync !== "none";
    if (isEmpty(commit) && !(synced && this.#syncTimer !== undefined)) {
      return this.#done(flushing);
    }
    this.#commit(
      commit,
      synced || this.#wantsSync(commit),
      bytes,
      () => this.#done(flushing),
    );
  }

  #wantsSync(commit: Commit): boolean {
    const { sync, syncInterval } = this.#options;
    if (sync === "none" || onlyTakes(commit)) return false;
    return sync === "commit" || this.#now() - this.#lastSync >= syncInterval;
  }

  #commit(
    commit: Commit,
    sync: boolean,
    bytes: number,
    wrote: () => void,
  ): void {
    this.#committingBytes = bytes;
    const began = this.#now();
    let tries = 0;
    const one = Effect.suspend(() => this.#options.store.commit(commit, sync)).pipe(
      Effect.tapError(({ message }) => {
        this.#error = message;
        for (const journal of this.#journals) journal.failed?.();
        const isTold = tries++ % TRIES_PER_LINE === 0;
        return isTold ? this.#say(message, tries) : Effect.void;
      }),
    );
    const all = Effect.gen(this, function* () {
      while ((yield* Effect.either(one))._tag === "Left") yield* Effect.sleep(RETRY_DELAY);
      this.#committing = undefined;
      this.#committingBytes = 0;
      this.#times.add(this.#now() - began);
      if (this.#error !== "") {
        this.#error = "";
        yield* Effect.logInfo("writing to the outbox again", { module: "store", tries });
      }
      this.#synced(commit, sync);
      wrote();
    });
    // Not to be seen as under way where it is done within the call.
    const fiber = this.#fork(Effect.andThen(nextTurn, all));
    this.#committing = fiber;
  }

  #say(message: string, tries: number): Effect.Effect<void> {
    return Effect.logError("cannot write to the outbox, acknowledgements wait", {
      module: "store",
      error: message,
      tries,
    });
  }

  /** What a commit has written is with the disk: synced, or to be synced within the interval. */
  #synced(commit: Commit, sync: boolean): void {
    if (sync) {
      this.#lastSync = this.#now();
      if (this.#syncTimer !== undefined) this.#fork(Fiber.interrupt(this.#syncTimer));
      this.#syncTimer = undefined;
    } else if (
      this.#options.sync === "interval" && this.#syncTimer === undefined && !onlyTakes(commit)
    ) this.#syncWithin(this.#lastSync + this.#options.syncInterval - this.#now());
  }

  #syncWithin(millis: number): void {
    this.#syncTimer = this.#fork(Effect.andThen(Effect.sleep(Math.max(0, millis)), () => {
      // One that is under way may have begun without it.
      if (this.#committing !== undefined) return this.#syncWithin(1);
      this.#syncTimer = undefined;
      this.#commit(emptyCommit(), true, 0, () => this.#arm());
    }));
  }

  /** What the last `write` of all journals has added is stored, or was nothing. */
  #done(flushing: ReadonlyArray<() => void>): void {
    for (const journal of this.#journals) journal.written();
    this.moved();
    for (const done of flushing) done();
    if (this.#isHigh && this.#unsafeBytes < OPEN_AGAIN_BYTES) this.#setHigh(false);
    this.#arm();
  }

  #setHigh(isHigh: boolean): void {
    this.#isHigh = isHigh;
    this.#onHigh();
  }

  #fork(effect: Effect.Effect<unknown>): Timer {
    return Runtime.runFork(this.#runtime)(Effect.asVoid(effect));
  }
}

/** After what runs now: a slice of events is one window's. */
const nextTurn = Effect.promise(() => Promise.resolve());
