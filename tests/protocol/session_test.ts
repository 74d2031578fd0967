/** Sessions of MQTT 3.1.1 that outlive connections, and how they end. Sections 3.1.2.4 and 4.1 */
import assert from "node:assert/strict";
import type { TestClient } from "../support/ProtocolBench.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { publish, story, subscribe, takeAll, takePayloads } from "./packets.ts";

const persistent = { clean: false };

/** A persistent client that has subscribed to `t`, and gone. */
const away = (bench: ProtocolBench): void => {
  const client = bench.connect(4, "s", persistent);
  subscribe(client, ["t", 2]);
  client.drop();
};

const send = (client: TestClient, ...payloads: ReadonlyArray<string>): void => {
  for (const payload of payloads) client.send(publish("t", payload, { qos: 1, messageId: 1 }));
  client.received.length = 0;
};

const HOUR = 60 * 60 * 1000;

Deno.test("Session Present is 1 exactly where a persistent client comes back to its session", () => {
  const bench = new ProtocolBench();
  const present: Array<boolean> = [];
  for (const clean of [true, false, false, true, true, false, false]) {
    const client = bench.connecting(4, "s", { clean });
    present.push(client.take("connack").sessionPresent);
    client.send({ cmd: "disconnect" });
  }
  assert.deepEqual(present, [false, false, true, false, false, false, true]);
  assert.deepEqual(
    bench.hooks.all("client_connected").map(({ session_present }) => session_present),
    present,
  );
});

Deno.test("session_created is said where a session is new, session_terminated where it ends", () => {
  const bench = new ProtocolBench();
  const names: Array<ReadonlyArray<string>> = [];
  for (const clean of [true, false, false, true]) {
    bench.hooks.events.length = 0;
    bench.connect(4, "s", { clean }).send({ cmd: "disconnect" });
    names.push(story(bench).filter((event) => event.startsWith("session")));
  }
  assert.deepEqual(names, [
    ["session_created", "session_terminated Disconnect"],
    ["session_created"],
    [],
    ["session_terminated Kicked", "session_created", "session_terminated Disconnect"],
  ]);
});

Deno.test("A persistent session keeps its subscriptions, a clean one begins without", () => {
  const bench = new ProtocolBench();
  away(bench);
  const publisher = bench.connect(4, "p");
  const again = bench.connect(4, "s", persistent);
  send(publisher, "1");
  assert.deepEqual(takeAll(again), ["t 1 q1 id1"]);
  const clean = bench.connect(4, "s");
  send(publisher, "2");
  clean.nothing();
  assert.equal(bench.broker.context.pubSub.topics.size, 0);
});

Deno.test("Messages of every QoS wait for a persistent session, in order, and are said as offline_message", () => {
  const bench = new ProtocolBench();
  away(bench);
  bench.hooks.events.length = 0;
  const publisher = bench.connect(4, "p");
  publisher.send(publish("t", "0"));
  publisher.send(publish("t", "1", { qos: 1, messageId: 1 }));
  publisher.send(publish("t", "2", { qos: 2, messageId: 2 }));
  assert.deepEqual(
    bench.hooks.of("s").map((event) =>
      event._tag === "offline_message" && [event.qos, event.packet_id, event.dup, event.retain]
    ),
    [[0, 0, false, false], [1, 0, false, false], [2, 0, false, false]],
  );
  bench.hooks.events.length = 0;
  const again = bench.connect(4, "s", persistent);
  assert.deepEqual(takeAll(again), ["t 0 q0", "t 1 q1 id1", "t 2 q2 id2"]);
  assert.deepEqual(story(bench, "s"), [
    "client_connect",
    "client_connack",
    "client_connected",
    "message_delivered 0",
    "message_delivered 1",
    "message_delivered 2",
  ]);
});

Deno.test("What waited is sent behind what was in flight", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "s", persistent);
  subscribe(client, ["t", 1]);
  const publisher = bench.connect(4, "p");
  send(publisher, "in flight");
  client.drop();
  send(publisher, "waited");
  const again = bench.connect(4, "s", persistent);
  assert.deepEqual(takeAll(again), ["t in flight q1 id1 dup", "t waited q1 id2"]);
});

