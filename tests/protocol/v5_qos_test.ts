/** MQTT 5.0 sections 4.3, 4.4 and 4.9: acknowledgements, resending, and Receive Maximum both ways. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { AclRule } from "../../src/domain/BrokerSettings.ts";
import type { TestClient } from "../support/ProtocolBench.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { messages, payloads, persistent, publish, subscribe } from "../support/packets5.ts";

const denied: AclRule = {
  permit: "deny",
  action: "publish",
  topics: ["no/#"],
  user: undefined,
  clientid: undefined,
};

/** A client that gets what is published to `t`, and one that publishes. */
const pair = (connect: object = persistent, options = {}) => {
  const bench = new ProtocolBench(options);
  const client = bench.connect(5, "a", connect);
  subscribe(client, "t", { qos: 2 });
  return { bench, client, publisher: bench.connect(5, "p") };
};

const idsOf = (client: TestClient) => messages(client).map(({ messageId }) => messageId);

const disconnectReason = (bench: ProtocolBench) =>
  bench.hooks.all("client_disconnected").at(-1)?.reason;

Deno.test("PUBACK and PUBREC say 0x00 with a subscriber and 0x10 without", () => {
  const bench = new ProtocolBench();
  const publisher = bench.connect(5, "p");
  const codes = () => {
    publish(publisher, "t", "x", { qos: 1, messageId: 7 });
    const puback = publisher.take("puback");
    publish(publisher, "t", "x", { qos: 2, messageId: 8 });
    const pubrec = publisher.take("pubrec");
    publisher.send({ cmd: "pubrel", messageId: 8 }).take("pubcomp");
    assert.deepEqual([puback.messageId, pubrec.messageId], [7, 8]);
    return [puback.reasonCode, pubrec.reasonCode];
  };
  assert.deepEqual(codes(), [0x10, 0x10]);
  subscribe(publisher, "t", { nl: true });
  assert.deepEqual(codes(), [0x10, 0x10], "No Local: nobody gets it");
  subscribe(bench.connect(5, "a", persistent), "t");
  assert.deepEqual(codes(), [0, 0]);
});

Deno.test("PUBACK and PUBREC say why a message is refused, and the connection goes on", () => {
  const bench = new ProtocolBench({ acl: [denied], limits: { maxTopicLevels: 2 } });
  const publisher = bench.connect(5, "p");
  subscribe(bench.connect(5, "a"), "#");
  const invalid = { properties: { payloadFormatIndicator: true } };
  for (const [qos, cmd] of [[1, "puback"], [2, "pubrec"]] as const) {
    const code = (topic: string, payload: string | Uint8Array, more = {}) => {
      publish(publisher, topic, payload, { qos, messageId: 3, ...more });
      return publisher.take(cmd).reasonCode;
    };
    assert.equal(code("no/way", "x"), 0x87);
    assert.equal(code("a/b/c", "x"), 0x90);
    assert.equal(code("t", Buffer.of(0xc0, 0xaf), invalid), 0x99);
  }
  publish(publisher, "no/way", "x", { qos: 0 }).nothing();
  assert.equal(publisher.closed, false);
  const dropped = bench.hooks.all("message_dropped");
  assert.equal(dropped.length, 7);
  for (const { reason, clientid } of dropped) {
    assert.deepEqual([reason, clientid], ["PublishRefused", undefined]);
  }
  assert.deepEqual(bench.hooks.all("message_publish"), []);
});

Deno.test("After a PUBREC that refused, its packet identifier stands for a new message", () => {
  const { client, publisher } = pair({}, { acl: [denied] });
  publish(publisher, "no/way", "x", { qos: 2 });
  assert.equal(publisher.take("pubrec").reasonCode, 0x87);
  publish(publisher, "t", "new", { qos: 2 });
  assert.equal(publisher.take("pubrec").reasonCode, 0);
  assert.deepEqual(payloads(client), ["new"]);
});

Deno.test("A QoS 1 packet identifier stands for a new message after PUBACK, DUP or not", () => {
  const { client, publisher } = pair({});
  for (const dup of [false, true]) publish(publisher, "t", "x", { qos: 1, dup });
  assert.equal(publisher.received.length, 2);
  const got = messages(client);
  assert.equal(got.length, 2);
  assert.deepEqual(got.map(({ dup }) => dup), [false, false], "DUP is not passed on");
});

