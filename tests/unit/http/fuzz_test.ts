/**
 * Hostile answers, at random, against ResponseReader. A run is repeated exactly by its seed, which a failure
 * names; longer runs and other seeds:
 *
 *     deno test -A tests/unit/http/fuzz_test.ts -- --fuzz-seed=7 --fuzz-answers=1000000
 */
import assert from "node:assert/strict";
import { ResponseReader } from "../../../src/http/ResponseReader.ts";
import { flag } from "../../support/flag.ts";
import { bytesOfLatin1, goodAnswer, hostileAnswer } from "../../support/fuzz/answers.ts";
import { Random } from "../../support/fuzz/Random.ts";
import { memoryInUse } from "../../support/heap.ts";

const seed = flag("fuzz-seed", 1);
const answersWanted = flag("fuzz-answers", 5_000);

const GOOD = bytesOfLatin1("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");

/** So low that many answers reach them. */
const limits = { maxHeadBytes: 8 * 1024, maxBodyBytes: 1000 };

const INPUT = new Uint8Array(128 * 1024);

/** What a connection would see of these bytes, cut into reads of these lengths. */
const read = (reader: ResponseReader, bytes: Uint8Array, nextRead: () => number): string => {
  reader.begin();
  for (let at = 0; at < bytes.length;) {
    const count = Math.min(bytes.length - at, nextRead());
    INPUT.set(bytes.subarray(at, at += count));
    const progress = reader.read(INPUT, count);
    INPUT.fill(0x21, 0, count); // nothing of it may have been kept
    if (progress === "more") continue;
    if (progress === "malformed") {
      assert.notEqual(reader.fault.detail, "");
      // Of two faults, the one that is seen first depends on the reads.
      return `${progress} ${soFar(reader)}`;
    }
    const { status, head, after, rest } = reader;
    assert.ok(status >= 200 && status <= 599, `status ${status}`);
    assert.ok(rest <= count);
    const fields = head.fields.map(([name, value]) => `${name}=${value}`).join();
    const behind = progress === "cut" ? "" : rest + bytes.length - at;
    return `${progress} ${status} ${after._tag} ${behind} ${fields}`;
  }
  const end = reader.end();
  reader.breakOff();
  return `${end}, ${reader.started} ${soFar(reader)}`;
};

/** What counts of an answer that is not whole. */
const soFar = ({ isAnswered, status, head }: ResponseReader): string => {
  if (!isAnswered) return "";
  assert.ok(status === 101 || status >= 200 && status <= 999, `status ${status}`);
  return `${status} ${head.fields.map(([name, value]) => `${name}=${value}`).join()}`;
};

Deno.test(`ResponseReader takes ${answersWanted} hostile answers of seed ${seed}: none escapes, all read alike however the bytes come, memory stays flat`, () => {
  const random = new Random(seed);
  // One reader has read all before; its peer is new each time.
  const reader = new ResponseReader(limits);
  const seen = new Map<string, number>();
  let before = 0;
  for (let n = 0; n < answersWanted; n++) {
    if (n === answersWanted >> 2) before = memoryInUse();
    const text = random.chance(0.1)
      ? goodAnswer(random, 200 + random.below(400))
      : hostileAnswer(random);
    const bytes = bytesOfLatin1(text);
    try {
      const whole = read(new ResponseReader(limits), bytes, () => bytes.length);
      const most = random.pick(bytes.length < 300 ? [1, 7, 100] : [100, 4096]);
      assert.equal(read(reader, bytes, () => 1 + random.below(most)), whole);
      const kind = whole.split(/[ ,:]/, 1)[0] ?? "";
      seen.set(kind, 1 + (seen.get(kind) ?? 0));
      reader.begin();
      assert.equal(reader.read(GOOD), "done");
      assert.equal(reader.status, 200);
    } catch (cause) {
      throw new Error(`answer ${n} of seed ${seed}: ${JSON.stringify(text.slice(0, 2000))}`, {
        cause,
      });
    }
  }
  const grown = memoryInUse() - before;
  assert.ok(grown < 1024 * 1024, `${grown} bytes more`);
  for (const kind of ["done", "cut", "malformed", "more"]) {
    assert.ok((seen.get(kind) ?? 0) > answersWanted / 200, `${kind}: ${seen.get(kind)}`);
  }
});