Deno.test("A persistent session ends at session_expiry_interval after its client went, not before", () => {
  const bench = new ProtocolBench();
  away(bench);
  bench.hooks.events.length = 0;
  bench.pass(2 * HOUR - 1);
  assert.deepEqual(story(bench, "s"), []);
  assert.equal(bench.broker.context.pubSub.topics.size, 1);
  bench.pass(1);
  assert.deepEqual(story(bench, "s"), ["session_terminated SessionExpiration"]);
  assert.equal(bench.broker.context.pubSub.topics.size, 0);
  assert.equal(bench.connecting(4, "s", persistent).take("connack").sessionPresent, false);
});

Deno.test("A session's expiry is counted anew from each time its client goes", () => {
  const bench = new ProtocolBench();
  away(bench);
  bench.pass(HOUR);
  const client = bench.connect(4, "s", persistent);
  bench.pass(3 * HOUR);
  assert.equal(client.closed, false);
  client.drop();
  bench.pass(2 * HOUR - 1);
  assert.equal(bench.broker.context.sessions.size, 1);
  bench.pass(1);
  assert.equal(bench.broker.context.sessions.size, 0);
});

Deno.test("A session that expires says what it drops: first what was in flight, then what waited", () => {
  const bench = new ProtocolBench({ limits: { messageExpiryInterval: 0 } });
  const client = bench.connect(4, "s", persistent);
  subscribe(client, ["t", 2]);
  const publisher = bench.connect(4, "p");
  send(publisher, "in flight");
  client.drop();
  send(publisher, "waited");
  bench.hooks.events.length = 0;
  bench.pass(2 * HOUR);
  assert.deepEqual(story(bench, "s"), [
    "message_dropped in flight SessionExpiration",
    "message_dropped waited SessionExpiration",
    "session_terminated SessionExpiration",
  ]);
  assert.deepEqual(bench.hooks.all("message_dropped").map(({ packet_id }) => packet_id), [1, 0]);
});

Deno.test("Waiting messages are dropped at message_expiry_interval, with MessageExpiration, at that very time", () => {
  const bench = new ProtocolBench({ limits: { messageExpiryInterval: 60_000 } });
  away(bench);
  const publisher = bench.connect(4, "p");
  send(publisher, "1");
  bench.pass(30_000);
  send(publisher, "2");
  bench.hooks.events.length = 0;
  bench.pass(29_999);
  assert.deepEqual(story(bench, "s"), []);
  bench.pass(1);
  assert.deepEqual(story(bench, "s"), ["message_dropped 1 MessageExpiration"]);
  assert.deepEqual(takePayloads(bench.connect(4, "s", persistent)), ["2"]);
  bench.pass(HOUR);
  assert.equal(bench.hooks.all("message_dropped").length, 1);
});

Deno.test("A waiting message whose time is over is not sent to a client that comes at that very time", () => {
  const bench = new ProtocolBench({ limits: { messageExpiryInterval: 60_000 } });
  away(bench);
  send(bench.connect(4, "p"), "1");
  bench.elapsed += 60_000; // and the broker has not looked yet
  bench.connect(4, "s", persistent).nothing();
  assert.equal(bench.hooks.all("message_dropped")[0]?.reason, "MessageExpiration");
});

Deno.test("The events of a session that is resumed name its new connection", () => {
  const bench = new ProtocolBench();
  away(bench);
  send(bench.connect(4, "p"), "1");
  bench.connect(4, "s", persistent);
  assert.equal(bench.hooks.all("offline_message")[0]?.ipaddress, "127.0.0.1:50001");
  assert.equal(bench.hooks.all("message_delivered")[0]?.ipaddress, "127.0.0.1:50003");
});

Deno.test("message_expiry_interval 0 lets messages wait as long as the session", () => {
  const bench = new ProtocolBench({ limits: { messageExpiryInterval: 0 } });
  away(bench);
  send(bench.connect(4, "p"), "1");
  bench.pass(2 * HOUR - 1);
  assert.deepEqual(takePayloads(bench.connect(4, "s", persistent)), ["1"]);
});

