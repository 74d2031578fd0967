/** Who may come in and what they may do, over the real process: plain, hashed and env: passwords, floods, ACL. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { IConnackPacket } from "mqtt-packet";
import { hash } from "../../src/auth/PasswordHash.ts";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { aroundAllNeeding, testNeeding } from "../support/permissions.ts";
import { RawMqtt } from "../support/RawMqtt.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;
const VERSIONS = [4, 5] as const;

let receiver: Receiver;
let broker: BrokerProcess;

/** None of them may be seen in a log line or an event. */
const secrets = { plain: "plain-secret", env: "env-secret", hashed: "hashed-secret" };
const WRONG = "wrong-secret";

aroundAllNeeding(NEEDED, {
  before: async () => {
    receiver = Receiver.start();
    Deno.env.set("HOOKLINE_TEST_PASSWORD", secrets.env);
    const files = brokerFiles({
      broker: `
        auth.users = [
          { username = "plain", password = "${secrets.plain}" },
          { username = "env", password = "env:HOOKLINE_TEST_PASSWORD" },
          { username = "hashed", password = "${await hash(secrets.hashed)}" },
        ]
        [[acl]]
        permit = "allow"
        action = "all"
        user = "plain"
        topics = ["secret/#"]
        [[acl]]
        permit = "allow"
        action = "publish"
        topics = ["secret/%c/#"]
        [[acl]]
        permit = "deny"
        action = "all"
        topics = ["secret/#"]
        [node]`,
      listeners: { open: "", closed: "allow_anonymous = false" },
      urls: [receiver.url("/")],
    });
    // The ACL's tables are written first: "node.id" becomes a key of the table that was opened last.
    broker = await BrokerProcess.start(
      { ...files, broker: files.broker.replace("node.id", "id") },
      ["open", "closed"],
    );
    Deno.env.delete("HOOKLINE_TEST_PASSWORD");
  },
  after: async () => {
    await broker.stop();
    await receiver.close();
  },
});

/** Sends CONNECT over a raw connection. */
const connecting = async (
  listener: "open" | "closed",
  version: 4 | 5,
  clientId: string,
  username?: string,
  password?: string,
): Promise<RawMqtt> => {
  const connection = await RawMqtt.open(broker.port(listener), version);
  await connection.send({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: version,
    clean: true,
    keepalive: 0,
    clientId,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: Buffer.from(password) }),
  });
  return connection;
};

/** The code of the CONNACK that comes. */
const codeFor = async (...credentials: Parameters<typeof connecting>): Promise<number> => {
  const connection = await connecting(...credentials);
  const connack: IConnackPacket | undefined = await connection.take("connack", 60_000);
  connection.close();
  const code = credentials[1] === 5 ? connack?.reasonCode : connack?.returnCode;
  assert.ok(code !== undefined);
  return code;
};

const bad = { 4: 4, 5: 0x86 };
const badText = {
  4: "Connection Refused, bad user name or password",
  5: "bad user name or password",
};

