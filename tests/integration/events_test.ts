/** The events of clients' ordinary lives, each body whole, for MQTT 3.1, 3.1.1 and 5.0. */
import assert from "node:assert/strict";
import { about, asked, assertBodies, bodiesOf, from, publish, TIME } from "../support/bodies.ts";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import type { ProtocolVersion } from "../support/MqttClient.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { aroundAllNeeding, testNeeding } from "../support/permissions.ts";
import type { Body } from "../support/Receiver.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;
const VERSIONS: ReadonlyArray<ProtocolVersion> = [3, 4, 5];
const named = { 3: "3.1", 4: "3.1.1", 5: "5.0" } as const;

let receiver: Receiver;
let broker: BrokerProcess;

aroundAllNeeding(NEEDED, {
  before: async () => {
    receiver = Receiver.start();
    broker = await BrokerProcess.start(brokerFiles({ urls: [receiver.url("/")] }));
  },
  after: async () => {
    await broker.stop();
    await receiver.close();
  },
});

const connect = (clientId: string, version: ProtocolVersion, options: object = {}) =>
  MqttClient.connect({ port: broker.port(), clientId, version, ...options });

/** The bodies of a client's whole life, once its session has ended. */
const life = async (clientid: string): Promise<ReadonlyArray<Body>> => {
  await receiver.waitFor({ action: "session_terminated", clientid });
  return bodiesOf(receiver, clientid);
};

