/** How connections begin and end: refusals, take-overs, and every reason a client can be gone for. */
import assert from "node:assert/strict";
import {
  about,
  actions,
  asked,
  assertBodies,
  bodiesOf,
  from,
  publish,
  TIME,
} from "../support/bodies.ts";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import type { ProtocolVersion } from "../support/MqttClient.ts";
import { ConnectRefused, MqttClient } from "../support/MqttClient.ts";
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
  closed: "allow_anonymous = false",
  single: "max_connections = 1",
  short: "max_clientid_len = 8",
  hasty: 'handshake_timeout = "300ms"',
  brief: 'session_expiry_interval = "500ms"\nmax_session_expiry_interval = "500ms"',
};

aroundAllNeeding(NEEDED, {
  before: async () => {
    receiver = Receiver.start();
    const users = '[{ username = "alice", password = "wonder" }]';
    const files = brokerFiles({
      broker: `auth.users = ${users}`,
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

/** The code that a CONNECT is refused with. */
const refusal = async (connecting: Promise<MqttClient>): Promise<number | undefined> => {
  const refused = await connecting.then(
    () => assert.fail("not refused"),
    (error: unknown) => error,
  );
  assert.ok(refused instanceof ConnectRefused, String(refused));
  return refused.code;
};

/** Asserts that the refused client gave client_connect and client_connack alone; answers the latter's body. */
const refusedBody = async (
  clientid: string,
  version: ProtocolVersion,
  username: string,
  conn_ack: string,
): Promise<void> => {
  const [connack] = await receiver.waitFor({ action: "client_connack", clientid, username });
  const bodies = receiver.requests.map(({ body }) => body)
    .filter((body) => body.clientid === clientid && body.username === username);
  assert.ok(connack);
  const me = about({ address: String(connack.body.ipaddress) }, clientid, username);
  assert.match(String(connack.body.ipaddress), /^127\.0\.0\.1:\d+$/);
  assertBodies(bodies, [
    { action: "client_connect", ...me, ...asked(version, 60, true) },
    { action: "client_connack", ...me, ...asked(version, 60, true), conn_ack },
  ]);
};

for (const version of VERSIONS) {
  const mqtt = `MQTT ${named[version]}`;

  testNeeding(NEEDED, `${mqtt} CONNECT with a wrong password is refused, and told so`, async () => {
    const id = `wrong-${version}`;
    const port = broker.port("closed");
    const login = { port, username: "alice", password: "wander" };
    assert.equal(await refusal(connect(id, version, login)), version === 5 ? 0x86 : 4);
    const conn_ack = version === 5
      ? "bad user name or password"
      : "Connection Refused, bad user name or password";
    await refusedBody(id, version, "alice", conn_ack);
  });

  testNeeding(NEEDED, `${mqtt} CONNECT with the right password is accepted`, async () => {
    const id = `right-${version}`;
    const port = broker.port("closed");
    const client = await connect(id, version, { port, username: "alice", password: "wonder" });
    await client.end();
    const [body] = await receiver.waitFor({ action: "client_connected", clientid: id });
    assert.equal(body?.body.username, "alice");
    assert.equal(receiver.requests.some(({ text }) => text.includes("wonder")), false);
    assert.equal(broker.log.includes("wonder"), false);
  });

  testNeeding(
    NEEDED,
    `${mqtt} CONNECT without a user is refused where a user is needed`,
    async () => {
      const id = `nobody-${version}`;
      const code = await refusal(connect(id, version, { port: broker.port("closed") }));
      assert.equal(code, version === 5 ? 0x87 : 5);
      const conn_ack = version === 5 ? "not authorized" : "Connection Refused, not authorized";
      await refusedBody(id, version, "undefined", conn_ack);
    },
  );

  testNeeding(NEEDED, `${mqtt} CONNECT with a client id too long is refused`, async () => {
    const id = `much-too-long-${version}`;
    const code = await refusal(connect(id, version, { port: broker.port("short") }));
    assert.equal(code, version === 5 ? 0x85 : 2);
    const conn_ack = version === 5
      ? "client identifier is invalid"
      : "Connection Refused, identifier rejected";
    await refusedBody(id, version, "undefined", conn_ack);
  });

  testNeeding(NEEDED, `${mqtt} CONNECT above max_connections is refused`, async () => {
    const port = broker.port("single");
    const first = await connect(`first-${version}`, version, { port });
    const id = `second-${version}`;
    const code = await refusal(connect(id, version, { port }));
    if (version === 4) assert.equal(code, 3);
    await first.end();
    const [connack] = await receiver.waitFor({ action: "client_connack", clientid: id });
    assert.match(String(connack?.body.conn_ack), /Server unavailable|^Connection Refused$/);
    // The place is free again once the first one is gone.
    await receiver.waitFor({ action: "client_disconnected", clientid: `first-${version}` });
    const third = await connect(`third-${version}`, version, { port });
    await third.end();
  });

  testNeeding(
    NEEDED,
    `${mqtt} take-over by a clean client ends connection and session before the new ones begin`,
    async () => {
      const id = `clean-takeover-${version}`;
      const old = await connect(id, version);
      const current = await connect(id, version);
      const said = await old.closed;
      if (version === 5) assert.equal(said?.reasonCode, 0x8e);
      await current.end();
      await receiver.waitFor({ action: "session_terminated", clientid: id }, { count: 2 });
      const [one, two] = [about(old, id), about(current, id)];
      const both = asked(version, 60, true);
      const conn_ack = "Connection Accepted";
      const connected = { connected_at: TIME, session_present: false };
      const bodies = bodiesOf(receiver, id);
      const of = (me: Body) => bodies.filter(({ ipaddress }) => ipaddress === me.ipaddress);
      assertBodies(of(one), [
        { action: "client_connect", ...one, ...both },
        { action: "session_created", ...one, created_at: TIME },
        { action: "client_connack", ...one, ...both, conn_ack },
        { action: "client_connected", ...one, ...both, ...connected },
        { action: "client_disconnected", ...one, disconnected_at: TIME, reason: "Kicked" },
        { action: "session_terminated", ...one, reason: "Kicked" },
      ]);
      assertBodies(of(two), [
        { action: "client_connect", ...two, ...both },
        { action: "session_created", ...two, created_at: TIME },
        { action: "client_connack", ...two, ...both, conn_ack },
        { action: "client_connected", ...two, ...both, ...connected },
        { action: "client_disconnected", ...two, disconnected_at: TIME, reason: "Disconnect" },
        { action: "session_terminated", ...two, reason: "Disconnect" },
      ]);
      const at = (action: string, me: Body) =>
        bodies.findIndex((body) => body.action === action && body.ipaddress === me.ipaddress);
      assert.ok(at("client_disconnected", one) < at("client_connected", two));
      assert.ok(at("session_terminated", one) < at("session_created", two));
    },
  );

  testNeeding(
    NEEDED,
    `${mqtt} take-over of a persistent session kicks the connection and keeps the session`,
    async () => {
      const id = `kept-takeover-${version}`;
      const keeping = {
        clean: false,
        ...(version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
      };
      const old = await connect(id, version, keeping);
      await old.subscribe(`${id}/#`, { qos: 1 });
      const current = await connect(id, version, keeping);
      await old.closed;
      assert.equal(current.connack.sessionPresent, true);
      await current.publish(`${id}/x`, "still subscribed", { qos: 1 });
      await current.message(`${id}/x`);
      await current.end();
      await receiver.waitFor({ action: "client_disconnected", clientid: id, reason: "Disconnect" });
      const bodies = bodiesOf(receiver, id);
      assert.deepEqual(actions(bodies).filter((action) => action === "session_created").length, 1);
      assert.equal(actions(bodies).includes("session_terminated"), false);
      const kicked = bodies.filter(({ reason }) => reason === "Kicked");
      assertBodies(kicked, [{
        action: "client_disconnected",
        ...about(old, id),
        disconnected_at: TIME,
        reason: "Kicked",
      }]);
      const [present] = bodies.filter(({ action, ipaddress }) =>
        action === "client_connected" && ipaddress === current.address
      );
      assert.ok(present);
      assertBodies([present], [{
        action: "client_connected",
        ...about(current, id),
        ...asked(version, 60, false),
        connected_at: TIME,
        session_present: true,
      }]);
      assert.ok(bodies.indexOf(kicked[0] ?? {}) < bodies.indexOf(present));
    },
  );

  testNeeding(NEEDED, `${mqtt} client that closes without DISCONNECT is RemoteClose`, async () => {
    const id = `dropped-${version}`;
    const client = await connect(id, version);
    await client.drop();
    await gone(client, id, /^RemoteClose$/);
  });

  testNeeding(NEEDED, `${mqtt} client that falls silent is KeepaliveTimeout`, async () => {
    const id = `silent-${version}`;
    const raw = await connectRaw(id, version, 1);
    await raw.closed();
    await gone(raw, id, /^KeepaliveTimeout$/);
  });

  testNeeding(NEEDED, `${mqtt} client that sends a second CONNECT is a ProtocolError`, async () => {
    const id = `twice-${version}`;
    const raw = await connectRaw(id, version, 60);
    await raw.send(connectPacket(id, version, 60));
    await raw.closed();
    await gone(raw, id, /^ProtocolError\(.+\)$/);
  });

  testNeeding(
    NEEDED,
    `${mqtt} client that sends a malformed packet is a ProtocolError`,
    async () => {
      const id = `malformed-${version}`;
      const raw = await connectRaw(id, version, 60);
      // PUBLISH with QoS 3. [MQTT-3.3.1-4]
      await raw.sendBytes(Uint8Array.of(0x36, 0x05, 0x00, 0x01, 0x61, 0x00, 0x01));
      await raw.closed();
      await gone(raw, id, /^ProtocolError\(.+\)$/);
    },
  );

  testNeeding(NEEDED, `${mqtt} session that expires ends as SessionExpiration`, async () => {
    const id = `expiring-${version}`;
    const client = await connect(id, version, {
      port: broker.port("brief"),
      clean: false,
      ...(version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
    });
    await client.end();
    const [ended] = await receiver.waitFor({ action: "session_terminated", clientid: id });
    assert.ok(ended);
    assertBodies([ended.body], [{
      action: "session_terminated",
      ...about(client, id),
      reason: "SessionExpiration",
    }]);
    assert.deepEqual(actions(bodiesOf(receiver, id)).slice(-2), [
      "client_disconnected",
      "session_terminated",
    ]);
  });
}

const connectPacket = (clientId: string, version: ProtocolVersion, keepalive: number) => ({
  cmd: "connect" as const,
  clientId,
  protocolId: "MQTT" as const,
  protocolVersion: version,
  clean: true,
  keepalive,
});

const connectRaw = async (
  clientId: string,
  version: ProtocolVersion,
  keepalive: number,
): Promise<RawMqtt> => {
  const raw = await RawMqtt.open(broker.port(), version);
  await raw.send(connectPacket(clientId, version, keepalive));
  assert.ok(await raw.take("connack"));
  return raw;
};

/** Asserts how a clean client's life ended: client_disconnected, then session_terminated, for one reason. */
const gone = async (
  client: { readonly address: string },
  clientid: string,
  reason: RegExp,
): Promise<void> => {
  const [ended] = await receiver.waitFor({ action: "session_terminated", clientid });
  const why = String(ended?.body.reason);
  assert.match(why, reason);
  const me = about(client, clientid);
  assertBodies(bodiesOf(receiver, clientid).slice(-2), [
    { action: "client_disconnected", ...me, disconnected_at: TIME, reason: why },
    { action: "session_terminated", ...me, reason: why },
  ]);
};

testNeeding(NEEDED, "MQTT 5.0 DISCONNECT with a code names it in the reason", async () => {
  const id = "with-will";
  const client = await connect(id, 5);
  await client.end({ reasonCode: 0x04 });
  await gone(client, id, /^Disconnect\(.+\)$/);
});

testNeeding(NEEDED, "MQTT 5.0 DISCONNECT can shorten the session's life", async () => {
  const id = "shortened";
  const client = await connect(id, 5, {
    clean: false,
    properties: { sessionExpiryInterval: 3600 },
  });
  await client.end({ reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
  await receiver.waitFor({ action: "session_terminated", clientid: id });
});

testNeeding(NEEDED, "MQTT 3.1.1 CONNECT without an id and not clean is rejected", async () => {
  const raw = await RawMqtt.open(broker.port());
  await raw.sendBytes(Uint8Array.from([
    ...[0x10, 12, 0, 4, ...new TextEncoder().encode("MQTT")],
    ...[4, 0x00, 0, 60, 0, 0],
  ]));
  const connack = await raw.take("connack");
  assert.equal(connack?.returnCode, 2); // [MQTT-3.1.3-8]
  await raw.closed();
  const [refused] = await receiver.waitFor({ action: "client_connack", ipaddress: raw.address });
  assert.ok(refused);
  assertBodies([refused.body], [{
    action: "client_connack",
    ...about(raw, String(refused.body.clientid)), // what stands for "none" is nobody's business
    ...asked(4, 60, false),
    conn_ack: "Connection Refused, identifier rejected",
  }]);
});

testNeeding(NEEDED, "MQTT CONNECT of an unknown version is refused, and told so", async () => {
  const raw = await RawMqtt.open(broker.port());
  await raw.sendBytes(Uint8Array.from([
    ...[0x10, 13, 0, 4, ...new TextEncoder().encode("MQTT")],
    ...[9, 0x02, 0, 60, 0, 1, 0x61],
  ]));
  const connack = await raw.take("connack");
  assert.equal(connack?.returnCode, 1); // [MQTT-3.1.2-2]
  await raw.closed();
  const [refused] = await receiver.waitFor({ action: "client_connack", ipaddress: raw.address });
  assert.equal(refused?.body.conn_ack, "Connection Refused, unacceptable protocol version");
  assert.deepEqual(
    actions(receiver.matching({ ipaddress: raw.address }).map(({ body }) => body)),
    ["client_connect", "client_connack"],
  );
});

testNeeding(NEEDED, "MQTT client without an id gets one, and its events carry it", async () => {
  const client = await connect("", 5);
  const assigned = client.connack.properties?.assignedClientIdentifier;
  assert.ok(assigned);
  await client.end();
  const [ended] = await receiver.waitFor({ action: "session_terminated", clientid: assigned });
  assert.equal(ended?.body.ipaddress, client.address);
  assert.ok(actions(bodiesOf(receiver, assigned)).includes("client_connected"));
});

testNeeding(NEEDED, "Connection that sends no CONNECT is closed at handshake_timeout", async () => {
  const raw = await RawMqtt.open(broker.port("hasty"));
  // The system may have given it the port of an earlier client.
  const before = receiver.matching({ ipaddress: raw.address });
  await raw.closed(5000);
  assert.deepEqual(receiver.matching({ ipaddress: raw.address }), before);
});

testNeeding(
  NEEDED,
  "Connection whose first packet is no CONNECT is closed without events",
  async () => {
    const raw = await RawMqtt.open(broker.port());
    // The system may have given it the port of an earlier client.
    const before = receiver.matching({ ipaddress: raw.address });
    await raw.send({ cmd: "pingreq" });
    await raw.closed(); // [MQTT-3.1.0-1]
    assert.deepEqual(receiver.matching({ ipaddress: raw.address }), before);
  },
);

testNeeding(
  NEEDED,
  "Session with queued messages says them as dropped before its end, for the same reason",
  async () => {
    const id = "expiring-full";
    const topic = "expiring/full";
    const away = await connect(id, 4, { port: broker.port("brief"), clean: false });
    await away.subscribe(topic, { qos: 1 });
    // Connected beforehand: from here to the session's expiry there is half a second.
    const publisher = await connect("to-expiring", 4);
    await away.end();
    await receiver.waitFor({ action: "client_disconnected", clientid: id });
    await publisher.publish(topic, "late", { qos: 1 });
    await publisher.end();
    await receiver.waitFor({ action: "session_terminated", clientid: id });
    const bodies = bodiesOf(receiver, id);
    assert.deepEqual(actions(bodies).slice(-4), [
      "client_disconnected",
      "offline_message",
      "message_dropped",
      "session_terminated",
    ]);
    const message = publish({ qos: 1, topic, payload: "late" });
    const both = { ...from(publisher, "to-expiring"), ...about(away, id), ...message };
    assertBodies(bodies.slice(-3), [
      { action: "offline_message", ...both, pts: TIME, ts: TIME },
      { action: "message_dropped", ...both, reason: "SessionExpiration", pts: TIME, ts: TIME },
      { action: "session_terminated", ...about(away, id), reason: "SessionExpiration" },
    ]);
  },
);
