/** SUBSCRIBE and UNSUBSCRIBE of MQTT 3.1.1. Sections 3.8 to 3.11 */
import assert from "node:assert/strict";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import {
  BAD_TEXT,
  bytesOfPackets,
  endReason,
  frame,
  publish,
  story,
  string,
  subscribe,
  takeAll,
  takePayloads,
} from "./packets.ts";

/** Sends bytes that must end the connection without an answer. */
const refused = (bytes: ReadonlyArray<number>, what = "a frame"): void => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a").raw(...bytes);
  assert.equal(client.closed, true, what);
  client.nothing();
  assert.match(endReason(bench) ?? "", /^ProtocolError\(/);
  assert.equal(bench.broker.context.pubSub.topics.size, 0);
};

Deno.test("SUBACK has SUBSCRIBE's packet identifier and one return code per filter, in their order", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a");
  client.bytes.length = 0;
  client.raw(...frame(0x82, [0x12, 0x34], "a", 1, "b", 0, "c", 2, "a/#/c", 1, "d", 1));
  assert.deepEqual(client.bytes, [0x90, 7, 0x12, 0x34, 1, 0, 2, 0x80, 1]);
});

Deno.test("Each filter of a SUBSCRIBE has its events, requested and granted QoS in them", () => {
  const bench = new ProtocolBench({ limits: { maxQosAllowed: 1 } });
  const client = bench.connect(4, "a");
  assert.deepEqual(subscribe(client, ["x", 2], ["y/#/z", 1], ["z", 0]), [1, 0x80, 0]);
  const events = bench.hooks.of("a").slice(4).map((event) =>
    event._tag === "client_subscribe" || event._tag === "session_subscribed"
      ? `${event._tag} ${event.topic} ${event.opts.qos}`
      : event._tag
  );
  assert.deepEqual(events, [
    "client_subscribe x 2",
    "session_subscribed x 1",
    "client_subscribe y/#/z 1",
    "client_subscribe z 0",
    "session_subscribed z 0",
  ]);
});

Deno.test("Filters with a misplaced wildcard get 0x80, and subscribe to nothing", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a");
  for (
    const filter of ["a#", "#/a", "a/#/b", "a+", "+a", "a/+b", "a/b+/c", "++", "##", "/#/", "+#"]
  ) {
    assert.deepEqual(subscribe(client, [filter, 0]), [0x80], filter);
  }
  assert.equal(bench.broker.context.pubSub.topics.size, 0);
});

Deno.test("Filters with wildcards in their right places are granted", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a");
  for (const filter of ["#", "+", "/", "/#", "+/+", "/+", "+/", "a/+/#", "$SYS/#", "+/b/#", "//"]) {
    assert.deepEqual(subscribe(client, [filter, 0]), [0], filter);
  }
});

Deno.test("A filter that the access list denies gets 0x80, the others of its SUBSCRIBE are granted", () => {
  const bench = new ProtocolBench({
    acl: [{
      permit: "deny",
      action: "subscribe",
      user: undefined,
      clientid: undefined,
      topics: ["secret/#"],
    }],
  });
  const client = bench.connect(4, "a");
  assert.deepEqual(subscribe(client, ["secret/x", 1], ["open", 1], ["#", 0]), [0x80, 1, 0x80]);
  client.send(publish("secret/x", "x"));
  client.nothing();
});

Deno.test("A SUBSCRIBE with more topic levels than max_topic_levels gets 0x80", () => {
  const bench = new ProtocolBench({ limits: { maxTopicLevels: 3 } });
  assert.deepEqual(subscribe(bench.connect(4, "a"), ["a/b/c", 0], ["a/b/c/d", 0]), [0, 0x80]);
});

Deno.test("SUBSCRIBE without a filter ends the connection", () => refused(frame(0x82, [0, 1])));

Deno.test("SUBSCRIBE with packet identifier 0 ends the connection", () => {
  refused(frame(0x82, [0, 0], "a", 0));
});

Deno.test("SUBSCRIBE with QoS 3 or a reserved bit of the QoS byte ends the connection", () => {
  for (let options = 3; options < 256; options++) refused(frame(0x82, [0, 1], "a", options));
});

Deno.test("SUBSCRIBE with an empty filter ends the connection", () => {
  refused(frame(0x82, [0, 1], "", 0));
  refused(frame(0x82, [0, 1], "a", 0, "", 0));
});

Deno.test("SUBSCRIBE cut short ends the connection", () => {
  const body = [0, 1, ...string([0x61, 0x62]), 0];
  for (let length = 0; length < body.length; length++) {
    refused(frame(0x82, body.slice(0, length)), `${length} bytes`);
  }
});

for (const [what, bytes] of BAD_TEXT) {
  Deno.test(`SUBSCRIBE and UNSUBSCRIBE with ${what} in a filter end the connection`, () => {
    refused(frame(0x82, [0, 1], string(bytes), 0));
    refused(frame(0xa2, [0, 1], string(bytes)));
  });
}

Deno.test("A subscription made anew replaces the one with the same filter, with its new QoS", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a");
  subscribe(client, ["t", 2]);
  subscribe(client, ["t", 0]);
  client.send(publish("t", "x", { qos: 2, messageId: 1 }));
  assert.deepEqual(takeAll(client), ["t x q0", "pubrec id1"]);
  assert.equal(bench.broker.context.pubSub.topics.size, 1);
  client.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["t"] });
  assert.equal(bench.broker.context.pubSub.topics.size, 0);
});

