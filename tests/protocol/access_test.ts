/**
 * Whose a session is, and what its client may have of it: another user's connection, an access list and
 * users that change while clients are connected.
 */
import "../../src/mqtt/wire/processEnv.ts"; // before mqtt-packet
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import * as Redacted from "effect/Redacted";
import type { AclRule } from "../../src/domain/BrokerSettings.ts";
import type { Verdict } from "../../src/mqtt/ports/Access.ts";
import type { TestClient } from "../support/ProtocolBench.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { publish, story, subscribe, takeAll, takePayloads } from "./packets.ts";

const VERSIONS = [3, 4, 5] as const;

const user = (username: string, password = username) => ({
  username,
  password: Redacted.make(password),
});
const as = (username: string, password = username) => ({
  username,
  password: Buffer.from(password),
});

const rule = (permit: AclRule["permit"], who: string | undefined, ...topics: Array<string>) =>
  ({ permit, action: "subscribe", user: who, clientid: undefined, topics }) as const;

/** A session that outlives its connection, by the version. */
const persistent = (version: 3 | 4 | 5) =>
  version === 5 ? { clean: false, properties: { sessionExpiryInterval: 3600 } } : { clean: false };

const presence = (bench: ProtocolBench, clientid: string) =>
  story(bench, clientid).filter((event) => !event.startsWith("message_publish"));

for (const version of VERSIONS) {
  for (const isThere of [true, false]) {
    for (const other of ["bob", undefined] as const) {
      Deno.test(`A client of MQTT ${version} that is ${other ?? "without a user name"} gets nothing of alice's session, whose client is ${isThere ? "there" : "away"}`, () => {
        const bench = new ProtocolBench({ limits: { maxInflight: 1 } });
        const alice = bench.connect(version, "dev", { ...persistent(version), ...as("alice") });
        subscribe(alice, ["t", 1]);
        const publisher = bench.connect(4, "p");
        publisher.send(publish("t", "in flight", { qos: 1, messageId: 1 }));
        if (!isThere) alice.drop();
        publisher.send(publish("t", "queued", { qos: 1, messageId: 2 }));
        bench.hooks.events.length = 0;
        const thief = bench.connecting(version, "dev", {
          ...persistent(version),
          ...(other === undefined ? {} : as(other)),
        });
        assert.equal(thief.take("connack").sessionPresent, false);
        publisher.send(publish("t", "live", { qos: 1, messageId: 3 }));
        thief.nothing();
        assert.equal(alice.closed, true);
        assert.deepEqual(presence(bench, "dev"), [
          "client_connect",
          ...(isThere ? ["client_disconnected Kicked"] : []),
          "message_dropped in flight Kicked",
          "message_dropped queued Kicked",
          "session_terminated Kicked",
          "session_created",
          "client_connack",
          "client_connected",
        ]);
        assert.equal(bench.hooks.all("session_terminated")[0]?.username, "alice");
        // And alice, who comes back, gets nothing of the thief's.
        subscribe(thief, ["u", 1]);
        thief.drop();
        publisher.send(publish("u", "bait", { qos: 1, messageId: 4 }));
        const again = bench.connecting(version, "dev", { ...persistent(version), ...as("alice") });
        assert.equal(again.take("connack").sessionPresent, false);
        again.nothing();
      });
    }
  }
}

Deno.test("A session goes on for its user over another version and address", () => {
  const bench = new ProtocolBench();
  const first = bench.connect(4, "dev", { clean: false, ...as("alice") });
  subscribe(first, ["t", 1]);
  const second = bench.connecting(5, "dev", { ...persistent(5), ...as("alice") });
  assert.equal(second.take("connack").sessionPresent, true);
  bench.connect(4, "p").send(publish("t", "x"));
  assert.deepEqual(takePayloads(second), ["x"]);
});

