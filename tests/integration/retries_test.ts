/** What becomes of a delivery whose receiver fails, hangs, redirects or is not there. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { aroundAllNeeding, testNeeding } from "../support/permissions.ts";
import { RawMqtt } from "../support/RawMqtt.ts";
import type { Received } from "../support/Receiver.ts";
import { Receiver, refusingUrl } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

let receiver: Receiver;
let broker: BrokerProcess;
let publisher: MqttClient;

/** Each test has a path of its own; events on topic `<path>/#` go there, and everything to /all. */
const PATHS = [
  "failing",
  "final",
  "later",
  "moved",
  "mute",
  "deaf",
  "stubborn",
  "sealed",
  ...[400, 401, 404, 410, 422].map((status) => `ends${status}`),
  ...[408, 425, 429, 500, 502, 503, 504].map((status) => `again${status}`),
] as const;

aroundAllNeeding(NEEDED, {
  before: async () => {
    receiver = Receiver.start();
    const rules = PATHS.map((path) =>
      `{ topics = ["${path}/#"], urls = ["${receiver.url(`/${path}`)}"] }`
    );
    rules.push(`{ topics = ["refused/#"], urls = ["${refusingUrl()}"] }`);
    broker = await BrokerProcess.start(brokerFiles({
      urls: [receiver.url("/all")],
      webHook: `
worker_threads = 1
ordering = "client"
http_timeout = "400ms"
retry_initial_interval = "20ms"
retry_multiplier = 1.0
retry_jitter = 0
shutdown_timeout = "1s"
`,
      rules: `rule.message_publish = [{}, ${rules.join(", ")}]`,
    }));
    publisher = await MqttClient.connect({ port: broker.port(), clientId: "publisher" });
  },
  after: async () => {
    await publisher.end();
    await broker.stop();
    await receiver.close();
  },
});

const publish = (topic: string): Promise<void> => publisher.publish(topic, topic, { qos: 1 });

const at = (path: string) => (request: Received): boolean => request.path === path;

const ids = (requests: ReadonlyArray<Received>): ReadonlyArray<string | null> =>
  requests.map(({ headers }) => headers.get("webhook-id"));

testNeeding(
  NEEDED,
  "Delivery that fails is repeated with one id and one body until it succeeds",
  async () => {
    receiver.answer("/failing", { _tag: "FailFirst", times: 3, status: 503 });
    await publish("failing/1");
    await publish("failing/2");
    const requests = await receiver.waitFor(at("/failing"), { count: 5 });
    assert.deepEqual(requests.map(({ body }) => body.topic), [
      ...Array(4).fill("failing/1"),
      "failing/2",
    ]);
    const [first, ...others] = requests.slice(0, 4);
    assert.ok(first);
    assert.equal(new Set(ids([first, ...others])).size, 1);
    assert.ok(others.every(({ text }) => text === first.text));
    assert.equal(new Set(ids(requests)).size, 2);
    for (const { headers } of requests) {
      assert.match(headers.get("webhook-timestamp") ?? "", /^\d+$/);
    }
  },
);

for (const status of [408, 425, 429, 500, 502, 503, 504]) {
  testNeeding(NEEDED, `Delivery answered ${status} is repeated`, async () => {
    const path = `again${status}`;
    receiver.answer(`/${path}`, { _tag: "FailFirst", times: 1, status });
    await publish(`${path}/1`);
    const requests = await receiver.waitFor(at(`/${path}`), { count: 2 });
    assert.equal(new Set(ids(requests)).size, 1);
  });
}

for (const status of [400, 401, 404, 410, 422]) {
  testNeeding(NEEDED, `Delivery answered ${status} has failed and is not repeated`, async () => {
    const path = `ends${status}`;
    receiver.answer(`/${path}`, { _tag: "FailFirst", times: 1, status });
    await publish(`${path}/1`);
    await receiver.waitFor(at(`/${path}`));
    // 410 stops the endpoint for good: no second event can come to tell that the first did not.
    if (status === 410) return;
    // One client's events keep their order: a repeat of the first would come before the second.
    await publish(`${path}/2`);
    const requests = await receiver.waitFor({ topic: `${path}/2` }, { count: 2 });
    assert.ok(requests.some(at(`/${path}`)));
    assert.deepEqual(receiver.matching(at(`/${path}`)).map(({ body }) => body.topic), [
      `${path}/1`,
      `${path}/2`,
    ]);
  });
}

