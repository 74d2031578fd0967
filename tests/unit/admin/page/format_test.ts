import assert from "node:assert/strict";
import { axisEnd, duration, rate, several, short } from "../../../../src/admin/page/format.js";

Deno.test("duration says a time by its two largest units at most", () => {
  const said: ReadonlyArray<readonly [number, string]> = [
    [0, "0 ms"],
    [2.34, "2.3 ms"],
    [999, "999 ms"],
    [1200, "1.2 s"],
    [59_000, "59 s"],
    [95_000, "1 min"],
    [89 * 60_000, "89 min"],
    [192 * 60_000, "3 h 12 min"],
    [51 * 3_600_000, "2 d 3 h"],
  ];
  for (const [ms, text] of said) assert.equal(duration(ms), text);
});

Deno.test("Numbers are short enough for where they stand", () => {
  assert.deepEqual([0, 3.25, 9.97, 4980.4].map(rate), ["0", "3.3", "10", "4,980"]);
  assert.deepEqual([9999, 48_211, 1_200_000].map(short), ["9,999", "48.2K", "1.2M"]);
  assert.deepEqual([several(1, "event"), several(1500, "event")], ["1 event", "1,500 events"]);
});

Deno.test("axisEnd is round, as its half is, and holds what it has to", () => {
  assert.deepEqual([0, 3, 5, 7, 10, 11, 265, 4980, 5001].map(axisEnd), [
    4,
    4,
    5,
    8,
    10,
    20,
    400,
    5000,
    8000,
  ]);
});
