/** Who may come in, and who may publish and subscribe to what. Without sockets: verdicts come when a test says so. */
import "../../src/mqtt/wire/processEnv.ts"; // before mqtt-packet
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generate } from "mqtt-packet";
import type { Asker, Authenticate, Verdict } from "../../src/mqtt/ports/Access.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";

/** An Authenticate whose verdicts are given by hand, in the order of the questions. */
class Verdicts {
  readonly #open: Array<(verdict: Verdict) => void> = [];

  readonly authenticate: Authenticate = () =>
    new Promise((resolve) => {
      this.#open.push(resolve);
    });

  /** Answers the oldest open question; resolves when the broker has heard it. */
  async give(verdict: Verdict): Promise<void> {
    const resolve = this.#open.shift();
    assert.ok(resolve, "nobody asks");
    resolve(verdict);
    await settled();
  }
}

/** Lets what waits for settled promises run: no time passes. */
const settled = async () => {
  for (let i = 0; i < 5; i++) await Promise.resolve();
};

const alice = { username: "alice", password: Buffer.from("wonder") };

Deno.test("CONNECT keeps its will's bytes while the credentials are verified", async () => {
  const verdicts = new Verdicts();
  const bench = new ProtocolBench(verdicts);
  const watcher = bench.connect(4, "watcher").send({
    cmd: "subscribe",
    messageId: 1,
    subscriptions: [{ topic: "will", qos: 0 }],
  });
  watcher.take("suback");
  const client = bench.open(4);
  const connect = new Uint8Array(generate({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clientId: "c",
    will: { topic: "will", payload: Buffer.from("gone"), qos: 0, retain: false },
    ...alice,
  }));
  client.connection.receive(connect);
  connect.fill(0x58); // the socket's next read
  await verdicts.give("good");
  client.take("connack");
  client.drop();
  assert.equal(String(watcher.take("publish").payload), "gone");
});

Deno.test("CONNACK is the first packet: pings sent before the verdict are answered after it", async () => {
  const verdicts = new Verdicts();
  const bench = new ProtocolBench(verdicts);
  const client = bench.connecting(4, "c", alice).send({ cmd: "pingreq" });
  client.nothing(); // [MQTT-3.2.0-1]
  await verdicts.give("good");
  client.take("connack");
  client.take("pingresp");
  client.nothing();
});

const subscribe = (topic: string, qos: 0 | 1 | 2 = 0) => ({
  cmd: "subscribe" as const,
  messageId: 1,
  subscriptions: [{ topic, qos }],
});

const publish = (topic: string, more: object = {}) => ({
  cmd: "publish" as const,
  topic,
  payload: "x",
  qos: 0 as const,
  dup: false,
  retain: false,
  ...more,
});

const REFUSALS = [
  ["bad", false, 4, 0x86, "bad user name or password"],
  ["bad", true, 4, 0x86, "bad user name or password"],
  ["unknown", false, 4, 0x86, "bad user name or password"],
  ["busy", true, 3, 0x88, "Server unavailable"],
] as const;

for (const [verdict, allowAnonymous, returnCode, reasonCode, text] of REFUSALS) {
  for (const version of [3, 4, 5] as const) {
    for (const when of ["at once", "later"] as const) {
      const anonymous = allowAnonymous ? "welcome" : "refused";
      Deno.test(`CONNECT ${version} is refused ${when} for the verdict ${verdict} where anonymous clients are ${anonymous}`, async () => {
        const bench = new ProtocolBench({
          authenticate: () => when === "at once" ? verdict : Promise.resolve(verdict),
          limits: { allowAnonymous },
        });
        const client = bench.connecting(version, "c", alice);
        await settled();
        const connack = client.take("connack");
        assert.equal(
          version === 5 ? connack.reasonCode : connack.returnCode,
          version === 5 ? reasonCode : returnCode,
        );
        assert.equal(connack.sessionPresent, false); // [MQTT-3.2.2-6]
        assert.equal(client.closed, true);
        assert.deepEqual(bench.hooks.names(), ["client_connect", "client_connack"]);
        assert.equal(
          bench.hooks.all("client_connack")[0]?.conn_ack,
          version === 5 ? text : `Connection Refused, ${text}`,
        );
        assert.equal(bench.broker.context.sessions.size, 0);
      });
    }
  }
}

