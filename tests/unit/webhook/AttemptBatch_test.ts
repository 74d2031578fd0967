import assert from "node:assert/strict";
import * as AttemptBatch from "../../../src/webhook/AttemptBatch.ts";
import { BodySlabs } from "../../../src/webhook/BodySlab.ts";
import { textOf, writeText } from "./bodies.ts";

Deno.test("AttemptBatch reads what it wrote, whatever the bodies' lengths", () => {
  const slabs = new BodySlabs();
  const bodies = ["", "1", "12345678", "123456789", "ü".repeat(5_000)];
  const deliveries = bodies.map((body, n) => ({
    ...slabs.write(body, writeText),
    id: n + 1,
    event: 0,
    seq: 1_700_000_000_000 + n,
    lane: undefined,
    retry: n === 2 ? { state: undefined, deadline: 5_000, reason: "timeout" as const } : undefined,
    dueAt: 0,
  }));
  const read: Array<unknown> = [];
  AttemptBatch.forEach(
    AttemptBatch.encode(deliveries, bodies.map((_, n) => n * 10)),
    (attempt) => {
      const { id, seq, endpoint, startBy } = attempt;
      read.push([id, seq, endpoint, startBy, textOf(attempt)]);
    },
  );
  assert.deepEqual(
    read,
    bodies.map((
      body,
      n,
    ) => [n + 1, 1_700_000_000_000 + n, n * 10, n === 2 ? 5_100 : Infinity, body]),
  );
});
