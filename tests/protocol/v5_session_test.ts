/** MQTT 5.0 sections 3.1.2.4, 3.1.2.11.2, 3.14 and 4.1: sessions, their expiry, and how connections end. */
import assert from "node:assert/strict";
import type { TestClient } from "../support/ProtocolBench.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { messages, payloads, persistent, publish, subscribe } from "../support/packets5.ts";
import { packet } from "../support/rawFrames.ts";

const expiring = (sessionExpiryInterval: number, clean = false) => ({
  clean,
  properties: { sessionExpiryInterval },
});

const isPresent = (client: TestClient): boolean => {
  const { reasonCode, sessionPresent } = client.take("connack");
  assert.equal(reasonCode, 0);
  return sessionPresent;
};

const lastReason = (bench: ProtocolBench, name: "client_disconnected" | "session_terminated") =>
  bench.hooks.all(name).at(-1)?.reason;

Deno.test("Without Session Expiry Interval, or with 0, the session ends with its connection", () => {
  for (const connect of [{ clean: false }, expiring(0)]) {
    const bench = new ProtocolBench();
    const client = bench.connect(5, "a", connect);
    subscribe(client, "t");
    client.drop();
    assert.equal(bench.broker.context.sessions.size, 0);
    assert.equal(lastReason(bench, "session_terminated"), "RemoteClose");
    assert.equal(isPresent(bench.connecting(5, "a", connect)), false);
  }
});

Deno.test("Session Expiry Interval counts from the end of the connection, to the second", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a", expiring(10));
  bench.pass(60_000);
  client.drop();
  bench.pass(9_999);
  assert.equal(bench.broker.context.sessions.size, 1);
  assert.deepEqual(bench.hooks.all("session_terminated"), []);
  bench.pass(1);
  assert.equal(bench.broker.context.sessions.size, 0);
  assert.equal(lastReason(bench, "session_terminated"), "SessionExpiration");
  assert.equal(isPresent(bench.connecting(5, "a", expiring(10))), false);
});

Deno.test("A client that comes back in time finds its session, whose expiry begins anew", () => {
  const bench = new ProtocolBench();
  const first = bench.connect(5, "a", expiring(10));
  subscribe(first, "t");
  first.drop();
  bench.pass(9_999);
  const second = bench.connecting(5, "a", expiring(20));
  assert.equal(isPresent(second), true);
  bench.pass(10_000);
  publish(second, "t", "still subscribed");
  assert.deepEqual(payloads(second), ["still subscribed"]);
  second.drop();
  bench.pass(19_999);
  assert.equal(bench.broker.context.sessions.size, 1);
  bench.pass(1);
  assert.equal(bench.broker.context.sessions.size, 0);
});

Deno.test("Session Expiry Interval 0xFFFFFFFF never ends", () => {
  const bench = new ProtocolBench();
  bench.connect(5, "a", expiring(0xffffffff)).drop();
  bench.pass(200 * 365 * 24 * 60 * 60 * 1000);
  assert.equal(isPresent(bench.connecting(5, "a", persistent)), true);
});

Deno.test("The listener's maximum bounds Session Expiry Interval, 0xFFFFFFFF too", () => {
  for (const wanted of [100, 0xffffffff]) {
    const bench = new ProtocolBench({ limits: { maxSessionExpiryInterval: 5000 } });
    bench.connect(5, "a", expiring(wanted)).drop();
    bench.pass(5000);
    assert.equal(bench.broker.context.sessions.size, 0);
  }
});

Deno.test("Clean Start discards the session: its subscriptions, its messages, its QoS 2 state", () => {
  const bench = new ProtocolBench();
  const first = bench.connect(5, "a", persistent);
  subscribe(first, "t", { qos: 1 });
  publish(first, "u", "x", { qos: 2 }).take("pubrec");
  first.drop();
  publish(bench.connect(5, "p"), "t", "queued", { qos: 1 });
  const second = bench.connecting(5, "a", expiring(60, true));
  assert.equal(isPresent(second), false);
  second.nothing();
  publish(second, "t", "x").nothing();
  second.send({ cmd: "pubrel", messageId: 1 });
  assert.equal(second.take("pubcomp").reasonCode, 0x92);
  assert.equal(bench.hooks.all("session_terminated").length, 1);
  assert.equal(
    bench.hooks.all("session_created").filter(({ clientid }) => clientid === "a").length,
    2,
  );
});

