/**
 * One file that lines are appended to. What has come together while the last write ran is written in one; a
 * write that fails fails what waits behind it, so that no line overtakes another. No call of a file system
 * can be broken off: one that takes too long is left to itself, its attempts end, and until it returns all
 * others fail at once. It must never have two calls under way, nor leave half a line before a whole one.
 */
import type { Timer } from "../../http/Timer.ts";
import { bytesOf } from "../body/BodySlab.ts";
import type { AppendFile, OpenFile } from "./appendFile.ts";
import type { Attempt, Outcome } from "./Attempt.ts";
import { DELIVERED, failed, LOST } from "./Attempt.ts";
import * as DeliveryError from "./DeliveryError.ts";
import type { Attempting } from "./Executor.ts";

/** Who may make calls; all files together, since each call takes a thread of few. */
export interface FileTurns {
  /** Runs it now, or when it is its turn. */
  take(run: () => void): void;
  give(): void;
}

export interface LineFileContext {
  readonly open: OpenFile;
  readonly timer: Timer;
  readonly turns: FileTurns;
}

type State =
  | { readonly _tag: "Idle" }
  /** Waits for its turn, or writes these until the deadline, in the timer's time. */
  | {
    readonly _tag: "Busy";
    readonly writing: ReadonlyArray<Attempt>;
    readonly since: number;
    readonly deadline: number;
  }
  /** What was being written has been ended, its call has not returned. */
  | { readonly _tag: "Hung" };

type Busy = Extract<State, { readonly _tag: "Busy" }>;

const IDLE: State = { _tag: "Idle" };
const HUNG: State = { _tag: "Hung" };

const NOTHING: Uint8Array = new Uint8Array(0);
const NEWLINE = 0x0a;

/** Milliseconds until a pipe that was full is tried again. */
const FULL_PIPE_WAIT = 10;

/** Milliseconds that a close waits for the call under way. */
const CLOSE_WAIT = 1_000;

export class LineFile {
  readonly #endpoint: Attempting;
  readonly #path: URL;
  readonly #context: LineFileContext;

  #state: State = IDLE;
  #pending: Array<Attempt> = [];
  #file: AppendFile | undefined;
  /** To be written before the next line: it begins, ends or completes the one before. */
  #first = NOTHING;
  /** Whether it may end within a line: nobody knows of one that was never written to. */
  #torn = true;
  #reopen = false;
  #closed = false;
  /** Resolves when nothing is under way any more. */
  #running: Promise<void> | undefined;
  #cancelAlarm: (() => void) | undefined;

  constructor(endpoint: Attempting, context: LineFileContext) {
    this.#endpoint = endpoint;
    this.#path = new URL(endpoint.settings.url);
    this.#context = context;
  }

