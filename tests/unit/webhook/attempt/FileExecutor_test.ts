/** Lines on their way to files, over files that are none, under TestClock. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Runtime from "effect/Runtime";
import * as Scope from "effect/Scope";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import type { AppendFile } from "../../../../src/webhook/attempt/appendFile.ts";
import type { Outcome } from "../../../../src/webhook/attempt/Attempt.ts";
import type { Delivery } from "../../../../src/webhook/attempt/Delivery.ts";
import type { Attempting } from "../../../../src/webhook/attempt/Executor.ts";
import * as FileExecutor from "../../../../src/webhook/attempt/FileExecutor.ts";
import { rule, settingsOf } from "../harness.ts";

const HTTP_TIMEOUT = 200;

/** A file that takes all there is at once, unless a test says how it answers the next writes. */
class ScriptedFile implements AppendFile {
  readonly first = new Uint8Array(0);
  text = "";
  closed = 0;
  /** How the next writes end: by so many bytes taken, a fault, or as a promise says; then they take all. */
  readonly next: Array<number | Error | Promise<number>> = [];

  async write(bytes: Uint8Array): Promise<number> {
    const next = this.next.shift() ?? bytes.length;
    if (next instanceof Error) throw next;
    const count = Math.min(await next, bytes.length);
    this.text += new TextDecoder().decode(bytes.subarray(0, count));
    return count;
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}

class Bench {
  readonly files: FileExecutor.FileExecutor;
  readonly pass: (milliseconds: number) => Promise<void>;
  readonly close: () => Promise<void>;
  /** How attempts ended, as `file body: outcome`. */
  readonly ended: Array<string> = [];
  readonly #byPath: Map<string, ScriptedFile>;
  readonly #endpoints = new Map<string, Attempting>();
  #nextId = 1;

  constructor(
    files: FileExecutor.FileExecutor,
    byPath: Map<string, ScriptedFile>,
    pass: (milliseconds: number) => Promise<void>,
    close: () => Promise<void>,
  ) {
    this.files = files;
    this.#byPath = byPath;
    this.pass = pass;
    this.close = close;
  }

  /** What is opened at this path from now on. */
  file(name = "a"): ScriptedFile {
    const file = new ScriptedFile();
    this.#byPath.set(`/${name}`, file);
    return file;
  }

  append(body: string, name = "a"): void {
    this.files.attempt(this.#endpoint(name), delivery(this.#nextId++, body));
  }

  async appends(body: string, name = "a"): Promise<void> {
    this.append(body, name);
    await settled();
  }

  #endpoint(name: string): Attempting {
    const known = this.#endpoints.get(name);
    if (known !== undefined) return known;
    const url = `file:///${name}`;
    const { endpoints } = settingsOf({ rules: [rule("message_publish", { urls: [url] })] });
    const endpoint: Attempting = {
      key: this.#endpoints.size,
      settings: { ...endpoints.get(url)!, httpTimeout: HTTP_TIMEOUT }, // its rule names it
      complete: (attempt, outcome) => {
        const { slab, offset, length } = attempt;
        const body = new TextDecoder().decode(slab.bytes.subarray(offset, offset + length));
        this.ended.push(`${name} ${body}: ${told(outcome)}`);
      },
    };
    this.#endpoints.set(name, endpoint);
    this.files.configure(endpoint);
    return endpoint;
  }
}

const told = (outcome: Outcome): string =>
  outcome._tag === "Failed" ? `${outcome.error.reason}, ${outcome.error.detail}` : outcome._tag;

const delivery = (id: number, body: string): Delivery => {
  const bytes = new TextEncoder().encode(body);
  return {
    id,
    event: 0,
    seq: id,
    born: 0,
    lane: undefined,
    slab: { bytes, live: bytes.length },
    offset: 0,
    length: bytes.length,
    retry: undefined,
    dueAt: 0,
    schedule: undefined,
  };
};

/** Until every callback that is due has run: they are microtasks, some behind others. */
const settled = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await Promise.resolve();
};

const test = (name: string, body: (bench: Bench) => Promise<void>): void => {
  Deno.test(name, () =>
    Effect.gen(function* () {
      const run = Runtime.runPromise(yield* Effect.runtime());
      const scope = yield* Scope.make();
      const byPath = new Map<string, ScriptedFile>();
      const files = yield* Scope.extend(
        FileExecutor.makeWith(async ({ pathname }) => {
          await undefined;
          return byPath.get(pathname) ?? Promise.reject(new Error("no such file"));
        }),
        scope,
      );
      const pass = async (milliseconds: number) => {
        await settled();
        await run(TestClock.adjust(milliseconds));
        await settled();
      };
      const close = Effect.suspend(() => Scope.close(scope, Exit.void));
      const bench = new Bench(files, byPath, pass, () => run(close));
      yield* Effect.promise(() => body(bench));
      const closing = bench.close();
      yield* Effect.promise(() => pass(1_000)); // what hangs is waited for
      yield* Effect.promise(() => closing);
    }).pipe(Effect.provide(TestContext.TestContext), Effect.runPromise));
};

/** A write that hangs until `end` is called. */
const hang = (file: ScriptedFile): (count: number) => Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<number>();
  file.next.push(promise);
  return async (count) => {
    resolve(count);
    await settled();
  };
};

const LATE = `timeout, not written within ${HTTP_TIMEOUT} ms`;
const HANGS = "file, an earlier write to it still hangs";

test("FileExecutor writes what comes together in one, in its order", async (bench) => {
  const file = bench.file();
  const end = hang(file);
  await bench.appends("1");
  bench.append("2");
  bench.append("3");
  await end(Infinity);
  assert.equal(file.text, "1\n2\n3\n");
  assert.deepEqual(bench.ended, ["a 1: Delivered", "a 2: Delivered", "a 3: Delivered"]);
});