for (const version of [4, 5] as const) {
  Deno.test(`CONNECT ${version} without a user name is refused where anonymous clients are, and nobody is asked`, () => {
    const bench = new ProtocolBench({
      authenticate: () => assert.fail("asked"),
      limits: { allowAnonymous: false },
    });
    const connack = bench.connecting(version, "c").take("connack");
    assert.equal(version === 5 ? connack.reasonCode : connack.returnCode, version === 5 ? 0x87 : 5);
    assert.equal(
      bench.hooks.all("client_connack")[0]?.conn_ack,
      version === 5 ? "not authorized" : "Connection Refused, not authorized",
    );
  });
}

Deno.test("CONNECT with an unknown user name is accepted as anonymous where anonymous clients are welcome", () => {
  const bench = new ProtocolBench({ authenticate: () => "unknown" });
  bench.connect(4, "c", alice);
  assert.equal(bench.hooks.all("client_connected")[0]?.username, "alice");
});

Deno.test("CONNECT tells Authenticate who asks, and that it stopped waiting", () => {
  const askers: Array<Asker> = [];
  const bench = new ProtocolBench({
    authenticate: (username, password, asker) => {
      assert.deepEqual([username, String(password)], ["alice", "119,111,110,100,101,114"]);
      askers.push(asker);
      return new Promise(() => {});
    },
    limits: { allowAnonymous: false },
  });
  const client = bench.connecting(4, "c", alice);
  assert.equal(askers[0]?.admitsUnknown, false);
  assert.equal(askers[0]?.isWaiting, true);
  client.drop();
  assert.equal(askers[0]?.isWaiting, false);
});

Deno.test("Connection that goes while its credentials are verified leaves nothing behind", async () => {
  const verdicts = new Verdicts();
  const bench = new ProtocolBench(verdicts);
  const client = bench.connecting(4, "c", { ...alice, keepalive: 10 });
  client.drop();
  await verdicts.give("good");
  client.nothing();
  assert.deepEqual(bench.hooks.names(), ["client_connect"]);
  assert.equal(bench.broker.connections, 0);
  assert.equal(bench.broker.context.sessions.size, 0);
  assert.equal(bench.broker.context.deadlines.size, 0);
});

Deno.test("Connection that sends all it has and closes before the verdict is served when it is good", async () => {
  const verdicts = new Verdicts();
  const bench = new ProtocolBench(verdicts);
  const watcher = bench.connect(4, "watcher").send(subscribe("t"));
  watcher.take("suback");
  const client = bench.connecting(4, "c", alice).send(publish("t"), { cmd: "disconnect" });
  client.drop();
  watcher.nothing();
  await verdicts.give("good");
  assert.equal(String(watcher.take("publish").payload), "x");
  assert.equal(bench.hooks.all("client_disconnected")[0]?.reason, "Disconnect");
});

Deno.test("Connection that floods before the verdict is read no further than 64 KiB, and forgotten when it is bad", async () => {
  const verdicts = new Verdicts();
  const bench = new ProtocolBench(verdicts);
  const client = bench.connecting(4, "c", alice);
  let sent = 0;
  while (client.isReading) {
    client.send(publish("t", { payload: "x".repeat(1000) }));
    assert.ok(++sent < 100, "still read");
  }
  await verdicts.give("bad");
  assert.equal(client.take("connack").returnCode, 4);
  client.nothing();
  assert.deepEqual(bench.hooks.names(), ["client_connect", "client_connack"]);
});

Deno.test("Connection that is protocol-wise wrong before the verdict ends after it", async () => {
  const verdicts = new Verdicts();
  const bench = new ProtocolBench(verdicts);
  const client = bench.connecting(4, "c", alice).raw(0x00, 0x00);
  await verdicts.give("good");
  client.take("connack");
  assert.equal(client.closed, true);
  assert.match(bench.hooks.all("client_disconnected")[0]?.reason ?? "", /^ProtocolError/);
});

