import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import { isJson, MOST_LEVELS } from "../../../../src/webhook/body/isJson.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** What the platform says, which knows no limit of levels. */
const parses = (bytes: Uint8Array): boolean => {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
};

/** Each begins a text that is JSON, or nearly. */
const WORDS = [...'{}[]:, \n\t\r"\\u0123456789-+.eEaé\u{1f600}\u0000\u001f'].concat(
  "true",
  "false",
  "null",
  '"a":',
  '"b"',
  "1.5e3",
  "\\n",
  "\\ud800",
  "nul",
  "\ufeff",
);

Deno.test("isJson says of any text what the platform's parser does", () => {
  const soup = fc.array(fc.constantFrom(...WORDS), { maxLength: 12 }).map((words) =>
    words.join("")
  );
  let yes = 0;
  fc.assert(
    fc.property(soup, (text) => {
      const bytes = bytesOf(text);
      const expected = parses(bytes);
      if (expected) yes++;
      assert.equal(isJson(bytes), expected);
    }),
    { numRuns: 20_000 },
  );
  assert.ok(yes > 100, "some of them are");
});

Deno.test("isJson takes each JSON text, and of one with a byte changed, inserted or cut what the parser does", () => {
  fc.assert(
    fc.property(
      fc.json({ maxDepth: 4 }),
      fc.nat(),
      fc.integer({ min: 0, max: 255 }),
      (text, place, byte) => {
        const bytes = bytesOf(text);
        assert.ok(isJson(bytes));
        const at = place % bytes.length;
        const changed = bytes.with(at, byte);
        const inserted = Uint8Array.of(...bytes.subarray(0, at), byte, ...bytes.subarray(at));
        for (const other of [changed, inserted, bytes.subarray(0, at), bytes.subarray(at)]) {
          assert.equal(isJson(other), parses(other));
        }
      },
    ),
    { numRuns: 1000 },
  );
});

Deno.test("isJson knows UTF-8 from what is none, within strings and outside", () => {
  for (const bad of [[0x80], [0xc3], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xc0, 0xaf]]) {
    assert.equal(isJson(Uint8Array.of(0x22, ...bad, 0x22)), false);
  }
  assert.ok(isJson(bytesOf('"é😀\ufffd"')));
  assert.equal(isJson(bytesOf("é")), false);
  assert.equal(isJson(bytesOf("\ufeff1")), false);
});

Deno.test("isJson takes as many levels as widely used parsers do within a body and a batch, and no more", () => {
  const nested = (levels: number, [open, close]: readonly [string, string]) =>
    bytesOf(open.repeat(levels) + "1" + close.repeat(levels));
  for (const kind of [["[", "]"], ['{"a":', "}"], ["[ ", "\n]"]] as const) {
    assert.ok(isJson(nested(MOST_LEVELS, kind)));
    assert.equal(isJson(nested(MOST_LEVELS + 1, kind)), false);
  }
  assert.equal(isJson(bytesOf("[".repeat(1_000_000))), false);
  assert.ok(isJson(bytesOf(`[${"[],".repeat(100_000)}{}]`)));
});
