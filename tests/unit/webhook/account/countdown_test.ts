/** What a stop says while it waits. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import { countdown } from "../../../../src/webhook/account/countdown.ts";

Deno.test("countdown says each 2 s how many events are waited for and how long, and nothing of none", async () => {
  const lines: Array<string> = [];
  const logger = Logger.make<unknown, void>(({ date, message }) =>
    void lines.push(`${date.getTime()} ${message}`)
  );
  let waiting = 38;
  await Effect.gen(function* () {
    const fiber = yield* Effect.fork(countdown(9_500, () => waiting));
    yield* TestClock.adjust(3_000);
    waiting = 1;
    yield* TestClock.adjust(2_000);
    waiting = 0;
    yield* TestClock.adjust(2_000);
    waiting = 2;
    yield* TestClock.adjust(2_499);
    assert.equal(fiber.unsafePoll(), null);
    yield* TestClock.adjust(1);
    yield* fiber.await;
  }).pipe(
    Effect.provide(TestContext.TestContext),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Effect.runPromise,
  );
  assert.deepEqual(lines, [
    "0 stopping: waiting up to 9.5s for 38 events",
    "2000 stopping: waiting up to 7.5s for 38 events",
    "4000 stopping: waiting up to 5.5s for 1 event",
    "8000 stopping: waiting up to 1.5s for 2 events",
  ]);
});