Deno.test("The same filter twice in one SUBSCRIBE counts as two SUBSCRIBEs: the last one holds", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a");
  assert.deepEqual(subscribe(client, ["t", 0], ["t", 1]), [0, 1]);
  client.send(publish("t", "x", { qos: 1, messageId: 1 }));
  assert.deepEqual(takeAll(client), ["t x q1 id1", "puback id1"]);
});

Deno.test("A subscription made anew interrupts nothing that is under way", () => {
  const bench = new ProtocolBench({ limits: { maxInflight: 1 } });
  const client = bench.connect(4, "a");
  subscribe(client, ["t", 1]);
  const publisher = bench.connect(4, "p");
  for (const payload of ["1", "2"]) publisher.send(publish("t", payload, { qos: 1, messageId: 1 }));
  assert.deepEqual(takePayloads(client), ["1"]);
  subscribe(client, ["t", 1]);
  publisher.send(publish("t", "3", { qos: 1, messageId: 1 }));
  for (const messageId of [1, 2, 3]) client.send({ cmd: "puback", messageId });
  assert.deepEqual(takePayloads(client), ["2", "3"]);
});

Deno.test("Subscriptions that overlap bring one copy, with the highest QoS of them", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a");
  subscribe(client, ["t/#", 0], ["t/+", 2], ["t/1", 1], ["#", 0]);
  const publisher = bench.connect(4, "p");
  publisher.send(publish("t/1", "x", { qos: 2, messageId: 1 }));
  publisher.send(publish("t/1", "y", { qos: 1, messageId: 1 }));
  assert.deepEqual(takeAll(client), ["t/1 x q2 id1", "t/1 y q1 id2"]);
});

Deno.test("UNSUBACK is the four bytes B0 02 and UNSUBSCRIBE's packet identifier", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a");
  subscribe(client, ["a", 0]);
  client.bytes.length = 0;
  client.send({ cmd: "unsubscribe", messageId: 0x1234, unsubscriptions: ["a", "b", "c"] });
  assert.deepEqual(client.bytes, [0xb0, 2, 0x12, 0x34]);
});

Deno.test("UNSUBSCRIBE takes out the very filters it names, and answers although there are none", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a");
  subscribe(client, ["t/1", 0], ["t/+", 0], ["t/#", 0], ["T/1", 0]);
  client.send({
    cmd: "unsubscribe",
    messageId: 1,
    unsubscriptions: ["t/2", "+/1", "#", "t", "t/1/"],
  });
  assert.deepEqual(takeAll(client), ["unsuback id1"]);
  assert.equal(bench.broker.context.pubSub.topics.size, 4);
  client.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["t/+", "t/#", "T/1"] });
  assert.deepEqual(takeAll(client), ["unsuback id2"]);
  client.send(publish("t/1", "x"), publish("t/2", "y"), publish("T/1", "z"));
  assert.deepEqual(takePayloads(client), ["x"]);
  assert.deepEqual(
    bench.hooks.names("a").filter((name) =>
      name.endsWith("unsubscribe") || name.endsWith("unsubscribed")
    ),
    [
      ...Array.from({ length: 5 }, () => "client_unsubscribe"),
      ...Array.from({ length: 3 }, () => ["client_unsubscribe", "session_unsubscribed"]).flat(),
    ],
  );
});

Deno.test("UNSUBSCRIBE stops new messages, and lets those under way and queued be delivered", () => {
  const bench = new ProtocolBench({ limits: { maxInflight: 2 } });
  const client = bench.connect(4, "a");
  subscribe(client, ["t", 2]);
  const publisher = bench.connect(4, "p");
  publisher.send(publish("t", "1", { qos: 1, messageId: 1 }));
  publisher.send(publish("t", "2", { qos: 2, messageId: 2 }));
  publisher.send(publish("t", "3", { qos: 1, messageId: 3 }));
  assert.deepEqual(takePayloads(client), ["1", "2"]);
  client.send({ cmd: "unsubscribe", messageId: 1, unsubscriptions: ["t"] });
  publisher.send(publish("t", "4", { qos: 1, messageId: 1 }));
  client.send(
    { cmd: "puback", messageId: 1 },
    { cmd: "pubrec", messageId: 2 },
    { cmd: "pubcomp", messageId: 2 },
    { cmd: "puback", messageId: 3 },
  );
  assert.deepEqual(takeAll(client), ["unsuback id1", "t 3 q1 id3", "pubrel id2"]);
  assert.equal(story(bench, "a").filter((event) => event.startsWith("message_acked")).length, 3);
});

Deno.test("UNSUBSCRIBE without a filter, with an empty one, or with packet identifier 0 ends the connection", () => {
  refused(frame(0xa2, [0, 1]));
  refused(frame(0xa2, [0, 1], ""));
  refused(frame(0xa2, [0, 0], "a"));
});

Deno.test("A filter that is no filter can be unsubscribed from: nothing happens", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a")
    .raw(...bytesOfPackets({ cmd: "unsubscribe", messageId: 1, unsubscriptions: ["a/#/b"] }));
  assert.deepEqual(takeAll(client), ["unsuback id1"]);
});
