/** Retained messages of MQTT 3.1.1: stored, replaced, removed, and whom they are sent to. Section 3.3.1.3 */
import assert from "node:assert/strict";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { publish, story, subscribe, takeAll } from "./packets.ts";

/** What a new subscriber to the filter is sent. */
const retained = (
  bench: ProtocolBench,
  filter: string,
  qos: 0 | 1 | 2 = 2,
): ReadonlyArray<string> => {
  const client = bench.connect(4, "new");
  subscribe(client, [filter, qos]);
  const all = takeAll(client);
  client.send({ cmd: "disconnect" });
  return [...all].sort();
};

Deno.test("A retained message is sent to later subscribers with RETAIN, and to present ones without", () => {
  const bench = new ProtocolBench();
  const present = bench.connect(4, "present");
  subscribe(present, ["t", 0]);
  bench.connect(4, "p").send(publish("t", "x", { retain: true }));
  assert.deepEqual(takeAll(present), ["t x q0"]);
  assert.deepEqual(retained(bench, "t"), ["t x q0 retain"]);
  assert.deepEqual(
    bench.hooks.all("message_delivered").map(({ clientid, retain }) => [clientid, retain]),
    [["present", false], ["new", true]],
  );
});

Deno.test("SUBACK comes before the retained messages of its SUBSCRIBE", () => {
  const bench = new ProtocolBench();
  bench.connect(4, "p").send(
    publish("a", "1", { retain: true }),
    publish("b", "2", { retain: true }),
  );
  const client = bench.connect(4, "s").send({
    cmd: "subscribe",
    messageId: 1,
    subscriptions: [{ topic: "a", qos: 0 }, { topic: "b", qos: 0 }],
  });
  assert.deepEqual(takeAll(client), ["suback id1", "a 1 q0 retain", "b 2 q0 retain"]);
});

Deno.test("A retained message replaces the one before it, of whatever QoS", () => {
  const bench = new ProtocolBench();
  const publisher = bench.connect(4, "p");
  publisher.send(publish("t", "1", { qos: 1, messageId: 1, retain: true }));
  publisher.send(publish("t", "2", { qos: 2, messageId: 2, retain: true }));
  assert.deepEqual(retained(bench, "t"), ["t 2 q2 id1 retain"]);
  publisher.send(publish("t", "3", { retain: true }));
  assert.deepEqual(retained(bench, "t"), ["t 3 q0 retain"]);
  assert.equal(bench.broker.context.pubSub.retained.size, 1);
});

Deno.test("A retained message is sent with the lower of its QoS and the subscription's", () => {
  const bench = new ProtocolBench();
  const publisher = bench.connect(4, "p");
  for (const qos of [0, 1, 2] as const) {
    publisher.send(
      publish(`t/${qos}`, "x", qos === 0 ? { retain: true } : { qos, messageId: 1, retain: true }),
    );
  }
  const sent = (qos: 0 | 1 | 2) => retained(bench, "t/+", qos).map((text) => text.slice(0, 8));
  assert.deepEqual(sent(0), ["t/0 x q0", "t/1 x q0", "t/2 x q0"]);
  assert.deepEqual(sent(1), ["t/0 x q0", "t/1 x q1", "t/2 x q1"]);
  assert.deepEqual(sent(2), ["t/0 x q0", "t/1 x q1", "t/2 x q2"]);
});

Deno.test("An empty retained message is delivered, and removes the stored one", () => {
  const bench = new ProtocolBench();
  const present = bench.connect(4, "present");
  subscribe(present, ["t", 0]);
  const publisher = bench.connect(4, "p");
  publisher.send(publish("t", "x", { retain: true }), publish("t", "", { retain: true }));
  assert.deepEqual(takeAll(present), ["t x q0", "t  q0"]);
  assert.deepEqual(retained(bench, "t"), []);
  assert.equal(bench.broker.context.pubSub.retained.size, 0);
  publisher.send(publish("never/stored", "", { retain: true }));
  assert.equal(bench.broker.context.pubSub.retained.size, 0);
});

Deno.test("A message without RETAIN neither stores nor replaces nor removes a retained one", () => {
  const bench = new ProtocolBench();
  const publisher = bench.connect(4, "p");
  publisher.send(publish("t", "x"));
  assert.deepEqual(retained(bench, "t"), []);
  publisher.send(publish("t", "kept", { retain: true }), publish("t", "y"), publish("t", ""));
  assert.deepEqual(retained(bench, "t"), ["t kept q0 retain"]);
});

