/** PUBLISH to a client of MQTT 3.1.1: QoS, packet identifiers, order, sending again. Sections 4.3 to 4.6 */
import assert from "node:assert/strict";
import type { TestClient } from "../support/ProtocolBench.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { endReason, publish, story, subscribe, takeAll, takePayloads } from "./packets.ts";

const start = (options: ConstructorParameters<typeof ProtocolBench>[0] = {}): {
  readonly bench: ProtocolBench;
  readonly subscriber: TestClient;
  readonly publisher: TestClient;
} => {
  const bench = new ProtocolBench(options);
  const subscriber = bench.connect(4, "s", { clean: false });
  subscribe(subscriber, ["t/#", 2]);
  return { bench, subscriber, publisher: bench.connect(4, "p") };
};

const back = (bench: ProtocolBench): TestClient => bench.connect(4, "s", { clean: false });

/** Publishes to `t/1`; the publisher's own acknowledgements are taken. */
const send = (publisher: TestClient, qos: 0 | 1 | 2, ...payloads: ReadonlyArray<string>): void => {
  for (const payload of payloads) {
    if (qos === 0) publisher.send(publish("t/1", payload));
    else publisher.send(publish("t/1", payload, { qos, messageId: 1 }));
    if (qos === 2) publisher.send({ cmd: "pubrel", messageId: 1 });
  }
  publisher.received.length = 0;
};

for (const published of [0, 1, 2] as const) {
  for (const granted of [0, 1, 2] as const) {
    const qos = Math.min(published, granted);
    Deno.test(`A message of QoS ${published} to a subscription of QoS ${granted} is sent with QoS ${qos}`, () => {
      const bench = new ProtocolBench();
      const subscriber = bench.connect(4, "s");
      subscribe(subscriber, ["t/1", granted]);
      send(bench.connect(4, "p"), published, "x");
      assert.deepEqual(takeAll(subscriber), [`t/1 x q${qos}` + (qos > 0 ? " id1" : "")]);
    });
  }
}

Deno.test("A message of QoS 0 is acked by nobody, and no event says so", () => {
  const { bench, subscriber, publisher } = start();
  send(publisher, 0, "x");
  assert.deepEqual(takeAll(subscriber), ["t/1 x q0"]);
  assert.deepEqual(story(bench, "s").slice(-1), ["message_delivered x"]);
});

Deno.test("A message of QoS 1 is acked once by PUBACK, and a second PUBACK changes nothing", () => {
  const { bench, subscriber, publisher } = start();
  send(publisher, 1, "x");
  assert.deepEqual(takeAll(subscriber), ["t/1 x q1 id1"]);
  subscriber.send({ cmd: "puback", messageId: 1 }, { cmd: "puback", messageId: 1 });
  assert.deepEqual(story(bench, "s").slice(-2), ["message_delivered x", "message_acked x"]);
  assert.equal(subscriber.closed, false);
});

Deno.test("A message of QoS 2 is acked once, by PUBCOMP, after PUBREC and PUBREL", () => {
  const { bench, subscriber, publisher } = start();
  send(publisher, 2, "x");
  assert.deepEqual(takeAll(subscriber), ["t/1 x q2 id1"]);
  subscriber.send({ cmd: "pubrec", messageId: 1 });
  assert.deepEqual(takeAll(subscriber), ["pubrel id1"]);
  subscriber.send({ cmd: "pubrec", messageId: 1 }); // its PUBREL may have been lost on the way
  assert.deepEqual(takeAll(subscriber), ["pubrel id1"]);
  assert.equal(bench.hooks.all("message_acked").length, 0);
  subscriber.send({ cmd: "pubcomp", messageId: 1 }, { cmd: "pubcomp", messageId: 1 });
  subscriber.nothing();
  assert.deepEqual(bench.hooks.all("message_acked").map(({ packet_id, qos }) => [packet_id, qos]), [
    [1, 2],
  ]);
});

Deno.test("PUBREL to a client is the four bytes 62 02 and the packet identifier", () => {
  const { subscriber, publisher } = start();
  send(publisher, 2, "x");
  subscriber.bytes.length = 0;
  subscriber.send({ cmd: "pubrec", messageId: 1 });
  assert.deepEqual(subscriber.bytes, [0x62, 2, 0, 1]);
});

Deno.test("PUBREC of a message that the session does not know is answered with PUBREL", () => {
  const { subscriber } = start();
  subscriber.send({ cmd: "pubrec", messageId: 99 });
  assert.deepEqual(takeAll(subscriber), ["pubrel id99"]);
});

