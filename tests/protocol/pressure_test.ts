/** Connections that wait for room in the event queue: what waits, what does not, in which order it goes on. */
import assert from "node:assert/strict";
import type { Pressure } from "../../src/mqtt/ports/HookSink.ts";
import type { TestClient } from "../support/ProtocolBench.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import {
  bytesOfPackets,
  connectFrame,
  endReason,
  publish,
  story,
  subscribe,
  takeAll,
  takePayloads,
} from "./packets.ts";

const start = (pressure: Pressure): {
  readonly bench: ProtocolBench;
  readonly client: TestClient;
  readonly subscriber: TestClient;
} => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a", { keepalive: 10 });
  const subscriber = bench.connect(4, "s");
  subscribe(subscriber, ["t", 0]);
  bench.hooks.events.length = 0;
  bench.hooks.pressure = pressure;
  return { bench, client, subscriber };
};

const relieve = (bench: ProtocolBench): void => {
  bench.hooks.pressure = "open";
  bench.broker.resume();
};

const one = publish("t", "1", { qos: 1, messageId: 1 });

Deno.test("For a moment PUBLISH waits with all that came behind it, pings too", () => {
  const { bench, client, subscriber } = start("brief");
  client.send({ cmd: "pingreq" }, one, { cmd: "pingreq" });
  assert.deepEqual(takeAll(client), ["pingresp"]);
  relieve(bench);
  assert.deepEqual(takeAll(client), ["puback id1", "pingresp"]);
  assert.deepEqual(takePayloads(subscriber), ["1"]);
});

Deno.test("Pings are answered when the moment has become longer", () => {
  const { bench, client } = start("brief");
  client.send(one, { cmd: "pingreq" });
  bench.hooks.pressure = "high";
  bench.broker.resume();
  assert.deepEqual(takeAll(client), ["pingresp"]);
  bench.hooks.pressure = "brief";
  client.send({ cmd: "pingreq" });
  client.nothing();
  relieve(bench);
  assert.deepEqual(takeAll(client), ["puback id1", "pingresp"]);
});

Deno.test("Under high pressure PUBLISH waits unacknowledged, and goes on when there is room", () => {
  const { bench, client, subscriber } = start("high");
  client.send(one);
  client.nothing();
  subscriber.nothing();
  assert.deepEqual(bench.hooks.events, []);
  relieve(bench);
  assert.deepEqual(takeAll(client), ["puback id1"]);
  assert.deepEqual(takePayloads(subscriber), ["1"]);
});

Deno.test("Under high pressure clients come, answer, ping and go", () => {
  const { bench, subscriber } = start("open");
  const publisher = bench.connect(4, "p");
  subscribe(subscriber, ["t", 1]);
  publisher.send(one);
  bench.hooks.pressure = "high";
  const client = bench.connect(4, "b").send({ cmd: "pingreq" });
  assert.deepEqual(takeAll(client), ["pingresp"]);
  subscriber.send({ cmd: "puback", messageId: 1 });
  assert.equal(bench.hooks.all("message_acked").length, 1);
  client.send({ cmd: "disconnect" });
  assert.equal(client.closed, true);
  subscriber.drop();
  assert.equal(endReason(bench), "RemoteClose");
});

for (const pressure of ["brief", "high"] as const) {
  Deno.test(`SUBSCRIBE and UNSUBSCRIBE wait as PUBLISH does: they bring events too (${pressure})`, () => {
    const { bench, client, subscriber } = start(pressure);
    client.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "x", qos: 0 }] });
    subscriber.send({ cmd: "unsubscribe", messageId: 1, unsubscriptions: ["t"] });
    client.nothing();
    subscriber.nothing();
    assert.deepEqual(bench.hooks.events, []);
    relieve(bench);
    assert.deepEqual(takeAll(client), ["suback id1"]);
    assert.deepEqual(takeAll(subscriber), ["unsuback id1"]);
  });
}

for (const pressure of ["open", "brief", "high"] as const) {
  Deno.test(`CONNECT waits when the share of those who come in is used up, and holds nobody (${pressure})`, () => {
    const { bench, client } = start(pressure);
    bench.hooks.admits = false;
    const newcomers = [bench.open(4), bench.open(4)];
    for (const [n, newcomer] of newcomers.entries()) newcomer.raw(...connectFrame(2, `new${n}`));
    assert.deepEqual(bench.hooks.events, []);
    client.send({ cmd: "pingreq" });
    if (pressure === "open") {
      client.send(one);
      assert.deepEqual(takeAll(client), ["pingresp", "puback id1"]);
    } else assert.deepEqual(takeAll(client), ["pingresp"]);
    bench.hooks.events.length = 0;
    bench.hooks.admits = true;
    bench.broker.resume();
    for (const newcomer of newcomers) assert.deepEqual(takeAll(newcomer), ["connack"]);
    assert.deepEqual(
      bench.hooks.all("client_connected").map(({ clientid }) => clientid),
      ["new0", "new1"],
    );
  });
}