Deno.test("A QoS 2 message is passed on once however often it comes before PUBREL", () => {
  const { bench, client, publisher } = pair({});
  const sender = bench.connect(5, "s", persistent);
  publish(sender, "t", "x", { qos: 2 });
  publish(sender, "t", "x", { qos: 2, dup: true });
  assert.equal(sender.take("pubrec").reasonCode, 0);
  assert.equal(sender.take("pubrec").reasonCode, 0);
  sender.drop();
  const again = bench.connect(5, "s", persistent);
  publish(again, "t", "x", { qos: 2, dup: true });
  again.take("pubrec");
  again.send({ cmd: "pubrel", messageId: 1 });
  assert.equal(again.take("pubcomp").reasonCode, 0);
  assert.deepEqual(payloads(client), ["x"]);
  publish(again, "t", "y", { qos: 2 });
  assert.deepEqual(payloads(client), ["y"], "after PUBCOMP the identifier is free");
  publisher.nothing();
});

Deno.test("PUBREL for an unknown packet identifier is answered by PUBCOMP 0x92", () => {
  const client = new ProtocolBench().connect(5, "a").send({ cmd: "pubrel", messageId: 5 });
  const { messageId, reasonCode } = client.take("pubcomp");
  assert.deepEqual([messageId, reasonCode], [5, 0x92]);
});

Deno.test("PUBREC for an unknown packet identifier is answered by PUBREL 0x92", () => {
  const client = new ProtocolBench().connect(5, "a").send({ cmd: "pubrec", messageId: 5 });
  const { messageId, reasonCode } = client.take("pubrel");
  assert.deepEqual([messageId, reasonCode], [5, 0x92]);
  client.send({ cmd: "pubrec", messageId: 6, reasonCode: 0x80 }).nothing();
});

Deno.test("PUBACK and PUBCOMP for an unknown packet identifier change nothing", () => {
  const client = new ProtocolBench().connect(5, "a");
  client.send({ cmd: "puback", messageId: 5 }, { cmd: "pubcomp", messageId: 5 }).nothing();
  assert.equal(client.closed, false);
});

