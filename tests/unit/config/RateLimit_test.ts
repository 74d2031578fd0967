import assert from "node:assert/strict";
import { formatRateLimit, parseRateLimit } from "../../../src/config/RateLimit.ts";

for (
  const [text, count, period] of [
    ["30/s", 30, 1_000],
    ["1/m", 1, 60_000],
    ["10000/5m", 10_000, 300_000],
    ["2/1m30s", 2, 90_000],
    ["7/500ms", 7, 500],
    ["1000/H", 1_000, 3_600_000],
  ] as const
) {
  Deno.test(`parseRateLimit reads ${text}, and formatRateLimit writes it`, () => {
    assert.deepEqual(parseRateLimit(text), { count, period });
    assert.equal(formatRateLimit({ count, period }), text.toLowerCase());
  });
}

for (
  const text of ["", "30", "/s", "30/", "30/x", "0/s", "1.5/s", "1/0s", "1/25d", "1/s/s", " 1/s"]
) {
  Deno.test(`parseRateLimit reads nothing in ${JSON.stringify(text)}`, () => {
    assert.equal(parseRateLimit(text), undefined);
  });
}
