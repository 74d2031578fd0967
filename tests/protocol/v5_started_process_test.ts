/**
 * MQTT 5.0 as conformance suites drive it: packets over TCP to the started process. The scenarios are
 * those of Paho's interoperability tests and Mosquitto's broker tests, where a socket can make a
 * difference: what is sent last must arrive before the connection closes, large packets come in pieces.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { IConnectPacket, IPublishPacket } from "mqtt-packet";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { aroundAllNeeding, testNeeding } from "../support/permissions.ts";
import { packet, section, string } from "../support/rawFrames.ts";
import { RawMqtt } from "../support/RawMqtt.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

// Nobody listens for the events, and no rule wants any.
const files = brokerFiles({ urls: ["http://127.0.0.1:9/"], rules: "" });

let broker: BrokerProcess;

aroundAllNeeding(NEEDED, {
  before: async () => {
    broker = await BrokerProcess.start(files);
  },
  after: async () => {
    await broker.stop();
  },
});

const connect = async (
  clientId: string,
  more: Partial<IConnectPacket> = {},
  to: BrokerProcess = broker,
) => {
  const client = await RawMqtt.open(to.port(), 5);
  await client.send({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 5,
    clean: true,
    keepalive: 60,
    clientId,
    ...more,
  });
  const connack = await client.take("connack");
  assert.equal(connack?.reasonCode, 0);
  return { client, properties: connack.properties ?? {} };
};

const subscribe = async (client: RawMqtt, topic: string, qos: 0 | 1 | 2 = 0) => {
  await client.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos }] });
  assert.deepEqual((await client.take("suback"))?.granted, [qos]);
};

const publication = (topic: string, more: Partial<IPublishPacket> = {}): IPublishPacket => ({
  cmd: "publish",
  topic,
  payload: "x",
  qos: 0,
  retain: false,
  dup: false,
  ...more,
});

/** The code of the DISCONNECT that comes before the server closes. */
const ending = async (client: RawMqtt): Promise<number | undefined> => {
  const disconnect = await client.take("disconnect");
  await client.closed();
  return disconnect?.reasonCode;
};

testNeeding(
  NEEDED,
  "A PUBLISH of Maximum Packet Size passes in pieces, a larger one is told 0x95",
  async () => {
    const { client, properties } = await connect("large");
    const { maximumPacketSize } = properties;
    assert.ok(maximumPacketSize);
    const header = packet(0x32, ...string("large"), 0, 1, 0).length + 2; // the length takes three bytes
    const payload = "x".repeat(maximumPacketSize - header);
    await client.send(publication("large", { payload, qos: 1, messageId: 1 }));
    assert.equal((await client.take("puback"))?.messageId, 1);
    await client.send(publication("large", { payload: `${payload}x`, qos: 1, messageId: 2 }));
    assert.equal(await ending(client), 0x95);
  },
);

testNeeding(
  NEEDED,
  "QoS 2 messages up to Receive Maximum are taken, one more is told 0x93",
  async () => {
    const { client, properties } = await connect("flow");
    const { receiveMaximum } = properties;
    assert.ok(receiveMaximum);
    for (let messageId = 1; messageId <= receiveMaximum; messageId++) {
      await client.send(publication("flow", { qos: 2, messageId }));
      assert.equal((await client.take("pubrec"))?.messageId, messageId);
    }
    await client.send({ cmd: "pubrel", messageId: 1 });
    assert.equal((await client.take("pubcomp"))?.messageId, 1);
    await client.send(publication("flow", { qos: 2, messageId: receiveMaximum + 1 }));
    assert.equal((await client.take("pubrec"))?.messageId, receiveMaximum + 1);
    await client.send(publication("flow", { qos: 2, messageId: receiveMaximum + 2 }));
    assert.equal(await ending(client), 0x93);
  },
);

testNeeding(
  NEEDED,
  "Topic Aliases of the client work up to the server's maximum, and 0x94 over it",
  async () => {
    const { client, properties } = await connect("aliases");
    const { topicAliasMaximum } = properties;
    assert.ok(topicAliasMaximum);
    await subscribe(client, "alias/#");
    const send = (topic: string, topicAlias: number) =>
      client.send(publication(topic, { properties: { topicAlias } }));
    await send("alias/last", topicAliasMaximum);
    await send("", topicAliasMaximum);
    for (let i = 0; i < 2; i++) assert.equal((await client.take("publish"))?.topic, "alias/last");
    await send("alias/over", topicAliasMaximum + 1);
    assert.equal(await ending(client), 0x94);
  },
);

