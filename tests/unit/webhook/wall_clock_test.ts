/** The wall clock is set while the engine repeats and waits: no event is given up for it, or kept waiting. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import { pass, published, settingsOf, withEngine } from "./harness.ts";

const HOUR = 3_600_000;

for (const [what, skew] of [["an hour on", HOUR], ["an hour back", -HOUR]] as const) {
  Deno.test(`WebHook repeats at the same moments when the wall clock is set ${what}`, () =>
    withEngine(
      settingsOf(),
      () => 500,
      ({ webhook, sent, setWallClock }) =>
        Effect.gen(function* () {
          yield* pass(2 * HOUR); // seconds since 1970 are not negative after it
          webhook.sink.emit(published("c", 1));
          yield* pass(2_000);
          setWallClock(skew);
          yield* pass(98_000);
          assert.deepEqual(
            sent.map(({ at }) => at - 2 * HOUR),
            [0, 500, 1_750, 4_875, 12_687.5, 32_218.75],
          );
          const told = sent.map(({ headers }) => Number(headers["webhook-timestamp"]));
          assert.deepEqual(told.slice(2, 4), [7_201, 7_204 + skew / 1000]); // receivers are told wall time
        }),
    ));

  Deno.test(`WebHook probes an open breaker at the same moments when the wall clock is set ${what}`, () =>
    withEngine(
      settingsOf({ concurrencyLimit: 1 }),
      () => 500,
      ({ webhook, sent, setWallClock }) =>
        Effect.gen(function* () {
          for (let n = 0; n < 30; n++) webhook.sink.emit(published("c", n));
          yield* pass(0);
          setWallClock(skew);
          yield* pass(12_600);
          assert.deepEqual(sent.slice(20).map(({ at }) => at), [500, 1_750, 4_875]);
        }),
    ));

  Deno.test(`WebHook says a URL's failures once in 10 s when the wall clock is set ${what}`, () =>
    withEngine(
      settingsOf({ breakerFailures: 1_000 }),
      () => 404,
      ({ webhook, logs, setWallClock }) =>
        Effect.gen(function* () {
          const said = () => logs.filter((line) => line.startsWith("event lost")).length;
          webhook.sink.emit(published("c", 1));
          yield* pass(9_998);
          setWallClock(skew);
          webhook.sink.emit(published("c", 2));
          yield* pass(1);
          assert.equal(said(), 1);
          yield* pass(1);
          assert.equal(said(), 2);
        }),
    ));
}
