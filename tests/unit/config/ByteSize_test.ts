import assert from "node:assert/strict";
import * as FastCheck from "effect/FastCheck";
import { formatByteSize, parseByteSize } from "../../../src/config/ByteSize.ts";

for (
  const [text, bytes] of [
    ["0", 0],
    ["512", 512],
    ["512B", 512],
    ["64KB", 65536],
    ["64k", 65536],
    ["1MB", 1_048_576],
    ["1m", 1_048_576],
    ["1M", 1_048_576],
    ["2gb", 2_147_483_648],
    ["", undefined],
    ["MB", undefined],
    ["1.5MB", undefined],
    ["-1", undefined],
    ["1 MB", undefined],
    ["1TB", undefined],
    ["99999999999G", undefined],
  ] as const
) {
  Deno.test(`parseByteSize reads ${JSON.stringify(text)} as ${bytes} bytes`, () => {
    assert.equal(parseByteSize(text), bytes);
  });
}

Deno.test("formatByteSize writes what parseByteSize reads back", () => {
  FastCheck.assert(
    FastCheck.property(FastCheck.integer({ min: 0, max: 2 ** 40 }), (bytes) => {
      assert.equal(parseByteSize(formatByteSize(bytes)), bytes);
    }),
  );
});

Deno.test("formatByteSize writes the largest unit without a remainder", () => {
  assert.deepEqual([0, 1000, 1024, 1_048_576, 3 * 1024 ** 3].map(formatByteSize), [
    "0B",
    "1000B",
    "1KB",
    "1MB",
    "3GB",
  ]);
});