  append(attempt: Attempt): void {
    if (this.#state._tag === "Hung") {
      // Later: an attempt never ends before the call that makes it.
      queueMicrotask(() => this.#endpoint.complete(attempt, failed(DeliveryError.FILE_HANGS)));
      return;
    }
    this.#pending.push(attempt);
    if (this.#state._tag === "Idle") this.#begin();
  }

  /** The next line goes to what has the path then. */
  reopen(): void {
    this.#reopen = true;
  }

  /** Waits a moment for the call under way; what does not end with it is lost. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelAlarm?.();
    const wait = this.#sleep(CLOSE_WAIT);
    await Promise.race([this.#running, wait.over]);
    const writing = this.#state._tag === "Busy" ? this.#state.writing : [];
    const isIdle = this.#state._tag === "Idle";
    if (!isIdle) this.#state = HUNG;
    this.#complete([...writing, ...this.#pending.splice(0)], LOST);
    if (isIdle) await Promise.race([this.#drop(), wait.over]);
    wait.cancel();
  }

  #begin(): void {
    const ended = Promise.withResolvers<void>();
    this.#running = ended.promise;
    this.#busy([]);
    // The events of this turn come together.
    queueMicrotask(() => this.#context.turns.take(() => void this.#run().then(ended.resolve)));
  }

  #busy(writing: ReadonlyArray<Attempt>): Busy {
    const { httpTimeout } = this.#endpoint.settings;
    const since = this.#context.timer.now();
    const deadline = since + httpTimeout;
    if (this.#cancelAlarm === undefined) this.#watch(httpTimeout);
    return this.#state = { _tag: "Busy", writing, since, deadline };
  }

  // The alarm is not set anew for each write: when it is due, it looks how long there is still time.
  #watch(delay: number): void {
    if (delay === Infinity || this.#closed) return;
    this.#cancelAlarm = this.#context.timer.schedule(Math.ceil(delay), () => {
      this.#cancelAlarm = undefined;
      if (this.#state._tag !== "Busy") return;
      const left = this.#state.deadline - this.#context.timer.now();
      if (left > 0) this.#watch(left);
      else this.#giveUp(this.#state);
    });
  }

  #giveUp({ writing, since }: Busy): void {
    this.#state = HUNG;
    const { httpTimeout } = this.#endpoint.settings;
    const outcome = failed(DeliveryError.notWritten(httpTimeout));
    this.#complete(writing, outcome, this.#context.timer.now() - since);
    this.#complete(this.#pending.splice(0), outcome);
  }

  /** Writes until nothing is pending. One promise per write, not per line. */
  async #run(): Promise<void> {
    while (this.#pending.length > 0 && !this.#closed) {
      const writing = this.#pending.splice(0);
      const busy = this.#busy(writing);
      const { whole, outcome } = await this.#write(writing, () => this.#state !== busy);
      if (this.#state !== busy) break; // they have been ended
      const took = this.#context.timer.now() - busy.since;
      // In the order of events, and with what came behind a failure.
      this.#complete(writing.slice(0, whole), DELIVERED, took);
      if (outcome._tag === "Delivered") continue;
      this.#complete(writing.slice(whole), outcome, took);
      this.#complete(this.#pending.splice(0), outcome);
    }
    this.#state = IDLE;
    this.#context.turns.give();
    if (this.#closed) await this.#drop();
  }

  /** How many of the lines were written whole, and what became of the others. */
  async #write(
    writing: ReadonlyArray<Attempt>,
    isGivenUp: () => boolean,
  ): Promise<{ readonly whole: number; readonly outcome: Outcome }> {
    let written = 0;
    let bytes = NOTHING;
    let before = 0;
    try {
      const file = await this.#open();
      before = this.#first.length;
      bytes = lines(this.#first, writing);
      while (written < bytes.length) {
        this.#torn = true;
        const count = await file.write(bytes.subarray(written));
        written += count;
        this.#torn = bytes[written - 1] !== NEWLINE;
        this.#first = restOfLine(bytes, written);
        if (isGivenUp()) {
          // A line that was begun is ended, if it can be; they all come again.
          if (count === 0) break;
          bytes = bytes.subarray(0, written + this.#first.length);
        } else if (count === 0) await this.#sleep(FULL_PIPE_WAIT).over;
      }
      return { whole: writing.length, outcome: DELIVERED };
    } catch (cause) {
      await this.#drop();
      const error = DeliveryError.fromFile(cause);
      return { whole: wholeLines(writing, written - before), outcome: failed(error) };
    }
  }

  async #open(): Promise<AppendFile> {
    if (this.#reopen) await this.#drop();
    this.#reopen = false;
    if (this.#file !== undefined) return this.#file;
    const file = await this.#context.open(this.#path, this.#torn);
    this.#first = file.first;
    return this.#file = file;
  }

  async #drop(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#first = NOTHING;
    await file?.close();
  }

  #sleep(delay: number): { readonly over: Promise<void>; readonly cancel: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    return { over: promise, cancel: this.#context.timer.schedule(delay, resolve) };
  }

  #complete(attempts: ReadonlyArray<Attempt>, outcome: Outcome, took?: number): void {
    for (const attempt of attempts) this.#endpoint.complete(attempt, outcome, took);
  }
}

const lines = (first: Uint8Array, attempts: ReadonlyArray<Attempt>): Uint8Array => {
  let length = first.length;
  for (const attempt of attempts) length += attempt.length + 1;
  const bytes = new Uint8Array(length);
  bytes.set(first);
  let end = first.length;
  for (const attempt of attempts) {
    bytes.set(bytesOf(attempt), end);
    end += attempt.length;
    bytes[end++] = NEWLINE;
  }
  return bytes;
};

/** How many lines the first `written` bytes of them are. */
const wholeLines = (attempts: ReadonlyArray<Attempt>, written: number): number => {
  let whole = 0;
  let end = 0;
  for (const attempt of attempts) {
    end += attempt.length + 1;
    if (end > written) break;
    whole++;
  }
  return whole;
};

/** What is missing of the line that `at` is within; nothing where one begins. */
const restOfLine = (bytes: Uint8Array, at: number): Uint8Array =>
  at === 0 || bytes[at - 1] === NEWLINE ? NOTHING : bytes.slice(at, bytes.indexOf(NEWLINE, at) + 1);
