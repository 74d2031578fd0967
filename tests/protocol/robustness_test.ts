/**
 * What one client does to hurt another, and does not: slow readers, floods, hostile topics, packets
 * that wait. Without sockets; over real ones see tests/integration/robustness_test.ts.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { memoryInUse } from "../support/heap.ts";
import type { TestClient } from "../support/ProtocolBench.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";

/** More than a client's outgoing buffer may hold before its packets are no longer read: 1 MiB. */
const OVER_UNSENT_LIMIT = 2 * 1024 * 1024;
/** More than it may hold before its messages are queued: 256 KiB. */
const OVER_CONGESTION_MARK = 300 * 1024;

const subscribe = (topic: string, qos: 0 | 1 | 2 = 0) => ({
  cmd: "subscribe" as const,
  messageId: 1,
  subscriptions: [{ topic, qos }],
});

const publish = (topic: string, payload: string, more: object = {}) => ({
  cmd: "publish" as const,
  topic,
  payload,
  qos: 0 as const,
  dup: false,
  retain: false,
  ...more,
});

/** Lets the client's socket take all that it has not read. */
const read = (client: TestClient): void => {
  client.buffered = 0;
  client.connection.drained();
};

const payloads = (client: TestClient): ReadonlyArray<string> =>
  client.received.flatMap((packet) => packet.cmd === "publish" ? [String(packet.payload)] : []);

Deno.test("Session queues for a slow reader up to max_mqueue_len, then drops the newest with an event", () => {
  const bench = new ProtocolBench({ limits: { maxMqueueLen: 3 } });
  const slow = bench.connect(4, "slow").send(subscribe("t"));
  slow.take("suback");
  const publisher = bench.connect(4, "p");
  slow.buffered = OVER_CONGESTION_MARK;
  for (const n of [1, 2, 3, 4, 5]) publisher.send(publish("t", String(n)));
  slow.nothing();
  const dropped = bench.hooks.all("message_dropped");
  assert.deepEqual(
    dropped.map((
      { clientid, reason, payload },
    ) => [clientid, reason, String(Buffer.from(payload))]),
    [["slow", "MessageQueueFull", "4"], ["slow", "MessageQueueFull", "5"]],
  );
  read(slow);
  assert.deepEqual(payloads(slow), ["1", "2", "3"]);
});

Deno.test("Connection stops reading a client that asks for ever and never reads the answers", () => {
  const bench = new ProtocolBench();
  const deaf = bench.connect(4, "deaf");
  deaf.buffered = OVER_UNSENT_LIMIT;
  // A socket hands over at most 64 KiB at a time, and only while it is to be read.
  const pings = new Uint8Array(64 * 1024).map((_, i) => i % 2 === 0 ? 0xc0 : 0);
  let handedOver = 0;
  while (deaf.isReading && handedOver < 100) {
    deaf.connection.receive(pings);
    handedOver++;
  }
  assert.equal(handedOver, 1);
  deaf.nothing();
  const other = bench.connect(4, "other").send({ cmd: "pingreq" });
  other.take("pingresp");
  read(deaf);
  assert.equal(deaf.isReading, true);
  assert.equal(deaf.received.length, pings.length / 2);
});

Deno.test("Connection ends by its keep-alive although relief comes again and again, when it never reads", () => {
  const bench = new ProtocolBench();
  const deaf = bench.connect(4, "deaf", { keepalive: 10 });
  deaf.buffered = OVER_UNSENT_LIMIT;
  deaf.connection.receive(new Uint8Array(64 * 1024).map((_, i) => i % 2 === 0 ? 0xc0 : 0));
  assert.equal(deaf.isReading, false);
  for (let seconds = 0; seconds < 20; seconds++) {
    bench.pass(1000);
    bench.broker.resume();
  }
  assert.equal(deaf.closed, true);
  assert.equal(bench.hooks.all("client_disconnected")[0]?.reason, "KeepaliveTimeout");
});