Deno.test("Session goes to the connection whose verdict came last, when two of one client wait", async () => {
  const verdicts = new Verdicts();
  const bench = new ProtocolBench(verdicts);
  const first = bench.connecting(5, "c", alice);
  const second = bench.connecting(5, "c", alice);
  await verdicts.give("good");
  first.take("connack");
  second.nothing();
  await verdicts.give("good");
  assert.equal(first.take("disconnect").reasonCode, 0x8e);
  second.take("connack");
  assert.equal(first.closed, true);
  assert.equal(bench.listener.connected, 1);
  assert.deepEqual(
    bench.hooks.all("client_disconnected").map(({ reason }) => reason),
    ["Kicked"],
  );
});

Deno.test("Session stays with its connection when another with its name and a bad password comes", async () => {
  const verdicts = new Verdicts();
  const bench = new ProtocolBench(verdicts);
  const owner = bench.connecting(4, "c", alice);
  await verdicts.give("good");
  owner.take("connack");
  const thief = bench.connecting(4, "c", alice);
  await verdicts.give("bad");
  assert.equal(thief.take("connack").returnCode, 4);
  owner.send({ cmd: "pingreq" }).take("pingresp");
});

Deno.test("CONNECT is refused, and the defect told, when its verification fails", async () => {
  const defects: Array<unknown> = [];
  const bench = new ProtocolBench({ authenticate: () => Promise.reject(new Error("broken")) });
  Object.assign(bench.broker.context, { onDefect: (error: unknown) => defects.push(error) });
  const client = bench.connecting(4, "c", alice);
  await settled();
  assert.equal(client.take("connack").returnCode, 4);
  assert.deepEqual(defects.map(String), ["Error: broken"]);
});

/** Denies one topic and all below it to everybody. */
const denying = (action: "publish" | "subscribe" | "all", topic: string) => [
  { permit: "deny", action, user: undefined, clientid: undefined, topics: [topic] } as const,
];

