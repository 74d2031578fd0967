/** What outlives the process, with the real one, MQTT.js and a real receiver: sessions, retained messages, presence. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { testNeeding } from "../support/permissions.ts";
import { Receiver } from "../support/Receiver.ts";

/** A folder for the store of one broker after the other. */
const withFolder = async (use: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await Deno.makeTempDir({ prefix: "hookline-test-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
};

const KEPT = { clientId: "kept", clean: false } as const;

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  testNeeding(
    ["net", "read", "write", "env", "run"],
    `After ${signal} a session has its subscriptions and messages, a topic its retained message, and receivers hear who is gone`,
    () =>
      withFolder(async (folder) => {
        await using receiver = Receiver.start();
        const files = brokerFiles({
          broker: "persistence = true",
          urls: [receiver.url("/")],
          webHook: `outbox = "disk"\noutbox_dir = "${folder}"\nworker_threads = 0`,
        });
        const first = await BrokerProcess.start(files);
        const at = { port: first.port() };
        const before = await MqttClient.connect({ ...at, ...KEPT });
        await before.subscribe("work/#", { qos: 1 });
        await before.end();
        await receiver.waitFor({ action: "client_disconnected", clientid: "kept" });
        const publisher = await MqttClient.connect({ ...at, clientId: "publisher" });
        await publisher.publish("work/1", "queued", { qos: 1 });
        await publisher.publish("state", "on", { qos: 1, retain: true });
        await first.stop(signal);

        const second = await BrokerProcess.start(files);
        const after = await MqttClient.connect({ port: second.port(), ...KEPT });
        assert.equal(after.connack.sessionPresent, true);
        await after.message("work/1");
        await after.subscribe("state", { qos: 1 });
        await after.message("state");
        assert.deepEqual(
          after.messages.map(({ topic, payload, retain }) => [topic, payload.toString(), retain]),
          [["work/1", "queued", false], ["state", "on", true]],
        );
        const gone = { clientid: "publisher", reason: "Shutdown" };
        await receiver.waitFor({ action: "client_disconnected", ...gone });
        await receiver.waitFor({ action: "session_terminated", ...gone });
        assert.equal(
          receiver.matching({ action: "session_terminated", clientid: "kept" }).length,
          0,
        );
        assert.equal(receiver.matching({ action: "session_created", clientid: "kept" }).length, 1);
        await after.end();
        await second.stop();
      }),
  );
}