Deno.test("Connection that is not read because the events have no room outlives its keep-alive", () => {
  const bench = new ProtocolBench();
  const patient = bench.connect(4, "patient", { keepalive: 10 });
  bench.hooks.pressure = "full";
  for (let i = 0; patient.isReading; i++) {
    assert.ok(i < 1000, "still reading");
    patient.send(publish("t", "x".repeat(1000)));
  }
  bench.pass(60_000);
  assert.equal(patient.closed, false);
  bench.hooks.pressure = "open";
  bench.broker.resume();
  bench.pass(14_000);
  assert.equal(patient.closed, false);
  bench.pass(2000);
  assert.equal(patient.closed, true);
});

Deno.test("Broker keeps a shared group's queued messages for a session that was its last member", () => {
  const bench = new ProtocolBench();
  const member = bench.connect(5, "m").send(subscribe("$share/g/t", 1));
  member.take("suback");
  member.buffered = OVER_CONGESTION_MARK;
  bench.connect(5, "p").send(publish("t", "kept", { qos: 1, messageId: 1 }));
  member.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["$share/g/t"] });
  member.take("unsuback");
  member.nothing();
  read(member);
  assert.deepEqual(payloads(member), ["kept"]);
});

Deno.test("Broker hands a session's shared messages on although its subscription was made anew", () => {
  const bench = new ProtocolBench();
  const shared = subscribe("$share/g/t", 1);
  const first = bench.connect(5, "first").send(shared);
  first.take("suback");
  first.buffered = OVER_CONGESTION_MARK;
  bench.connect(5, "p").send(publish("t", "moves", { qos: 1, messageId: 1 }));
  first.send(shared);
  const second = bench.connect(5, "second").send(shared);
  second.take("suback");
  first.drop();
  assert.deepEqual(payloads(second), ["moves"]);
  assert.deepEqual(bench.hooks.all("message_dropped"), []);
});

Deno.test("Message has a frame of its own for each recipient, who reads it later", () => {
  const bench = new ProtocolBench();
  const written: Array<Uint8Array> = [];
  for (const [i, id] of ["one", "two", "three"].entries()) {
    const client = bench.connect(4, id).send(subscribe("other", 1), subscribe("t", 1));
    // Moves the client's next packet identifier on by `i`.
    for (let n = 0; n < i; n++) client.send(publish("other", "", { qos: 1, messageId: 1 }));
    client.write = (bytes) => written.push(bytes);
    client.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["other"] });
  }
  written.length = 0;
  bench.connect(4, "p").send(publish("t", "x", { qos: 1, messageId: 1 }));
  // 0x32, length, topic, packet identifier
  const packetIds = written.map((bytes) => Buffer.from(bytes).readUInt16BE(5));
  assert.equal(new Set(packetIds).size, 3, String(packetIds));
});

Deno.test("Connection of a client that never read its answers ends when the client closes it", () => {
  const bench = new ProtocolBench();
  const deaf = bench.connect(4, "deaf");
  deaf.buffered = OVER_UNSENT_LIMIT;
  deaf.send({ cmd: "pingreq" });
  deaf.drop();
  assert.equal(deaf.connection.state._tag, "Closed");
  assert.equal(bench.broker.connections, 0);
});

Deno.test("Connection reports a defect of its end and of its sending, and lets none escape", () => {
  const bench = new ProtocolBench();
  const defects: Array<unknown> = [];
  Object.assign(bench.broker.context, { onDefect: (error: unknown) => defects.push(error) });
  const client = bench.connect(5, "c").send(subscribe("t"));
  client.buffered = OVER_CONGESTION_MARK;
  bench.connect(4, "p").send(publish("t", "queued"));
  bench.hooks.wanted = (name) => {
    throw new Error(name);
  };
  client.buffered = 0;
  client.connection.drained();
  assert.equal(client.connection.state._tag, "Closed");
  assert.deepEqual(defects.map(String), [
    "Error: message_delivered",
    "Error: client_disconnected",
  ]);
});

/** A client that publishes retained messages to `count` topics, "r/0" and so on. */
const retain = (bench: ProtocolBench, count: number): void => {
  const publisher = bench.connect(4, "retainer");
  for (let i = 0; i < count; i++) publisher.send(publish(`r/${i}`, String(i), { retain: true }));
};