Deno.test("A delayed will of a session that another user's client ends is published as its owner's", () => {
  const bench = new ProtocolBench();
  const watcher = bench.connect(4, "watcher");
  subscribe(watcher, ["will", 0]);
  const will = {
    topic: "will",
    payload: Buffer.from("gone"),
    qos: 0,
    retain: false,
    properties: { willDelayInterval: 60 },
  };
  bench.connect(5, "dev", { ...persistent(5), ...as("alice"), will }).drop();
  watcher.nothing();
  bench.connect(5, "dev", { ...persistent(5), ...as("bob") });
  assert.deepEqual(takePayloads(watcher), ["gone"]);
  assert.equal(bench.hooks.all("message_publish")[0]?.from_username, "alice");
});

const REFUSED = { 3: 2, 4: 2, 5: 0x85 };

for (const version of VERSIONS) {
  Deno.test(`client_id = "username" lets a client of MQTT ${version} in under its user name, and under no other`, () => {
    const bench = new ProtocolBench({ limits: { clientId: "username" } });
    const code = (clientid: string, more: object) => {
      const connack = bench.connecting(version, clientid, more).take("connack");
      return version === 5 ? connack.reasonCode : connack.returnCode;
    };
    assert.equal(code("alice", as("alice")), 0);
    assert.equal(code("alice", as("bob")), REFUSED[version]);
    assert.equal(code("alice", {}), REFUSED[version]);
    assert.equal(code("undefined", {}), REFUSED[version]);
    if (version > 3) assert.equal(code("", as("alice")), REFUSED[version]); // 3.1 knows no empty one
    assert.deepEqual(
      bench.hooks.all("client_connack").at(-1)?.conn_ack,
      version === 5 ? "client identifier is invalid" : "Connection Refused, identifier rejected",
    );
    assert.equal(bench.broker.context.sessions.get("alice")?.connected, true);
  });
}

/** What was dropped, as `clientid topic reason`, oldest first. */
const dropped = (bench: ProtocolBench) =>
  bench.hooks.all("message_dropped").map((event) =>
    `${event.clientid ?? "-"} ${event.topic} ${event.reason}`
  );

for (const version of VERSIONS) {
  for (const qos of [0, 1, 2] as const) {
    Deno.test(`A reload denies a live message of QoS ${qos} to a subscriber of MQTT ${version}, with an event, and no other message`, () => {
      const bench = new ProtocolBench();
      const [denied, allowed] = ["bob", "alice"].map((name) => {
        const client = bench.connect(version, `${name}'s`, as(name));
        subscribe(client, ["#", 2]);
        return client as TestClient;
      }) as [TestClient, TestClient]; // of two names
      const publisher = bench.connect(4, "p");
      bench.reload({ acl: [rule("deny", "bob", "secret/#")] });
      const id = qos > 0 ? { messageId: 1 } : {};
      publisher.send(publish("secret/x", "1", { qos, ...id }), publish("open", "2"));
      assert.deepEqual(takePayloads(denied), ["2"]);
      assert.deepEqual(takePayloads(allowed), ["1", "2"]);
      assert.deepEqual(dropped(bench), ["bob's secret/x PublishRefused"]);
      assert.equal(bench.hooks.all("message_dropped")[0]?.username, "bob");
      bench.reload({});
      publisher.send(publish("secret/x", "3"));
      assert.deepEqual(takePayloads(denied), ["3"]);
    });
  }
}

Deno.test("A reload denies what is queued for an absent client when it comes back, and it is not delivered", () => {
  const bench = new ProtocolBench();
  const alice = { clean: false, ...as("alice") };
  const client = bench.connect(4, "a", alice);
  subscribe(client, ["#", 2]);
  client.drop();
  const publisher = bench.connect(4, "p");
  for (const [i, topic] of ["secret/1", "open/1", "secret/2", "open/2"].entries()) {
    publisher.send(publish(topic, topic, { qos: 1, messageId: i + 1 }));
  }
  bench.reload({ acl: [rule("deny", undefined, "secret/#")] });
  bench.hooks.events.length = 0;
  assert.deepEqual(takePayloads(bench.connect(4, "a", alice)), ["open/1", "open/2"]);
  assert.deepEqual(dropped(bench), ["a secret/1 PublishRefused", "a secret/2 PublishRefused"]);
  assert.equal(bench.hooks.all("message_delivered").length, 2);
});