Deno.test("Session Present is 0 in every CONNACK that refuses", () => {
  const bench = new ProtocolBench();
  bench.connect(5, "a", persistent).drop();
  const refused = bench.connecting(5, "a", {
    clean: false,
    properties: { authenticationMethod: "m" },
  }).take("connack");
  assert.deepEqual([refused.reasonCode, refused.sessionPresent], [0x8c, false]);
});

Deno.test("A take-over tells the old connection 0x8E, and resumes a session that outlives it", () => {
  const bench = new ProtocolBench();
  const first = bench.connect(5, "a", persistent);
  subscribe(first, "t");
  const second = bench.connecting(5, "a", persistent);
  assert.equal(first.take("disconnect").reasonCode, 0x8e);
  assert.ok(first.closed);
  assert.equal(isPresent(second), true);
  publish(second, "t", "x");
  assert.deepEqual(payloads(second), ["x"]);
  first.nothing();
  assert.equal(lastReason(bench, "client_disconnected"), "Kicked");
});

Deno.test("A take-over of a session that does not outlive its connection finds none", () => {
  const bench = new ProtocolBench();
  const first = bench.connect(5, "a", expiring(0));
  const second = bench.connecting(5, "a", persistent);
  assert.equal(first.take("disconnect").reasonCode, 0x8e);
  assert.equal(isPresent(second), false);
  assert.deepEqual(bench.hooks.names("a").slice(4), [
    "client_connect",
    "client_disconnected",
    "session_terminated",
    "session_created",
    "client_connack",
    "client_connected",
  ]);
});

Deno.test("A session goes on from 3.1.1 to 5.0 and back", () => {
  const bench = new ProtocolBench();
  const old = bench.connect(4, "a", { clean: false });
  old.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "t", qos: 1 }] });
  old.take("suback");
  old.drop();
  const publisher = bench.connect(5, "p");
  publish(publisher, "t", "x", { qos: 1, properties: { userProperties: { k: "v" } } });
  const client = bench.connecting(5, "a", persistent);
  assert.equal(isPresent(client), true);
  assert.equal(messages(client)[0]?.properties?.userProperties?.k, "v");
  client.drop();
  const back = bench.connecting(4, "a", { clean: false });
  assert.equal(back.take("connack").sessionPresent, true);
  assert.deepEqual(messages(back).map(({ dup }) => dup), [true]);
});

Deno.test("DISCONNECT changes Session Expiry Interval, both ways and to for ever", () => {
  const leave = (connect: number, disconnect: number) => {
    const bench = new ProtocolBench();
    const client = bench.connect(5, "a", expiring(connect));
    client.send({ cmd: "disconnect", properties: { sessionExpiryInterval: disconnect } });
    client.nothing();
    assert.ok(client.closed);
    return bench;
  };
  assert.equal(leave(60, 0).broker.context.sessions.size, 0);
  const shorter = leave(60, 10);
  shorter.pass(9_999);
  assert.equal(shorter.broker.context.sessions.size, 1);
  shorter.pass(1);
  assert.equal(shorter.broker.context.sessions.size, 0);
  const longer = leave(10, 60);
  longer.pass(59_999);
  assert.equal(longer.broker.context.sessions.size, 1);
  const eternal = leave(10, 0xffffffff);
  eternal.pass(1e12);
  assert.equal(eternal.broker.context.sessions.size, 1);
});

