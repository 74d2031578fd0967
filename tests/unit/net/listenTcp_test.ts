import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Logger from "effect/Logger";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import { acceptAll, tellRefusals } from "../../../src/net/listenTcp.ts";
import { plenty } from "./TestListener.ts";
import { Descriptors } from "../../../src/net/Descriptors.ts";

Deno.test("acceptAll rests after a failure of its own, and not after a client's reset", async () => {
  const failures = [
    new Deno.errors.NotConnected("reset before it was accepted"),
    new Deno.errors.ConnectionReset("reset while it was accepted"),
    new Error("too much"),
    new Deno.errors.NotConnected("again"),
  ];
  let accepts = 0;
  const listener = {
    accept: (): Promise<Deno.TcpConn> => {
      const failure = failures[accepts++];
      return failure === undefined ? new Promise(() => {}) : Promise.reject(failure);
    },
  };
  const log: Array<string> = [];
  const logger = Logger.make(({ message }) => log.push(JSON.stringify(message)));
  await Effect.gen(function* () {
    const fiber = yield* Effect.fork(
      acceptAll("test", listener, plenty(), () => assert.fail("accepted")),
    );
    yield* TestClock.adjust("249 millis");
    assert.equal(accepts, 3);
    yield* TestClock.adjust("1 millis");
    assert.equal(accepts, 5);
    yield* Fiber.interrupt(fiber);
  }).pipe(
    Effect.provide(TestContext.TestContext),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Effect.runPromise,
  );
  assert.deepEqual(log, [
    '["cannot accept a connection",{"listener":"test","error":"Error: too much"}]',
  ]);
});

Deno.test("tellRefusals says every ten seconds how many sockets were refused, and nothing where none was", async () => {
  const newcomers = { refused: 0 };
  const log: Array<string> = [];
  const logger = Logger.make(({ message }) => log.push(JSON.stringify(message)));
  await Effect.gen(function* () {
    const fiber = yield* Effect.fork(tellRefusals("test", newcomers));
    for (const refused of [0, 3, 3, 10]) {
      newcomers.refused = refused;
      yield* TestClock.adjust("10 seconds");
    }
    yield* Fiber.interrupt(fiber);
  }).pipe(
    Effect.provide(TestContext.TestContext),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Effect.runPromise,
  );
  const line = (sockets: number) =>
    JSON.stringify(["sockets closed over max_handshaking_limit or max_conn_rate", {
      listener: "test",
      sockets,
    }]);
  assert.deepEqual(log, [line(3), line(7)]);
});

Deno.test("acceptAll lets no more clients in than there were when descriptors ran out, until there are some again", async () => {
  let open = 0;
  let left = 0;
  const held = () => {
    if (left === 0) throw new Error("Too many open files (os error 24)");
    left--;
    return { close: () => void left++ };
  };
  left = 3000;
  const descriptors = new Descriptors({ reserve: 2, take: held });
  descriptors.count(() => open);
  assert.deepEqual([descriptors.most, left], [Infinity, 2998]);
  left = 3;
  let accepts = 0;
  const listener = {
    accept: (): Promise<Deno.TcpConn> => {
      accepts++;
      try {
        held();
      } catch (error) {
        return Promise.reject(error);
      }
      return Promise.resolve({ setNoDelay: () => {}, setKeepAlive: () => {} } as Deno.TcpConn);
    },
  };
  const log: Array<string> = [];
  const logger = Logger.make(({ message }) => log.push(JSON.stringify(message)));
  await Effect.gen(function* () {
    const fiber = yield* Effect.fork(acceptAll("test", listener, descriptors, () => void open++));
    yield* TestClock.adjust("10 seconds");
    assert.deepEqual([open, accepts], [3, 4]);
    assert.equal(left, 2); // for deliveries
    left++; // a client goes
    open--;
    yield* TestClock.adjust("1 seconds");
    assert.deepEqual([open, left], [3, 2]); // and another comes
    left = 20; // much is closed: the reserve can be held again, and there are more
    yield* TestClock.adjust("10 seconds");
    assert.deepEqual([open, left], [3 + 18, 2]);
    yield* Fiber.interrupt(fiber);
  }).pipe(
    Effect.provide(TestContext.TestContext),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Effect.runPromise,
  );
  assert.equal(log.length, 2); // once each time
  assert.match(log[0] ?? "", /all descriptors are in use.*"clients":3/);
});
