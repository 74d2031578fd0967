import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import { TokenBucket } from "../../../../src/webhook/endpoint/TokenBucket.ts";

Deno.test("TokenBucket holds as many as the period has, and gets one after the other", () => {
  const bucket = new TokenBucket({ count: 4, period: 1000 });
  const taken: Array<number> = [];
  for (let now = 0; now <= 2000; now += 10) {
    while (now >= bucket.nextAt) {
      bucket.take(now);
      taken.push(now);
    }
  }
  assert.deepEqual(taken, [0, 0, 0, 0, 250, 500, 750, 1000, 1250, 1500, 1750, 2000]);
});

Deno.test("TokenBucket gives again what was given back, and never more than it holds", () => {
  const bucket = new TokenBucket({ count: 2, period: 1000 });
  bucket.take(0);
  bucket.take(0);
  bucket.giveBack();
  assert.ok(bucket.nextAt <= 0);
  bucket.take(0);
  assert.equal(bucket.nextAt, 500);
});

Deno.test("TokenBucket beside a plain one that counts tokens, whenever they are asked for", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 5000 }),
      fc.array(fc.nat(400), { maxLength: 60, size: "max" }),
      (count, period, waits) => {
        const bucket = new TokenBucket({ count, period });
        let tokens = count;
        let now = 0;
        for (const wait of waits) {
          now += wait;
          tokens = Math.min(count, tokens + wait * count / period);
          // At the very moment of a token the two may differ by a rounding.
          if (Math.abs(tokens - Math.round(tokens)) > 1e-6) {
            assert.equal(now >= bucket.nextAt, tokens >= 1);
          }
          if (now < bucket.nextAt) continue;
          bucket.take(now);
          tokens = Math.max(0, tokens - 1);
        }
      },
    ),
  );
});
