import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as fc from "effect/FastCheck";
import type { AttemptContent, Outcome } from "../../../../src/webhook/attempt/Attempt.ts";
import { DELIVERED, LOST } from "../../../../src/webhook/attempt/Attempt.ts";
import type { Attempting } from "../../../../src/webhook/attempt/Executor.ts";
import * as LocalExecutor from "../../../../src/webhook/attempt/LocalExecutor.ts";
import type { Sender } from "../../../../src/webhook/attempt/Sender.ts";
import { A, settingsOf } from "../harness.ts";

const attemptOf = (id: number) => ({
  id,
  seq: id,
  lane: undefined,
  retry: undefined,
  slab: { bytes: new Uint8Array(0) },
  offset: 0,
  length: 0,
});

Deno.test("LocalExecutor tells the outcome of each attempt once, in whatever order they end, and of the rest that they are lost", () => {
  const orders = fc.shuffledSubarray(Array.from({ length: 30 }, (_, id) => id));
  fc.assert(fc.property(orders, (ending) => {
    const open = new Map<AttemptContent, (outcome: Outcome) => void>();
    const sender: Sender = { to: () => (attempt, done) => void open.set(attempt, done) };
    const told: Array<readonly [number, Outcome]> = [];
    const endpoint: Attempting = {
      key: 1,
      settings: settingsOf().endpoints.get(A)!, // its rules name it
      complete: ({ id }, outcome) => void told.push([id, outcome]),
    };
    Effect.runSync(Effect.scoped(Effect.gen(function* () {
      const executor = yield* LocalExecutor.make({ prepare: () => Effect.void, of: () => sender });
      executor.configure(endpoint);
      for (let id = 0; id < 30; id++) executor.attempt(endpoint, attemptOf(id));
      const ends = [...open.values()];
      for (const id of ending) ends[id]!(DELIVERED); // one for each attempt
      assert.deepEqual(told, ending.map((id) => [id, DELIVERED]));
    })));
    const lost = told.slice(ending.length).sort(([a], [b]) => a - b);
    const left = Array.from({ length: 30 }, (_, id) => id).filter((id) => !ending.includes(id));
    assert.deepEqual(lost, left.map((id) => [id, LOST]));
    for (const done of open.values()) done(DELIVERED); // its client tells of its own end
    assert.equal(told.length, 30);
  }));
});