const WRONG = [
  ["PUBREC", 1, ["pubrec"]],
  ["PUBCOMP", 1, ["pubcomp"]],
  ["PUBACK", 2, ["puback"]],
  ["PUBCOMP", 2, ["pubcomp"]],
  ["PUBACK after PUBREC", 2, ["pubrec", "puback"]],
] as const;
for (const [name, qos, packets] of WRONG) {
  Deno.test(`${name} for a message of QoS ${qos} ends the connection, and the message stays unacknowledged`, () => {
    const { bench, subscriber, publisher } = start();
    send(publisher, qos, "x");
    for (const cmd of packets) subscriber.send({ cmd, messageId: 1 });
    assert.equal(subscriber.closed, true);
    assert.match(endReason(bench) ?? "", /^ProtocolError\(/);
    assert.equal(bench.hooks.all("message_acked").length, 0);
    assert.equal(back(bench).received.length, 1);
  });
}

Deno.test("Packet identifiers of messages under way differ, and are free again when acknowledged", () => {
  const { bench, subscriber, publisher } = start({ limits: { maxInflight: 3 } });
  bench.hooks.wanted = () => false;
  send(publisher, 1, "a", "b", "c");
  assert.deepEqual(takeAll(subscriber), ["t/1 a q1 id1", "t/1 b q1 id2", "t/1 c q1 id3"]);
  // Around the whole range while 2 stays in use.
  const free = new Set([1, 3]);
  for (const messageId of free) subscriber.send({ cmd: "puback", messageId });
  for (let i = 4; i <= 65537; i++) {
    send(publisher, 1, "n");
    const { messageId } = subscriber.take("publish");
    assert.equal(messageId, i <= 65535 ? i : i === 65536 ? 1 : 3);
    subscriber.send({ cmd: "puback", messageId: messageId as number });
  }
});

Deno.test("Unacknowledged messages are sent again on reconnect, in their order, with DUP and their packet identifiers", () => {
  const { bench, subscriber, publisher } = start();
  send(publisher, 1, "a");
  send(publisher, 2, "b");
  send(publisher, 1, "c");
  send(publisher, 0, "never again");
  assert.deepEqual(takeAll(subscriber), [
    "t/1 a q1 id1",
    "t/1 b q2 id2",
    "t/1 c q1 id3",
    "t/1 never again q0",
  ]);
  subscriber.drop();
  for (let i = 0; i < 3; i++) {
    const again = back(bench);
    assert.deepEqual(takeAll(again), ["t/1 a q1 id1 dup", "t/1 b q2 id2 dup", "t/1 c q1 id3 dup"]);
    again.drop();
  }
  assert.equal(bench.hooks.all("message_delivered").length, 4, "said when first sent only");
});

Deno.test("What was acknowledged before the connection ended is not sent again", () => {
  const { bench, subscriber, publisher } = start();
  send(publisher, 1, "a", "b", "c");
  subscriber.send({ cmd: "puback", messageId: 2 });
  subscriber.drop();
  const again = back(bench);
  assert.deepEqual(takeAll(again), ["t/1 a q1 id1 dup", "t/1 c q1 id3 dup"]);
  again.send({ cmd: "puback", messageId: 3 }, { cmd: "puback", messageId: 1 });
  again.drop();
  back(bench).nothing();
});

Deno.test("A message that was released is not sent again on reconnect, its PUBREL is", () => {
  const { bench, subscriber, publisher } = start();
  send(publisher, 2, "a", "b", "c");
  subscriber.send({ cmd: "pubrec", messageId: 1 }, { cmd: "pubrec", messageId: 3 });
  subscriber.drop();
  const again = back(bench);
  // No statement orders PUBREL packets among those sent again.
  assert.deepEqual([...takeAll(again)].sort(), ["pubrel id1", "pubrel id3", "t/1 b q2 id2 dup"]);
  again.send({ cmd: "pubcomp", messageId: 1 }, { cmd: "pubrec", messageId: 2 });
  assert.deepEqual(takeAll(again), ["pubrel id2"]);
  again.drop();
  const third = back(bench);
  assert.deepEqual(takeAll(third), ["pubrel id2", "pubrel id3"]);
  third.send({ cmd: "pubcomp", messageId: 2 }, { cmd: "pubcomp", messageId: 3 });
  third.drop();
  back(bench).nothing();
  assert.deepEqual(bench.hooks.all("message_acked").map(({ packet_id }) => packet_id), [1, 2, 3]);
});

/** The subscriber comes back with a smaller window than it had, which only 5.0 can ask for. */
const backWithWindow = (bench: ProtocolBench, receiveMaximum: number): TestClient => {
  const client = bench.connecting(5, "s", {
    clean: false,
    properties: { receiveMaximum, sessionExpiryInterval: 60 },
  });
  client.take("connack");
  return client;
};

Deno.test("PUBREC on a new connection, before the message was sent again there, releases it", () => {
  const { bench, subscriber, publisher } = start();
  send(publisher, 2, "a", "b");
  subscriber.drop();
  const again = backWithWindow(bench, 1);
  assert.deepEqual(takeAll(again), ["t/1 a q2 id1 dup"]);
  again.send({ cmd: "pubrec", messageId: 2 }, { cmd: "pubrec", messageId: 1 });
  assert.deepEqual(takeAll(again), ["pubrel id2", "pubrel id1"]);
  again.send({ cmd: "pubcomp", messageId: 1 }, { cmd: "pubcomp", messageId: 2 });
  again.nothing();
  assert.deepEqual(bench.hooks.all("message_acked").map(({ packet_id }) => packet_id), [1, 2]);
});

Deno.test("What waited comes behind all that is sent again, QoS 0 too, however small the window is now", () => {
  const { bench, subscriber, publisher } = start();
  send(publisher, 1, "1", "2");
  subscriber.drop();
  send(publisher, 0, "3");
  const again = backWithWindow(bench, 1);
  assert.deepEqual(takePayloads(again), ["1"]);
  again.send({ cmd: "puback", messageId: 1 });
  assert.deepEqual(takePayloads(again), ["2", "3"]);
});

Deno.test("Nothing is sent again while the connection lasts, however long the acknowledgement takes", () => {
  const { bench, subscriber, publisher } = start();
  send(publisher, 1, "a");
  send(publisher, 2, "b");
  subscriber.received.length = 0;
  for (let minute = 0; minute < 120; minute++) bench.pass(60_000);
  subscriber.nothing();
});

Deno.test("Messages reach a subscriber in the order they were published, through a full window and an absence", () => {
  const { bench, subscriber, publisher } = start({ limits: { maxInflight: 4 } });
  const payloads = Array.from({ length: 40 }, (_, i) => `${i}`);
  const got: Array<string> = [];
  let client = subscriber;
  const read = (): void => {
    for (;;) {
      const packet = client.received.shift();
      if (packet === undefined) return;
      assert.equal(packet.cmd, "publish");
      if (packet.cmd !== "publish") return;
      if (!packet.dup) got.push(packet.payload.toString());
      if (packet.qos === 1) client.send({ cmd: "puback", messageId: packet.messageId as number });
    }
  };
  for (const [i, payload] of payloads.entries()) {
    send(publisher, i % 3 === 0 ? 0 : 1, payload);
    if (i === 10) client.drop();
    if (i === 20) client = back(bench);
    if (i === 30) read();
  }
  read();
  // Of those sent and never read before the drop, QoS 0 is gone, and QoS 1 came again with DUP.
  const lost = payloads.slice(0, 11).filter((payload) => !got.includes(payload));
  assert.deepEqual(got, payloads.filter((payload) => !lost.includes(payload)));
});

Deno.test("Messages of several topics and publishers keep each publisher's order", () => {
  const { bench, subscriber } = start();
  const publishers = ["p1", "p2", "p3"].map((id) => bench.connect(4, id));
  for (let i = 0; i < 30; i++) {
    for (const [p, publisher] of publishers.entries()) {
      publisher.send(publish(`t/${i % 2}`, `${p}-${i}`));
    }
  }
  const got = takePayloads(subscriber);
  assert.equal(got.length, 90);
  for (const p of [0, 1, 2]) {
    assert.deepEqual(
      got.filter((payload) => payload.startsWith(`${p}-`)),
      Array.from({ length: 30 }, (_, i) => `${p}-${i}`),
    );
  }
});

Deno.test("A client gets its own messages, as every subscriber does", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a");
  subscribe(client, ["t", 1]);
  client.send(publish("t", "x", { qos: 1, messageId: 9 }));
  assert.deepEqual(takeAll(client), ["t x q1 id1", "puback id9"]);
});

