/** Lines to a reader that is quick, slow, or gone. */
import assert from "node:assert/strict";
import { LineWriter } from "../../../src/ops/LineWriter.ts";

/** A reader that takes what it is given when it is let. */
class SlowReader {
  text = "";
  #pending: (() => void) | undefined;
  #isOpen = false;

  write(bytes: Uint8Array): Promise<number> {
    const taken = bytes.subarray(0, Math.ceil(bytes.length / 2)); // as a pipe may
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#pending = () => {
      this.text += new TextDecoder().decode(taken);
      resolve(taken.length);
    };
    if (this.#isOpen) this.#pending();
    return promise;
  }

  /** Reads all from now on. */
  open(): void {
    this.#isOpen = true;
    this.#pending?.();
  }

  get lines(): Array<string> {
    return this.text.split("\n");
  }
}

const notice = (leftOut: number) => `${leftOut} left out`;

Deno.test("LineWriter writes the lines of one turn by one write, in their order", async () => {
  const writes: Array<string> = [];
  const lines = new LineWriter({
    write: (bytes) => {
      writes.push(new TextDecoder().decode(bytes));
      return Promise.resolve(bytes.length);
    },
  }, notice);
  lines.write("a");
  lines.write("ä");
  await lines.flush(1000);
  lines.write("c");
  await lines.flush(1000);
  assert.deepEqual(writes, ["a\nä\n", "c\n"]);
});

Deno.test("LineWriter keeps a megabyte for a reader that stands still, and tells in their place how many lines found no room", async () => {
  const reader = new SlowReader();
  const lines = new LineWriter(reader, notice);
  const line = "x".repeat(1023);
  for (let n = 0; n < 5000; n++) lines.write(`${n} ${line}`);
  lines.write("a short one in the gap");
  await lines.flush(1); // nobody reads: it is left at its deadline
  assert.equal(reader.text, "");
  reader.open();
  await lines.flush(60_000);
  lines.write("after");
  await lines.flush(60_000);
  const read = reader.lines;
  const kept = read.length - 3; // the notice, "after", and what is behind the last line end
  assert.ok(kept > 1000 && kept < 1024, `${kept} lines were kept`);
  assert.deepEqual(
    read.slice(0, kept).map((line) => Number(line.split(" ")[0])),
    Array.from({ length: kept }, (_, n) => n),
  );
  assert.deepEqual(read.slice(kept), [`${5000 - kept + 1} left out`, "after", ""]);
});

Deno.test("LineWriter takes a line of any length where nothing waits", async () => {
  const reader = new SlowReader();
  const lines = new LineWriter(reader, notice);
  const long = "x".repeat(3 * 1024 * 1024);
  lines.write(long);
  lines.write("no room");
  reader.open();
  await lines.flush(60_000);
  lines.write("after");
  await lines.flush(60_000);
  assert.deepEqual(reader.lines.map((line) => line.length > 100 ? "long" : line), [
    "long",
    "1 left out",
    "after",
    "",
  ]);
});

Deno.test("LineWriter goes on when nobody is there to read", async () => {
  let isBroken = true;
  let text = "";
  const lines = new LineWriter({
    write: (bytes) => {
      if (isBroken) return Promise.reject(new Deno.errors.BrokenPipe());
      text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
  }, notice);
  lines.write("lost");
  await lines.flush(1000);
  isBroken = false;
  lines.write("read");
  await lines.flush(1000);
  assert.equal(text, "read\n");
});
