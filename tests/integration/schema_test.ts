/** docs/schema/ and GET /schema/events.json against bodies that receivers get: of this broker, and of RMQTT. */
import assert from "node:assert/strict";
import * as Schema from "@effect/schema";
import { HookBody } from "../../src/domain/HookBody.ts";
import { hookEventNames } from "../../src/domain/HookEvent.ts";
import { SCHEMAS } from "../../src/tools/docs/schemas.ts";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { compileSchema } from "../support/jsonSchema.ts";
import type { ProtocolVersion } from "../support/MqttClient.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { testNeeding } from "../support/permissions.ts";
import type { Body } from "../support/Receiver.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

const RULES = [
  ...hookEventNames.map((name) => `rule.${name} = [{ action = "${name}" }]`)
    .filter((rule) => !rule.includes("client_connected")),
  'rule.client_connected = [{}, { action = "online" }]',
].join("\n");

/** A receiver, and a broker that sends it every event, with a listener whose sessions queue one message. */
const withBroker = async (
  test: (of: { readonly receiver: Receiver; readonly broker: BrokerProcess }) => Promise<void>,
): Promise<void> => {
  await using receiver = Receiver.start();
  const broker = await BrokerProcess.start(
    brokerFiles({
      broker: 'http_api.addr = "127.0.0.1:0"',
      listeners: { external: "max_mqueue_len = 1" },
      urls: [receiver.url("/")],
      rules: RULES,
    }),
    ["http_api", "external"],
  );
  try {
    await test({ receiver, broker });
  } finally {
    await broker.stop();
  }
};

/** Has each event happen to clients of this version. */
const everything = async (port: number, receiver: Receiver, version: ProtocolVersion) => {
  const persistent = version === 5
    ? { clean: false, properties: { sessionExpiryInterval: 60 } }
    : { clean: false };
  const [clientId, topic] = [`reader-${version}`, `t/${version}`];
  const reader = await MqttClient.connect({ port, version, clientId, ...persistent });
  await reader.subscribe([topic, `${topic}/not`], { qos: 1 });
  await reader.unsubscribe(`${topic}/not`);
  const writer = await MqttClient.connect({ port, version, clientId: `writer-${version}` });
  await writer.publish(topic, "21.5 °C", { qos: 1 });
  await receiver.waitFor({ action: "message_acked", topic });
  await reader.end();
  await receiver.waitFor({ action: "client_disconnected", clientid: clientId });
  for (const text of ["kept", "lost"]) await writer.publish(topic, text, { qos: 1 });
  await receiver.waitFor({ action: "message_dropped", topic });
  await receiver.waitFor({ action: "offline_message", topic });
  await writer.end();
  await receiver.waitFor({ action: "session_terminated", clientid: `writer-${version}` });
};

testNeeding(
  NEEDED,
  "docs/schema/events.json and HookBody fit every body that receivers get, and no other",
  () =>
    withBroker(async ({ receiver, broker }) => {
      for (const version of [3, 4, 5] as const) await everything(broker.port(), receiver, version);
      const check = await compileSchema(SCHEMAS["events.json"]!); // the test of docs/ holds it
      const api = `http://127.0.0.1:${broker.port("http_api")}`;
      const answer = await fetch(`${api}/schema/events.json`);
      const checkServed = await compileSchema(await answer.json());
      const bodies = receiver.requests.map(({ body }) => body);
      const own = bodies.filter(({ action }) => action !== "online");
      assert.deepEqual(new Set(own.map(({ action }) => action)), new Set(hookEventNames));
      for (const body of bodies) {
        const isOwn = body.action !== "online"; // what these rules name it; the API knows them
        assert.equal(check(body) === undefined, isOwn, check(body));
        assert.equal(checkServed(body), undefined);
        assert.equal(Schema.is(Schema.encodedSchema(HookBody))(body), isOwn);
        if (isOwn) Schema.decodeUnknownSync(HookBody)(body);
        for (const damaged of damages(body)) {
          assert.notEqual(check(damaged), undefined, JSON.stringify(damaged));
        }
      }
    }),
);

/** Keys that a body may have or not. */
const OPTIONAL = new Set(["clean_session", "clean_start"]);

/** The body without each of its keys, and with a value of another type at each. */
const damages = (body: Body): ReadonlyArray<Body> =>
  Object.entries(body).flatMap(([key, value]) => {
    const { [key]: _, ...without } = body;
    const maybe = OPTIONAL.has(key) ||
      (body.action === "message_dropped" && /^(node|ipaddress|clientid|username)$/.test(key));
    return [
      ...(maybe ? [] : [without]),
      { ...body, [key]: typeof value === "string" ? 1 : "x" },
    ];
  });

testNeeding(
  NEEDED,
  "docs/schema/events-rmqtt-0.24.json fits every body that RMQTT 0.24 was recorded with",
  async () => {
    const check = await compileSchema(SCHEMAS["events-rmqtt-0.24.json"]!);
    const recorded = new URL("../support/rmqtt/bodies.jsonl", import.meta.url);
    const bodies: ReadonlyArray<Body> = (await Deno.readTextFile(recorded)).trim().split("\n")
      .map((line) => JSON.parse(line));
    assert.ok(bodies.length > 30);
    for (const body of bodies) {
      assert.equal(check(body), undefined, JSON.stringify(body));
      assert.notEqual(check({ ...body, time: "noon" }), undefined);
      if ("packet_id" in body) assert.notEqual(check({ ...body, packet_id: "1" }), undefined);
      if ("from_type" in body) assert.notEqual(check({ ...body, from_type: 1 }), undefined);
    }
  },
);
