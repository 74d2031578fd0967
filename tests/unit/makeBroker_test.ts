import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import { makeBroker } from "../../src/makeBroker.ts";
import { Listener } from "../../src/mqtt/Listener.ts";
import { BROKER_LIMITS, LIMITS, RecordingHooks } from "../support/ProtocolBench.ts";
import { skewable } from "../support/skewable.ts";

for (const hours of [1, -1]) {
  Deno.test(`makeBroker's time limits pass as they would when the wall clock is set by ${hours} h`, () => {
    const test = Effect.gen(function* () {
      const { clock, setWallClock } = skewable(yield* Effect.clock);
      const broker = yield* Effect.withClock(
        makeBroker({
          nodeId: 1,
          sink: new RecordingHooks(),
          limits: BROKER_LIMITS,
          listeners: [],
          isMemoryShort: () => false,
          access: {
            authenticate: () => "unknown",
            authorize: () => true,
            receiving: undefined,
            revision: 0,
          },
          newClientId: () => "auto",
        }),
        clock,
      );
      const sink = {
        write: () => {},
        hold: () => {},
        buffered: 0,
        end: () => {},
        setReading: () => {},
        letIn: () => {},
      };
      broker.accept(sink, new Listener(LIMITS), "127.0.0.1:1");
      yield* TestClock.adjust(10_000);
      setWallClock(hours * 3_600_000);
      yield* TestClock.adjust(LIMITS.handshakeTimeout - 10_001);
      assert.equal(broker.connections, 1);
      yield* TestClock.adjust(1);
      assert.equal(broker.connections, 0);
    });
    return Effect.runPromise(
      test.pipe(Effect.scoped, Effect.provide(TestContext.TestContext)),
    );
  });
}
