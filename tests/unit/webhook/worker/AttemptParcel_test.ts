import assert from "node:assert/strict";
import * as AttemptParcel from "../../../../src/webhook/worker/AttemptParcel.ts";
import { BodySlabs } from "../../../../src/webhook/body/BodySlab.ts";
import { textOf, writeText } from "../bodies.ts";

Deno.test("AttemptParcel reads what it wrote, whatever the bodies' lengths, and moments by the reader's clock", () => {
  const slabs = new BodySlabs();
  const bodies = ["", "1", "12345678", "123456789", "ü".repeat(5_000)];
  const deliveries = bodies.map((body, n) => ({
    ...slabs.write(body, writeText),
    id: n + 1,
    event: 0,
    seq: 1_700_000_000_000 + n,
    lane: undefined,
    retry: n === 2 ? { failures: 1, deadline: 5_000, reason: "timeout" as const } : undefined,
    dueAt: 0,
    schedule: undefined,
  }));
  const read: Array<unknown> = [];
  AttemptParcel.forEach(
    AttemptParcel.encode(deliveries, bodies.map((_, n) => n * 10), 4_000),
    70_000,
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
    ) => [n + 1, 1_700_000_000_000 + n, n * 10, n === 2 ? 71_100 : Infinity, body]),
  );
});
