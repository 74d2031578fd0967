/** Messages that wait, and messages that never arrive: offline_message and message_dropped, whole. */
import assert from "node:assert/strict";
import { about, actions, assertBodies, bodiesOf, from, publish, TIME } from "../support/bodies.ts";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import type { ProtocolVersion } from "../support/MqttClient.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { aroundAllNeeding, testNeeding } from "../support/permissions.ts";
import { RawMqtt } from "../support/RawMqtt.ts";
import type { Body } from "../support/Receiver.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;
const VERSIONS: ReadonlyArray<ProtocolVersion> = [4, 5];
const named = { 3: "3.1", 4: "3.1.1", 5: "5.0" } as const;

let receiver: Receiver;
let broker: BrokerProcess;

const listeners = {
  external: "",
  narrow: "max_mqueue_len = 2\nmax_inflight = 1",
  fleeting: 'message_expiry_interval = "1ms"',
};

aroundAllNeeding(NEEDED, {
  before: async () => {
    receiver = Receiver.start();
    const files = brokerFiles({
      broker: 'acl = [{ permit = "deny", action = "publish", topics = ["forbidden/#"] }]',
      listeners,
      urls: [receiver.url("/")],
    });
    broker = await BrokerProcess.start(files, Object.keys(listeners));
  },
  after: async () => {
    await broker.stop();
    await receiver.close();
  },
});

const connect = (clientId: string, version: ProtocolVersion, options: object = {}) =>
  MqttClient.connect({ port: broker.port(), clientId, version, ...options });

