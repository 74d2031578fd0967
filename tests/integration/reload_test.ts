/** SIGHUP over the real process: users and access list count at once, for clients that are connected too. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { testNeeding } from "../support/permissions.ts";
import { RawMqtt } from "../support/RawMqtt.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

/** A connection after its CONNACK. */
const connect = async (
  broker: BrokerProcess,
  clientId: string,
  username: string,
  password = username,
  clean = true,
): Promise<{ readonly mqtt: RawMqtt; readonly code: number; readonly present: boolean }> => {
  const mqtt = await RawMqtt.open(broker.port(), 5);
  await mqtt.send({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 5,
    clean,
    keepalive: 0,
    clientId,
    username,
    password: Buffer.from(password),
    properties: { sessionExpiryInterval: 3600 },
  });
  const connack = await mqtt.take("connack");
  assert.ok(connack?.reasonCode !== undefined);
  return { mqtt, code: connack.reasonCode, present: connack.sessionPresent };
};

const subscribe = async (mqtt: RawMqtt, topic: string): Promise<unknown> => {
  await mqtt.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos: 1 }] });
  return (await mqtt.take("suback"))?.granted[0];
};

const publish = (mqtt: RawMqtt, topic: string, payload: string) =>
  mqtt.send({ cmd: "publish", topic, payload, qos: 0, dup: false, retain: false });

const users = (...entries: ReadonlyArray<readonly [string, string]>) =>
  `auth.users = [${
    entries.map(([name, password]) => `{ username = "${name}", password = "${password}" }`)
      .join(", ")
  }]`;

const ALL = [["alice", "alice"], ["bob", "bob"], ["carol", "carol"]] as const;
const DENIED = 'acl = [{ permit = "deny", action = "subscribe", user = "bob", topics = ["s/#"] }]';

/** Writes broker.toml anew, signals, and waits until the log says for the `count`th time that it was read. */
const reload = async (broker: BrokerProcess, text: string, count: number): Promise<void> => {
  await Deno.writeTextFile(`${broker.folder}/broker.toml`, text);
  broker.signal("SIGHUP");
  await broker.logged(new RegExp(`( reloaded file=\\S*broker\\.toml[^]*){${count}}`));
};

testNeeding(
  NEEDED,
  "SIGHUP holds users and access list of broker.toml against who is connected",
  async () => {
    const receiver = Receiver.start();
    const listeners = { external: "allow_anonymous = false" };
    const urls = [receiver.url("/")];
    const text = (before: string) => brokerFiles({ broker: before, listeners, urls }).broker;
    const broker = await BrokerProcess.start(
      brokerFiles({ broker: users(...ALL), listeners, urls }),
    );
    const { mqtt: alice } = await connect(broker, "a", "alice");
    const { mqtt: bob } = await connect(broker, "b", "bob");
    const { mqtt: carol } = await connect(broker, "c", "carol");
    assert.equal(await subscribe(bob, "#"), 1);

    await reload(broker, text(`${users(...ALL)}\n${DENIED}`), 1);
    await publish(alice, "s/1", "denied");
    await publish(alice, "open", "allowed");
    assert.equal(String((await bob.take("publish"))?.payload), "allowed");
    assert.equal(await subscribe(bob, "s/1"), 0x87);
    const [dropped] = await receiver.waitFor({ action: "message_dropped", topic: "s/1" });
    assert.deepEqual([dropped?.body.clientid, dropped?.body.reason], ["b", "PublishRefused"]);

    // bob is gone, carol has another password, alice is as she was.
    await reload(broker, text(users(["alice", "alice"], ["carol", "new"])), 2);
    for (const gone of [bob, carol]) {
      assert.equal(
        (await gone.take("disconnect"))?.reasonCode,
        0x87,
      );
    }
    const ended = await receiver.waitFor({ action: "client_disconnected" }, { count: 2 });
    assert.deepEqual(
      ended.map(({ body }) => `${body.username} ${body.reason}`).sort(),
      ["bob ByAdminKick", "carol ByAdminKick"],
    );
    assert.match(broker.log, / reloaded file=\S*broker\.toml changed="auth\.users, acl"\n/);
    assert.match(broker.log, / clients sent away by a reload kicked=2\n/);
    assert.equal((await connect(broker, "b", "bob")).code, 0x86);
    assert.equal((await connect(broker, "c", "carol")).code, 0x86);
    const again = await connect(broker, "c", "carol", "new", false);
    assert.deepEqual([again.code, again.present], [0, true]);
    const terminated = await receiver.waitFor({ action: "session_terminated" });
    assert.deepEqual(terminated.map(({ body }) => body.username), ["bob"]);
    await alice.send({ cmd: "pingreq" });
    await alice.take("pingresp");

    for (const { mqtt } of [again]) mqtt.close();
    alice.close();
    assert.equal((await broker.stop()).code, 0);
    await receiver.close();
  },
);

testNeeding(
  NEEDED,
  "SIGHUP with a faulty broker.toml changes nothing of it, and web-hook.toml counts; what a restart needs is named",
  async () => {
    const receiver = Receiver.start();
    const urls = [receiver.url("/")];
    const files = brokerFiles({ broker: users(["alice", "alice"]), urls });
    const broker = await BrokerProcess.start(files);
    const { mqtt: alice } = await connect(broker, "a", "alice");

    await Deno.writeTextFile(`${broker.folder}/broker.toml`, 'auth.users = [{ username = "x" }]');
    broker.signal("SIGHUP");
    await broker.logged(
      / ERROR not reloaded, going on as before file=\S*broker\.toml\n {4}\S*broker\.toml:1: .*password/,
    );
    assert.match(broker.log, / reloaded file=\S*web-hook\.toml/);
    await alice.send({ cmd: "pingreq" });
    await alice.take("pingresp");
    assert.equal((await connect(broker, "a2", "alice", "wrong")).code, 0x86);

    await Deno.writeTextFile(`${broker.folder}/web-hook.toml`, "nonsense");
    await Deno.writeTextFile(
      `${broker.folder}/broker.toml`,
      files.broker.replace("external]", "external]\nmax_mqueue_len = 5").replace("id = 7", "id = 8")
        .replace("[listener", "[listener.ws.more]\n[listener"),
    );
    broker.signal("SIGHUP");
    await broker.logged(/ ERROR not reloaded, going on as before file=\S*web-hook\.toml/);
    await broker.logged(
      / WARN changes at a restart only: node\.id, listener\.tcp\.external\.max_mqueue_len, listener\.ws\.more\n/,
    );
    await broker.logged(/ reloaded file=\S*broker\.toml\n/);
    await alice.send({ cmd: "pingreq" });
    await alice.take("pingresp");
    alice.close();
    assert.equal((await broker.stop()).code, 0);
    await receiver.close();
  },
);