Deno.test("A CONNECT that waits for its share does not run out of its handshake time", () => {
  const { bench } = start("open");
  bench.hooks.admits = false;
  const newcomer = bench.open(4).raw(...connectFrame(2, "new"));
  bench.pass(45_000);
  bench.hooks.admits = true;
  bench.broker.resume();
  assert.deepEqual(takeAll(newcomer), ["connack"]);
});

Deno.test("Relief for clients that come in passes by those who wait for room", () => {
  const { bench, client } = start("high");
  bench.hooks.admits = false;
  client.send(one);
  const newcomer = bench.open(4).raw(...connectFrame(2, "new"));
  bench.hooks.admits = true;
  bench.broker.resume();
  client.nothing();
  assert.deepEqual(takeAll(newcomer), ["connack"]);
});

Deno.test("Under full pressure CONNECT, SUBSCRIBE and acknowledgements wait too", () => {
  const { bench, client } = start("open");
  subscribe(client, ["t", 1]);
  client.send(one);
  client.received.length = 0;
  bench.hooks.events.length = 0;
  bench.hooks.pressure = "full";
  const newcomer = bench.open(4).raw(...connectFrame(2, "new"));
  client.send(
    { cmd: "puback", messageId: 1 },
    { cmd: "subscribe", messageId: 2, subscriptions: [{ topic: "x", qos: 0 }] },
  );
  newcomer.nothing();
  client.nothing();
  assert.deepEqual(bench.hooks.events, []);
  relieve(bench);
  assert.deepEqual(takeAll(newcomer), ["connack"]);
  assert.deepEqual(takeAll(client), ["suback id2"]);
  assert.equal(bench.hooks.all("message_acked").length, 1);
});

Deno.test("Under full pressure PINGREQ is answered, before and behind what waits", () => {
  const { client } = start("full");
  client.send({ cmd: "pingreq" });
  assert.deepEqual(takeAll(client), ["pingresp"]);
  client.send(one, { cmd: "pingreq" }, one, { cmd: "pingreq" });
  assert.deepEqual(takeAll(client), ["pingresp", "pingresp"]);
});

Deno.test("Under full pressure DISCONNECT ends a connection that waits for nothing", () => {
  const { bench, client } = start("full");
  client.send({ cmd: "disconnect" });
  assert.equal(client.closed, true);
  assert.equal(endReason(bench), "Disconnect");
});

Deno.test("What waits behind a PUBLISH goes on in its order, DISCONNECT last", () => {
  const { bench, client, subscriber } = start("high");
  client.send(
    one,
    { cmd: "subscribe", messageId: 2, subscriptions: [{ topic: "t", qos: 0 }] },
    publish("t", "2", { qos: 1, messageId: 3 }),
    { cmd: "disconnect" },
  );
  client.nothing();
  assert.equal(client.closed, false);
  relieve(bench);
  assert.deepEqual(takeAll(client), ["puback id1", "suback id2", "t 2 q0", "puback id3"]);
  assert.equal(client.closed, true);
  assert.deepEqual(takePayloads(subscriber), ["1", "2"]);
});

for (const pressure of ["brief", "high"] as const) {
  Deno.test(`What waits outlives the bytes that it came in (${pressure})`, () => {
    const { bench, client, subscriber } = start(pressure);
    const chunk = Uint8Array.from(
      bytesOfPackets(publish("t", "1"), publish("t", "2"), publish("t", "3")),
    );
    client.connection.receive(chunk.subarray(0, 12));
    chunk.fill(0xff, 0, 12);
    client.connection.receive(chunk.subarray(12));
    chunk.fill(0xff, 12);
    relieve(bench);
    assert.deepEqual(takePayloads(subscriber), ["1", "2", "3"]);
  });
}

for (const pressure of ["brief", "high"] as const) {
  Deno.test(`A connection that waits is read on until 64 KB wait, and read again when there is room (${pressure})`, () => {
    const { bench, client, subscriber } = start(pressure);
    const payload = "x".repeat(10_000);
    for (let i = 0; i < 6; i++) client.send(publish("t", payload));
    assert.equal(client.isReading, true);
    client.send(publish("t", payload));
    assert.equal(client.isReading, false);
    client.send(publish("t", payload), { cmd: "pingreq" }); // had been read already
    client.nothing();
    relieve(bench);
    assert.equal(client.isReading, true);
    assert.equal(takePayloads(subscriber).length, 8);
    assert.deepEqual(takeAll(client), ["pingresp"]);
  });
}

Deno.test("A connection that waits with a packet larger than 64 KB is not read until there is room", () => {
  const { bench, client, subscriber } = start("high");
  const bytes = bytesOfPackets(publish("t", "x".repeat(80_000)));
  client.raw(...bytes.slice(0, 70_000));
  assert.equal(client.isReading, false);
  relieve(bench);
  assert.equal(client.isReading, true);
  client.raw(...bytes.slice(70_000));
  assert.equal(subscriber.take("publish").payload.length, 80_000);
});