for (const version of [4, 5] as const) {
  for (const qos of [0, 1, 2] as const) {
    Deno.test(`PUBLISH ${version} of QoS ${qos} to a denied topic is answered as its version allows, dropped with an event, and not retained`, () => {
      const bench = new ProtocolBench({ acl: denying("publish", "secret/#") });
      const watcher = bench.connect(4, "watcher").send(subscribe("secret/#"));
      watcher.take("suback");
      bench.hooks.events.length = 0;
      const client = bench.connect(version, "c");
      const retained = { retain: true, qos, ...(qos > 0 ? { messageId: 7 } : {}) };
      client.send(publish("secret/a", retained));
      if (qos > 0) {
        const answer = client.take(qos === 1 ? "puback" : "pubrec");
        assert.equal(answer.messageId, 7);
        assert.equal(answer.reasonCode, version === 5 ? 0x87 : undefined); // [MQTT-3.3.5-2]
      }
      client.nothing();
      watcher.nothing();
      assert.equal(client.closed, false);
      assert.equal(bench.broker.context.pubSub.retained.size, 0);
      assert.deepEqual(bench.hooks.all("message_publish"), []);
      const [dropped] = bench.hooks.all("message_dropped");
      assert.deepEqual(dropped, {
        _tag: "message_dropped",
        from_node: 1,
        from_ipaddress: "127.0.0.1:50002",
        from_clientid: "c",
        from_username: "undefined",
        dup: false,
        retain: true,
        qos,
        topic: "secret/a",
        packet_id: qos > 0 ? 7 : 0,
        payload: new Uint8Array([0x78]),
        reason: "PublishRefused",
        pts: bench.now,
        ts: bench.now,
      });
    });
  }

  Deno.test(`SUBSCRIBE ${version} to a denied filter is refused by its code, and the others of the packet are not`, () => {
    const bench = new ProtocolBench({ acl: denying("subscribe", "secret/#") });
    bench.connect(4, "p").send(publish("secret/a", { retain: true }));
    const client = bench.connect(version, "c").send({
      cmd: "subscribe",
      messageId: 1,
      subscriptions: ["a", "secret/a", "#", "b"].map((topic) => ({ topic, qos: 1 })),
    });
    const refused = version === 5 ? 0x87 : 0x80;
    assert.deepEqual(client.take("suback").granted, [1, refused, refused, 1]);
    client.nothing(); // no retained message either
    const topics = (name: "client_subscribe" | "session_subscribed") =>
      bench.hooks.all(name).map(({ topic }) => topic);
    assert.deepEqual(topics("client_subscribe"), ["a", "secret/a", "#", "b"]);
    assert.deepEqual(topics("session_subscribed"), ["a", "b"]);
  });

  Deno.test(`CONNECT ${version} with a will on a denied topic is refused, and takes over nothing`, () => {
    const bench = new ProtocolBench({ acl: denying("publish", "secret/#") });
    const other = bench.connect(version, "c");
    const will = { topic: "secret/will", payload: Buffer.from("gone"), qos: 1, retain: true };
    const connack = bench.connecting(version, "c", { will }).take("connack");
    assert.equal(version === 5 ? connack.reasonCode : connack.returnCode, version === 5 ? 0x87 : 5);
    assert.equal(
      bench.hooks.all("client_connack").at(-1)?.conn_ack,
      version === 5 ? "not authorized" : "Connection Refused, not authorized",
    );
    assert.equal(other.closed, false);
  });

  for (const topic of ["$SYS", "$SYS/broker/uptime"]) {
    Deno.test(`${topic} is not for clients of MQTT ${version} to publish, by PUBLISH or as a will`, () => {
      const bench = new ProtocolBench();
      const watcher = bench.connect(version, "watcher").send(subscribe("$SYS/#"));
      watcher.take("suback");
      const client = bench.connect(version, "c");
      client.send(publish(topic, { qos: 1, messageId: 1, retain: true }));
      assert.equal(client.take("puback").reasonCode, version === 5 ? 0x87 : undefined);
      watcher.nothing();
      assert.equal(bench.hooks.all("message_dropped")[0]?.reason, "PublishRefused");
      assert.equal(bench.broker.context.pubSub.retained.size, 0);
      const will = { topic, payload: Buffer.from("x"), qos: 0, retain: false };
      const connack = bench.connecting(version, "w", { will }).take("connack");
      assert.notEqual(version === 5 ? connack.reasonCode : connack.returnCode, 0);
    });
  }
}

Deno.test("Topic Alias does not get round the ACL", () => {
  const bench = new ProtocolBench({ acl: denying("publish", "secret") });
  const client = bench.connect(5, "c");
  const properties = { topicAlias: 1 };
  client.send(publish("secret", { qos: 1, messageId: 1, properties }));
  client.send(publish("", { qos: 1, messageId: 2, properties }));
  assert.equal(client.take("puback").reasonCode, 0x87);
  assert.equal(client.take("puback").reasonCode, 0x87);
});

Deno.test("Broker asks its Access, whoever answers, at each CONNECT, PUBLISH and SUBSCRIBE: what it says counts at once", () => {
  let open = false;
  const asked: Array<string> = [];
  const bench = new ProtocolBench({
    authenticate: (username) => (asked.push(`connect ${username}`), open ? "good" : "bad"),
    authorize: ({ clientid }, action, topic) => {
      asked.push(`${clientid} ${action} ${topic}`);
      return open;
    },
  });
  bench.connecting(5, "c", alice).take("connack");
  open = true;
  const client = bench.connect(5, "c", alice);
  client.send(publish("t", { qos: 1, messageId: 1 }), subscribe("$share/g/t"));
  assert.notEqual(client.take("puback").reasonCode, 0x87);
  assert.deepEqual(client.take("suback").granted, [0]);
  open = false;
  client.send(publish("t", { qos: 1, messageId: 2 }), subscribe("t"));
  assert.equal(client.take("puback").reasonCode, 0x87);
  assert.deepEqual(client.take("suback").granted, [0x87]);
  assert.deepEqual(asked, [
    "connect alice",
    "connect alice",
    "c publish t",
    "c subscribe $share/g/t",
    "c publish t",
    "c subscribe t",
  ]);
});