testNeeding(
  NEEDED,
  "A take-over is told 0x8E, its will is published, and the session goes on",
  async () => {
    const { client: watcher } = await connect("watcher");
    await subscribe(watcher, "taken/will");
    const first = await connect("taken", {
      properties: { sessionExpiryInterval: 60 },
      will: { topic: "taken/will", payload: Buffer.from("gone"), qos: 1, retain: false },
    });
    const second = await RawMqtt.open(broker.port(), 5);
    await second.send({
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: 5,
      clean: false,
      keepalive: 60,
      clientId: "taken",
    });
    assert.equal(await ending(first.client), 0x8e);
    assert.equal((await second.take("connack"))?.sessionPresent, true);
    assert.equal((await watcher.take("publish"))?.payload.toString(), "gone");
    second.close();
    watcher.close();
  },
);

testNeeding(
  NEEDED,
  "Malformed packets and protocol errors are told before the connection closes",
  async () => {
    const cases: ReadonlyArray<readonly [ReadonlyArray<number>, number]> = [
      [packet(0x36, ...string("t"), 0, 1, 0), 0x81],
      [packet(0x30, ...string("t"), ...section(1, 1, 1, 1)), 0x82],
      [packet(0x30, ...string("a/#"), 0), 0x90],
      [packet(0x82, 0, 1, 0), 0x82],
      [packet(0xf0, 0x19, 0), 0x82],
      [packet(0xe1, 0), 0x81],
    ];
    for (const [bytes, code] of cases) {
      const { client } = await connect("wrong");
      await client.sendBytes(Uint8Array.from(bytes));
      assert.equal(await ending(client), code);
    }
  },
);

testNeeding(NEEDED, "A refused CONNECT is answered before the connection closes", async () => {
  const client = await RawMqtt.open(broker.port(), 5);
  await client.sendBytes(
    Uint8Array.from([
      ...packet(
        0x10,
        ...string("MQTT"),
        5,
        2,
        0,
        60,
        ...section(21, ...string("SCRAM")),
        ...string("a"),
      ),
      ...packet(0xc0),
    ]),
  );
  assert.equal((await client.take("connack"))?.reasonCode, 0x8c);
  await client.closed();
  assert.equal(client.waiting, 0);
});

testNeeding(
  NEEDED,
  "Messages wait for a session over TCP, with their properties, within Receive Maximum",
  async () => {
    const properties = { sessionExpiryInterval: 60, receiveMaximum: 1 };
    const first = await connect("waits", { properties });
    await subscribe(first.client, "waits/#", 2);
    await first.client.send({ cmd: "disconnect" });
    await first.client.closed();
    const { client: publisher } = await connect("waits-publisher");
    const userProperties = { a: ["1", "2"], b: "3" };
    for (let messageId = 1; messageId <= 10; messageId++) {
      const payload = `${messageId}`;
      await publisher.send(
        publication("waits/t", { qos: 2, messageId, payload, properties: { userProperties } }),
      );
      assert.equal((await publisher.take("pubrec"))?.reasonCode, 0);
      await publisher.send({ cmd: "pubrel", messageId });
      await publisher.take("pubcomp");
    }
    const { client } = await connect("waits", { clean: false, properties });
    for (let n = 1; n <= 10; n++) {
      const message = await client.take("publish");
      assert.ok(message?.messageId);
      assert.equal(message.payload.toString(), `${n}`);
      assert.deepEqual({ ...message.properties?.userProperties }, userProperties);
      await client.send({ cmd: "pubrec", messageId: message.messageId });
      assert.equal((await client.take("pubrel"))?.messageId, message.messageId);
      await client.send({ cmd: "pubcomp", messageId: message.messageId });
    }
    client.close();
    publisher.close();
  },
);

testNeeding(NEEDED, "A stopping process tells its clients 0x8B", async () => {
  const stopping = await BrokerProcess.start(files);
  const { client } = await connect("last", {}, stopping);
  const [code] = await Promise.all([ending(client), stopping.stop()]);
  assert.equal(code, 0x8b);
});
