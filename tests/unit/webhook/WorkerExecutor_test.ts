/** How workers share the limit of requests in flight. */
import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import { shares } from "../../../src/webhook/WorkerExecutor.ts";

Deno.test("shares add up to the limit, differ by one at most, and are no more than the workers", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 256 }),
      fc.integer({ min: 1, max: 65_535 }),
      (n, limit) => {
        const permits = shares(n, limit);
        assert.equal(permits.reduce((sum, share) => sum + share, 0), limit);
        assert.equal(permits.length, Math.min(n, limit));
        assert.ok(Math.max(...permits) - Math.min(...permits) <= 1);
      },
    ),
  );
});