Deno.test("A reload denies what waits behind the window, and what would be sent again", () => {
  const bench = new ProtocolBench({ limits: { maxInflight: 1 } });
  const alice = { clean: false, ...as("alice") };
  const client = bench.connect(4, "a", alice);
  subscribe(client, ["#", 1]);
  const publisher = bench.connect(4, "p");
  for (const i of [1, 2]) publisher.send(publish("secret", `${i}`, { qos: 1, messageId: i }));
  publisher.send(publish("open", "3", { qos: 1, messageId: 3 }));
  assert.deepEqual(takeAll(client), ["secret 1 q1 id1"]);
  bench.reload({ acl: [rule("deny", undefined, "secret")] });
  const again = bench.connect(4, "a", alice);
  assert.deepEqual(takeAll(again), ["open 3 q1 id2"]);
  assert.deepEqual(dropped(bench), ["a secret PublishRefused", "a secret PublishRefused"]);
  again.send({ cmd: "puback", messageId: 1 }, { cmd: "puback", messageId: 2 }); // the first too late
  assert.equal(again.closed, false);
  assert.equal(bench.hooks.all("message_acked").length, 1);
});

Deno.test("A message that was sent before a reload denies it is acknowledged as ever", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a");
  subscribe(client, ["secret", 2]);
  bench.connect(4, "p").send(publish("secret", "1", { qos: 2, messageId: 1 }));
  assert.deepEqual(takeAll(client), ["secret 1 q2 id1"]);
  bench.reload({ acl: [rule("deny", undefined, "secret")] });
  client.send({ cmd: "pubrec", messageId: 1 }).take("pubrel");
  client.send({ cmd: "pubcomp", messageId: 1 }).nothing();
  assert.deepEqual(dropped(bench), []);
  assert.equal(bench.hooks.all("message_acked").length, 1);
});

Deno.test("A reload denies retained messages that are on their way, without an event: they stay retained", () => {
  const bench = new ProtocolBench({ limits: { maxInflight: 1 } });
  const publisher = bench.connect(4, "p");
  for (const topic of ["a/1", "a/2", "b/1"]) {
    publisher.send(publish(topic, topic, { qos: 1, messageId: 1, retain: true }));
  }
  const client = bench.connect(4, "c");
  subscribe(client, ["#", 1]);
  assert.deepEqual(takeAll(client), ["a/1 a/1 q1 id1 retain"]);
  bench.reload({ acl: [rule("deny", undefined, "a/#")] });
  client.send({ cmd: "puback", messageId: 1 });
  assert.deepEqual(takeAll(client), ["b/1 b/1 q1 id2 retain"]);
  assert.deepEqual(dropped(bench), []);
  assert.equal(bench.broker.context.pubSub.retained.size, 3);
});

Deno.test("A shared subscription's messages go to those of its members who may have them", () => {
  const bench = new ProtocolBench();
  const join = (name: string) => {
    const client = bench.connect(5, name, { ...persistent(5), ...as(name) });
    subscribe(client, ["$share/g/t/#", 1]);
    return client;
  };
  const [alice, bob] = [join("alice"), join("bob")];
  const publisher = bench.connect(4, "p");
  bench.reload({ acl: [rule("deny", "bob", "t/secret")] });
  for (const i of [1, 2, 3]) publisher.send(publish("t/secret", `${i}`));
  bob.nothing();
  assert.deepEqual(takePayloads(alice), ["1", "2", "3"]);
  assert.deepEqual(dropped(bench), []);
  // And when none may, one says so.
  bench.reload({ acl: [rule("deny", undefined, "t/secret")] });
  publisher.send(publish("t/secret", "4"));
  bob.nothing();
  alice.nothing();
  assert.equal(dropped(bench).length, 1);
});

Deno.test("A shared subscription's message that is denied where it waits goes to another member", () => {
  const bench = new ProtocolBench();
  const bob = { ...persistent(5), ...as("bob") };
  const client = bench.connect(5, "bob", bob);
  subscribe(client, ["$share/g/t", 1]);
  client.drop();
  bench.connect(4, "p").send(publish("t", "x", { qos: 1, messageId: 1 }));
  const alice = bench.connect(5, "alice", as("alice"));
  subscribe(alice, ["$share/g/t", 1]);
  bench.reload({ acl: [rule("deny", "bob", "t")] });
  bench.connect(5, "bob", bob).nothing();
  assert.deepEqual(takePayloads(alice), ["x"]);
  assert.deepEqual(dropped(bench), []);
});

