import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type { RetryPolicy } from "../../../../src/domain/RetryPolicy.ts";
import * as RetrySchedule from "../../../../src/webhook/endpoint/RetrySchedule.ts";
import { retryPolicy } from "../harness.ts";

/** The instants of attempts after failures that take no time, the first of them at `first`. */
const instants = (policy: RetryPolicy, retryAfter?: number, first = 0): ReadonlyArray<number> => {
  const schedule = RetrySchedule.make(policy);
  const found: Array<number> = [];
  let now = first;
  for (let state: unknown = schedule.initial;;) {
    const step = Effect.runSync(RetrySchedule.step(schedule, state, now, { retryAfter }));
    if (step.due === undefined || found.length > 100) return found;
    found.push(step.due - first);
    now = step.due;
    state = step.state;
  }
};

Deno.test("RetrySchedule is due at 0.5, 1.75, 4.875, 12.6875 and 32.21875 s by default, counted from the first failure", () => {
  assert.deepEqual(instants(retryPolicy), [500, 1_750, 4_875, 12_687.5, 32_218.75]);
  assert.deepEqual(instants(retryPolicy, undefined, 1e12), [
    500,
    1_750,
    4_875,
    12_687.5,
    32_218.75,
  ]);
});

Deno.test("RetrySchedule makes no interval longer than retry_max_interval", () => {
  const policy = { ...retryPolicy, maxInterval: 1_000, maxElapsedTime: 4_000 };
  assert.deepEqual(instants(policy), [500, 1_500, 2_500, 3_500]);
});

Deno.test("RetrySchedule may be due at the elapsed limit itself, and not later", () => {
  assert.deepEqual(instants({ ...retryPolicy, maxElapsedTime: 1_750 }), [500, 1_750]);
  assert.deepEqual(instants({ ...retryPolicy, maxElapsedTime: 1_749 }), [500]);
  assert.deepEqual(instants({ ...retryPolicy, maxElapsedTime: 0 }), []);
});

Deno.test("RetrySchedule waits for the longer of its back-off and Retry-After", () => {
  assert.deepEqual(instants({ ...retryPolicy, maxElapsedTime: 10_000 }, 2_000), [
    2_000,
    4_000,
    7_125,
  ]);
});

Deno.test("RetrySchedule cuts Retry-After at the elapsed limit, once", () => {
  assert.deepEqual(instants(retryPolicy, 1e9), [60_000]);
});

Deno.test("RetrySchedule keeps every interval within its jitter", () => {
  for (let n = 0; n < 200; n++) {
    const [first] = instants({ ...retryPolicy, jitter: 0.5 });
    assert.ok(first! >= 250 && first! <= 750.1, String(first));
  }
});