Deno.test("DISCONNECT cannot keep a session that CONNECT did not", () => {
  for (const connect of [{}, expiring(0)]) {
    const bench = new ProtocolBench();
    const client = bench.connect(5, "a", connect);
    client.send({ cmd: "disconnect", properties: { sessionExpiryInterval: 10 } });
    assert.equal(client.take("disconnect").reasonCode, 0x82);
    assert.equal(bench.broker.context.sessions.size, 0);
  }
  const harmless = new ProtocolBench().connect(5, "a");
  harmless.send({ cmd: "disconnect", properties: { sessionExpiryInterval: 0 } }).nothing();
});

Deno.test("DISCONNECT in its shortest forms means normal disconnection", () => {
  for (const bytes of [packet(0xe0), packet(0xe0, 0), packet(0xe0, 0, 0)]) {
    const bench = new ProtocolBench();
    const client = bench.connect(5, "a").raw(...bytes).nothing();
    assert.ok(client.closed);
    assert.equal(lastReason(bench, "client_disconnected"), "Disconnect");
  }
});

Deno.test("client_disconnected names the code of a DISCONNECT", () => {
  const names: ReadonlyArray<readonly [number, string]> = [
    [0x00, "Disconnect"],
    [0x04, "Disconnect(Disconnect with Will Message)"],
    [0x80, "Disconnect(Unspecified error)"],
    [0x81, "Disconnect(Malformed Packet)"],
    [0x82, "Disconnect(Protocol Error)"],
    [0x83, "Disconnect(Implementation specific error)"],
    [0x90, "Disconnect(Topic Name invalid)"],
    [0x93, "Disconnect(Receive Maximum exceeded)"],
    [0x94, "Disconnect(Topic Alias invalid)"],
    [0x95, "Disconnect(Packet too large)"],
    [0x96, "Disconnect(Message rate too high)"],
    [0x97, "Disconnect(Quota exceeded)"],
    [0x98, "Disconnect(Administrative action)"],
    [0x99, "Disconnect(Payload format invalid)"],
  ];
  for (const [code, reason] of names) {
    const bench = new ProtocolBench();
    bench.connect(5, "a").raw(...packet(0xe0, code, 0)).nothing();
    assert.equal(lastReason(bench, "client_disconnected"), reason);
    assert.equal(lastReason(bench, "session_terminated"), reason);
  }
});

Deno.test("Nothing is read or sent after a DISCONNECT, of either side", () => {
  const bench = new ProtocolBench();
  const other = bench.connect(5, "b");
  const leaving = bench.connect(5, "a", persistent);
  subscribe(leaving, "t", { qos: 1 });
  leaving.raw(...packet(0xe0), ...packet(0xc0)).nothing();
  publish(other, "t", "x", { qos: 1 });
  leaving.nothing();
  const thrown = bench.connect(5, "c").raw(...packet(0xc0, 1), ...packet(0xc0));
  assert.equal(thrown.take("disconnect").reasonCode, 0x81);
  thrown.nothing();
});

Deno.test("A stopping server tells 0x8B to clients that are connected, and nothing to others", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a", persistent);
  const old = bench.connect(4, "old");
  const early = bench.open(5);
  bench.broker.shutdown();
  assert.equal(client.take("disconnect").reasonCode, 0x8b);
  old.nothing();
  early.nothing();
  for (const { closed } of [client, old, early]) assert.ok(closed);
});

Deno.test("A server's DISCONNECT has no Session Expiry Interval", () => {
  const bench = new ProtocolBench();
  const first = bench.connect(5, "a", persistent);
  bench.connect(5, "a", persistent);
  assert.equal(first.take("disconnect").properties?.sessionExpiryInterval, undefined);
});

Deno.test("A 3.1.1 client is never sent a DISCONNECT", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a");
  bench.connect(4, "a");
  client.nothing();
  assert.ok(client.closed);
});

Deno.test("PINGREQ is answered by PINGRESP", () => {
  new ProtocolBench().connect(5, "a").send({ cmd: "pingreq" }, { cmd: "pingreq" })
    .received.forEach(({ cmd }) => assert.equal(cmd, "pingresp"));
});