testNeeding(NEEDED, "Delivery waits as long as Retry-After says", async () => {
  const headers = { "retry-after": "1" };
  receiver.answer("/later", { _tag: "FailFirst", times: 1, status: 503, headers });
  await publish("later/1");
  const [first, second] = await receiver.waitFor(at("/later"), { count: 2 });
  const waited = Number(second?.at) - Number(first?.at);
  // The back-off alone would be 20 ms. Ten milliseconds for two clocks read at different moments.
  assert.ok(waited >= 990, `repeated after ${waited} ms`);
});

testNeeding(NEEDED, "Delivery does not follow a redirect", async () => {
  const headers = { location: receiver.url("/elsewhere") };
  receiver.answer("/moved", { _tag: "FailFirst", times: 1, status: 307, headers });
  await publish("moved/1");
  await publish("moved/2");
  await receiver.waitFor((request) => at("/moved")(request) && request.body.topic === "moved/2");
  assert.deepEqual(receiver.matching(at("/moved")).map(({ body }) => body.topic), [
    "moved/1",
    "moved/2",
  ]);
  assert.deepEqual(receiver.matching(at("/elsewhere")), []);
});

testNeeding(NEEDED, "Delivery that gets no answer in http_timeout is repeated", async () => {
  receiver.answer("/mute", { _tag: "HangFirst", times: 1 });
  await publish("mute/1");
  const [first, second] = await receiver.waitFor(at("/mute"), { count: 2 });
  assert.equal(first?.headers.get("webhook-id"), second?.headers.get("webhook-id"));
  receiver.answer("/mute", { _tag: "Status", status: 200 });
});

testNeeding(
  NEEDED,
  "Endpoint that hangs or refuses costs the other endpoints nothing",
  async () => {
    receiver.answer("/deaf", { _tag: "Hang" });
    for (let n = 0; n < 100; n++) {
      await publish(`deaf/${n}`);
      await publish(`refused/${n}`);
    }
    // Less than the first time-out of /deaf times the events: nobody has waited for it.
    const others = await receiver.waitFor(
      (request) => at("/all")(request) && /^(deaf|refused)\//.test(String(request.body.topic)),
      { count: 200, within: 30_000 },
    );
    assert.equal(new Set(ids(others)).size, 200);
    receiver.answer("/deaf", { _tag: "Status", status: 200 });
    const late = await receiver.waitFor(
      (request) => at("/deaf")(request) && request.body.topic === "deaf/99",
      { within: 20_000 },
    );
    assert.equal(late.length >= 1, true);
  },
);

testNeeding(NEEDED, 'Delivery is repeated for any status with retry_status = "all"', async () => {
  receiver.answer("/stubborn", { _tag: "FailFirst", times: 2, status: 404 });
  const own = await BrokerProcess.start(brokerFiles({
    urls: [receiver.url("/stubborn")],
    webHook: 'worker_threads = 0\nretry_status = "all"\nretry_initial_interval = "20ms"',
    rules: "rule.client_connect = [{}]",
  }));
  const client = await MqttClient.connect({ port: own.port(), clientId: "stubborn" });
  const requests = await receiver.waitFor({ clientid: "stubborn" }, { count: 3 });
  assert.equal(new Set(ids(requests)).size, 1);
  await client.end();
  await own.stop();
});

testNeeding(
  NEEDED,
  "Delivery is given up after retry_max_elapsed_time, and the log says so",
  async () => {
    receiver.answer("/sealed", { _tag: "Status", status: 500 });
    const own = await BrokerProcess.start(brokerFiles({
      urls: [receiver.url("/sealed")],
      webHook: `
worker_threads = 0
ordering = "client"
retry_initial_interval = "50ms"
retry_multiplier = 2.0
retry_jitter = 0
retry_max_elapsed_time = "600ms"
`,
      rules: "rule.client_connect = [{}]",
    }));
    const client = await MqttClient.connect({ port: own.port(), clientId: "sealed" });
    // Attempts 0, 50, 150 and 350 ms after the first failure; 750 would be too late.
    await receiver.waitFor({ clientid: "sealed" }, { count: 4 });
    await client.end();
    const { stdout, stderr } = await own.stop();
    assert.equal(receiver.matching({ clientid: "sealed" }).length, 4);
    assert.match(stdout + stderr, /\/sealed/);
  },
);

