import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import { makeBroker } from "../../src/makeBroker.ts";
import { Listener } from "../../src/mqtt/Listener.ts";
import { BROKER_LIMITS, LIMITS, RecordingHooks } from "../support/ProtocolBench.ts";
import { skewable } from "../support/skewable.ts";

const OPTIONS: Parameters<typeof makeBroker>[0] = {
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
};

const SINK = {
  write: () => {},
  hold: () => {},
  buffered: 0,
  end: () => {},
  setReading: () => {},
  letIn: () => {},
};

for (const hours of [1, -1]) {
  Deno.test(`makeBroker's time limits pass as they would when the wall clock is set by ${hours} h`, () => {
    const test = Effect.gen(function* () {
      const { clock, setWallClock } = skewable(yield* Effect.clock);
      const broker = yield* Effect.withClock(
        makeBroker(OPTIONS),
        clock,
      );
      broker.accept(SINK, new Listener(LIMITS), "127.0.0.1:1");
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

Deno.test("makeBroker waits for what is due next, and for nothing where nothing is", () => {
  const test = Effect.gen(function* () {
    const waits = () => Effect.map(TestClock.sleeps(), (sleeps) => [...sleeps]);
    const broker = yield* makeBroker(OPTIONS);
    assert.deepEqual(yield* waits(), []);
    const open = () => broker.accept(SINK, new Listener(LIMITS), "127.0.0.1:1");
    open();
    yield* TestClock.adjust(1);
    open();
    assert.deepEqual(yield* waits(), [LIMITS.handshakeTimeout]);
    yield* TestClock.adjust(LIMITS.handshakeTimeout - 1);
    assert.equal(broker.connections, 1);
    // What is due within 100 ms of another is done with what comes behind it.
    assert.deepEqual(yield* waits(), [LIMITS.handshakeTimeout + 100]);
    yield* TestClock.adjust(100);
    assert.equal(broker.connections, 0);
    assert.deepEqual(yield* waits(), []);
  });
  return Effect.runPromise(test.pipe(Effect.scoped, Effect.provide(TestContext.TestContext)));
});