Deno.test("A message that was sent once does not expire: it is sent again whenever its client comes", () => {
  const bench = new ProtocolBench({ limits: { messageExpiryInterval: 1000 } });
  const client = bench.connect(4, "s", persistent);
  subscribe(client, ["t", 1]);
  send(bench.connect(4, "p"), "1");
  client.drop();
  bench.pass(HOUR);
  assert.deepEqual(takeAll(bench.connect(4, "s", persistent)), ["t 1 q1 id1 dup"]);
});

Deno.test("A persistent client that comes back clean ends its session: nothing of it is left", () => {
  const bench = new ProtocolBench();
  away(bench);
  send(bench.connect(4, "p"), "1");
  bench.hooks.events.length = 0;
  const client = bench.connecting(4, "s", { clean: true });
  assert.equal(client.take("connack").sessionPresent, false);
  client.nothing();
  assert.deepEqual(story(bench, "s"), [
    "client_connect",
    "message_dropped 1 Kicked",
    "session_terminated Kicked",
    "session_created",
    "client_connack",
    "client_connected",
  ]);
  client.drop();
  assert.equal(bench.connecting(4, "s", persistent).take("connack").sessionPresent, false);
});

Deno.test("A clean session ends with its connection, and says what it drops", () => {
  const bench = new ProtocolBench({ limits: { maxInflight: 1 } });
  const client = bench.connect(4, "s");
  subscribe(client, ["t", 1]);
  send(bench.connect(4, "p"), "1", "2");
  bench.hooks.events.length = 0;
  client.drop();
  assert.deepEqual(story(bench, "s"), [
    "client_disconnected RemoteClose",
    "message_dropped 1 RemoteClose",
    "message_dropped 2 RemoteClose",
    "session_terminated RemoteClose",
  ]);
  assert.equal(bench.broker.context.sessions.size, 1);
});

Deno.test("A persistent session survives every end of its connection, a DISCONNECT too", () => {
  const bench = new ProtocolBench();
  const ends: ReadonlyArray<(client: TestClient) => void> = [
    (client) => client.send({ cmd: "disconnect" }),
    (client) => client.drop(),
    (client) => client.raw(0xff, 0),
    (client) => client.connection.ended("ReadWriteError"),
  ];
  bench.connect(4, "s", persistent).drop();
  for (const end of ends) {
    const client = bench.connecting(4, "s", persistent);
    assert.equal(client.take("connack").sessionPresent, true);
    end(client);
    assert.equal(
      client.closed || bench.broker.context.sessions.get("s")?.client === undefined,
      true,
    );
  }
  assert.equal(bench.hooks.all("session_terminated").length, 0);
});

Deno.test("The broker's end ends connections and then sessions, with Shutdown", () => {
  const bench = new ProtocolBench();
  away(bench);
  const client = bench.connect(4, "c");
  send(bench.connect(4, "p"), "1");
  bench.hooks.events.length = 0;
  bench.broker.shutdown();
  assert.equal(client.closed, true);
  client.nothing();
  assert.deepEqual(story(bench, "c"), [
    "client_disconnected Shutdown",
    "session_terminated Shutdown",
  ]);
  assert.deepEqual(story(bench, "s"), [
    "message_dropped 1 Shutdown",
    "session_terminated Shutdown",
  ]);
  assert.equal(bench.broker.context.sessions.size, 0);
  assert.equal(bench.broker.connections, 0);
  assert.equal(bench.broker.context.pubSub.topics.size, 0);
});

Deno.test("Sessions that come and go leave no deadline and no subscription behind", () => {
  const bench = new ProtocolBench();
  for (let i = 0; i < 100; i++) {
    const client = bench.connect(4, `c${i}`, { clean: false, keepalive: 60 });
    subscribe(client, ["t", 1]);
    send(client, "x");
    client.drop();
    bench.connect(4, `c${i}`, { clean: true }).send({ cmd: "disconnect" });
  }
  assert.equal(bench.broker.context.sessions.size, 0);
  assert.equal(bench.broker.context.pubSub.topics.size, 0);
  assert.equal(bench.broker.connections, 0);
  assert.equal(bench.broker.context.deadlines.size, 0);
});