/** Options of a session that outlives its connection. */
const persistent = (version: ProtocolVersion) => ({
  clean: false,
  ...(version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
});

/** A persistent session subscribed to `topic` whose client has gone. */
const absent = async (
  clientid: string,
  version: ProtocolVersion,
  topic: string,
  options: object = {},
): Promise<MqttClient> => {
  const client = await connect(clientid, version, { ...persistent(version), ...options });
  await client.subscribe(topic, { qos: 1 });
  await client.end();
  await receiver.waitFor({ action: "client_disconnected", clientid });
  return client;
};

const messageBodies = (clientid: string): ReadonlyArray<Body> =>
  bodiesOf(receiver, clientid).filter(({ action }) =>
    action !== "message_publish" && /message/.test(String(action))
  );

for (const version of VERSIONS) {
  const mqtt = `MQTT ${named[version]}`;

  testNeeding(
    NEEDED,
    `${mqtt} message for an absent client is offline_message, and delivered when it is back`,
    async () => {
      const id = `absent-${version}`;
      const topic = `offline/${version}`;
      const away = await absent(id, version, topic);
      const publisher = await connect(`to-${id}`, version, { username: "bob" });
      await publisher.publish(topic, "wait", { qos: 2 });
      await receiver.waitFor({ action: "offline_message", topic });
      const back = await connect(id, version, persistent(version));
      const { messageId } = await back.message(topic);
      await receiver.waitFor({ action: "message_acked", topic });
      await Promise.all([back.end(), publisher.end()]);

      const mine = from(publisher, `to-${id}`, "bob");
      const message = { qos: 1, topic, payload: "wait" } as const;
      const sent = publish({ ...message, packetId: messageId });
      const bodies = messageBodies(id);
      assertBodies(bodies, [
        {
          action: "offline_message",
          ...mine,
          ...about(away, id),
          ...publish(message),
          pts: TIME,
          ts: TIME,
        },
        {
          action: "message_delivered",
          ...mine,
          ...about(back, id),
          ...sent,
          pts: TIME,
          ts: TIME,
        },
        { action: "message_acked", ...mine, ...about(back, id), ...sent, pts: TIME, ts: TIME },
      ]);
      assert.equal(new Set(bodies.map(({ pts }) => pts)).size, 1);
    },
  );

  testNeeding(
    NEEDED,
    `${mqtt} messages beyond max_mqueue_len are dropped, each with an event`,
    async () => {
      const id = `full-${version}`;
      const topic = `full/${version}`;
      const away = await absent(id, version, topic, { port: broker.port("narrow") });
      const publisher = await connect(`to-${id}`, version);
      for (const payload of ["1", "2", "3", "4"]) {
        await publisher.publish(topic, payload, { qos: 1 });
      }
      await publisher.end();
      await receiver.waitFor({ action: "message_dropped", topic }, { count: 2 });
      const mine = from(publisher, `to-${id}`);
      const bodies = messageBodies(id);
      assert.deepEqual(actions(bodies).filter((action) => action === "message_delivered"), []);
      assertBodies(
        bodies.filter(({ action }) => action === "message_dropped"),
        ["3", "4"].map((payload) => ({
          action: "message_dropped",
          ...mine,
          ...about(away, id),
          ...publish({ qos: 1, topic, payload }),
          reason: "MessageQueueFull",
          pts: TIME,
          ts: TIME,
        })),
      );
      const back = await connect(id, version, {
        ...persistent(version),
        port: broker.port("narrow"),
      });
      await receiver.waitFor({ action: "message_acked", topic }, { count: 2 });
      assert.deepEqual(back.messages.map(({ payload }) => payload.toString()), ["1", "2"]);
      await back.end();
    },
  );

  testNeeding(
    NEEDED,
    `${mqtt} message that waited too long is dropped as MessageExpiration`,
    async () => {
      const id = `late-${version}`;
      const topic = `late/${version}`;
      const port = broker.port("fleeting");
      const away = await absent(id, version, topic, { port });
      const publisher = await connect(`to-${id}`, version, { port });
      await publisher.publish(topic, "stale", { qos: 1 });
      const [queued] = await receiver.waitFor({ action: "offline_message", topic });
      assert.ok(queued);
      // Until the message's one millisecond is over.
      while (Date.now() <= Number(queued.body.pts)) await publisher.publish("tick", "", { qos: 1 });
      const back = await connect(id, version, { ...persistent(version), port });
      const [dropped] = await receiver.waitFor({ action: "message_dropped", topic });
      await Promise.all([back.end(), publisher.end()]);
      assert.ok(dropped);
      assert.ok([away.address, back.address].includes(String(dropped.body.ipaddress)));
      assertBodies([dropped.body], [{
        action: "message_dropped",
        ...from(publisher, `to-${id}`),
        ...about({ address: String(dropped.body.ipaddress) }, id),
        ...publish({ qos: 1, topic, payload: "stale" }),
        reason: "MessageExpiration",
        pts: TIME,
        ts: TIME,
      }]);
      assert.deepEqual(back.messages, []);
    },
  );

  testNeeding(
    NEEDED,
    `${mqtt} forbidden message is dropped as PublishRefused, without a recipient`,
    async () => {
      const id = `refused-${version}`;
      const topic = `forbidden/${version}`;
      const subscriber = await connect(`watch-${id}`, version);
      await subscriber.subscribe("forbidden/#", { qos: 1 });
      const raw = await RawMqtt.open(broker.port(), version);
      await raw.send({
        cmd: "connect",
        clientId: id,
        protocolId: "MQTT",
        protocolVersion: version,
        clean: true,
        keepalive: 60,
      });
      assert.ok(await raw.take("connack"));
      await raw.send({
        cmd: "publish",
        topic,
        payload: "secret",
        qos: 1,
        messageId: 21,
        dup: false,
        retain: false,
      });
      const puback = await raw.take("puback");
      assert.equal(puback?.messageId, 21);
      if (version === 5) assert.equal(puback?.reasonCode, 0x87);
      raw.close();
      const [dropped] = await receiver.waitFor({ action: "message_dropped", topic });
      assert.ok(dropped);
      assertBodies([dropped.body], [{
        action: "message_dropped",
        ...from(raw, id),
        ...publish({ qos: 1, topic, packetId: 21, payload: "secret" }),
        reason: "PublishRefused",
        pts: TIME,
        ts: TIME,
      }]);
      await subscriber.end();
      assert.deepEqual(subscriber.messages, []);
    },
  );

  testNeeding(
    NEEDED,
    `${mqtt} clean connect ends an absent session, its queued messages dropped first`,
    async () => {
      const id = `ended-${version}`;
      const topic = `ended/${version}`;
      const away = await absent(id, version, topic);
      const publisher = await connect(`to-${id}`, version);
      await publisher.publish(topic, "lost", { qos: 1 });
      await publisher.end();
      await receiver.waitFor({ action: "offline_message", topic });
      const fresh = await connect(id, version);
      assert.equal(fresh.connack.sessionPresent, false);
      await fresh.end();
      await receiver.waitFor({ action: "session_terminated", clientid: id }, { count: 2 });
      const bodies = bodiesOf(receiver, id);
      const ended = bodies.slice(bodies.findIndex(({ action }) => action === "message_dropped"));
      assert.deepEqual(actions(ended).filter((action) => action !== "client_connect"), [
        "message_dropped",
        "session_terminated",
        "session_created",
        "client_connack",
        "client_connected",
        "client_disconnected",
        "session_terminated",
      ]);
      const [dropped, terminated] = ended;
      assert.ok(dropped);
      assert.ok(terminated);
      const { reason } = terminated;
      assertBodies([dropped], [{
        action: "message_dropped",
        ...from(publisher, `to-${id}`),
        ...about(away, id),
        ...publish({ qos: 1, topic, payload: "lost" }),
        reason,
        pts: TIME,
        ts: TIME,
      }]);
      assertBodies([terminated], [{ action: "session_terminated", ...about(away, id), reason }]);
    },
  );

  testNeeding(
    NEEDED,
    `${mqtt} message sent again after a reconnect is delivered once in the events, acked once`,
    async () => {
      const id = `again-${version}`;
      const topic = `again/${version}`;
      await absent(id, version, topic);
      const publisher = await connect(`to-${id}`, version);
      await publisher.publish(topic, "twice", { qos: 1 });
      const raw = await RawMqtt.open(broker.port(), version);
      const resume = {
        cmd: "connect",
        clientId: id,
        protocolId: "MQTT",
        protocolVersion: version,
        clean: false,
        keepalive: 60,
        ...(version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
      } as const;
      await raw.send(resume);
      const first = await raw.take("publish");
      assert.equal(first?.dup, false);
      raw.close(); // without PUBACK
      await receiver.waitFor({ action: "client_disconnected", clientid: id }, { count: 2 });
      const back = await RawMqtt.open(broker.port(), version);
      await back.send(resume);
      const second = await back.take("publish");
      assert.equal(second?.dup, true); // [MQTT-3.3.1-1]
      assert.equal(second?.messageId, first?.messageId);
      await back.send({ cmd: "puback", messageId: second?.messageId ?? 0 });
      await receiver.waitFor({ action: "message_acked", topic });
      await back.send({ cmd: "disconnect" });
      await publisher.end();
      await receiver.waitFor({ action: "client_disconnected", clientid: id }, { count: 3 });
      assert.deepEqual(actions(messageBodies(id)), [
        "offline_message",
        "message_delivered",
        "message_acked",
      ]);
      back.close();
    },
  );
}

testNeeding(NEEDED, "QoS 2 message sent twice by its publisher is published once", async () => {
  const id = "exactly-once";
  const topic = "exactly/once";
  const raw = await RawMqtt.open(broker.port());
  await raw.send({
    cmd: "connect",
    clientId: id,
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    keepalive: 60,
  });
  assert.ok(await raw.take("connack"));
  const message = {
    cmd: "publish",
    topic,
    payload: "once",
    qos: 2,
    messageId: 5,
    retain: false,
  } as const;
  await raw.send({ ...message, dup: false });
  assert.equal((await raw.take("pubrec"))?.messageId, 5);
  await raw.send({ ...message, dup: true });
  assert.equal((await raw.take("pubrec"))?.messageId, 5);
  await raw.send({ cmd: "pubrel", messageId: 5 });
  assert.equal((await raw.take("pubcomp"))?.messageId, 5);
  await raw.send({ cmd: "disconnect" });
  raw.close();
  await receiver.waitFor({ action: "session_terminated", clientid: id });
  assertBodies(bodiesOf(receiver, id).filter(({ action }) => action === "message_publish"), [{
    action: "message_publish",
    ...from(raw, id),
    ...publish({ qos: 2, topic, packetId: 5, payload: "once" }),
    ts: TIME,
  }]);
});
