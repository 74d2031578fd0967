/** max_inflight and max_mqueue_len: what is sent, what waits, what is dropped, and the events of each. */
import assert from "node:assert/strict";
import type { TestClient } from "../support/ProtocolBench.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { publish, story, subscribe, takeAll, takePayloads } from "./packets.ts";

const start = (maxInflight: number, maxMqueueLen: number): {
  readonly bench: ProtocolBench;
  readonly client: TestClient;
  readonly publisher: TestClient;
} => {
  const bench = new ProtocolBench({ limits: { maxInflight, maxMqueueLen } });
  const client = bench.connect(4, "s", { clean: false });
  subscribe(client, ["t", 2]);
  const publisher = bench.connect(4, "p");
  bench.hooks.events.length = 0;
  return { bench, client, publisher };
};

const send = (publisher: TestClient, qos: 0 | 1, ...payloads: ReadonlyArray<string>): void => {
  for (const payload of payloads) {
    publisher.send(publish("t", payload, qos === 0 ? {} : { qos, messageId: 1 }));
  }
  publisher.received.length = 0;
};

Deno.test("No more than max_inflight messages are unacknowledged at one time, and each PUBACK lets one go", () => {
  const { client, publisher } = start(2, 1000);
  send(publisher, 1, "1", "2", "3", "4", "5");
  assert.deepEqual(takePayloads(client), ["1", "2"]);
  client.send({ cmd: "puback", messageId: 2 });
  assert.deepEqual(takePayloads(client), ["3"]);
  client.send({ cmd: "puback", messageId: 1 }, { cmd: "puback", messageId: 3 });
  assert.deepEqual(takePayloads(client), ["4", "5"]);
});

Deno.test("A message of QoS 2 occupies the window until PUBCOMP", () => {
  const { client, publisher } = start(1, 1000);
  publisher.send(publish("t", "1", { qos: 2, messageId: 1 }));
  publisher.send(publish("t", "2", { qos: 1, messageId: 2 }));
  assert.deepEqual(takeAll(client), ["t 1 q2 id1"]);
  client.send({ cmd: "pubrec", messageId: 1 });
  assert.deepEqual(takeAll(client), ["pubrel id1"]);
  client.send({ cmd: "pubcomp", messageId: 1 });
  assert.deepEqual(takeAll(client), ["t 2 q1 id2"]);
});

Deno.test("The window holds on reconnect too, and what was in flight comes before what waited", () => {
  const { bench, client, publisher } = start(3, 1000);
  send(publisher, 1, "1", "2", "3", "4");
  client.drop();
  const again = bench.connect(4, "s", { clean: false });
  assert.deepEqual(takeAll(again), ["t 1 q1 id1 dup", "t 2 q1 id2 dup", "t 3 q1 id3 dup"]);
  again.send({ cmd: "puback", messageId: 1 });
  assert.deepEqual(takeAll(again), ["t 4 q1 id4"]);
});

Deno.test("A message of QoS 0 is sent past a full window when nothing waits, and queues behind what waits", () => {
  const { client, publisher } = start(1, 1000);
  send(publisher, 1, "1");
  send(publisher, 0, "2");
  assert.deepEqual(takePayloads(client), ["1", "2"]);
  send(publisher, 1, "3");
  send(publisher, 0, "4");
  client.nothing();
  client.send({ cmd: "puback", messageId: 1 });
  assert.deepEqual(takePayloads(client), ["3", "4"]);
});

Deno.test("Behind a full window max_mqueue_len messages wait; the newest is dropped with MessageQueueFull", () => {
  const { bench, client, publisher } = start(1, 2);
  send(publisher, 1, "1", "2", "3", "4");
  send(publisher, 0, "5");
  assert.deepEqual(story(bench, "s"), [
    "message_delivered 1",
    "message_dropped 4 MessageQueueFull",
    "message_dropped 5 MessageQueueFull",
  ]);
  const [dropped] = bench.hooks.all("message_dropped");
  assert.equal(dropped?.packet_id, 0);
  assert.equal(dropped?.clientid, "s");
  assert.equal(dropped?.from_clientid, "p");
  assert.deepEqual(takePayloads(client), ["1"]);
  client.send({ cmd: "puback", messageId: 1 }, { cmd: "puback", messageId: 2 });
  assert.deepEqual(takePayloads(client), ["2", "3"]);
});

Deno.test("For an absent client max_mqueue_len messages wait, each said as offline_message, the rest is dropped", () => {
  const { bench, client, publisher } = start(16, 2);
  client.drop();
  bench.hooks.events.length = 0;
  send(publisher, 1, "1", "2", "3");
  assert.deepEqual(story(bench, "s"), [
    "offline_message 1",
    "offline_message 2",
    "message_dropped 3 MessageQueueFull",
  ]);
  assert.equal(bench.broker.context.hooks.counters.queued, 2);
  assert.deepEqual(takePayloads(bench.connect(4, "s", { clean: false })), ["1", "2"]);
  assert.equal(bench.broker.context.hooks.counters.queued, 0);
});

Deno.test("Messages that wait behind a connected client's window are not said as offline_message", () => {
  const { bench, client, publisher } = start(1, 10);
  send(publisher, 1, "1", "2");
  client.drop();
  send(publisher, 1, "3");
  assert.deepEqual(bench.hooks.all("offline_message").map(({ payload }) => payload.length), [1]);
  assert.deepEqual(story(bench, "s").filter((event) => event.startsWith("offline")), [
    "offline_message 3",
  ]);
});

Deno.test("max_mqueue_len 0 lets nothing wait", () => {
  const { bench, client, publisher } = start(1, 0);
  send(publisher, 1, "1", "2");
  assert.deepEqual(takePayloads(client), ["1"]);
  client.drop();
  send(publisher, 1, "3");
  assert.deepEqual(story(bench, "s").slice(1), [
    "message_dropped 2 MessageQueueFull",
    "client_disconnected RemoteClose",
    "message_dropped 3 MessageQueueFull",
  ]);
});

Deno.test("Every message to a session is acked, sent, dropped or still there: nothing is lost without a trace", () => {
  const { bench, client, publisher } = start(2, 3);
  let present: TestClient | undefined = client;
  for (let i = 0; i < 60; i++) {
    send(publisher, i % 4 === 0 ? 0 : 1, `${i}`);
    if (i % 10 === 5 && present !== undefined) {
      present.drop();
      present = undefined;
    }
    if (i % 10 === 9) present = bench.connect(4, "s", { clean: false });
    if (i % 3 !== 0 || present === undefined) continue;
    for (const packet of present.received.splice(0)) {
      if (packet.cmd !== "publish" || packet.qos === 0) continue;
      present.send({ cmd: "puback", messageId: packet.messageId as number });
    }
  }
  bench.connect(4, "s", { clean: true });
  const outcomes = new Map<string, Array<string>>();
  for (const event of story(bench, "s")) {
    const [name, payload] = event.split(" ");
    if (name !== "message_acked" && name !== "message_dropped" && name !== "message_delivered") {
      continue;
    }
    const key = payload as string; // a message event has one
    const isLast = name !== "message_delivered" || Number(key) % 4 === 0;
    if (isLast) outcomes.set(key, [...outcomes.get(key) ?? [], name]);
  }
  assert.equal(outcomes.size, 60);
  for (const [payload, names] of outcomes) assert.equal(names.length, 1, `${payload}: ${names}`);
});
