/** PUBLISH from a client of MQTT 3.1.1: checks, acknowledgements, exactly once. Sections 3.3 and 4.3 */
import assert from "node:assert/strict";
import type { AclRule } from "../../src/domain/BrokerSettings.ts";
import type { TestClient } from "../support/ProtocolBench.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import {
  BAD_TEXT,
  bytesOfPackets,
  endReason,
  frame,
  publish,
  string,
  subscribe,
  takeAll,
  takePayloads,
} from "./packets.ts";

const start = (options: ConstructorParameters<typeof ProtocolBench>[0] = {}): {
  readonly bench: ProtocolBench;
  readonly subscriber: TestClient;
  readonly client: TestClient;
} => {
  const bench = new ProtocolBench(options);
  const subscriber = bench.connect(4, "s");
  subscribe(subscriber, ["#", 2]);
  return { bench, subscriber, client: bench.connect(4, "a", { clean: false }) };
};

Deno.test("A PUBLISH of QoS 0 is delivered and not answered", () => {
  const { subscriber, client } = start();
  client.send(publish("t", "x")).nothing();
  assert.deepEqual(takeAll(subscriber), ["t x q0"]);
});

Deno.test("A PUBLISH of QoS 1 is answered with PUBACK of its packet identifier", () => {
  const { subscriber, client } = start();
  for (const messageId of [1, 256, 65535]) {
    client.send(publish("t", "x", { qos: 1, messageId }));
    assert.deepEqual(takeAll(client), [`puback id${messageId}`]);
  }
  assert.equal(takePayloads(subscriber).length, 3);
});

Deno.test("A PUBLISH of QoS 1 with a packet identifier that was acknowledged is a new message, DUP or not", () => {
  const { subscriber, client } = start();
  client.send(
    publish("t", "first", { qos: 1, messageId: 5 }),
    publish("t", "second", { qos: 1, messageId: 5, dup: true }),
    publish("t", "third", { qos: 1, messageId: 5 }),
  );
  assert.deepEqual(takeAll(client), ["puback id5", "puback id5", "puback id5"]);
  assert.deepEqual(takePayloads(subscriber), ["first", "second", "third"]);
});

Deno.test("A PUBLISH of QoS 2 is delivered once, whatever is sent twice", () => {
  const { bench, subscriber, client } = start();
  const message = publish("t", "x", { qos: 2, messageId: 5 });
  client.send(message, { ...message, dup: true }, message);
  assert.deepEqual(takeAll(client), ["pubrec id5", "pubrec id5", "pubrec id5"]);
  client.send({ cmd: "pubrel", messageId: 5 }, { cmd: "pubrel", messageId: 5 });
  assert.deepEqual(takeAll(client), ["pubcomp id5", "pubcomp id5"]);
  assert.deepEqual(takePayloads(subscriber), ["x"]);
  assert.equal(bench.hooks.all("message_publish").length, 1);
});

Deno.test("A PUBLISH of QoS 2 with a packet identifier that was released is a new message", () => {
  const { subscriber, client } = start();
  for (const payload of ["first", "second"]) {
    client.send(publish("t", payload, { qos: 2, messageId: 5 }), { cmd: "pubrel", messageId: 5 });
  }
  assert.deepEqual(takePayloads(subscriber), ["first", "second"]);
});

Deno.test("PUBLISH packets of QoS 2 under way have each its own packet identifier", () => {
  const { subscriber, client } = start();
  client.send(
    publish("t", "a", { qos: 2, messageId: 1 }),
    publish("t", "b", { qos: 2, messageId: 2 }),
    { cmd: "pubrel", messageId: 1 },
    publish("t", "b", { qos: 2, messageId: 2, dup: true }),
    publish("t", "c", { qos: 2, messageId: 1 }),
  );
  assert.deepEqual(takeAll(client), [
    "pubrec id1",
    "pubrec id2",
    "pubcomp id1",
    "pubrec id2",
    "pubrec id1",
  ]);
  assert.deepEqual(takePayloads(subscriber), ["a", "b", "c"]);
});