Deno.test("A client that closes while its packets wait is gone when they are processed, not before", () => {
  const { bench, client, subscriber } = start("high");
  client.send(publish("t", "1"), publish("t", "2"));
  client.drop();
  assert.deepEqual(bench.hooks.events, []);
  relieve(bench);
  assert.deepEqual(takePayloads(subscriber), ["1", "2"]);
  assert.deepEqual(story(bench, "a"), [
    "message_publish 1",
    "message_publish 2",
    "client_disconnected RemoteClose",
    "session_terminated RemoteClose",
  ]);
});

Deno.test("A client that closed while its packets wait does not run into its keep-alive", () => {
  const { bench, client, subscriber } = start("high");
  client.send(publish("t", "1"));
  client.drop();
  for (let i = 0; i < 10; i++) bench.pass(15_000);
  assert.deepEqual(bench.hooks.events, []);
  relieve(bench);
  assert.deepEqual(takePayloads(subscriber), ["1"]);
  assert.equal(endReason(bench), "RemoteClose");
});

Deno.test("A client that falls silent while its packets wait runs into its keep-alive, behind them", () => {
  const { bench, client, subscriber } = start("high");
  client.send(publish("t", "1"));
  bench.pass(14_999);
  client.send({ cmd: "pingreq" }).take("pingresp");
  bench.pass(14_999);
  assert.equal(client.closed, false);
  bench.pass(1);
  subscriber.nothing();
  relieve(bench);
  assert.deepEqual(takePayloads(subscriber), ["1"]);
  assert.equal(client.closed, true);
  assert.deepEqual(story(bench, "a"), [
    "message_publish 1",
    "client_disconnected KeepaliveTimeout",
    "session_terminated KeepaliveTimeout",
  ]);
});

Deno.test("A malformed packet behind packets that wait ends the connection behind them", () => {
  const { bench, client, subscriber } = start("high");
  client.send(publish("t", "1"));
  client.raw(0x30, 0xff, 0xff, 0xff, 0xff);
  client.send(publish("t", "2"));
  assert.equal(client.closed, false);
  relieve(bench);
  assert.equal(client.closed, true);
  assert.deepEqual(takePayloads(subscriber), ["1"]);
  assert.deepEqual(story(bench, "a").slice(0, 2), [
    "message_publish 1",
    "client_disconnected ProtocolError(remaining length over four bytes)",
  ]);
});

Deno.test("Connections go on in the order they came to wait, and who went on waits behind the others", () => {
  const bench = new ProtocolBench();
  const subscriber = bench.connect(4, "s");
  subscribe(subscriber, ["t", 0]);
  const clients = ["a", "b", "c"].map((id) => bench.connect(4, id));
  // Room for one message at a time.
  let room = 0;
  Object.defineProperty(bench.hooks, "pressure", {
    get: (): Pressure => room > bench.hooks.all("message_publish").length ? "open" : "high",
  });
  for (const [i, client] of clients.entries()) {
    client.send(publish("t", `${i}1`), publish("t", `${i}2`), publish("t", `${i}3`));
  }
  for (room = 1; room <= 9; room++) bench.broker.resume();
  assert.deepEqual(takePayloads(subscriber), [
    "01",
    "11",
    "21",
    "02",
    "12",
    "22",
    "03",
    "13",
    "23",
  ]);
});

Deno.test("A connection that is taken over while it waits is gone at once, with what waited", () => {
  const { bench, client, subscriber } = start("high");
  client.send(one);
  const next = bench.connect(4, "a");
  assert.equal(client.closed, true);
  relieve(bench);
  subscriber.nothing();
  client.nothing();
  next.send(publish("t", "1", { qos: 1, messageId: 1, dup: true }));
  assert.deepEqual(takePayloads(subscriber), ["1"]);
});

Deno.test("A CONNECT that waits for room is not closed at handshake_timeout", () => {
  const { bench } = start("full");
  const client = bench.open(4).raw(...connectFrame(2, "new"));
  bench.pass(120_000);
  assert.equal(client.closed, false);
  relieve(bench);
  assert.deepEqual(takeAll(client), ["connack"]);
});

Deno.test("A connection that waits is ended by the broker's end, with Shutdown", () => {
  const { bench, client } = start("full");
  client.send(one);
  bench.broker.shutdown();
  assert.equal(client.closed, true);
  assert.deepEqual(story(bench, "a"), [
    "client_disconnected Shutdown",
    "session_terminated Shutdown",
  ]);
});

Deno.test("Broker lets no more connections go on than there is room for", () => {
  const { bench, client } = start("high");
  const second = bench.connect(4, "second");
  client.send(one);
  second.send(one);
  bench.hooks.pressure = "open";
  bench.hooks.emit = () => bench.hooks.pressure = "high"; // the first event takes the room
  bench.broker.resume();
  assert.deepEqual(takeAll(client), ["puback id1"]);
  second.nothing();
  relieve(bench);
  assert.deepEqual(takeAll(second), ["puback id1"]);
});