for (const version of VERSIONS) {
  for (const [user, secret] of Object.entries(secrets)) {
    testNeeding(
      NEEDED,
      `Broker lets ${user} in over MQTT ${version} with the password, twice, and with no other`,
      async () => {
        const id = `${user}-${version}`;
        for (const listener of ["open", "closed"] as const) {
          assert.equal(await codeFor(listener, version, `${id}-a`, user, secret), 0);
          assert.equal(await codeFor(listener, version, `${id}-b`, user, secret), 0);
          assert.equal(await codeFor(listener, version, `${id}-no`, user, WRONG), bad[version]);
          assert.equal(await codeFor(listener, version, `${id}-none`, user), bad[version]);
        }
        const refused = await receiver.waitFor(
          { action: "client_connack", clientid: `${id}-no`, conn_ack: badText[version] },
          { count: 2 },
        );
        assert.deepEqual(refused.map(({ body }) => body.username), [user, user]);
        assert.equal(
          receiver.matching({ action: "client_connected", clientid: `${id}-no` }).length,
          0,
        );
      },
    );
  }

  testNeeding(
    NEEDED,
    `Broker takes an unknown user over MQTT ${version} for anonymous, where that is welcome`,
    async () => {
      assert.equal(await codeFor("open", version, `stranger-${version}`, "stranger", WRONG), 0);
      assert.equal(
        await codeFor("closed", version, `stranger-${version}`, "stranger", WRONG),
        bad[version],
      );
      assert.equal(await codeFor("open", version, `nobody-${version}`), 0);
      assert.equal(await codeFor("closed", version, `nobody-${version}`), version === 5 ? 0x87 : 5);
    },
  );

  testNeeding(
    NEEDED,
    `Broker applies its ACL over MQTT ${version}: first match decides, by user, client and placeholder`,
    async () => {
      const port = broker.port("open");
      const id = `acl-${version}`;
      const client = await MqttClient.connect({ port, clientId: id, version });
      const trusted = await MqttClient.connect({
        port,
        clientId: `trusted-${version}`,
        version,
        username: "plain",
        password: secrets.plain,
      });
      const refused = version === 5 ? 0x87 : 0x80;
      const mine = await RawMqtt.open(port, version);
      await mine.send({
        cmd: "connect",
        protocolId: "MQTT",
        protocolVersion: version,
        clean: true,
        keepalive: 0,
        clientId: `${id}-raw`,
      });
      await mine.take("connack");
      await mine.send({
        cmd: "subscribe",
        messageId: 1,
        subscriptions: ["secret/x", "#", "open/#"].map((topic) => ({ topic, qos: 0 })),
      });
      assert.deepEqual((await mine.take("suback"))?.granted, [refused, refused, 0]);
      mine.close();
      await trusted.subscribe("secret/#");
      await client.publish(`secret/${id}/allowed`, "yes");
      assert.equal(String((await trusted.message(`secret/${id}/allowed`)).payload), "yes");
      await client.publish("secret/other", "no");
      const [dropped] = await receiver.waitFor({
        action: "message_dropped",
        from_clientid: id,
        topic: "secret/other",
      });
      assert.equal(dropped?.body.reason, "PublishRefused");
      assert.equal("clientid" in (dropped?.body ?? {}), false);
      await client.end();
      await trusted.end();
    },
  );
}

testNeeding(
  NEEDED,
  "Broker answers the pings of an anonymous client while dozens of passwords are verified",
  async () => {
    const flood = Promise.all(
      Array.from(
        { length: 16 },
        (_, i) => codeFor("closed", 4, `guess-${i}`, i % 2 === 0 ? "hashed" : `user-${i}`, WRONG),
      ),
    );
    const floodBegan = performance.now();
    let over = false;
    const ended = flood.finally(() => over = true);
    const calm = await connecting("open", 4, "calm");
    await calm.take("connack");
    const waits: Array<number> = [];
    while (!over) {
      const began = performance.now();
      await calm.send({ cmd: "pingreq" });
      assert.ok(await calm.take("pingresp"), "closed");
      waits.push(performance.now() - began);
    }
    calm.close();
    assert.deepEqual(new Set(await ended), new Set([bad[4]]));
    waits.sort((a, b) => a - b);
    // On the broker's own thread a ping would wait for a whole verification at least.
    const verification = (performance.now() - floodBegan) / 16;
    const median = waits[Math.floor(waits.length / 2)] ?? Infinity;
    assert.ok(
      median < verification / 2,
      `half of ${waits.length} pings took over ${median} ms, a verification ${verification} ms`,
    );
  },
);

testNeeding(NEEDED, "Broker says no password in its log or its events", async () => {
  for (const [user, secret] of Object.entries(secrets)) {
    await codeFor("closed", 5, `quiet-${user}`, user, secret);
    await codeFor("closed", 5, `quiet-${user}`, user, WRONG);
  }
  await receiver.waitFor({ action: "client_connack", clientid: "quiet-hashed" }, { count: 2 });
  for (const secret of [...Object.values(secrets), WRONG, "$scrypt$"]) {
    assert.equal(broker.log.includes(secret), false, secret);
    const base64 = Buffer.from(secret).toString("base64");
    for (const { text } of receiver.requests) {
      assert.equal(text.includes(secret) || text.includes(base64), false, text);
    }
  }
});