Deno.test("A client's packet identifiers and the broker's are two sets of numbers", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a");
  subscribe(client, ["t", 2]);
  client.send(publish("t", "x", { qos: 2, messageId: 1 }));
  assert.deepEqual(takeAll(client), ["t x q2 id1", "pubrec id1"]);
  client.send({ cmd: "pubrec", messageId: 1 }, { cmd: "pubrel", messageId: 1 });
  assert.deepEqual(takeAll(client), ["pubrel id1", "pubcomp id1"]);
  client.send({ cmd: "pubcomp", messageId: 1 });
  assert.equal(bench.hooks.all("message_acked").length, 1);
});

Deno.test("New messages wait behind those that are still to be sent again to a client that reads slowly", () => {
  const { bench, subscriber, publisher } = start();
  send(publisher, 1, "1", "2");
  subscriber.drop();
  const again = bench.open(4);
  again.buffered = 1_000_000; // what was sent before it came back, say: more than it may be behind
  again.send({
    cmd: "connect",
    protocolVersion: 4,
    clean: false,
    keepalive: 0,
    clientId: "s",
  });
  assert.deepEqual(takeAll(again), ["connack"]);
  again.buffered = 0;
  send(publisher, 1, "3");
  send(publisher, 0, "4");
  again.connection.drained();
  assert.deepEqual(takePayloads(again), ["1", "2", "3", "4"]);
});