test("FileExecutor ends what a file hangs on at its time-out, to the millisecond", async (bench) => {
  hang(bench.file());
  await bench.appends("1");
  bench.append("2");
  await bench.pass(HTTP_TIMEOUT - 1);
  assert.deepEqual(bench.ended, []);
  await bench.pass(1);
  assert.deepEqual(bench.ended, [`a 1: ${LATE}`, `a 2: ${LATE}`]);
});

test("FileExecutor counts the time-out anew for each write", async (bench) => {
  const file = bench.file();
  const end = hang(file);
  hang(file);
  await bench.appends("1");
  await bench.appends("2");
  await bench.pass(HTTP_TIMEOUT - 1);
  await end(Infinity);
  await bench.pass(HTTP_TIMEOUT - 1);
  assert.deepEqual(bench.ended, ["a 1: Delivered"]);
  await bench.pass(1);
  assert.deepEqual(bench.ended.slice(1), [`a 2: ${LATE}`]);
});

test("FileExecutor fails attempts at once while a file hangs, and goes on when it has returned", async (bench) => {
  const file = bench.file();
  const end = hang(file);
  await bench.appends("1");
  await bench.pass(HTTP_TIMEOUT);
  bench.append("2");
  assert.equal(bench.ended.length, 1, "not before attempt has returned");
  await settled();
  assert.deepEqual(bench.ended, [`a 1: ${LATE}`, `a 2: ${HANGS}`]);
  await end(Infinity);
  await bench.appends("3");
  assert.deepEqual(bench.ended.slice(2), ["a 3: Delivered"]);
  assert.equal(file.text, "1\n3\n");
});

test("FileExecutor completes the line, and no more, that a hung write took in part", async (bench) => {
  const file = bench.file();
  const end = hang(file);
  bench.append("one");
  bench.append("two");
  await bench.pass(HTTP_TIMEOUT);
  await end(1);
  assert.equal(file.text, "one\n");
  await bench.appends("one");
  assert.equal(file.text, "one\none\n");
});

test("FileExecutor waits within the time-out for a pipe that is full, and completes its half line later", async (bench) => {
  const file = bench.file();
  file.next.push(5, ...Array.from({ length: 300 }, () => 0));
  bench.append("one");
  bench.append("two");
  await settled();
  for (let ms = 0; ms < HTTP_TIMEOUT; ms += 10) await bench.pass(10);
  assert.deepEqual(bench.ended, [`a one: ${LATE}`, `a two: ${LATE}`]);
  await bench.pass(10);
  file.next.length = 0;
  await bench.appends("three");
  assert.equal(file.text, "one\ntwo\nthree\n");
  assert.deepEqual(bench.ended.slice(2), ["a three: Delivered"]);
});

test("FileExecutor goes on with a pipe as soon as there is room", async (bench) => {
  const file = bench.file();
  file.next.push(2, 0, 0);
  bench.append("one");
  for (let turns = 0; turns < 3; turns++) await bench.pass(10);
  assert.equal(file.text, "one\n");
  assert.deepEqual(bench.ended, ["a one: Delivered"]);
});

test("FileExecutor takes the lines before a fault as delivered, and opens the file anew", async (bench) => {
  const file = bench.file();
  file.next.push(6, new Error("no space left on device"));
  for (const body of ["one", "two", "three"]) bench.append(body);
  await settled();
  assert.deepEqual(bench.ended, [
    "a one: Delivered",
    "a two: file, no space left on device",
    "a three: file, no space left on device",
  ]);
  assert.equal(file.closed, 1);
  const next = bench.file();
  await bench.appends("two");
  assert.equal(next.text, "two\n", "what was cut short is the file's matter, not the next one's");
});

test("FileExecutor lets no file that hangs hold another", async (bench) => {
  for (let n = 0; n < 15; n++) {
    hang(bench.file(`hung${n}`));
    bench.append("1", `hung${n}`);
  }
  const file = bench.file();
  await bench.appends("1");
  await bench.pass(HTTP_TIMEOUT);
  await bench.appends("2");
  assert.equal(file.text, "1\n2\n");
});

test("FileExecutor has no more than 16 calls under way, hung ones counted", async (bench) => {
  const ends = Array.from({ length: 16 }, (_, n) => {
    const end = hang(bench.file(`hung${n}`));
    bench.append("1", `hung${n}`);
    return end;
  });
  const file = bench.file();
  await bench.appends("1");
  assert.equal(file.text, "");
  await bench.pass(HTTP_TIMEOUT);
  assert.equal(bench.ended.length, 17);
  await bench.appends("2");
  assert.deepEqual(bench.ended.slice(17), [`a 2: ${HANGS}`]);
  await ends[0]!(Infinity); // there are 16
  await bench.appends("3");
  assert.equal(file.text, "3\n");
});

test("FileExecutor closes within a second beside a file that hangs, and waits for one that does not", async (bench) => {
  hang(bench.file("hung"));
  bench.append("1", "hung");
  const file = bench.file();
  const end = hang(file);
  await bench.appends("1");
  const closing = bench.close();
  await end(Infinity);
  assert.deepEqual(bench.ended, ["a 1: Delivered"]);
  assert.equal(file.closed, 1);
  await bench.pass(1_000);
  await closing;
  assert.deepEqual(bench.ended.slice(1), ["hung 1: Lost"]);
});

test("FileExecutor opens a file anew when it is told to", async (bench) => {
  const file = bench.file();
  await bench.appends("1");
  const rotated = bench.file();
  await bench.appends("2");
  Effect.runSync(bench.files.reopen);
  await bench.appends("3");
  assert.deepEqual([file.text, file.closed, rotated.text], ["1\n2\n", 1, "3\n"]);
});