Deno.test("A PUBLISH of QoS 2 stays known across reconnects of a persistent session", () => {
  const { bench, subscriber, client } = start();
  client.send(publish("t", "x", { qos: 2, messageId: 5 }));
  client.drop();
  const second = bench.connect(4, "a", { clean: false });
  second.send(publish("t", "x", { qos: 2, messageId: 5, dup: true }));
  assert.deepEqual(takeAll(second), ["pubrec id5"]);
  second.drop();
  const third = bench.connect(4, "a", { clean: false });
  third.send({ cmd: "pubrel", messageId: 5 });
  assert.deepEqual(takeAll(third), ["pubcomp id5"]);
  assert.deepEqual(takePayloads(subscriber), ["x"]);
});

Deno.test("A PUBLISH of QoS 2 is forgotten with a clean session", () => {
  const { bench, subscriber, client } = start();
  client.send(publish("t", "x", { qos: 2, messageId: 5 }));
  client.drop();
  bench.connect(4, "a").send(publish("t", "x", { qos: 2, messageId: 5, dup: true }));
  assert.deepEqual(takePayloads(subscriber), ["x", "x"]);
});

Deno.test("PUBREL of an unknown packet identifier is answered with PUBCOMP", () => {
  const { client } = start();
  client.send({ cmd: "pubrel", messageId: 77 });
  assert.deepEqual(takeAll(client), ["pubcomp id77"]);
});

Deno.test("Acknowledgements of a client's messages are four bytes", () => {
  const { client } = start();
  client.bytes.length = 0;
  client.send(
    publish("t", "x", { qos: 1, messageId: 0x102 }),
    publish("t", "x", { qos: 2, messageId: 0x203 }),
    { cmd: "pubrel", messageId: 0x203 },
  );
  assert.deepEqual(client.bytes, [0x40, 2, 1, 2, 0x50, 2, 2, 3, 0x70, 2, 2, 3]);
});

