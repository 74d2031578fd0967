/** MQTT 5.0 sections 3.1 and 3.2: CONNECT, its properties, and what CONNACK answers. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { packet, string } from "../support/rawFrames.ts";
import { messages, persistent, publish, subscribe } from "../support/packets5.ts";

const will = (more: object = {}) => ({
  will: { topic: "w", payload: Buffer.of(1), qos: 0, retain: false, ...more },
});

Deno.test("CONNACK tells the limits that the listener is configured with", () => {
  const bench = new ProtocolBench({
    limits: { maxInflight: 7, maxPacketSize: 5000, maxTopicAliases: 3, maxQosAllowed: 1 },
  });
  const { reasonCode, sessionPresent, properties } = bench.connecting(5, "a").take("connack");
  assert.equal(reasonCode, 0);
  assert.equal(sessionPresent, false);
  assert.deepEqual({ ...properties }, {
    receiveMaximum: 7,
    maximumPacketSize: 5000,
    topicAliasMaximum: 3,
    maximumQoS: 1,
  });
});

Deno.test("CONNACK has no Maximum QoS when QoS 2 is allowed", () => {
  const { properties } = new ProtocolBench().connecting(5, "a").take("connack");
  assert.deepEqual({ ...properties }, {
    receiveMaximum: 16,
    maximumPacketSize: 1024 * 1024,
    topicAliasMaximum: 32,
  });
});

Deno.test("CONNACK never carries Response Information or an authentication method", () => {
  for (const requestResponseInformation of [false, true]) {
    const { properties } = new ProtocolBench()
      .connecting(5, "a", { properties: { requestResponseInformation } }).take("connack");
    assert.equal(properties?.responseInformation, undefined);
    assert.equal(properties?.authenticationMethod, undefined);
  }
});

Deno.test("CONNACK assigns a client identifier to a client without one, and to no other", () => {
  const bench = new ProtocolBench();
  for (const flags of [0, 2]) { // with and without Clean Start
    const first = bench.open(5).raw(...packet(0x10, ...string("MQTT"), 5, flags, 0, 0, 0, 0, 0));
    const { properties } = first.take("connack");
    const assigned = properties?.assignedClientIdentifier;
    assert.ok(assigned);
    assert.equal(bench.broker.context.sessions.get(assigned)?.client, first.admitted);
  }
  assert.equal(bench.broker.context.sessions.size, 2);
  const { properties } = bench.connecting(5, "named").take("connack");
  assert.equal(properties?.assignedClientIdentifier, undefined);
});

Deno.test("A session is resumed under the client identifier that CONNACK assigned", () => {
  const bench = new ProtocolBench();
  const first = bench.connecting(5, "", { ...persistent, clean: true });
  const assigned = first.take("connack").properties?.assignedClientIdentifier;
  assert.ok(assigned);
  first.drop();
  assert.equal(bench.connecting(5, assigned, persistent).take("connack").sessionPresent, true);
});

Deno.test("CONNECT takes every client identifier of 1 to 23 digits and letters, and stranger ones", () => {
  const bench = new ProtocolBench();
  const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const ids = [
    ...alphabet,
    alphabet.slice(0, 23),
    alphabet.slice(-23),
    "\ufeffbom",
    "bom",
    "caf\u00e9/+#$ \u{1f600}",
    "x".repeat(65535),
  ];
  for (const id of ids) bench.connect(5, id);
  assert.deepEqual(Array.from(bench.broker.context.sessions, ({ id }) => id), ids); // [MQTT-1.5.4-3]: U+FEFF is kept
});

Deno.test("CONNECT with a client identifier over the limit is refused with 0x85", () => {
  const bench = new ProtocolBench({ limits: { maxClientidLen: 4 } });
  const client = bench.connecting(5, "12345");
  const { reasonCode, sessionPresent } = client.take("connack");
  assert.deepEqual([reasonCode, sessionPresent, client.closed], [0x85, false, true]);
  assert.deepEqual(bench.hooks.names("12345"), ["client_connect", "client_connack"]);
  bench.connect(5, "1234");
});

Deno.test("A refused CONNECT is the last that is read: what follows does nothing", () => {
  const bench = new ProtocolBench({ limits: { allowAnonymous: false } });
  const client = bench.connecting(5, "a");
  assert.equal(client.take("connack").reasonCode, 0x87);
  publish(client, "t", "x").send({ cmd: "pingreq" }).nothing();
  assert.ok(client.closed);
  assert.deepEqual(bench.hooks.all("message_publish"), []);
});

Deno.test("CONNECT with an authentication method is refused with 0x8C", () => {
  const bench = new ProtocolBench();
  const client = bench.connecting(5, "a", {
    properties: { authenticationMethod: "SCRAM-SHA-1", authenticationData: Buffer.of(1) },
  });
  const connack = client.take("connack");
  assert.equal(connack.reasonCode, 0x8c);
  assert.equal(connack.properties?.authenticationMethod, undefined);
  assert.ok(client.closed);
  assert.equal(bench.hooks.all("client_connack")[0]?.conn_ack, "Connection Refused");
});

Deno.test("CONNECT with wrong credentials is refused with 0x86, and known ones are let in", () => {
  const authenticate = (name: string, password: Uint8Array | undefined) =>
    name === "u" && password?.length === 2 ? "good" : "bad";
  const bench = new ProtocolBench({ authenticate, limits: { allowAnonymous: false } });
  const connack = (username: string, password?: string) =>
    bench.connecting(5, "a", { username, ...(password === undefined ? {} : { password }) })
      .take("connack").reasonCode;
  assert.equal(connack("u", "wrong"), 0x86);
  assert.equal(connack("u"), 0x86);
  assert.equal(connack("u", "pw"), 0);
});

Deno.test("CONNECT over max_connections is refused with 0x88", () => {
  const bench = new ProtocolBench({ limits: { maxConnections: 1 } });
  bench.connect(5, "a");
  const client = bench.connecting(5, "b");
  assert.equal(client.take("connack").reasonCode, 0x88);
  assert.ok(client.closed);
  bench.connect(5, "a"); // a take-over needs no second place
});

Deno.test("CONNECT with a will over Maximum QoS is refused with 0x9B", () => {
  const bench = new ProtocolBench({ limits: { maxQosAllowed: 1 } });
  const client = bench.connecting(5, "a", will({ qos: 2 }));
  assert.equal(client.take("connack").reasonCode, 0x9b);
  assert.ok(client.closed);
  bench.connect(5, "b", will({ qos: 1 }));
});

Deno.test("CONNECT with a will that is not the UTF-8 it claims to be is refused with 0x99", () => {
  const bench = new ProtocolBench();
  const properties = { payloadFormatIndicator: true };
  const client = bench.connecting(5, "a", will({ payload: Buffer.of(0xff), properties }));
  assert.equal(client.take("connack").reasonCode, 0x99);
  assert.ok(client.closed);
  bench.connect(5, "b", will({ payload: Buffer.of(0xff) }));
  bench.connect(5, "c", will({ properties }));
});

Deno.test("CONNECT of a level that is neither 3.x nor 5.0 is refused in the form of 3.1.1", () => {
  for (const level of [0, 1, 2, 3, 6, 255]) {
    const client = new ProtocolBench().open(4);
    client.raw(...packet(0x10, ...string("MQTT"), level, 2, 0, 0, ...string("a")));
    assert.equal(client.take("connack").returnCode, 1, `${level}`);
    assert.ok(client.closed);
  }
});

Deno.test("A packet before CONNECT closes the connection without a word", () => {
  for (const first of [0x20, 0x30, 0x40, 0x82, 0xa2, 0xc0, 0xe0, 0xf0]) {
    const client = new ProtocolBench().open(5).raw(first, 0).nothing();
    assert.ok(client.closed, `0x${first.toString(16)}`);
  }
});

Deno.test("A connection without CONNECT is closed after handshake_timeout without a word", () => {
  const bench = new ProtocolBench();
  const client = bench.open(5);
  bench.pass(29_999);
  assert.equal(client.closed, false);
  bench.pass(1);
  client.nothing();
  assert.ok(client.closed);
});

Deno.test("Packets may follow CONNECT at once, and are answered after CONNACK", () => {
  const bench = new ProtocolBench();
  const client = bench.open(5).raw(
    ...packet(0x10, ...string("MQTT"), 5, 2, 0, 0, 0, ...string("a")),
    ...packet(0xc0),
    ...packet(0x82, 0, 1, 0, ...string("f"), 0),
  );
  client.take("connack");
  client.take("pingresp");
  client.take("suback");
  client.nothing();
});

Deno.test("Keep Alive: a client silent for one and a half times is told 0x8D", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a", { keepalive: 10 });
  bench.pass(14_999);
  client.send({ cmd: "pingreq" }).take("pingresp");
  bench.pass(14_999);
  client.nothing();
  bench.pass(1);
  assert.equal(client.take("disconnect").reasonCode, 0x8d);
  assert.ok(client.closed);
  assert.equal(bench.hooks.all("client_disconnected")[0]?.reason, "KeepaliveTimeout");
});

Deno.test("Keep Alive 0 is left alone where the listener allows it", () => {
  const bench = new ProtocolBench();
  const client = bench.connecting(5, "a");
  assert.equal(client.take("connack").properties?.serverKeepAlive, undefined);
  bench.pass(365 * 24 * 60 * 60 * 1000);
  assert.equal(client.closed, false);
});

Deno.test("Server Keep Alive is told and kept where the listener allows no Keep Alive 0", () => {
  const bench = new ProtocolBench({ limits: { allowZeroKeepalive: false } });
  const client = bench.connecting(5, "a");
  const told = client.take("connack").properties?.serverKeepAlive;
  assert.ok(told);
  bench.pass(told * 1500 - 1);
  assert.equal(client.closed, false);
  bench.pass(1);
  assert.equal(client.take("disconnect").reasonCode, 0x8d);
  const other = bench.connecting(5, "b", { keepalive: 10 }).take("connack");
  assert.equal(other.properties?.serverKeepAlive, undefined); // [MQTT-3.2.2-22]
});

Deno.test("Session Expiry Interval over the maximum is told in CONNACK, and only then", () => {
  const bench = new ProtocolBench({ limits: { maxSessionExpiryInterval: 60_000 } });
  const told = (sessionExpiryInterval?: number) =>
    bench.connecting(5, "a", {
      properties: sessionExpiryInterval === undefined ? {} : { sessionExpiryInterval },
    }).take("connack").properties?.sessionExpiryInterval;
  assert.equal(told(61), 60);
  assert.equal(told(0xffffffff), 60);
  assert.equal(told(60), undefined);
  assert.equal(told(0), undefined);
  assert.equal(told(), undefined);
});

Deno.test("Maximum Packet Size: a CONNACK that is too large refuses the CONNECT with 0x95", () => {
  const bench = new ProtocolBench();
  const tiny = bench.connecting(5, "a", { properties: { maximumPacketSize: 15 } });
  assert.equal(tiny.take("connack").reasonCode, 0x95);
  assert.ok(tiny.closed);
  assert.equal(bench.broker.context.sessions.size, 0);
  const tiniest = bench.connecting(5, "a", { properties: { maximumPacketSize: 4 } }).nothing();
  assert.ok(tiniest.closed);
  assert.equal(tiniest.bytes.length, 0);
  const enough = bench.connect(5, "a", { properties: { maximumPacketSize: 16 } });
  assert.equal(enough.bytes.length, 16);
});

Deno.test("Maximum Packet Size: a larger PUBLISH is not sent, and dropped with PublishRefused", () => {
  for (const qos of [0, 1, 2] as const) {
    const bench = new ProtocolBench();
    const client = bench.connect(5, "a", { properties: { maximumPacketSize: 30 } });
    subscribe(client, "t", { qos });
    const other = bench.connect(5, "b");
    subscribe(other, "t", { qos });
    const overhead = 2 + 2 + 1 + (qos > 0 ? 2 : 0) + 1;
    const publisher = bench.connect(5, "p");
    publish(publisher, "t", "x".repeat(31 - overhead), { qos });
    publish(publisher, "t", "y".repeat(30 - overhead), { qos, messageId: 2 });
    const [only, ...more] = messages(client);
    assert.deepEqual(more, []);
    assert.equal(only?.payload.toString()[0], "y");
    assert.equal(messages(other).length, 2, "another client gets both");
    const dropped = bench.hooks.all("message_dropped");
    assert.deepEqual(dropped.map(({ reason, clientid, qos }) => ({ reason, clientid, qos })), [
      { reason: "PublishRefused", clientid: "a", qos },
    ]);
    assert.equal(client.closed, false);
  }
});

Deno.test("Maximum Packet Size: a dropped message takes no place in the window", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a", {
    properties: { maximumPacketSize: 30, receiveMaximum: 1 },
  });
  subscribe(client, "t", { qos: 1 });
  const publisher = bench.connect(5, "p");
  for (const payload of ["x".repeat(100), "small"]) publish(publisher, "t", payload, { qos: 1 });
  assert.deepEqual(messages(client).map(({ payload }) => payload.toString()), ["small"]);
});

Deno.test("Maximum Packet Size: a DISCONNECT that is too large goes without its Reason String", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a", { properties: { maximumPacketSize: 16 } });
  client.raw(0x40, 2, 0, 0);
  const { reasonCode, properties } = client.take("disconnect");
  assert.equal(reasonCode, 0x82);
  assert.equal(properties, undefined);
});

Deno.test("Maximum Packet Size: a SUBACK that is too large is not sent", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a", { properties: { maximumPacketSize: 16 } });
  const subscriptions = Array.from("abcdefghijklmnop", (topic) => ({ topic, qos: 0 as const }));
  client.send({ cmd: "subscribe", messageId: 1, subscriptions }).nothing();
  assert.equal(client.closed, false);
});

Deno.test("Reason String stands in DISCONNECT unless Request Problem Information is 0", () => {
  const reason = (properties: object) =>
    new ProtocolBench().connect(5, "a", { properties }).raw(0x40, 2, 0, 0).take("disconnect")
      .properties?.reasonString;
  assert.equal(reason({}), "packet identifier 0");
  assert.equal(reason({ requestProblemInformation: true }), "packet identifier 0");
  assert.equal(reason({ requestProblemInformation: false }), undefined);
});

Deno.test("No acknowledgement carries a Reason String or User Properties", () => {
  const bench = new ProtocolBench({
    acl: [{ permit: "deny", action: "all", topics: ["no"], user: undefined, clientid: undefined }],
  });
  const client = bench.connect(5, "a", { properties: { requestProblemInformation: false } });
  subscribe(client, "no");
  publish(client, "no", "x", { qos: 1 });
  assert.equal(client.take("puback").properties, undefined);
  publish(client, "no", "x", { qos: 2 });
  assert.equal(client.take("pubrec").properties, undefined);
  client.send({ cmd: "pubrel", messageId: 9 });
  assert.equal(client.take("pubcomp").properties, undefined);
  client.send({ cmd: "unsubscribe", messageId: 1, unsubscriptions: ["none"] });
  assert.equal(client.take("unsuback").properties, undefined);
});
