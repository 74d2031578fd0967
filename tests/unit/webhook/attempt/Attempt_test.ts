/** Executors with an Attempt that is no Delivery: two deliveries in one body. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type { Attempt, Outcome } from "../../../../src/webhook/attempt/Attempt.ts";
import { DELIVERED, startBy } from "../../../../src/webhook/attempt/Attempt.ts";
import type { Attempting } from "../../../../src/webhook/attempt/Executor.ts";
import * as LocalExecutor from "../../../../src/webhook/attempt/LocalExecutor.ts";
import type { Sender } from "../../../../src/webhook/attempt/Sender.ts";
import { Batch } from "../../../../src/webhook/attempt/Batch.ts";
import type { Delivery } from "../../../../src/webhook/attempt/Delivery.ts";
import { BodySlabs, bytesOf } from "../../../../src/webhook/body/BodySlab.ts";
import * as AttemptParcel from "../../../../src/webhook/worker/AttemptParcel.ts";
import { A, settingsOf } from "../harness.ts";

interface JoinedAttempt extends Attempt {
  readonly deliveries: ReadonlyArray<number>;
}

const joined = (ids: readonly [number, ...ReadonlyArray<number>]): JoinedAttempt => {
  const bytes = new TextEncoder().encode(`[${ids.map((id) => `{"n":${id}}`).join(",")}]`);
  return {
    id: ids[0],
    seq: ids[0] + 100,
    lane: "c",
    retry: { failures: 1, deadline: 5_000, reason: "timeout" },
    slab: { bytes },
    offset: 0,
    length: bytes.length,
    deliveries: ids,
  };
};

Deno.test("LocalExecutor sends an Attempt of several deliveries as one request, and gives that very one back", async () => {
  const sent: Array<string> = [];
  const sender: Sender = {
    to: () => (attempt, done) => {
      sent.push(`${attempt.id} ${attempt.seq} ${new TextDecoder().decode(bytesOf(attempt))}`);
      queueMicrotask(() => done(DELIVERED));
    },
  };
  const ended: Array<readonly [Attempt, Outcome]> = [];
  const endpoint: Attempting = {
    key: 1,
    settings: settingsOf().endpoints.get(A)!, // its rules name it
    complete: (attempt, outcome) => void ended.push([attempt, outcome]),
  };
  await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const executor = yield* LocalExecutor.make({ prepare: () => Effect.void, of: () => sender });
    executor.configure(endpoint);
    const attempt = joined([7, 8]);
    executor.attempt(endpoint, attempt);
    yield* Effect.promise(() => new Promise((done) => setImmediate(done)));
    assert.deepEqual(sent, ['7 107 [{"n":7},{"n":8}]']);
    assert.equal(ended.length, 1);
    assert.equal(ended[0]?.[0], attempt);
    assert.equal(ended[0]?.[1], DELIVERED);
  })));
});

Deno.test("AttemptParcel takes an Attempt of several deliveries to a worker as one", () => {
  const read: Array<unknown> = [];
  const parcel = AttemptParcel.encode([joined([7, 8]), joined([9])], [1, 2], 0);
  AttemptParcel.forEach(parcel, 0, (attempt) => {
    const { id, seq, endpoint, startBy } = attempt;
    read.push([id, seq, endpoint, startBy, new TextDecoder().decode(bytesOf(attempt))]);
  });
  assert.deepEqual(read, [
    [7, 107, 1, 5_100, '[{"n":7},{"n":8}]'],
    [9, 109, 2, 5_100, '[{"n":9}]'],
  ]);
});

Deno.test("Attempt must have begun a little after its deadline at the latest, and without a failure whenever", () => {
  assert.equal(startBy(joined([1])), 5_100);
  assert.equal(startBy({ retry: undefined }), Infinity);
});

for (const form of ["array", "ndjson"] as const) {
  Deno.test(`Batch (${form}) has one body, whether it is asked for it or writes it into a parcel`, () => {
    const slabs = new BodySlabs();
    const texts = ['{"n":1}', '{"n":"é"}', "{}"];
    const deliveries = texts.map((text, i): Delivery => ({
      id: 7 + i,
      event: 0,
      seq: 107 + i,
      born: 0,
      lane: i === 0 ? "c" : undefined,
      ...slabs.copy(new TextEncoder().encode(text)),
      retry: undefined,
      dueAt: 0,
      schedule: undefined,
    }));
    const batch = new Batch(deliveries, form);
    const whole = form === "array" ? `[${texts.join(",")}]` : `${texts.join("\n")}\n`;
    assert.equal(new TextDecoder().decode(bytesOf(batch)), whole);
    batch.letGo();
    const read: Array<unknown> = [];
    const parcel = AttemptParcel.encode([batch, deliveries[1]!], [1, 1], 0); // of three
    AttemptParcel.forEach(parcel, 0, (attempt) => {
      read.push([attempt.id, attempt.seq, new TextDecoder().decode(bytesOf(attempt))]);
    });
    assert.deepEqual(read, [[7, undefined, whole], [8, 108, texts[1]]]);
    assert.deepEqual([batch.lane, Batch.of(deliveries[0]!, form).lane], [undefined, "c"]);
  });
}