for (const version of VERSIONS) {
  const mqtt = `MQTT ${named[version]}`;

  testNeeding(
    NEEDED,
    `${mqtt} client's life gives its events whole and in causal order`,
    async () => {
      const id = `life-${version}`;
      const topic = `life/${version}/a`;
      const client = await connect(id, version, { username: "alice", keepalive: 33 });
      await client.subscribe(`life/${version}/+`, { qos: 1 });
      await client.publish(topic, "héllo", { qos: 1 });
      const sent = client.client.getLastMessageId();
      const { messageId } = await client.message(topic);
      await client.unsubscribe(`life/${version}/+`);
      await client.end();

      const bodies = await life(id);
      const me = about(client, id, "alice");
      const mine = from(client, id, "alice");
      const filter = `life/${version}/+`;
      const message = { qos: 1, topic, payload: "héllo" } as const;
      assertBodies(bodies, [
        { action: "client_connect", ...me, ...asked(version, 33, true) },
        { action: "session_created", ...me, created_at: TIME },
        {
          action: "client_connack",
          ...me,
          ...asked(version, 33, true),
          conn_ack: "Connection Accepted",
        },
        {
          action: "client_connected",
          ...me,
          ...asked(version, 33, true),
          connected_at: TIME,
          session_present: false,
        },
        { action: "client_subscribe", ...me, topic: filter, opts: { qos: 1 } },
        { action: "session_subscribed", ...me, topic: filter, opts: { qos: 1 } },
        {
          action: "message_publish",
          ...mine,
          ...publish({ ...message, packetId: sent }),
          ts: TIME,
        },
        {
          action: "message_delivered",
          ...mine,
          ...me,
          ...publish({ ...message, packetId: messageId }),
          pts: TIME,
          ts: TIME,
        },
        {
          action: "message_acked",
          ...mine,
          ...me,
          ...publish({ ...message, packetId: messageId }),
          pts: TIME,
          ts: TIME,
        },
        { action: "client_unsubscribe", ...me, topic: filter },
        { action: "session_unsubscribed", ...me, topic: filter },
        { action: "client_disconnected", ...me, disconnected_at: TIME, reason: "Disconnect" },
        { action: "session_terminated", ...me, reason: "Disconnect" },
      ]);

      const [published, delivered, acked] = bodies.slice(6, 9);
      assert.equal(delivered?.pts, published?.ts);
      assert.equal(acked?.pts, published?.ts);
      assert.ok(Number(acked?.ts) >= Number(delivered?.ts));
    },
  );

  testNeeding(
    NEEDED,
    `${mqtt} subscriber's deliveries carry the granted QoS, acknowledged from QoS 1 up`,
    async () => {
      const sender = `sender-${version}`;
      const reader = `reader-${version}`;
      const publisher = await connect(sender, version);
      const subscriber = await connect(reader, version);
      for (const qos of [0, 1, 2] as const) {
        await subscriber.subscribe(`qos/${version}/${qos}`, { qos });
      }
      const expected: Array<Body> = [];
      const published: Array<Body> = [];
      const mine = from(publisher, sender);
      const me = about(subscriber, reader);
      for (const qos of [0, 1, 2] as const) {
        const topic = `qos/${version}/${qos}`;
        await publisher.publish(topic, `m${qos}`, { qos: 2 });
        const packetId = publisher.client.getLastMessageId();
        published.push({
          action: "message_publish",
          ...mine,
          ...publish({ qos: 2, topic, packetId, payload: `m${qos}` }),
          ts: TIME,
        });
        const { messageId } = await subscriber.message(topic);
        const copy = {
          ...mine,
          ...me,
          ...publish({ qos, topic, packetId: messageId, payload: `m${qos}` }),
          pts: TIME,
          ts: TIME,
        };
        expected.push({ action: "message_delivered", ...copy });
        if (qos > 0) expected.push({ action: "message_acked", ...copy });
        // PUBCOMP comes after the message: the next one waits, so that the order is known.
        if (qos > 0) await receiver.waitFor({ action: "message_acked", topic });
      }
      await subscriber.end();
      await publisher.end();

      const messages = (bodies: ReadonlyArray<Body>) =>
        bodies.filter(({ action }) => String(action).startsWith("message_"));
      assertBodies(messages(await life(reader)), expected);
      assertBodies(messages(await life(sender)), published);
    },
  );

  testNeeding(
    NEEDED,
    `${mqtt} publisher's QoS 0 and QoS 1 and retain flag are told as received`,
    async () => {
      const id = `flags-${version}`;
      const topic = `flags/${version}`;
      const client = await connect(id, version);
      await client.publish(topic, "", { qos: 0 });
      await client.publish(topic, "kept", { qos: 1, retain: true });
      const packetId = client.client.getLastMessageId();
      await client.publish(topic, "", { qos: 0, retain: true });
      await client.end();
      const mine = from(client, id);
      const told = (body: Body) => ({ action: "message_publish", ...mine, ...body, ts: TIME });
      assertBodies((await life(id)).filter(({ action }) => action === "message_publish"), [
        told(publish({ qos: 0, topic, payload: "" })),
        told(publish({ qos: 1, retain: true, topic, packetId, payload: "kept" })),
        told(publish({ qos: 0, retain: true, topic, payload: "" })),
      ]);
    },
  );

  testNeeding(
    NEEDED,
    `${mqtt} SUBSCRIBE with several filters gives a pair of events for each, in order`,
    async () => {
      const id = `several-${version}`;
      const filters = [`several/${version}/#`, `+/x/${version}`, `other/${version}`];
      const client = await connect(id, version);
      await client.subscribe(filters, { qos: 2 });
      await client.unsubscribe(filters);
      await client.end();
      const me = about(client, id);
      const bodies = await life(id);
      const of = (action: string) => bodies.filter((body) => body.action === action);
      for (const action of ["client_subscribe", "session_subscribed"]) {
        assertBodies(
          of(action),
          filters.map((topic) => ({ action, ...me, topic, opts: { qos: 2 } })),
        );
      }
      for (const action of ["client_unsubscribe", "session_unsubscribed"]) {
        assertBodies(of(action), filters.map((topic) => ({ action, ...me, topic })));
      }
      for (const topic of filters) {
        assert.deepEqual(
          bodies.filter((body) => body.topic === topic).map(({ action }) => action),
          ["client_subscribe", "session_subscribed", "client_unsubscribe", "session_unsubscribed"],
        );
      }
    },
  );

  testNeeding(
    NEEDED,
    `${mqtt} persistent session is created once, found present, and outlives its connection`,
    async () => {
      const id = `persistent-${version}`;
      const keeping = version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {};
      const first = await connect(id, version, { clean: false, ...keeping });
      assert.equal(first.connack.sessionPresent, false);
      await first.end();
      await receiver.waitFor({ action: "client_disconnected", clientid: id });
      const second = await connect(id, version, { clean: false, ...keeping });
      // MQTT 3.1 has no session present flag in its CONNACK; the event tells it all the same.
      if (version !== 3) assert.equal(second.connack.sessionPresent, true);
      await second.end();
      await receiver.waitFor({ action: "client_disconnected", clientid: id }, { count: 2 });

      const once = asked(version, 60, false);
      const conn_ack = "Connection Accepted";
      const [one, two] = [about(first, id), about(second, id)];
      const gone = { disconnected_at: TIME, reason: "Disconnect" };
      assertBodies(bodiesOf(receiver, id), [
        { action: "client_connect", ...one, ...once },
        { action: "session_created", ...one, created_at: TIME },
        { action: "client_connack", ...one, ...once, conn_ack },
        {
          action: "client_connected",
          ...one,
          ...once,
          connected_at: TIME,
          session_present: false,
        },
        { action: "client_disconnected", ...one, ...gone },
        { action: "client_connect", ...two, ...once },
        { action: "client_connack", ...two, ...once, conn_ack },
        { action: "client_connected", ...two, ...once, connected_at: TIME, session_present: true },
        { action: "client_disconnected", ...two, ...gone },
      ]);
    },
  );

  testNeeding(NEEDED, `${mqtt} will gives message_publish with its flags and payload`, async () => {
    const id = `will-${version}`;
    const topic = `will/${version}`;
    const heir = await connect(`heir-${version}`, version);
    await heir.subscribe(topic, { qos: 1 });
    const client = await connect(id, version, {
      will: { topic, payload: new TextEncoder().encode("gone"), qos: 1, retain: false },
    });
    await client.drop();
    const { payload } = await heir.message(topic);
    assert.equal(payload.toString(), "gone");
    await heir.end();
    const [published] = await receiver.waitFor({ action: "message_publish", topic });
    assert.ok(published);
    assertBodies([published.body], [{
      action: "message_publish",
      ...from(client, id),
      ...publish({ qos: 1, topic, payload: "gone" }),
      ts: TIME,
    }]);
    await receiver.waitFor({ action: "message_acked", topic, clientid: `heir-${version}` });
  });

  testNeeding(NEEDED, `${mqtt} client that ends properly leaves no will`, async () => {
    const id = `no-will-${version}`;
    const topic = `no-will/${version}`;
    const client = await connect(id, version, {
      will: { topic, payload: new TextEncoder().encode("gone"), qos: 0, retain: false },
    });
    await client.end();
    await life(id);
    assert.deepEqual(receiver.matching({ topic }), []);
  });

  testNeeding(
    NEEDED,
    `${mqtt} retained message is delivered with the retain flag to a new subscription only`,
    async () => {
      const topic = `retained/${version}`;
      const early = await connect(`early-${version}`, version);
      await early.subscribe(topic, { qos: 1 });
      const publisher = await connect(`keeper-${version}`, version);
      await publisher.publish(topic, "kept", { qos: 1, retain: true });
      const late = await connect(`late-${version}`, version);
      await late.subscribe(topic, { qos: 1 });
      const copies = [await early.message(topic), await late.message(topic)];
      assert.deepEqual(copies.map(({ retain }) => retain), [false, true]);
      await Promise.all([early.end(), late.end(), publisher.end()]);

      const mine = from(publisher, `keeper-${version}`);
      for (const [i, client] of [early, late].entries()) {
        const id = i === 0 ? `early-${version}` : `late-${version}`;
        const copy = {
          ...mine,
          ...about(client, id),
          ...publish({
            qos: 1,
            retain: i === 1,
            topic,
            packetId: copies[i]?.messageId,
            payload: "kept",
          }),
          pts: TIME,
          ts: TIME,
        };
        assertBodies(
          (await life(id)).filter(({ action }) => String(action).startsWith("message_")),
          [{ action: "message_delivered", ...copy }, { action: "message_acked", ...copy }],
        );
      }
    },
  );
}

testNeeding(
  NEEDED,
  "Webhook requests are POSTs of JSON with an id, a time and a length",
  async () => {
    const id = "request";
    const client = await connect(id, 4);
    await client.end();
    await life(id);
    const requests = receiver.requests.filter(({ body }) => body.clientid === id);
    assert.equal(new Set(requests.map(({ headers }) => headers.get("webhook-id"))).size, 6);
    for (const { method, path, headers, text } of requests) {
      assert.deepEqual([method, path], ["POST", "/"]);
      assert.equal(headers.get("content-type"), "application/json");
      assert.equal(headers.get("content-length"), String(new TextEncoder().encode(text).length));
      assert.ok(headers.get("webhook-id"));
      const timestamp = Number(headers.get("webhook-timestamp"));
      assert.ok(Number.isInteger(timestamp) && Math.abs(timestamp - Date.now() / 1000) < 60);
    }
  },
);

testNeeding(NEEDED, "MQTT 5.0 payload of any bytes is base64 with padding", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const client = await connect("bytes", 5);
  await client.publish("bytes", bytes);
  await client.end();
  const [request] = await receiver.waitFor({ action: "message_publish", topic: "bytes" });
  assert.equal(request?.body.payload, bytes.toBase64());
});