testNeeding(
  NEEDED,
  "What a session's end drops arrives before its session_terminated, while the receiver fails",
  async () => {
    const own = await BrokerProcess.start(brokerFiles({
      urls: [receiver.url("/ends")],
      webHook: 'retry_initial_interval = "10ms"',
      rules: "rule.message_dropped = [{}]\nrule.session_terminated = [{}]",
    }));
    receiver.answer("/ends", { _tag: "FailEvery", nth: 3, status: 503 });
    const publisher = await MqttClient.connect({ port: own.port(), clientId: "ends-publisher" });
    const names = Array.from({ length: 10 }, (_, i) => `ends-${i}`);
    const MESSAGES = 20; // some in flight, the others queued
    await Promise.all(names.map(async (clientId) => {
      const client = await RawMqtt.open(own.port());
      await client.send({
        cmd: "connect",
        clientId,
        clean: true,
        protocolId: "MQTT",
        keepalive: 60,
      });
      await client.take("connack");
      const subscriptions = [{ topic: `ends/${clientId}`, qos: 1 as const }];
      await client.send({ cmd: "subscribe", messageId: 1, subscriptions });
      await client.take("suback");
      for (let n = 0; n < MESSAGES; n++) {
        await publisher.publish(`ends/${clientId}`, String(n), { qos: 1 });
      }
      client.close(); // nothing was acknowledged
      await receiver.waitFor({ clientid: clientId, action: "session_terminated" });
    }));
    await publisher.end();
    await own.stop();
    for (const clientid of names) {
      const delivered = new Map(
        receiver.matching({ clientid }).map((
          { headers, body },
        ) => [headers.get("webhook-id"), body]),
      );
      assert.equal(delivered.size, MESSAGES + 1, clientid);
      const requests = receiver.matching({ clientid }).map(({ body }) => body.action);
      const first = requests.indexOf("session_terminated");
      assert.equal(requests.lastIndexOf("message_dropped") < first, true, requests.join());
    }
  },
);

testNeeding(
  NEEDED,
  "Lifecycle events of a client arrive in order while the receiver fails",
  async () => {
    // Everything as it is by default: several workers, lifecycle order.
    const own = await BrokerProcess.start(brokerFiles({
      urls: [receiver.url("/lifecycle")],
      webHook: 'retry_initial_interval = "10ms"',
    }));
    receiver.answer("/lifecycle", { _tag: "FailEvery", nth: 3, status: 503 });
    const names = Array.from({ length: 20 }, (_, i) => `mover-${i}`);
    await Promise.all(names.map(async (clientId) => {
      for (let life = 0; life < 3; life++) {
        const client = await MqttClient.connect({ port: own.port(), clientId });
        await client.subscribe("moves");
        await client.publish("moves", clientId, { qos: 1 });
        await client.end();
      }
    }));
    await own.stop();

    const life = [
      "client_connect",
      "session_created",
      "client_connack",
      "client_connected",
      "client_subscribe",
      "session_subscribed",
      "client_disconnected",
      "session_terminated",
    ];
    for (const clientid of names) {
      // Of each delivery the last attempt: the ones before it failed.
      const deliveries = new Map<string | null, Received>();
      for (const request of receiver.matching({ clientid })) {
        if (String(request.body.action).includes("message")) continue;
        const id = request.headers.get("webhook-id");
        deliveries.delete(id);
        deliveries.set(id, request);
      }
      const requests = [...deliveries.values()];
      assert.deepEqual(requests.map(({ body }) => body.action), [...life, ...life, ...life]);
      const numbers = requests.map(({ headers }) => Number(headers.get("webhook-seq")));
      assert.ok(
        numbers.every((number, i) => Number.isInteger(number) && number > (numbers[i - 1] ?? -1)),
        `webhook-seq of ${clientid} does not grow: ${numbers}`,
      );
    }
  },
);
