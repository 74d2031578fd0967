/** Signals to the real process: where an unlistened one would kill it, and where their lines find no reader. */
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

/** More URLs than a pipe has room for lines about them: each SIGUSR2 logs a line for each. */
const LONG_URLS = Array.from({ length: 500 }, (_, n) => `http://127.0.0.1:9/${n}`);

const severalTimes = async (broker: BrokerProcess, client: MqttClient): Promise<void> => {
  for (let i = 0; i < 30; i++) {
    broker.signal("SIGUSR2");
    await client.publish("t", "x", { qos: 1 }); // acknowledged: the broker's thread goes on
  }
};

testNeeding(
  NEEDED,
  "Log whose reader hangs holds nobody, and tells later how much it left out",
  async () => {
    const files = brokerFiles({ urls: LONG_URLS, rules: "rule.message_dropped = [{}]" });
    const broker = await BrokerProcess.start(files);
    const client = await MqttClient.connect({ port: broker.port(), clientId: "c" });
    const readOn = broker.holdLog();
    await severalTimes(broker, client);
    readOn();
    const log = await broker.logged(/ WARN log lines left out.* lines=\d+\n/).catch(() => "");
    assert.ok(log.includes("delivery figures"));
    await client.end();
    const { code, stdout } = await broker.stop();
    assert.equal(code, 0);
    assert.match(stdout, / stopped\n$/); // the last line came too
  },
);

testNeeding(NEEDED, "Log whose reader hangs does not keep the process from its end", async () => {
  const files = brokerFiles({ urls: LONG_URLS, rules: "rule.message_dropped = [{}]" });
  const broker = await BrokerProcess.start(files);
  const client = await MqttClient.connect({ port: broker.port(), clientId: "c" });
  const readOn = broker.holdLog();
  await severalTimes(broker, client);
  await client.end();
  const began = Date.now();
  const stopped = broker.stop("SIGTERM");
  const { code } = await broker.ended;
  assert.equal(code, 0);
  assert.ok(Date.now() - began < 5000, `${Date.now() - began} ms`);
  readOn();
  await stopped;
});
