import assert from "node:assert/strict";
import * as FastCheck from "effect/FastCheck";
import { formatDuration, parseDuration } from "../../../src/config/Duration.ts";

for (
  const [text, milliseconds] of [
    ["500ms", 500],
    ["0s", 0],
    ["8s", 8000],
    ["1m30s", 90_000],
    ["2h", 7_200_000],
    ["1h30m", 5_400_000],
    ["1d", 86_400_000],
    ["2w", 1_209_600_000],
    ["90S", 90_000],
    ["1m500ms", 60_500],
    ["", undefined],
    ["8", undefined],
    ["s", undefined],
    ["8 s", undefined],
    ["-8s", undefined],
    ["1.5s", undefined],
    ["8sec", undefined],
    ["99999999999999999w", undefined],
  ] as const
) {
  Deno.test(`parseDuration reads ${JSON.stringify(text)} as ${milliseconds} ms`, () => {
    assert.equal(parseDuration(text), milliseconds);
  });
}

Deno.test("formatDuration writes what parseDuration reads back", () => {
  FastCheck.assert(
    FastCheck.property(FastCheck.integer({ min: 0, max: 2 ** 50 }), (milliseconds) => {
      assert.equal(parseDuration(formatDuration(milliseconds)), milliseconds);
    }),
  );
});

Deno.test("formatDuration writes the largest units that fit", () => {
  assert.deepEqual([0, 90_000, 1_296_000_000, 1_209_600_000].map(formatDuration), [
    "0s",
    "1m30s",
    "15d",
    "2w",
  ]);
});
