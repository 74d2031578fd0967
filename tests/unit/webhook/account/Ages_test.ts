import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import { Ages } from "../../../../src/webhook/account/Ages.ts";

Deno.test("Ages tells how long the oldest has waited, to the second and never more than that, in whatever order they come and go", () => {
  const borns = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 20 });
  fc.assert(fc.property(borns, fc.func(fc.boolean()), (borns, goes) => {
    const ages = new Ages();
    const left: Array<number> = [];
    for (const born of borns) {
      ages.add(born);
      left.push(born);
      for (const old of [...left]) {
        if (!goes(old, left.length)) continue;
        left.splice(left.indexOf(old), 1);
        ages.take(old);
      }
      const now = 30_000;
      const oldest = now - Math.min(...left);
      const told = ages.oldest(now);
      if (left.length === 0) assert.equal(told, 0);
      else assert.ok(told <= oldest && told > oldest - 1001, `${told} of ${oldest}`);
    }
  }));
});

Deno.test("Ages is never below 0, though the clock be set back", () => {
  const ages = new Ages();
  ages.add(5000);
  assert.equal(ages.oldest(1000), 0);
  ages.clear();
  assert.equal(ages.oldest(99_000), 0);
});

Deno.test("Ages forgets what is cleared, and stays right when that comes to its end later", () => {
  const ages = new Ages();
  for (const born of [1000, 5000]) ages.add(born);
  ages.clear();
  for (const born of [1000, 5000]) ages.take(born);
  ages.add(5000);
  assert.equal(ages.oldest(9000), 3000);
});
