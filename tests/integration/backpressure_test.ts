/** A receiver that stops answering holds publishers back; it costs no event and no ping. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { testNeeding } from "../support/permissions.ts";
import { RawMqtt } from "../support/RawMqtt.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

const connect = async (port: number, clientId: string): Promise<RawMqtt> => {
  const raw = await RawMqtt.open(port);
  await raw.send({
    cmd: "connect",
    clientId,
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    keepalive: 60,
  });
  assert.ok(await raw.take("connack"));
  return raw;
};

const ping = async (client: RawMqtt): Promise<void> => {
  await client.send({ cmd: "pingreq" });
  assert.ok(await client.take("pingresp", 5000));
};

for (const workers of [0, 2]) {
  testNeeding(
    NEEDED,
    `Full queue holds publishers back, answers pings and loses nothing, with worker_threads ${workers}`,
    async () => {
      const capacity = 200;
      const total = 3000;
      const receiver = Receiver.start();
      receiver.answer("/", { _tag: "Hang" });
      const broker = await BrokerProcess.start(brokerFiles({
        urls: [receiver.url("/")],
        // One URL, slow rather than dead: it may have the whole queue.
        webHook: `
worker_threads = ${workers}
queue_capacity = ${capacity}
concurrency_limit = 8
endpoint_share = 1.0
http_timeout = "60s"
`,
        rules: "rule.message_publish = [{}]",
      }));
      const publisher = await connect(broker.port(), "publisher");
      const modest = await connect(broker.port(), "modest");
      const idle = await connect(broker.port(), "idle");

      let acknowledged = 0;
      const sending = (async () => {
        for (let messageId = 1; messageId <= total; messageId++) {
          await publisher.send({
            cmd: "publish",
            topic: "flood",
            payload: String(messageId),
            qos: 1,
            messageId,
            dup: false,
            retain: false,
          });
        }
      })();
      const acknowledging = (async () => {
        for (; acknowledged < total; acknowledged++) {
          const puback = await publisher.take("puback", 60_000);
          assert.equal(puback?.messageId, acknowledged + 1);
        }
      })();

      // Held back: not one PUBACK comes during 200 round trips of another client's pings.
      for (let quiet = 0, before = -1; quiet < 200; quiet++) {
        if (acknowledged !== before) quiet = 0;
        before = acknowledged;
        await ping(idle);
      }
      const held = acknowledged;
      assert.ok(held > 0 && held <= 2 * capacity, `${held} acknowledged with room for ${capacity}`);

      // A publisher with one message waiting still has its pings answered.
      await modest.send({
        cmd: "publish",
        topic: "modest",
        payload: "1",
        qos: 1,
        messageId: 1,
        dup: false,
        retain: false,
      });
      await ping(modest);
      await ping(modest);
      assert.equal(acknowledged, held);

      receiver.answer("/", { _tag: "Status", status: 200 });
      await Promise.all([sending, acknowledging]);
      assert.equal((await modest.take("puback"))?.messageId, 1);
      await receiver.waitFor(({ path }) => path === "/", { count: total + 1 });
      const payloads = receiver.matching({ topic: "flood" }).map(({ body }) =>
        Number(atob(String(body.payload)))
      );
      assert.deepEqual(
        [...new Set(payloads)].toSorted((a, b) => a - b),
        Array.from({ length: total }, (_, i) => i + 1),
      );
      const { code } = await broker.stop();
      assert.equal(code, 0);
      for (const client of [publisher, modest, idle]) client.close();
      await receiver.close();
    },
  );
}

testNeeding(
  NEEDED,
  "Full queue delays no other client's connect for ever: it is served when there is room",
  async () => {
    const receiver = Receiver.start();
    receiver.answer("/", { _tag: "Hang" });
    const broker = await BrokerProcess.start(brokerFiles({
      urls: [receiver.url("/")],
      webHook: `
worker_threads = 0
queue_capacity = 50
concurrency_limit = 2
endpoint_share = 1.0
http_timeout = "60s"
`,
    }));
    const publisher = await connect(broker.port(), "publisher");
    for (let messageId = 1; messageId <= 200; messageId++) {
      await publisher.send({
        cmd: "publish",
        topic: "flood",
        payload: "x",
        qos: 1,
        messageId,
        dup: false,
        retain: false,
      });
    }
    await receiver.waitFor(() => true, { count: 2 });
    const late = connect(broker.port(), "late");
    receiver.answer("/", { _tag: "Status", status: 200 });
    const client = await late;
    await receiver.waitFor({ action: "client_connected", clientid: "late" });
    await receiver.waitFor({ action: "message_publish" }, { count: 200 });
    await broker.stop();
    client.close();
    publisher.close();
    await receiver.close();
  },
);