Deno.test("A subscription that a reload denies stays, brings nothing, and can't be renewed", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a");
  subscribe(client, ["secret", 1]);
  bench.reload({ acl: [rule("deny", undefined, "secret")] });
  assert.deepEqual(subscribe(client, ["secret", 1]), [0x80]);
  bench.connect(4, "p").send(publish("secret", "x"));
  client.nothing();
  assert.deepEqual(bench.hooks.all("session_unsubscribed"), []);
});

for (const version of VERSIONS) {
  Deno.test(`A reload without a user ends what was connected as it over MQTT ${version}, its sessions too, and nobody else`, () => {
    const users = [user("alice"), user("bob")];
    const bench = new ProtocolBench({ users });
    const connect = (clientid: string, name?: string) =>
      bench.connect(version, clientid, {
        ...persistent(version),
        ...(name === undefined ? {} : as(name)),
      });
    const [there, , bob, anonymous] = [
      connect("there", "alice"),
      connect("away", "alice").drop(),
      connect("b", "bob"),
      connect("n"),
    ] as const;
    bench.hooks.events.length = 0;
    bench.reload({ users: [user("bob")] });
    if (version === 5) assert.equal(there.take("disconnect").reasonCode, 0x87);
    assert.equal(there.closed, true);
    assert.deepEqual(story(bench), [
      "client_disconnected ByAdminKick",
      "session_terminated ByAdminKick",
      "session_terminated ByAdminKick",
    ]);
    assert.deepEqual([bob.closed, anonymous.closed], [false, false]);
    // Whoever takes the name now is not who had it.
    assert.equal(
      bench.connecting(version, "away", { ...persistent(version), ...as("alice", "any") })
        .take("connack").sessionPresent,
      false,
    );
  });

  Deno.test(`A reload with another password ends the connections of MQTT ${version} and keeps the sessions for who knows it`, () => {
    const bench = new ProtocolBench({ users: [user("alice", "old")] });
    const alice = { ...persistent(version), ...as("alice", "old") };
    const client = bench.connect(version, "a", alice);
    bench.hooks.events.length = 0;
    bench.reload({ users: [user("alice", "new")] });
    assert.equal(client.closed, true);
    assert.deepEqual(story(bench), ["client_disconnected ByAdminKick"]);
    const refused = bench.connecting(version, "a", alice).take("connack");
    assert.equal(version === 5 ? refused.reasonCode : refused.returnCode, version === 5 ? 0x86 : 4);
    const again = bench.connecting(version, "a", { ...alice, ...as("alice", "new") });
    assert.equal(again.take("connack").sessionPresent, version !== 3); // 3.1 has no such flag
    assert.equal(bench.hooks.all("session_created").length, 0);
  });
}

Deno.test("A reload that makes a user of a name ends what anybody was connected with under it", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a", { clean: false, ...as("carol", "any") });
  bench.reload({ users: [user("carol")] });
  assert.equal(client.closed, true);
  assert.equal(bench.broker.context.sessions.size, 0);
});

Deno.test("A reload of the same users ends nothing", () => {
  const users = [user("alice")];
  const bench = new ProtocolBench({ users });
  const client = bench.connect(4, "a", as("alice"));
  bench.reload({ users: [user("alice")], acl: [rule("deny", undefined, "x")] });
  assert.equal(client.closed, false);
});

Deno.test("A verdict that a reload overtakes does not count: who asks is asked about once more", async () => {
  const asked: Array<(verdict: Verdict) => void> = [];
  const bench = new ProtocolBench({
    authenticate: () => new Promise((resolve) => asked.push(resolve)),
  });
  const client = bench.connecting(4, "a", as("alice", "old"));
  bench.reload({});
  const settled = async () => {
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  asked[0]?.("good");
  await settled();
  client.nothing();
  assert.equal(asked.length, 2);
  asked[1]?.("bad");
  await settled();
  assert.equal(client.take("connack").returnCode, 4);
  assert.equal(bench.broker.context.sessions.size, 0);
});
