import assert from "node:assert/strict";
import { SequenceNumbers } from "../../../../src/webhook/dispatch/SequenceNumbers.ts";

Deno.test("SequenceNumbers grow by one per client, from the start", () => {
  const numbers = new SequenceNumbers(1_000);
  assert.deepEqual(["a", "a", "b", "a"].map((client) => numbers.next(client)), [
    1_001,
    1_002,
    1_001,
    1_003,
  ]);
});

Deno.test("SequenceNumbers never go back for a client that was forgotten", () => {
  const numbers = new SequenceNumbers(0, 2);
  const last = new Map<string, number>();
  for (let n = 0; n < 1_000; n++) {
    const client = `c${(n * 7) % 5}`;
    const next = numbers.next(client);
    assert.ok(next > (last.get(client) ?? 0));
    last.set(client, next);
  }
});
