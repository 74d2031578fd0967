/** MQTT over TLS and over WebSocket: the same broker, the same events. */
import assert from "node:assert/strict";
import { actions, bodiesOf } from "../support/bodies.ts";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import type { ProtocolVersion } from "../support/MqttClient.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { aroundAllNeeding, testNeeding } from "../support/permissions.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;
const named = { 3: "3.1", 4: "3.1.1", 5: "5.0" } as const;

let receiver: Receiver;
let broker: BrokerProcess;

/** See its README.md: made for tests alone, the key is no secret. */
const certificate = new URL("../support/tls/cert.pem", import.meta.url).pathname;
const key = new URL("../support/tls/key.pem", import.meta.url).pathname;
const authority = new URL("../support/tls/ca.pem", import.meta.url).pathname;

const listeners = {
  plain: "",
  "tls.secure": `cert = "${certificate}"\nkey = "${key}"`,
  "ws.browser": "",
  "wss.page": `cert = "${certificate}"\nkey = "${key}"`,
};

aroundAllNeeding(NEEDED, {
  before: async () => {
    receiver = Receiver.start();
    broker = await BrokerProcess.start(
      brokerFiles({ listeners, urls: [receiver.url("/")] }),
      ["plain", "secure", "browser", "page"],
    );
  },
  after: async () => {
    await broker.stop();
    await receiver.close();
  },
});

const TRANSPORTS: ReadonlyArray<readonly [what: string, listener: string, options: () => object]> =
  [
    [
      "TLS",
      "secure",
      () => ({ protocol: "mqtts", ca: Deno.readTextFileSync(authority) }),
    ],
    ["WebSocket", "browser", () => ({ protocol: "ws", path: "/mqtt" })],
    [
      "WebSocket over TLS",
      "page",
      () => ({ protocol: "wss", path: "/mqtt", ca: Deno.readTextFileSync(authority) }),
    ],
  ];

for (const [what, listener, options] of TRANSPORTS) {
  for (const version of [3, 4, 5] as ReadonlyArray<ProtocolVersion>) {
    testNeeding(
      NEEDED,
      `MQTT ${named[version]} over ${what} speaks with clients on TCP`,
      async () => {
        const clientId = `over-${listener}-${version}`;
        const topic = `over/${listener}/${version}`;
        const tcp = await MqttClient.connect({ port: broker.port("plain"), clientId: "tcp" });
        const other = await MqttClient.connect({
          port: broker.port(listener),
          clientId,
          version,
          ...options(),
        });
        await tcp.subscribe(`${topic}/there`, { qos: 1 });
        await other.subscribe(`${topic}/back`, { qos: 2 });
        // Longer than one TLS record, and than one read.
        const payload = "x".repeat(100_000);
        await other.publish(`${topic}/there`, payload, { qos: 2 });
        assert.equal((await tcp.message(`${topic}/there`)).payload.length, payload.length);
        await tcp.publish(`${topic}/back`, "back", { qos: 2 });
        assert.equal((await other.message(`${topic}/back`)).payload.toString(), "back");
        await receiver.waitFor({ action: "message_acked", clientid: clientId });
        await Promise.all([tcp.end(), other.end()]);
        await receiver.waitFor({ action: "session_terminated", clientid: clientId });
        const bodies = bodiesOf(receiver, clientId);
        assert.deepEqual(actions(bodies), [
          "client_connect",
          "session_created",
          "client_connack",
          "client_connected",
          "client_subscribe",
          "session_subscribed",
          "message_publish",
          "message_delivered",
          "message_acked",
          "client_disconnected",
          "session_terminated",
        ]);
        assert.match(String(bodies[0]?.ipaddress), /^127\.0\.0\.1:\d+$/);
      },
    );
  }

  testNeeding(NEEDED, `Client over ${what} that vanishes is noticed at once`, async () => {
    const clientId = `vanishing-${listener}`;
    const client = await MqttClient.connect({
      port: broker.port(listener),
      clientId,
      ...options(),
    });
    await client.drop();
    const [gone] = await receiver.waitFor({ action: "client_disconnected", clientid: clientId });
    // Without close_notify an end may be an attack that cuts the stream off, so either word is right.
    assert.match(String(gone?.body.reason), /^(RemoteClose|ReadWriteError)$/);
  });
}

testNeeding(
  NEEDED,
  "WebSocket listener refuses what is no WebSocket of MQTT on its path",
  async () => {
    const origin = `http://127.0.0.1:${broker.port("browser")}`;
    for (const path of ["/mqtt", "/", "/other"]) {
      const response = await fetch(`${origin}${path}`);
      await response.body?.cancel();
      assert.ok(response.status >= 400 && response.status < 500, `${path}: ${response.status}`);
    }
  },
);

testNeeding(NEEDED, "TLS listener survives a client that speaks no TLS", async () => {
  const plain = await Deno.connect({ hostname: "127.0.0.1", port: broker.port("secure") });
  await plain.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  while (await plain.read(new Uint8Array(512)) !== null);
  plain.close();
  const [, listener, options] = TRANSPORTS[0] ?? assert.fail();
  const client = await MqttClient.connect({
    port: broker.port(listener),
    clientId: "after",
    ...options(),
  });
  await client.end();
});

testNeeding(NEEDED, "SIGTERM says the last events of clients on every transport", async () => {
  const said = Receiver.start();
  const stopping = await BrokerProcess.start(
    brokerFiles({ listeners, urls: [said.url("/")] }),
    ["plain", "secure", "browser", "page"],
  );
  const clients = await Promise.all(
    [["TCP", "plain", () => ({})] as const, ...TRANSPORTS].map(([, listener, options]) =>
      MqttClient.connect({
        port: stopping.port(listener),
        clientId: listener,
        version: 5,
        ...options(),
      })
    ),
  );
  const { code, stderr } = await stopping.stop();
  assert.equal(code, 0);
  assert.equal(stderr, "");
  for (const client of clients) assert.equal((await client.closed)?.reasonCode, 0x8b);
  for (const id of ["plain", "secure", "browser", "page"]) {
    const last = bodiesOf(said, id).slice(-2);
    assert.deepEqual(actions(last), ["client_disconnected", "session_terminated"]);
    for (const { reason } of last) assert.equal(reason, "Shutdown");
  }
  await said.close();
});
