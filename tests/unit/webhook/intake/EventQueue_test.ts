import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type { HookEvent } from "../../../../src/domain/HookEvent.ts";
import { Arrivals } from "../../../../src/webhook/account/Arrivals.ts";
import { Backlog } from "../../../../src/webhook/account/Backlog.ts";
import { DeliveryPace } from "../../../../src/webhook/account/DeliveryPace.ts";
import { ClientShares } from "../../../../src/webhook/account/ClientShares.ts";
import * as EventQueue from "../../../../src/webhook/intake/EventQueue.ts";
import { EVENTS, FAIR, STRETCH } from "../../../../src/webhook/intake/IntakeTurn.ts";

const publish = (bytes: number): HookEvent => ({
  _tag: "message_publish",
  from_node: 1,
  from_ipaddress: "127.0.0.1:1",
  from_clientid: "a",
  from_username: "undefined",
  dup: false,
  retain: false,
  qos: 1,
  topic: "t",
  packet_id: 1,
  payload: new Uint8Array(bytes),
  ts: 0,
});

/** What a queue is made with, of a plain kind. */
const optionsOf = (backlog: Backlog): EventQueue.EventQueueOptions => ({
  backlog,
  arrivals: new Arrivals(backlog.capacity, backlog.relieve),
  shares: new ClientShares(backlog.capacity, 0.5, () => {}),
  laneOf: () => undefined,
  pace: new DeliveryPace(),
  fair: FAIR,
  whenFull: () => "backpressure",
  isDetailed: false,
  wants: () => true,
  onDropped: () => assert.fail("backpressure drops nothing"),
  outbox: undefined,
  safety: undefined,
  now: () => 0,
});

Deno.test("EventQueue is full of few events where their payloads are large", async () => {
  const backlog = new Backlog(100, 0.5);
  await Effect.gen(function* () {
    const queue = yield* EventQueue.make(optionsOf(backlog));
    for (let i = 0; i < 50; i++) queue.emit(publish(10));
    assert.equal(queue.pressure, "open");
    queue.emit(publish(37 * 1024)); // 50 KB in base64
    assert.equal(queue.pressure, "full");
    assert.equal(backlog.count, 100);
  }).pipe(Effect.scoped, Effect.runPromise);
});

Deno.test("EventQueue lets the loop have a turn while delivery is behind", async () => {
  const backlog = new Backlog(100_000, 0.5);
  const nextTurn = Promise.withResolvers<void>();
  backlog.onRelief(nextTurn.resolve);
  await Effect.gen(function* () {
    const queue = yield* EventQueue.make({
      ...optionsOf(backlog),
      whenFull: () => "drop_oldest",
      onDropped: () => assert.fail("there is room"),
    });
    const emitWhileOpen = (): number => {
      let emitted = 0;
      for (; queue.pressure === "open" && emitted < 50_000; emitted++) queue.emit(publish(10));
      return emitted;
    };
    assert.equal(emitWhileOpen(), 1025 + EVENTS);
    assert.equal(queue.pressure, "brief");
    yield* Effect.promise(() => nextTurn.promise);
    assert.equal(emitWhileOpen(), EVENTS * STRETCH); // nothing was delivered meanwhile
  }).pipe(Effect.scoped, Effect.runPromise);
});

Deno.test("EventQueue shortens its turns for what can be delivered, not for what a dead URL holds", async () => {
  const pressureAfter = (failing: number) =>
    Effect.gen(function* () {
      const backlog = new Backlog(100_000, 0.5);
      backlog.add(2000);
      backlog.addFailing(failing);
      const queue = yield* EventQueue.make(optionsOf(backlog));
      for (let i = 0; i < EVENTS; i++) queue.emit(publish(10));
      return queue.pressure;
    }).pipe(Effect.scoped, Effect.runPromise);
  assert.equal(await pressureAfter(0), "brief");
  assert.equal(await pressureAfter(2000), "open");
});