Deno.test("Retained messages outlive the sessions of publisher and subscriber, and clean sessions", () => {
  const bench = new ProtocolBench();
  const publisher = bench.connect(4, "p");
  publisher.send(publish("t", "x", { retain: true }), { cmd: "disconnect" });
  assert.deepEqual(retained(bench, "t"), ["t x q0 retain"]);
  assert.deepEqual(retained(bench, "t"), ["t x q0 retain"]);
  bench.pass(365 * 24 * 60 * 60 * 1000);
  assert.deepEqual(retained(bench, "t"), ["t x q0 retain"]);
});

Deno.test("Retained messages are not sent again to a session that is resumed", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "s", { clean: false });
  subscribe(client, ["t", 0]);
  bench.connect(4, "p").send(publish("t", "x", { retain: true }));
  client.drop();
  bench.connect(4, "p").send(publish("t", "y", { qos: 0, retain: true }));
  assert.deepEqual(takeAll(bench.connect(4, "s", { clean: false })), ["t y q0"]);
});

Deno.test("A subscription made anew gets its retained messages again", () => {
  const bench = new ProtocolBench();
  bench.connect(4, "p").send(publish("t", "x", { retain: true }));
  const client = bench.connect(4, "s");
  for (let i = 0; i < 2; i++) {
    subscribe(client, ["t", 0]);
    assert.deepEqual(takeAll(client), ["t x q0 retain"]);
  }
  client.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["t"] });
  assert.deepEqual(takeAll(client), ["unsuback id2"]);
  subscribe(client, ["t", 0]);
  assert.deepEqual(takeAll(client), ["t x q0 retain"]);
});

Deno.test("Each of a SUBSCRIBE's filters brings its retained messages", () => {
  const bench = new ProtocolBench();
  bench.connect(4, "p").send(publish("a/b", "x", { retain: true }));
  const client = bench.connect(4, "s");
  subscribe(client, ["a/b", 0], ["a/+", 0], ["c", 0]);
  assert.deepEqual(takeAll(client), ["a/b x q0 retain", "a/b x q0 retain"]);
});

Deno.test("Retained messages are found by every filter that matches them, and by no other", () => {
  const bench = new ProtocolBench();
  const publisher = bench.connect(4, "p");
  for (const topic of ["a", "a/b", "a/b/c", "/a", "$x/a", "A", "a/"]) {
    publisher.send(publish(topic, "1", { retain: true }));
  }
  const topics = (filter: string) =>
    retained(bench, filter).map((text) => text.slice(0, text.indexOf(" ")));
  assert.deepEqual(topics("#"), ["/a", "A", "a", "a/", "a/b", "a/b/c"]);
  assert.deepEqual(topics("+"), ["A", "a"]);
  assert.deepEqual(topics("a/#"), ["a", "a/", "a/b", "a/b/c"]);
  assert.deepEqual(topics("+/+"), ["/a", "a/", "a/b"]);
  assert.deepEqual(topics("/+"), ["/a"]);
  assert.deepEqual(topics("$x/#"), ["$x/a"]);
  assert.deepEqual(topics("$x/+"), ["$x/a"]);
  assert.deepEqual(topics("+/a"), ["/a"]);
  assert.deepEqual(topics("a/+/+"), ["a/b/c"]);
  assert.deepEqual(topics("x"), []);
});

Deno.test("Retained messages beyond the window wait, and the queue's limit does not count for them", () => {
  const bench = new ProtocolBench({ limits: { maxInflight: 1, maxMqueueLen: 1 } });
  const publisher = bench.connect(4, "p");
  for (const topic of ["t/1", "t/2", "t/3"]) {
    publisher.send(publish(topic, topic, { qos: 1, messageId: 1, retain: true }));
  }
  const client = bench.connect(4, "s");
  subscribe(client, ["t/+", 1]);
  assert.equal(client.received.length, 1);
  for (const messageId of [1, 2, 3]) client.send({ cmd: "puback", messageId });
  assert.equal(client.received.length, 3);
  const events = story(bench, "s").map((event) => event.replace(/ t\/\d/, ""));
  assert.deepEqual(events.filter((event) => event.startsWith("message")), [
    "message_delivered",
    "message_acked",
    "message_delivered",
    "message_acked",
    "message_delivered",
    "message_acked",
  ]);
});
