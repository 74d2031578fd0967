/** What the rules of web-hook.toml send, where to, and under which name. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { aroundAllNeeding, testNeeding } from "../support/permissions.ts";
import type { Body } from "../support/Receiver.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

let receiver: Receiver;
let broker: BrokerProcess;
let folder: string;

aroundAllNeeding(NEEDED, {
  before: async () => {
    receiver = Receiver.start();
    folder = await Deno.makeTempDir({ prefix: "hookline-test-" });
    const [a, b, c] = ["/a", "/b", "/c"].map((path) => receiver.url(path));
    broker = await BrokerProcess.start(brokerFiles({
      urls: [receiver.url("/default")],
      rules: `
rule.client_connected = [{ action = "client_connected" }, { action = "client_connected_2", urls = ["${a}"] }]
rule.client_disconnected = [{}]
rule.session_terminated = [{ urls = ["${a}", "${b}"] }]
rule.client_subscribe = [{ action = "client_subscribe", topics = ["x/y/z", "foo/#"] }]
rule.session_subscribed = [{ topics = ["devices/+/state"] }]
rule.message_publish = [
  { action = "message_publish", topics = ["a/b/c", "foo/#"] },
  { action = "everything", topics = ["#"], urls = ["${c}"] },
  { action = "system", topics = ["$own/#"], urls = ["${c}"] },
]
`,
    }));
  },
  after: async () => {
    await broker.stop();
    await receiver.close();
    await Deno.remove(folder, { recursive: true });
  },
});

const connect = (clientId: string) =>
  MqttClient.connect({ port: broker.port(), clientId, version: 4 });

/** What came about this client once its session has ended, path by path: the last event goes to /a and /b. */
const sent = async (clientid: string): Promise<ReadonlyArray<{ path: string; body: Body }>> => {
  await receiver.waitFor(
    ({ body }) => body.action === "session_terminated" && body.clientid === clientid,
    { count: 2 },
  );
  await receiver.waitFor({ action: "client_disconnected", clientid });
  return receiver.requests.filter(({ body }) =>
    body.clientid === clientid || body.from_clientid === clientid
  );
};

const lines = (requests: ReadonlyArray<{ path: string; body: Body }>): ReadonlyArray<string> =>
  requests.map(({ path, body }) => `${path} ${body.action}`).toSorted();

testNeeding(NEEDED, "Rule sends its event, under its action, to each of its URLs", async () => {
  const client = await connect("plain");
  await client.end();
  assert.deepEqual(lines(await sent("plain")), [
    "/a client_connected_2",
    "/a session_terminated",
    "/b session_terminated",
    "/default client_connected",
    "/default client_disconnected",
  ]);
});

testNeeding(NEEDED, "Rule's deliveries have each an id of their own", async () => {
  const client = await connect("ids");
  await client.end();
  await sent("ids");
  const ids = receiver.matching({ clientid: "ids" }).map(({ headers }) =>
    headers.get("webhook-id")
  );
  assert.equal(new Set(ids).size, 5);
});

testNeeding(NEEDED, "Rule's action changes nothing in the body but the action", async () => {
  const client = await connect("renamed");
  await client.end();
  await sent("renamed");
  const [plain] = receiver.matching({ clientid: "renamed", action: "client_connected" });
  const [renamed] = receiver.matching({ clientid: "renamed", action: "client_connected_2" });
  assert.ok(plain);
  assert.equal(
    renamed?.text,
    plain.text.replace('"client_connected"', '"client_connected_2"'),
  );
});

testNeeding(NEEDED, "Rule's topics choose subscriptions by their filter", async () => {
  const client = await connect("subscribes");
  await client.subscribe(["x/y/z", "foo/bar", "foo/#", "foo", "x/y", "fo/bar", "devices/1/state"]);
  await client.end();
  const subscriptions = (await sent("subscribes")).filter(({ body }) => "opts" in body)
    .map(({ body }) => `${body.action} ${body.topic}`);
  assert.deepEqual(subscriptions.toSorted(), [
    "client_subscribe foo",
    "client_subscribe foo/#",
    "client_subscribe foo/bar",
    "client_subscribe x/y/z",
    "session_subscribed devices/1/state",
  ]);
});

testNeeding(
  NEEDED,
  "Rule's topics choose messages, and # leaves out topics that begin with $",
  async () => {
    const client = await connect("publishes");
    for (const topic of ["a/b/c", "foo/bar", "foo", "a/b/d", "fo/bar", "$own/x"]) {
      await client.publish(topic, "", { qos: 1 });
    }
    await client.end();
    await receiver.waitFor({ action: "system", from_clientid: "publishes" });
    const published = (await sent("publishes")).filter(({ body }) => "qos" in body)
      .map(({ path, body }) => `${path} ${body.action} ${body.topic}`);
    assert.deepEqual(published.toSorted(), [
      "/c everything a/b/c",
      "/c everything a/b/d",
      "/c everything fo/bar",
      "/c everything foo",
      "/c everything foo/bar",
      "/c system $own/x",
      "/default message_publish a/b/c",
      "/default message_publish foo",
      "/default message_publish foo/bar",
    ]);
  },
);

testNeeding(NEEDED, "file:// target gets one JSON line per event, and its folders", async () => {
  const path = `${folder}/deep/er/events.jsonl`;
  const own = await BrokerProcess.start(brokerFiles({
    urls: [`file://${path}`],
    rules: 'rule.message_publish = [{ topics = ["to/file/#"] }]',
  }));
  const client = await MqttClient.connect({ port: own.port(), clientId: "to-file" });
  await client.publish("to/file/1", "one", { qos: 1 });
  await client.publish("elsewhere", "", { qos: 1 });
  await client.publish("to/file/2", "two\n", { qos: 1 });
  await client.end();
  // A process that has ended has delivered what was queued.
  await own.stop();
  const text = await Deno.readTextFile(path);
  assert.ok(text.endsWith("}\n"));
  assert.deepEqual(
    text.trimEnd().split("\n").map((line) => JSON.parse(line))
      .map(({ action, from_clientid, topic, payload }) => [action, from_clientid, topic, payload]),
    [
      ["message_publish", "to-file", "to/file/1", "b25l"],
      ["message_publish", "to-file", "to/file/2", "dHdvCg=="],
    ],
  );
});
