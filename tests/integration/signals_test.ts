/** Signals to the real process at the moments at which an unlistened one would kill it. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { testNeeding } from "../support/permissions.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

testNeeding(NEEDED, "SIGHUP and SIGUSR2 in a row, also while it reloads, end nothing", async () => {
  const receiver = Receiver.start();
  const broker = await BrokerProcess.start(brokerFiles({ urls: [receiver.url("/")] }));
  for (let i = 0; i < 50; i++) {
    broker.signal("SIGHUP");
    broker.signal("SIGUSR2");
  }
  await broker.logged(/ reloaded /);
  const client = await MqttClient.connect({ port: broker.port(), clientId: "still-served" });
  await client.end();
  const { code } = await broker.stop();
  assert.equal(code, 0);
  await receiver.close();
});

testNeeding(NEEDED, "Signals to a stopping process do not keep it from delivering", async () => {
  const receiver = Receiver.start();
  receiver.answer("/", { _tag: "Hang" });
  const broker = await BrokerProcess.start(brokerFiles({ urls: [receiver.url("/")] }));
  const client = await MqttClient.connect({ port: broker.port(), clientId: "last" });
  await receiver.waitFor({ action: "client_connect" });
  broker.signal("SIGINT");
  await broker.logged(/ stopping /);
  for (const signal of ["SIGINT", "SIGHUP", "SIGUSR2", "SIGTERM"] as const) broker.signal(signal);
  await client.closed; // after the signals: the broker lives
  receiver.answer("/", { _tag: "Status", status: 200 });
  const { code } = await broker.stop("SIGINT");
  assert.equal(code, 0);
  assert.equal(receiver.matching({ action: "session_terminated" }).length, 1);
  await receiver.close();
});
