/** `compat = "rmqtt-0.24"` over the real process: what happens makes the bodies that RMQTT was seen to send of it. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { testNeeding } from "../support/permissions.ts";
import { Receiver } from "../support/Receiver.ts";
import type { Body } from "../support/Receiver.ts";
import recorded from "../support/rmqtt/bodies.jsonl" with { type: "text" };

/** A body with the kinds of its values in place of those that differ from run to run. */
const shapeOf = (body: Body): string =>
  JSON.stringify(
    Object.entries(body).map(([key, value]) => {
      if (key === "time") return [key, String(value).replaceAll(/\d/g, "0")];
      if (key === "user_properties" || key === "opts") return [key, value];
      if (key === "action" || key === "from_type") return [key, value];
      return [key, value === null ? "null" : typeof value];
    }),
  );

const RECORDED: ReadonlyArray<Body> = recorded.trim().split("\n").map((line) => JSON.parse(line));

const ZONE = "Australia/Eucla"; // 8 hours and 45 minutes ahead, always

testNeeding(
  ["net", "read", "write", "env", "run"],
  "With compat each event has the keys, their order and the types that RMQTT was seen to send, in the local time zone",
  async () => {
    await using receiver = Receiver.start();
    const broker = await BrokerProcess.start(
      brokerFiles({
        broker:
          `http_api.addr = "127.0.0.1:0"\nauth.users = [{ username = "alice", password = "a" }]`,
        urls: [receiver.url("/")],
        webHook: `compat = "rmqtt-0.24"\nworker_threads = 1\nordering = "client"`,
      }),
      ["external", "http_api"],
      { TZ: ZONE },
    );
    const port = broker.port();
    const kitchen = await MqttClient.connect({ port, clientId: "kitchen", clean: false });
    await kitchen.subscribe("home/#", { qos: 1 });
    const sensor = await MqttClient.connect({
      port,
      clientId: "sensor",
      username: "alice",
      password: "a",
    });
    await sensor.publish("home/t", "21.5", { qos: 1 });
    await sensor.publish("home/t", "q0", { qos: 0 });
    await receiver.waitFor({ action: "message_delivered", payload: "cTA=" });
    await receiver.waitFor({ action: "message_acked" });
    await kitchen.end();
    await receiver.waitFor({ action: "client_disconnected", clientid: "kitchen" });
    await sensor.publish("home/t", "offline", { qos: 1 });
    await (await MqttClient.connect({ port, clientId: "plain", version: 5 })).end();
    const five = await MqttClient.connect(
      {
        port,
        clientId: "five",
        version: 5,
        properties: { userProperties: { room: "kitchen", a: ["b", "c"] } },
        will: {
          topic: "five/will",
          payload: Buffer.from("gone"),
          qos: 0,
          retain: false,
        },
      } as Parameters<typeof MqttClient.connect>[0],
    );
    await five.subscribe(
      "five/+",
      { qos: 2, properties: { subscriptionIdentifier: 7 } } as Parameters<typeof five.subscribe>[1],
    );
    await five.subscribe("$share/g/five/+", { qos: 1 });
    await five.unsubscribe("$share/g/five/+");
    await fetch(`http://127.0.0.1:${broker.port("http_api")}/api/v1/mqtt/publish`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ topic: "five/admin", payload: "x", qos: 1 }),
    });
    await receiver.waitFor({ action: "message_publish", topic: "five/admin" });
    await five.client.endAsync(true).catch(() => {}); // without DISCONNECT
    (five.client.stream as unknown as { destroy(): void }).destroy();
    const [will] = await receiver.waitFor({ action: "message_publish", topic: "five/will" });
    await sensor.end();
    await receiver.waitFor({ action: "session_terminated", clientid: "sensor" });
    const before = Date.now();
    assert.equal((await broker.stop()).code, 0);

    // Of the record, those that have a like here: clients and versions of its own kind.
    const shapes = new Set(RECORDED.map(shapeOf));
    const seen = new Set<string>();
    for (const { body } of receiver.requests) {
      if (body.topic === "five/will" || body.topic === "five/admin") continue;
      if (body.action === "message_dropped") continue; // not recorded
      const shape = shapeOf(body);
      assert.ok(shapes.has(shape), `no such body was recorded: ${JSON.stringify(body)}`);
      seen.add(shape);
      // RFC 9557 zones are in no Date: by hand.
      const { time } = body;
      const utc = Date.parse(`${String(time).replace(" ", "T")}+08:45`);
      assert.ok(Math.abs(before - utc) < 60_000, String(time));
    }
    const unseen = [...shapes].filter((shape) => !seen.has(shape)).map((shape) =>
      JSON.parse(shape)[0][1]
    );
    assert.deepEqual(unseen, []);
    assert.equal(will?.body.from_type, "lastwill");
    const [admin] = receiver.requests.filter(({ body }) =>
      body.action === "message_publish" && body.topic === "five/admin"
    );
    assert.equal(admin?.body.from_type, "admin");
  },
);
