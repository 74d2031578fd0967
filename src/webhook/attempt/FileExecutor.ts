/**
 * Lines appended to files: what an attempt is for a `file://` target. What has come together while the
 * last write ran is written in one; a write that fails fails everything that waits behind it, so that
 * no line overtakes another. It must never leave half a line before a whole one.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { bytesOf } from "../body/BodySlab.ts";
import type { Attempt, Outcome } from "./Attempt.ts";
import { DELIVERED, LOST } from "./Attempt.ts";
import * as DeliveryError from "./DeliveryError.ts";
import type { Attempting, Executor } from "./Executor.ts";

export interface FileExecutor extends Executor {
  /** Files are opened anew before their next line. */
  readonly reopen: Effect.Effect<void>;
}

/** An executor for files. When the scope closes, the write that runs is awaited. */
export const make: Effect.Effect<FileExecutor, never, Scope.Scope> = Effect.gen(function* () {
  const files = new Map<number, LineFile>();
  /** URLs of forgotten files that end within a line. */
  const torn = new Set<string>();
  yield* Effect.addFinalizer(() =>
    Effect.promise(() => Promise.all([...files.values()].map((file) => file.close())))
  );
  return {
    prepare: () => Effect.void,
    configure(endpoint) {
      if (files.has(endpoint.key)) return;
      files.set(endpoint.key, new LineFile(endpoint, torn.delete(endpoint.settings.url)));
    },
    attempt: (endpoint, attempt) => files.get(endpoint.key)!.append(attempt), // configured
    recall: () => {}, // what it has is being written, or goes with the next write
    forget({ key, settings }) {
      const file = files.get(key)!; // configured
      files.delete(key);
      if (file.torn) torn.add(settings.url);
      void file.close(); // nothing is being written
    },
    takes: (limit) => limit,
    reopen: Effect.sync(() => {
      for (const file of files.values()) file.reopen();
    }),
  };
});

const NEWLINE = 0x0a;

/**
 * Modes of what is made here: events hold what clients say to each other, and are for the broker's own
 * user. What is there already keeps the mode that it has.
 */
const OWN_FILE = 0o600;
const OWN_FOLDER = 0o700;

class LineFile {
  readonly #path: URL;
  #pending: Array<Attempt> = [];
  #file: Deno.FsFile | undefined;
  #writing: Promise<void> | undefined;
  #reopen = false;
  #closed = false;

  readonly #endpoint: Attempting;

  constructor(
    endpoint: Attempting,
    /** The last write stopped within a line. */
    public torn: boolean,
  ) {
    this.#endpoint = endpoint;
    this.#path = new URL(endpoint.settings.url);
  }

  append(attempt: Attempt): void {
    this.#pending.push(attempt);
    this.#writing ??= this.#run();
  }

  reopen(): void {
    this.#reopen = true;
  }

  /** Waits for the write that runs; what came after it is lost. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
    this.#file?.close();
    this.#file = undefined;
    this.#complete(this.#pending.splice(0), LOST);
  }

  /** Writes until nothing is pending. One promise per write, not per line. */
  async #run(): Promise<void> {
    await undefined; // let the events of this turn come together
    while (this.#pending.length > 0 && !this.#closed) {
      const writing = this.#pending.splice(0);
      const outcome = await this.#write(writing);
      // In the order of events, and with what came behind a failure.
      const ended = outcome._tag === "Failed" ? [...writing, ...this.#pending.splice(0)] : writing;
      this.#complete(ended, outcome);
    }
    this.#writing = undefined;
  }

  async #write(writing: ReadonlyArray<Attempt>): Promise<Outcome> {
    const bytes = lines(writing, this.torn);
    let written = 0;
    try {
      const file = await this.#open();
      while (written < bytes.length) written += await file.write(bytes.subarray(written));
      this.torn = false;
      return DELIVERED;
    } catch (cause) {
      if (written > 0) this.torn = bytes[written - 1] !== NEWLINE;
      this.#file?.close();
      this.#file = undefined;
      return { _tag: "Failed", error: DeliveryError.fromFile(cause) };
    }
  }

  async #open(): Promise<Deno.FsFile> {
    if (this.#file !== undefined && this.#reopen) {
      this.#file.close();
      this.#file = undefined;
    }
    this.#reopen = false;
    if (this.#file !== undefined) return this.#file;
    await Deno.mkdir(new URL(".", this.#path), { recursive: true, mode: OWN_FOLDER });
    return this.#file = await Deno.open(this.#path, { append: true, create: true, mode: OWN_FILE });
  }

  #complete(attempts: ReadonlyArray<Attempt>, outcome: Outcome): void {
    for (const attempt of attempts) this.#endpoint.complete(attempt, outcome);
  }
}

const lines = (attempts: ReadonlyArray<Attempt>, torn: boolean): Uint8Array => {
  let length = torn ? 1 : 0;
  for (const attempt of attempts) length += attempt.length + 1;
  const bytes = new Uint8Array(length);
  let end = 0;
  if (torn) bytes[end++] = NEWLINE;
  for (const attempt of attempts) {
    bytes.set(bytesOf(attempt), end);
    end += attempt.length;
    bytes[end++] = NEWLINE;
  }
  return bytes;
};
