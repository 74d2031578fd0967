/** SUBSCRIBE and UNSUBSCRIBE of very many filters: a slice at a time, and the rest may wait. */
import assert from "node:assert/strict";
import { SLICE_PARTS, SLICES_PER_TURN } from "../../src/mqtt/handlers/PacketParts.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { connectFrame, publish, takeAll } from "./packets.ts";

const filters = (count: number) => Array.from({ length: count }, (_, i) => `f/${i}`);
const unsubscribe = (count: number) =>
  ({ cmd: "unsubscribe", messageId: 1, unsubscriptions: filters(count) }) as const;
const subscribe = (count: number) =>
  ({
    cmd: "subscribe",
    messageId: 1,
    subscriptions: filters(count).map((topic) => ({ topic, qos: 0 as const })),
  }) as const;

const start = () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a", { keepalive: 10 });
  bench.hooks.events.length = 0;
  return { bench, client };
};

const relieve = (bench: ProtocolBench): void => {
  bench.hooks.pressure = "open";
  bench.broker.resume();
};

/** Pressure that rises with the first event: the packet is let in, and it is amid its filters when it must wait. */
const raisePressure = (bench: ProtocolBench): void => {
  const { emit } = bench.hooks;
  bench.hooks.emit = (event) => {
    bench.hooks.emit = emit;
    bench.hooks.pressure = "high";
    emit.call(bench.hooks, event);
  };
};

Deno.test("A slice of filters is handled, and under high pressure the rest of them waits with the SUBACK", () => {
  const { bench, client } = start();
  raisePressure(bench);
  client.send(subscribe(SLICE_PARTS + 1), { cmd: "pingreq" });
  assert.deepEqual(takeAll(client), ["pingresp"]);
  assert.equal(bench.hooks.all("session_subscribed").length, SLICE_PARTS - 1); // it stops before a filter
  relieve(bench);
  assert.deepEqual(takeAll(client), ["suback id1"]);
  assert.equal(bench.hooks.all("session_subscribed").length, SLICE_PARTS + 1);
});

for (const pressure of ["brief", "full"] as const) {
  Deno.test(`A packet of many filters stops within a slice of the moment that there is no room (${pressure})`, () => {
    const { bench, client } = start();
    const { events } = bench.hooks;
    bench.hooks.emit = (event) => {
      events.push(event);
      if (events.length === 1000) bench.hooks.pressure = pressure;
    };
    client.send(unsubscribe(5000));
    assert.ok(events.length >= 1000 && events.length < 1000 + SLICE_PARTS, `${events.length}`);
    client.nothing();
    relieve(bench);
    assert.equal(events.length, 5000);
    assert.deepEqual(takeAll(client), ["unsuback id1"]);
  });
}

Deno.test("What comes behind a packet of many filters waits for its end", () => {
  const { bench, client } = start();
  raisePressure(bench);
  client.send(subscribe(1000));
  client.send(publish("f/999", "1"));
  relieve(bench);
  assert.deepEqual(takeAll(client).map((packet) => packet.split(" ")[0]), ["suback", "f/999"]);
});

Deno.test("A packet of very many filters gives others their turn although there is room", () => {
  const { bench, client } = start();
  const turn = SLICE_PARTS * SLICES_PER_TURN;
  client.send(unsubscribe(2 * turn + 10));
  const handled = () => bench.hooks.events.length;
  assert.ok(Math.abs(handled() - turn) <= 1, `${handled()}`);
  bench.broker.resume(); // relief is no turn of others
  assert.ok(Math.abs(handled() - turn) <= 1, `${handled()}`);
  bench.pass(100);
  assert.ok(Math.abs(handled() - 2 * turn) <= 1, `${handled()}`);
  client.nothing();
  bench.pass(100);
  assert.equal(handled(), 2 * turn + 10);
  assert.deepEqual(takeAll(client), ["unsuback id1"]);
});

Deno.test("A client that closes amid its packet of many filters is gone when all are handled", () => {
  const { bench, client } = start();
  raisePressure(bench);
  client.send(unsubscribe(1000));
  client.drop();
  assert.equal(bench.hooks.all("client_disconnected").length, 0);
  relieve(bench);
  assert.equal(bench.hooks.all("client_unsubscribe").length, 1000);
  assert.equal(bench.hooks.events.at(-2)?._tag, "client_disconnected");
});

Deno.test("A client that falls silent amid its packet of many filters runs into its keep-alive, behind them", () => {
  const { bench, client } = start();
  raisePressure(bench);
  client.send(unsubscribe(1000));
  bench.pass(15_000);
  assert.equal(client.closed, false);
  relieve(bench);
  assert.equal(client.closed, true);
  assert.equal(bench.hooks.all("client_unsubscribe").length, 1000);
});

Deno.test("A client that is taken over amid its packet of many filters handles no more of them", () => {
  const { bench, client } = start();
  client.send(unsubscribe(SLICE_PARTS * SLICES_PER_TURN + 1000));
  bench.connect(4, "a");
  assert.equal(client.closed, true);
  bench.pass(1000);
  const { length } = bench.hooks.all("client_unsubscribe");
  assert.ok(length <= SLICE_PARTS * SLICES_PER_TURN, `${length}`);
});

Deno.test("A client beyond its share waits alone, with all but its pings", () => {
  const { bench, client } = start();
  const other = bench.connect(4, "b");
  bench.hooks.held.add("a");
  client.send(publish("t", "1", { qos: 1, messageId: 1 }), { cmd: "pingreq" });
  assert.deepEqual(takeAll(client), ["pingresp"]);
  other.send(publish("t", "1", { qos: 1, messageId: 1 }));
  assert.deepEqual(takeAll(other), ["puback id1"]);
  bench.hooks.held.clear();
  bench.broker.resume();
  assert.deepEqual(takeAll(client), ["puback id1"]);
});

Deno.test("A client beyond its share can't come in again before, by another connection, and then does", () => {
  const { bench, client } = start();
  client.send({ cmd: "disconnect" });
  bench.hooks.held.add("a");
  bench.hooks.events.length = 0;
  const again = bench.open(4).raw(...connectFrame(2, "a"));
  const other = bench.open(4).raw(...connectFrame(2, "b"));
  assert.deepEqual(takeAll(other), ["connack"]);
  again.send({ cmd: "pingreq" });
  bench.pass(120_000); // no handshake_timeout
  again.nothing();
  assert.equal(again.closed, false);
  bench.hooks.held.clear();
  bench.broker.resume();
  assert.deepEqual(takeAll(again), ["connack", "pingresp"]);
  const names = bench.hooks.names("a");
  assert.deepEqual(names, [
    "client_connect",
    "session_created",
    "client_connack",
    "client_connected",
  ]);
});