Deno.test("Session sends the retained messages of 100,000 topics as the client reads, and drops none", () => {
  const bench = new ProtocolBench();
  bench.hooks.wanted = (name) => name === "message_dropped";
  retain(bench, 100_000);
  const reader = bench.connect(4, "reader");
  let published = 0;
  reader.write = (bytes) => {
    if (bytes[0] === 0x31) published++;
    reader.buffered += bytes.length;
  };
  reader.send(subscribe("#"));
  assert.ok(published > 0);
  let rounds = 0;
  while (published < 100_000) {
    assert.ok(++rounds < 1000, "no progress");
    // 256 KiB, and the frame that went over it: what a slow reader holds of the broker's memory.
    assert.ok(reader.buffered < 257 * 1024);
    read(reader);
    bench.pass(100);
  }
  read(reader);
  assert.equal(published, 100_000);
  assert.deepEqual(bench.hooks.events, []);
});

Deno.test("Session does not search the retained messages further than its share, however often a client asks", () => {
  const bench = new ProtocolBench();
  bench.hooks.wanted = () => false;
  retain(bench, 20_000);
  const asker = bench.connect(4, "asker");
  let steps = 0;
  const { retained } = bench.broker.context.pubSub;
  const walk = retained.walk.bind(retained);
  retained.walk = (filter) => {
    const found = walk(filter);
    return { next: () => (steps++, found.next()) };
  };
  // No topic has three levels: each filter is looked for in vain, at 20,000 places.
  const subscriptions = Array.from({ length: 5000 }, (_, i) => ({
    topic: `+/+/${i}`,
    qos: 0 as const,
  }));
  asker.send({ cmd: "subscribe", messageId: 1, subscriptions });
  asker.take("suback");
  assert.equal(steps, 10_000);
  asker.send(subscribe("#"), subscribe("+/+/x"));
  assert.equal(steps, 10_000);
  bench.pass(100);
  assert.equal(steps, 20_000);
  asker.drop();
  assert.equal(bench.broker.context.deadlines.size, 0);
});

Deno.test("Session keeps its order: retained messages behind what was queued before, in front of what comes after", () => {
  const bench = new ProtocolBench();
  const slow = bench.connect(4, "slow").send(subscribe("t"));
  slow.take("suback");
  const publisher = bench.connect(4, "p").send(publish("r", "retained", { retain: true }));
  slow.buffered = OVER_CONGESTION_MARK;
  publisher.send(publish("t", "before"));
  slow.send(subscribe("r"));
  slow.take("suback");
  publisher.send(publish("r", "after"));
  read(slow);
  assert.deepEqual(payloads(slow), ["before", "retained", "after"]);
});

Deno.test("Session does not send a retained message that was replaced before its turn, but the new one once", () => {
  const bench = new ProtocolBench();
  const slow = bench.connect(4, "slow");
  const publisher = bench.connect(4, "p").send(publish("r", "old", { retain: true }));
  slow.buffered = OVER_CONGESTION_MARK;
  slow.send(subscribe("r"));
  publisher.send(publish("r", "new", { retain: true }));
  read(slow);
  assert.deepEqual(payloads(slow), ["new"]);
});

Deno.test("Session sends no retained messages after UNSUBSCRIBE, and goes on with them after a reconnect", () => {
  const bench = new ProtocolBench();
  bench.connect(4, "p").send(publish("r", "retained", { retain: true }));
  const slow = bench.connect(4, "slow", { clean: false });
  slow.buffered = OVER_CONGESTION_MARK;
  slow.send(subscribe("r"), { cmd: "unsubscribe", messageId: 2, unsubscriptions: ["r"] });
  read(slow);
  assert.deepEqual(payloads(slow), []);
  slow.buffered = OVER_CONGESTION_MARK;
  slow.send(subscribe("r"));
  slow.drop();
  const again = bench.connect(4, "slow", { clean: false });
  assert.deepEqual(payloads(again), ["retained"]);
});

