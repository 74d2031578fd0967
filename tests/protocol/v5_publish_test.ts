/** MQTT 5.0 section 3.3: PUBLISH, its properties both ways, retained messages, expiry and aliases. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { messages, payloads, persistent, publish, subscribe } from "../support/packets5.ts";
import { binary, packet, section, string, varint } from "../support/rawFrames.ts";

const subscribed = (connect: object = {}, options = {}) => {
  const bench = new ProtocolBench(options);
  const client = bench.connect(5, "a", connect);
  subscribe(client, "#", { qos: 2 });
  return { bench, client, publisher: bench.connect(5, "p") };
};

const aliasesOf = (client: Parameters<typeof messages>[0]) =>
  messages(client).map(({ topic, properties }) => [topic, properties?.topicAlias]);

Deno.test("PUBLISH is forwarded with its properties byte for byte and in their order", () => {
  // mqtt-packet would merge the equal names and forget the order.
  const forwarded = [
    ...[38, ...string("b"), ...string("1")],
    ...[3, ...string("text/\u00e9")],
    ...[38, ...string("a"), ...string("")],
    ...[9, ...binary(0, 255, 0)],
    ...[38, ...string("b"), ...string("1")],
    ...[1, 1],
    ...[38, ...string("__proto__"), ...string("constructor")],
    ...[8, ...string("reply/to")],
    ...[38, ...string(""), ...string("\ufeff")],
  ];
  const { client, publisher } = subscribed();
  const from = client.bytes.length;
  publisher.raw(...packet(0x30, ...string("t"), ...section(...forwarded), 0x78));
  assert.deepEqual(
    client.bytes.slice(from),
    packet(0x30, ...string("t"), ...section(...forwarded), 0x78),
  );
});

Deno.test("Properties are forwarded from the queue and from retained messages as well", () => {
  const forwarded = [38, ...string("k"), ...string("1"), 38, ...string("k"), ...string("1"), 1, 0];
  const bench = new ProtocolBench();
  const away = bench.connect(5, "a", persistent);
  subscribe(away, "t", { qos: 1 });
  away.drop();
  bench.connect(5, "p").raw(...packet(0x33, ...string("t"), 0, 9, ...section(...forwarded), 0x78));
  const back = bench.connect(5, "a", persistent);
  assert.deepEqual(
    back.bytes.slice(-(packet(0x32, ...string("t"), 0, 1, ...section(...forwarded), 0x78).length)),
    packet(0x32, ...string("t"), 0, 1, ...section(...forwarded), 0x78),
  );
  const late = bench.connect(5, "b");
  subscribe(late, "t");
  assert.deepEqual(
    late.bytes.slice(-(packet(0x31, ...string("t"), ...section(...forwarded), 0x78).length)),
    packet(0x31, ...string("t"), ...section(...forwarded), 0x78),
  );
});

Deno.test("A property section over 127 bytes has its length in two bytes both ways", () => {
  const value = "v".repeat(20_000);
  const { client, publisher } = subscribed();
  publish(publisher, "t", "x", { properties: { userProperties: { k: value } } });
  assert.equal(messages(client)[0]?.properties?.userProperties?.k, value);
});

Deno.test("A message with properties comes to a 3.1.1 client without them, and back", () => {
  const { bench, client } = subscribed();
  const old = bench.connect(4, "old");
  old.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "t", qos: 0 }] })
    .take("suback");
  publish(bench.connect(5, "p5"), "t", "x", {
    properties: { contentType: "c", userProperties: { k: "v" }, messageExpiryInterval: 5 },
  });
  const received = old.take("publish");
  assert.deepEqual([received.payload.toString(), received.properties], ["x", undefined]);
  messages(client);
  publish(bench.connect(4, "p4"), "t", "y");
  assert.equal(messages(client)[0]?.properties, undefined);
});

Deno.test("A payload that is not the UTF-8 it claims to be is refused, any other goes unaltered", () => {
  const bytes = Buffer.of(0xff, 0x00, 0xc0);
  const { bench, client, publisher } = subscribed();
  publish(publisher, "t", bytes, { properties: { payloadFormatIndicator: true } });
  client.nothing();
  assert.deepEqual(bench.hooks.all("message_dropped").map(({ reason }) => reason), [
    "PublishRefused",
  ]);
  publish(publisher, "t", bytes, { properties: { payloadFormatIndicator: false } });
  publish(publisher, "t", "\u00e9\u0000", { properties: { payloadFormatIndicator: true } });
  const [raw, text] = messages(client);
  assert.deepEqual(raw?.payload, bytes);
  assert.equal(raw?.properties?.payloadFormatIndicator, false);
  assert.equal(text?.properties?.payloadFormatIndicator, true);
});

Deno.test("Request and response: topic and correlation data lead the answer back", () => {
  const bench = new ProtocolBench();
  const requester = bench.connect(5, "requester");
  const responder = bench.connect(5, "responder");
  subscribe(requester, "answers/1");
  subscribe(responder, "questions");
  const correlationData = Buffer.of(1, 0, 255);
  publish(requester, "questions", "?", {
    properties: { responseTopic: "answers/1", correlationData },
  });
  const [question] = messages(responder);
  assert.equal(question?.properties?.responseTopic, "answers/1");
  publish(responder, question.properties.responseTopic, "!", {
    properties: { correlationData: question.properties.correlationData ?? Buffer.of() },
  });
  const [answer] = messages(requester);
  assert.deepEqual(answer?.properties?.correlationData, correlationData);
});

Deno.test("Message Expiry Interval is sent less the time that the message waited", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a", persistent);
  subscribe(client, "t", { qos: 1 });
  client.drop();
  const publisher = bench.connect(5, "p");
  const expiries = [1, 4, 10, undefined];
  for (const [i, seconds] of expiries.entries()) {
    publish(publisher, "t", `${seconds}`, {
      qos: 1,
      messageId: i + 1,
      ...(seconds === undefined ? {} : { properties: { messageExpiryInterval: seconds } }),
    });
  }
  bench.pass(3000);
  const back = bench.connect(5, "a", persistent);
  assert.deepEqual(
    messages(back).map(({ payload, properties }) => [
      payload.toString(),
      properties?.messageExpiryInterval,
    ]),
    [["4", 1], ["10", 7], ["undefined", undefined]],
  );
  const [dropped, ...more] = bench.hooks.all("message_dropped");
  assert.deepEqual(more, []);
  assert.deepEqual([dropped?.reason, dropped?.clientid], ["MessageExpiration", "a"]);
});

Deno.test("An expired message is not sent even where its deadline has not been looked at yet", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a", persistent);
  subscribe(client, "t", { qos: 1 });
  client.drop();
  const properties = { messageExpiryInterval: 2 };
  publish(bench.connect(5, "p"), "t", "x", { qos: 1, retain: true, properties });
  bench.elapsed += 2000; // without a tick: the host's precision is a tenth of a second
  bench.connect(5, "a", persistent).nothing();
  assert.deepEqual(bench.hooks.all("message_dropped").map(({ reason }) => reason), [
    "MessageExpiration",
  ]);
  const late = bench.connect(5, "late");
  subscribe(late, "t");
  late.nothing();
});

Deno.test("Message Expiry Interval is sent whole when the message did not wait", () => {
  const { client, publisher } = subscribed();
  for (const messageExpiryInterval of [0, 1, 0xffffffff]) {
    publish(publisher, "t", "x", { properties: { messageExpiryInterval } });
  }
  assert.deepEqual(
    messages(client).map(({ properties }) => properties?.messageExpiryInterval),
    [0, 1, 0xffffffff],
  );
});

Deno.test("A message that expires behind a full window is dropped, one that was sent is not", () => {
  const { bench, client, publisher } = subscribed({ properties: { receiveMaximum: 1 } });
  const properties = { messageExpiryInterval: 2 };
  for (const messageId of [1, 2]) {
    publish(publisher, "t", `${messageId}`, { qos: 2, messageId, properties });
  }
  const [first] = messages(client);
  assert.ok(first?.messageId);
  bench.pass(2000);
  client.send({ cmd: "pubrec", messageId: first.messageId }).take("pubrel");
  client.send({ cmd: "pubcomp", messageId: first.messageId }).nothing();
  assert.deepEqual(
    bench.hooks.all("message_dropped").map(({ reason, payload }) => [
      reason,
      new TextDecoder().decode(payload),
    ]),
    [["MessageExpiration", "2"]],
  );
  assert.equal(bench.hooks.all("message_acked").length, 1);
});

Deno.test("A QoS 2 message that was sent is sent again although it has expired since", () => {
  const { bench, client, publisher } = subscribed(persistent);
  publish(publisher, "t", "x", { qos: 2, properties: { messageExpiryInterval: 2 } });
  messages(client);
  client.drop();
  bench.pass(5000);
  const [again] = messages(bench.connect(5, "a", persistent));
  assert.equal(again?.dup, true);
});

Deno.test("The QoS 2 handshake with the publisher goes on when the message has expired", () => {
  const bench = new ProtocolBench();
  const publisher = bench.connect(5, "p");
  publish(publisher, "t", "x", { qos: 2, properties: { messageExpiryInterval: 1 } }).take("pubrec");
  bench.pass(2000);
  publisher.send({ cmd: "pubrel", messageId: 1 });
  assert.equal(publisher.take("pubcomp").reasonCode, 0);
});

Deno.test("A retained message expires, and until then tells what is left of it", () => {
  const bench = new ProtocolBench();
  const publisher = bench.connect(5, "p");
  const properties = { messageExpiryInterval: 10 };
  publish(publisher, "t", "x", { retain: true, properties });
  bench.pass(4000);
  const client = bench.connect(5, "a");
  subscribe(client, "t");
  assert.deepEqual(messages(client).map((message) => message.properties?.messageExpiryInterval), [
    6,
  ]);
  bench.pass(6000);
  subscribe(client, "t");
  client.nothing();
  assert.equal(bench.broker.context.pubSub.retained.size, 0);
});

Deno.test("A retained message without an expiry takes the place of one that would have expired", () => {
  const bench = new ProtocolBench();
  const publisher = bench.connect(5, "p");
  publish(publisher, "t", "old", { retain: true, properties: { messageExpiryInterval: 1 } });
  publish(publisher, "t", "new", { retain: true });
  bench.pass(5000);
  const client = bench.connect(5, "a");
  subscribe(client, "t");
  assert.deepEqual(payloads(client), ["new"]);
});

Deno.test("RETAIN 1 replaces the topic's message, an empty payload removes it, RETAIN 0 leaves it", () => {
  const { bench, client, publisher } = subscribed();
  const kept = () => {
    const late = bench.connect(5, "late");
    subscribe(late, "t", { qos: 2 });
    return messages(late).map(({ payload, qos, retain }) => [payload.toString(), qos, retain]);
  };
  publish(publisher, "t", "one", { retain: true });
  publish(publisher, "t", "two", { retain: true, qos: 2 });
  publish(publisher, "t", "three");
  publish(publisher, "t", "");
  assert.deepEqual(kept(), [["two", 2, true]]);
  publish(publisher, "t", "", { retain: true });
  assert.deepEqual(kept(), []);
  assert.deepEqual(
    messages(client).map(({ payload, retain }) => [payload.toString(), retain]),
    [["one", false], ["two", false], ["three", false], ["", false], ["", false]],
    "all are forwarded as usual",
  );
});

Deno.test("A Topic Alias of the client stands for its topic, and can be moved to another", () => {
  const { client, publisher } = subscribed({}, { limits: { maxTopicAliases: 2 } });
  const send = (topic: string, topicAlias: number) =>
    publish(publisher, topic, "x", { properties: { topicAlias } });
  send("one", 1);
  send("", 1);
  send("two", 2);
  send("", 1);
  send("", 2);
  send("three", 1);
  send("", 1);
  publish(publisher, "four", "x");
  send("", 1);
  assert.deepEqual(aliasesOf(client), [
    ["one", undefined],
    ["one", undefined],
    ["two", undefined],
    ["one", undefined],
    ["two", undefined],
    ["three", undefined],
    ["three", undefined],
    ["four", undefined],
    ["three", undefined],
  ]);
});

Deno.test("message_publish names the topic that an alias stands for", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "p");
  publish(client, "t", "x", { properties: { topicAlias: 1 } });
  publish(client, "", "x", { properties: { topicAlias: 1 } });
  assert.deepEqual(bench.hooks.all("message_publish").map(({ topic }) => topic), ["t", "t"]);
});

Deno.test("A Topic Alias that stands for nothing, or is over the maximum, ends the connection", () => {
  const reason = (topic: string, topicAlias: number) => {
    const bench = new ProtocolBench({ limits: { maxTopicAliases: 2 } });
    const client = publish(bench.connect(5, "p"), topic, "x", { properties: { topicAlias } });
    assert.deepEqual(bench.hooks.all("message_publish"), []);
    return client.take("disconnect").reasonCode;
  };
  assert.equal(reason("", 1), 0x82);
  assert.equal(reason("t", 3), 0x94);
  assert.equal(reason("", 0xffff), 0x94);
});

Deno.test("Where the listener takes no Topic Aliases, any is told 0x94", () => {
  const bench = new ProtocolBench({ limits: { maxTopicAliases: 0 } });
  const client = bench.connecting(5, "p");
  assert.ok(!client.take("connack").properties?.topicAliasMaximum);
  publish(client, "t", "x", { properties: { topicAlias: 1 } });
  assert.equal(client.take("disconnect").reasonCode, 0x94);
});

Deno.test("Topic Aliases of a client end with its connection", () => {
  const bench = new ProtocolBench();
  publish(bench.connect(5, "p", persistent), "t", "x", { properties: { topicAlias: 1 } }).drop();
  const again = publish(bench.connect(5, "p", persistent), "", "x", {
    properties: { topicAlias: 1 },
  });
  assert.equal(again.take("disconnect").reasonCode, 0x82);
});

Deno.test("An alias set by a message that was refused stands all the same", () => {
  const bench = new ProtocolBench({
    acl: [{
      permit: "deny",
      action: "publish",
      topics: ["no"],
      user: undefined,
      clientid: undefined,
    }],
  });
  const client = bench.connect(5, "p");
  publish(client, "no", "x", { qos: 1, properties: { topicAlias: 1 } });
  publish(client, "", "x", { qos: 1, properties: { topicAlias: 1 } });
  for (let i = 0; i < 2; i++) assert.equal(client.take("puback").reasonCode, 0x87);
});

Deno.test("Topic Aliases of the server stay within the client's maximum", () => {
  const { client, publisher } = subscribed({ properties: { topicAliasMaximum: 2 } });
  for (const topic of ["one", "two", "one", "three", "two", "three"]) {
    publish(publisher, topic, "x");
  }
  assert.deepEqual(aliasesOf(client), [
    ["one", 1],
    ["two", 2],
    ["", 1],
    ["three", undefined],
    ["", 2],
    ["three", undefined],
  ]);
});

Deno.test("The server uses no Topic Alias unless the client allows some, and none for 3.1.1", () => {
  for (const connect of [{}, { properties: { topicAliasMaximum: 0 } }]) {
    const { client, publisher } = subscribed(connect);
    for (let i = 0; i < 2; i++) publish(publisher, "t", "x");
    assert.deepEqual(aliasesOf(client), [["t", undefined], ["t", undefined]]);
  }
});

Deno.test("Topic Aliases of the server begin anew with each connection, resent messages included", () => {
  const connect = { clean: false, properties: { sessionExpiryInterval: 60, topicAliasMaximum: 5 } };
  const { bench, client, publisher } = subscribed(connect);
  publish(publisher, "t", "x", { qos: 1 });
  publish(publisher, "t", "y", { qos: 1, messageId: 2 });
  assert.deepEqual(aliasesOf(client), [["t", 1], ["", 1]]);
  client.drop();
  publish(publisher, "t", "z", { qos: 1, messageId: 3 });
  assert.deepEqual(aliasesOf(bench.connect(5, "a", connect)), [["t", 1], ["", 1], ["", 1]]);
});

Deno.test("A message that is not sent because of its size sets no Topic Alias", () => {
  const { client, publisher } = subscribed({
    properties: { topicAliasMaximum: 1, maximumPacketSize: 40 },
  });
  publish(publisher, "t", "x".repeat(100));
  publish(publisher, "t", "small");
  assert.deepEqual(aliasesOf(client), [["t", 1]]);
});

Deno.test("Aliases, identifiers and expiry stand together in one PUBLISH", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a", { properties: { topicAliasMaximum: 1 } });
  subscribe(client, "t", { qos: 1 }, { subscriptionIdentifier: 300 });
  const properties = { messageExpiryInterval: 9, userProperties: { k: "v" } };
  publish(bench.connect(5, "p"), "t", "x", { qos: 1, properties });
  const [message] = messages(client);
  assert.deepEqual(JSON.parse(JSON.stringify(message?.properties)), {
    messageExpiryInterval: 9,
    topicAlias: 1,
    userProperties: { k: "v" },
    subscriptionIdentifier: 300,
  });
});

Deno.test("A topic of 65,535 bytes is good", () => {
  const topic = "x".repeat(65_535);
  const { client, publisher } = subscribed();
  publisher.raw(0x30, ...varint(65_538), ...string(topic), 0);
  assert.equal(messages(client)[0]?.topic, topic);
});