/** Sends a PUBLISH that must end the connection and reach nobody. */
const refused = (bytes: ReadonlyArray<number>, what = "a frame"): void => {
  const { bench, subscriber, client } = start();
  client.raw(...bytes);
  assert.equal(client.closed, true, what);
  client.nothing();
  subscriber.nothing();
  assert.match(endReason(bench) ?? "", /^ProtocolError\(/);
};

Deno.test("A PUBLISH of QoS 3 ends the connection", () => {
  refused(frame(0x36, "t", [0, 1], 0x78));
  refused(frame(0x3f, "t", [0, 1], 0x78));
});

Deno.test("A PUBLISH of QoS 0 with DUP ends the connection", () => {
  refused(frame(0x38, "t", 0x78));
});

Deno.test("A PUBLISH of QoS 1 or 2 with packet identifier 0, or without one, ends the connection", () => {
  for (const first of [0x32, 0x34]) {
    refused(frame(first, "t", [0, 0], 0x78));
    refused(frame(first, "t", [1]));
    refused(frame(first, "t"));
  }
});

Deno.test("A PUBLISH to an empty topic, or one with a wildcard, ends the connection", () => {
  for (const topic of ["", "#", "+", "a/+", "a/#", "a+b", "a/b#"]) {
    refused(frame(0x30, topic, 0x78), topic);
  }
});

Deno.test("A PUBLISH without a whole topic ends the connection", () => {
  refused(frame(0x30));
  refused(frame(0x30, 0));
  refused(frame(0x30, [0, 5], 0x61));
});

for (const [what, bytes] of BAD_TEXT) {
  Deno.test(`A PUBLISH with ${what} in its topic ends the connection`, () => {
    refused(frame(0x30, string(bytes), 0x78));
  });
}

Deno.test("A PUBLISH of QoS 0 has no packet identifier: its payload begins behind the topic", () => {
  const { subscriber, client } = start();
  client.raw(...frame(0x30, "t", [0x61, 0x62]));
  assert.deepEqual(takePayloads(subscriber), ["ab"]);
});

Deno.test("A topic of 65535 bytes is delivered as it came", () => {
  const { subscriber, client } = start();
  const topic = `a/${"b".repeat(65533)}`;
  client.send(publish(topic, "x"));
  assert.equal(subscriber.take("publish").topic, topic);
});

Deno.test("Payloads are forwarded byte for byte", () => {
  const { subscriber, client } = start();
  const every = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (const payload of [[], [0], [0xff, 0xfe], [...every]]) {
    client.raw(...frame(0x30, "t", payload));
    assert.deepEqual([...(subscriber.take("publish").payload as Uint8Array)], payload);
  }
});

Deno.test("DUP is not passed on to subscribers", () => {
  const { bench, subscriber, client } = start();
  client.send(publish("t", "x", { qos: 1, messageId: 1, dup: true }));
  assert.deepEqual(takeAll(subscriber), ["t x q1 id1"]);
  assert.equal(bench.hooks.all("message_publish")[0]?.dup, true);
  assert.equal(bench.hooks.all("message_delivered")[0]?.dup, false);
});

Deno.test("Messages outlive the bytes that they came in", () => {
  const bench = new ProtocolBench();
  const away = bench.connect(4, "s", { clean: false });
  subscribe(away, ["t", 1]);
  away.drop();
  const client = bench.connect(4, "a");
  const chunk = Uint8Array.from(
    bytesOfPackets(publish("t", "kept", { qos: 1, messageId: 1, retain: true })),
  );
  client.connection.receive(chunk);
  chunk.fill(0xff);
  assert.deepEqual(takePayloads(bench.connect(4, "s", { clean: false })), ["kept"]);
});

const DENIED: ReadonlyArray<AclRule> = [
  { permit: "deny", action: "publish", user: undefined, clientid: "a", topics: ["secret/#"] },
];

Deno.test("A PUBLISH that is not allowed is acknowledged by its QoS and delivered to nobody", () => {
  const { bench, subscriber, client } = start({ acl: DENIED });
  client.send(
    publish("secret/x", "0"),
    publish("secret/x", "1", { qos: 1, messageId: 1 }),
    publish("secret/x", "2", { qos: 2, messageId: 2 }),
    { cmd: "pubrel", messageId: 2 },
    publish("open", "3"),
  );
  assert.deepEqual(takeAll(client), ["puback id1", "pubrec id2", "pubcomp id2"]);
  assert.deepEqual(takePayloads(subscriber), ["3"]);
  assert.deepEqual(
    bench.hooks.all("message_dropped").map((
      event,
    ) => [event.reason, event.packet_id, "clientid" in event]),
    [["PublishRefused", 0, false], ["PublishRefused", 1, false], ["PublishRefused", 2, false]],
  );
  assert.equal(bench.hooks.all("message_publish").length, 1);
});

Deno.test("A PUBLISH of QoS 2 that is not allowed is dropped once, although it is sent twice", () => {
  const { bench, client } = start({ acl: DENIED });
  const message = publish("secret/x", "2", { qos: 2, messageId: 2 });
  client.send(message, { ...message, dup: true });
  assert.deepEqual(takeAll(client), ["pubrec id2", "pubrec id2"]);
  assert.equal(bench.hooks.all("message_dropped").length, 1);
});

Deno.test("A refused PUBLISH with RETAIN neither stores nor replaces a retained message", () => {
  const { bench, client } = start({ acl: DENIED });
  bench.connect(4, "b").send(publish("secret/x", "old", { retain: true }));
  client.send(
    publish("secret/x", "new", { retain: true }),
    publish("secret/x", "", { retain: true }),
  );
  const later = bench.connect(4, "later");
  subscribe(later, ["secret/x", 0]);
  assert.deepEqual(takePayloads(later), ["old"]);
});

Deno.test("A PUBLISH over max_qos_allowed ends the connection", () => {
  const { bench, subscriber, client } = start({ limits: { maxQosAllowed: 1 } });
  client.send(publish("t", "1", { qos: 1, messageId: 1 }));
  assert.deepEqual(takeAll(client), ["puback id1"]);
  client.send(publish("t", "2", { qos: 2, messageId: 2 }));
  assert.equal(client.closed, true);
  assert.equal(endReason(bench), "ProtocolError(QoS 2 is over the maximum)");
  assert.deepEqual(takePayloads(subscriber), ["1"]);
});