Deno.test("Connection that waits for its verdict holds no more than it may read ahead, in packets of two bytes too", () => {
  const bench = new ProtocolBench({ authenticate: () => new Promise(() => {}) });
  const pings = new Uint8Array(64 * 1024).map((_, i) => i % 2 === 0 ? 0xc0 : 0);
  const before = memoryInUse();
  const waiting = Array.from({ length: 20 }, (_, i) => {
    const client = bench.connecting(4, `c${i}`, { username: "u" });
    client.connection.receive(pings);
    assert.equal(client.isReading, false);
    return client;
  });
  const bytes = (memoryInUse() - before) / waiting.length;
  assert.ok(bytes < 4 * pings.length, `${bytes} bytes a client`);
});

Deno.test("FrameReader allocates nothing for a packet that claims 256 MB, whether it is refused or awaited", () => {
  for (const maxPacketSize of [1024 * 1024, 0x1000_0000 + 4]) {
    const bench = new ProtocolBench({ limits: { maxPacketSize } });
    const before = memoryInUse();
    const liars = Array.from({ length: 50 }, (_, i) => {
      // PUBLISH of 268,435,455 bytes, and the first of them
      return bench.connect(5, `c${i}`).raw(0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 0x61);
    });
    const bytes = (memoryInUse() - before) / liars.length;
    assert.ok(bytes < 16 * 1024, `${bytes} bytes a client`);
    for (const liar of liars) assert.equal(liar.closed, maxPacketSize === 1024 * 1024);
    if (liars[0]?.closed) assert.equal(liars[0].take("disconnect").reasonCode, 0x95);
  }
});

Deno.test("TopicTree and RetainedMessages take topics of 32,767 levels without deep recursion", () => {
  const bench = new ProtocolBench({ limits: { maxTopicLevels: 0, maxSubscriptions: 0 } });
  const deepest = "+/".repeat(32_766) + "+";
  const client = bench.connect(4, "c").send(
    subscribe(deepest),
    subscribe("+/".repeat(32_766) + "#"),
    publish("a/".repeat(32_766) + "a", "deep", { retain: true }),
  );
  assert.deepEqual(payloads(client), ["deep"]);
  client.received.length = 0;
  client.send(subscribe("#"));
  for (let ticks = 0; ticks < 4; ticks++) bench.pass(100); // 10,000 levels for each
  assert.deepEqual(payloads(client), ["deep"]);
  client.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: [deepest, "#"] }).drop();
  assert.equal(bench.broker.context.pubSub.topics.size, 0);
});

Deno.test("Session has 10,000 subscriptions, one message for all that overlap, and leaves none of them behind", () => {
  const bench = new ProtocolBench();
  const topic = Array.from({ length: 13 }, () => "a").join("/");
  // Every way to write a wildcard for some of 13 levels: all 8,192 match the one topic.
  const overlapping = Array.from(
    { length: 2 ** 13 },
    (_, mask) => topic.split("/").map((level, i) => mask & (1 << i) ? "+" : level).join("/"),
  );
  const others = Array.from({ length: 2000 }, (_, i) => `other/${i}`);
  const client = bench.connect(5, "c").send({
    cmd: "subscribe",
    messageId: 1,
    subscriptions: [...overlapping, ...others].map((topic) => ({ topic, qos: 1 as const })),
  });
  assert.equal(client.take("suback").granted.length, 10_192);
  bench.connect(5, "p").send(publish(topic, "x"));
  assert.deepEqual(payloads(client), ["x"]);
  client.drop();
  assert.equal(bench.broker.context.pubSub.topics.size, 0);
});

Deno.test("CONNECT that never comes, or never ends, closes its connection at handshake_timeout", () => {
  const bench = new ProtocolBench({ limits: { handshakeTimeout: 5000 } });
  const silent = bench.open(4);
  const slow = bench.open(4).raw(0x10);
  for (let i = 0; i < 4; i++) {
    bench.pass(1000);
    slow.raw(i === 0 ? 40 : 0); // a byte a second: the time is for all of it
  }
  assert.equal(silent.closed || slow.closed, false);
  bench.pass(1000);
  assert.equal(silent.closed && slow.closed, true);
  assert.equal(bench.broker.connections, 0);
  assert.deepEqual(bench.hooks.events, []);
});