Deno.test("An acknowledgement of the wrong kind is a protocol error", () => {
  for (
    const [qos, cmd] of [
      [1, "pubrec"],
      [2, "puback"],
      [2, "pubcomp"],
    ] as const
  ) {
    const { bench, client, publisher } = pair();
    publish(publisher, "t", "x", { qos });
    const [messageId] = idsOf(client);
    assert.ok(messageId);
    client.send({ cmd, messageId });
    assert.equal(client.take("disconnect").reasonCode, 0x82);
    assert.match(disconnectReason(bench) ?? "", /^ProtocolError\(/);
  }
});

Deno.test("PUBACK ends a message whatever its reason code says: it is not sent again", () => {
  const { bench, client, publisher } = pair();
  publish(publisher, "t", "x", { qos: 1 });
  const [messageId] = idsOf(client);
  assert.ok(messageId);
  client.send({ cmd: "puback", messageId, reasonCode: 0x97 }).drop();
  bench.connect(5, "a", persistent).nothing();
  assert.equal(bench.hooks.all("message_acked").length, 1);
  assert.equal(bench.hooks.all("message_dropped").length, 0);
});

Deno.test("PUBREC that refuses a message ends its handshake, drops it and frees its place", () => {
  const { bench, client, publisher } = pair({
    ...persistent,
    properties: { sessionExpiryInterval: 60, receiveMaximum: 1 },
  });
  for (const payload of ["x", "y"]) {
    publish(publisher, "t", payload, { qos: 2, messageId: payload.charCodeAt(0) });
  }
  const [messageId] = idsOf(client);
  assert.ok(messageId);
  client.send({ cmd: "pubrec", messageId, reasonCode: 0x99 });
  assert.deepEqual(payloads(client), ["y"]);
  assert.deepEqual(bench.hooks.all("message_dropped").map(({ reason }) => reason), [
    "PublishRefused",
  ]);
});

Deno.test("A QoS 2 message whose PUBREC came is not said to be dropped when the session ends", () => {
  const { bench, client, publisher } = pair({});
  for (const messageId of [1, 2]) publish(publisher, "t", "x", { qos: 2, messageId });
  const [messageId] = idsOf(client);
  assert.ok(messageId);
  client.send({ cmd: "pubrec", messageId }).take("pubrel");
  client.drop();
  const dropped = bench.hooks.all("message_dropped");
  assert.deepEqual(dropped.map(({ packet_id }) => packet_id === messageId), [false]);
});

Deno.test("PUBREC with 0x10 is a success", () => {
  const { client, publisher } = pair();
  publish(publisher, "t", "x", { qos: 2 });
  const [messageId] = idsOf(client);
  assert.ok(messageId);
  client.send({ cmd: "pubrec", messageId, reasonCode: 0x10 });
  assert.equal(client.take("pubrel").messageId, messageId);
});

Deno.test("A resumed session sends again what is unacknowledged, in order, with DUP and the same identifiers", () => {
  const { bench, client, publisher } = pair();
  for (const [i, qos] of ([1, 2, 1, 2] as const).entries()) {
    publish(publisher, "t", `${i}`, { qos, messageId: i + 1 });
  }
  const [, second, third] = idsOf(client);
  assert.ok(second && third);
  client.send({ cmd: "pubrec", messageId: second }).take("pubrel");
  client.send({ cmd: "puback", messageId: third });
  client.drop();
  const again = bench.connect(5, "a", persistent);
  assert.equal(again.take("pubrel").messageId, second);
  const resent = messages(again);
  assert.deepEqual(resent.map(({ payload, dup, qos }) => [payload.toString(), dup, qos]), [
    ["0", true, 1],
    ["3", true, 2],
  ]);
  again.send({ cmd: "pubcomp", messageId: second }).nothing();
});

Deno.test("Nothing is sent again on a connection that stands", () => {
  const { bench, client, publisher } = pair();
  publish(publisher, "t", "x", { qos: 1 });
  messages(client);
  bench.pass(24 * 60 * 60 * 1000);
  client.nothing();
});

Deno.test("PUBREL is sent again although the window of the new connection is full", () => {
  const { bench, client, publisher } = pair();
  for (const messageId of [1, 2, 3]) publish(publisher, "t", `${messageId}`, { qos: 2, messageId });
  const ids = idsOf(client);
  const last = ids[2];
  assert.ok(last);
  client.send({ cmd: "pubrec", messageId: last }).take("pubrel");
  client.drop();
  const again = bench.connect(5, "a", {
    clean: false,
    properties: { sessionExpiryInterval: 60, receiveMaximum: 2 },
  });
  assert.equal(again.take("pubrel").messageId, last);
  again.send({ cmd: "pubcomp", messageId: last });
  assert.deepEqual(idsOf(again), ids.slice(0, 2));
});

Deno.test("Receive Maximum of the client bounds what is unacknowledged to it", () => {
  for (const receiveMaximum of [1, 3]) {
    const { client, publisher } = pair({ properties: { receiveMaximum } });
    for (let messageId = 1; messageId <= 5; messageId++) {
      publish(publisher, "t", `${messageId}`, { qos: messageId % 2 === 0 ? 1 : 2, messageId });
    }
    const sent: Array<string> = [];
    while (client.received.length > 0) {
      const window = messages(client);
      assert.ok(window.length <= receiveMaximum);
      for (const { messageId, qos, payload } of window) {
        assert.ok(messageId);
        sent.push(payload.toString());
        if (qos === 2) client.send({ cmd: "pubrec", messageId }).received.pop();
        client.send({ cmd: qos === 1 ? "puback" : "pubcomp", messageId });
      }
    }
    assert.deepEqual(sent, ["1", "2", "3", "4", "5"]);
  }
});

Deno.test("PUBREC alone does not free a place of Receive Maximum, PUBCOMP does", () => {
  const { client, publisher } = pair({ properties: { receiveMaximum: 1 } });
  for (const messageId of [1, 2]) publish(publisher, "t", `${messageId}`, { qos: 2, messageId });
  const [messageId] = idsOf(client);
  assert.ok(messageId);
  client.send({ cmd: "pubrec", messageId }).take("pubrel");
  client.nothing();
  client.send({ cmd: "pubcomp", messageId });
  assert.deepEqual(payloads(client), ["2"]);
});

Deno.test("max_inflight bounds the window of a client with a larger Receive Maximum", () => {
  const { client, publisher } = pair({ properties: { receiveMaximum: 100 } }, {
    limits: { maxInflight: 2 },
  });
  for (const messageId of [1, 2, 3]) publish(publisher, "t", "x", { qos: 1, messageId });
  assert.equal(messages(client).length, 2);
});

Deno.test("A full window holds no other packets back", () => {
  const { client, publisher } = pair({ properties: { receiveMaximum: 1 } });
  for (const messageId of [1, 2]) publish(publisher, "t", "x", { qos: 1, messageId });
  messages(client);
  client.send({ cmd: "pingreq" }).take("pingresp");
  subscribe(client, "u");
  publish(client, "v", "x", { qos: 2 }).take("pubrec");
  client.send({ cmd: "pubrel", messageId: 1 }).take("pubcomp");
});

Deno.test("A QoS 2 message over the server's Receive Maximum is told 0x93", () => {
  const { bench, publisher } = pair({}, { limits: { maxInflight: 3 } });
  for (const messageId of [1, 2, 3]) {
    publish(publisher, "t", "x", { qos: 2, messageId }).take("pubrec");
  }
  publish(publisher, "t", "x", { qos: 1, messageId: 4 }).take("puback");
  publish(publisher, "t", "x", { qos: 2, messageId: 2, dup: true }).take("pubrec");
  publisher.send({ cmd: "pubrel", messageId: 1 }).take("pubcomp");
  publish(publisher, "t", "x", { qos: 2, messageId: 5 }).take("pubrec");
  publish(publisher, "t", "x", { qos: 2, messageId: 6 });
  assert.equal(publisher.take("disconnect").reasonCode, 0x93);
  assert.match(disconnectReason(bench) ?? "", /^ProtocolError\(/);
});

Deno.test("The server's Receive Maximum counts anew on each connection", () => {
  const bench = new ProtocolBench({ limits: { maxInflight: 2 } });
  const first = bench.connect(5, "p", persistent);
  for (const messageId of [1, 2]) publish(first, "t", "x", { qos: 2, messageId }).take("pubrec");
  first.drop();
  const second = bench.connect(5, "p", persistent);
  for (const messageId of [3, 4]) publish(second, "t", "x", { qos: 2, messageId }).take("pubrec");
  for (const messageId of [1, 2]) second.send({ cmd: "pubrel", messageId }).take("pubcomp");
  assert.equal(second.closed, false);
});

Deno.test("QoS over Maximum QoS is told 0x9B", () => {
  for (const [maxQosAllowed, qos] of [[0, 1], [0, 2], [1, 2]] as const) {
    const bench = new ProtocolBench({ limits: { maxQosAllowed } });
    const client = publish(bench.connect(5, "a"), "t", "x", { qos });
    assert.equal(client.take("disconnect").reasonCode, 0x9b);
    assert.deepEqual(bench.hooks.all("message_publish"), []);
  }
});

Deno.test("A message is delivered to each client in the order that it was published", () => {
  const { bench, client, publisher } = pair({ properties: { receiveMaximum: 2 } });
  const all = Array.from({ length: 10 }, (_, i) => `${i}`);
  for (const [i, payload] of all.entries()) {
    publish(publisher, "t", payload, { qos: (i % 3) as 0 | 1 | 2, messageId: i + 1 }); // of 3
  }
  const got: Array<string> = [];
  for (let next = client.received.shift(); next !== undefined; next = client.received.shift()) {
    if (next.cmd === "pubrel") client.send({ cmd: "pubcomp", messageId: next.messageId ?? 0 });
    if (next.cmd !== "publish") continue;
    got.push(next.payload.toString());
    if (next.messageId === undefined) continue;
    client.send({ cmd: next.qos === 2 ? "pubrec" : "puback", messageId: next.messageId });
  }
  assert.deepEqual(got, all);
  assert.equal(bench.hooks.all("message_acked").length, 6);
});

Deno.test("A packet identifier is neither 0 nor one that is in use, all the way round", () => {
  const { client, publisher } = pair({ properties: { receiveMaximum: 2 } });
  publish(publisher, "t", "held", { qos: 1 });
  const [held] = idsOf(client);
  const seen = new Set<number>();
  for (let i = 0; i < 65_534; i++) {
    publisher.received.length = 0;
    publish(publisher, "t", "", { qos: 1 });
    const { messageId = 0 } = client.take("publish");
    assert.ok(messageId !== 0 && messageId !== held);
    seen.add(messageId);
    client.send({ cmd: "puback", messageId });
  }
  assert.equal(seen.size, 65_534);
});
