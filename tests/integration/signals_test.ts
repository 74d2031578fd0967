/** Signals to the real process: where an unlistened one would kill it, and where their lines find no reader. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { figuresIn } from "../support/figures.ts";
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
  const { code } = await broker.stop("SIGHUP"); // which ends nothing
  assert.equal(code, 0);
  assert.equal(receiver.matching({ action: "session_terminated" }).length, 1);
  await receiver.close();
});

testNeeding(
  NEEDED,
  "Stop says what it waits for, and a second SIGINT more than a second later ends it with status 1",
  async () => {
    const receiver = Receiver.start();
    receiver.answer("/", { _tag: "Hang" });
    const broker = await BrokerProcess.start(
      brokerFiles({ urls: [receiver.url("/")], webHook: 'shutdown_timeout = "1h"' }),
    );
    const client = await MqttClient.connect({ port: broker.port(), clientId: "last" });
    await receiver.waitFor({ action: "client_connect" });
    await client.end();
    broker.signal("SIGINT");
    await broker.logged(/ INFO stopping: waiting up to 3600s for \d+ events\n/);
    await broker.logged(/ INFO stopping: waiting up to 3598s for \d+ events\n/); // 2 s later
    const { code, stdout } = await broker.stop("SIGINT");
    assert.equal(code, 1);
    assert.match(stdout, / WARN stopping at once signal=SIGINT\n/);
    const [, dropped] = / ERROR stopped with events undelivered dropped=(\d+)\n/.exec(stdout) ?? [];
    const [figures] = figuresIn(stdout);
    assert.equal(figures?.["dropped"], dropped);
    assert.match(stdout, / stopped\n$/);
    await receiver.close();
  },
);

testNeeding(
  NEEDED,
  "A receiver that refuses events is told as loss, once and not per event",
  async () => {
    const receiver = Receiver.start();
    receiver.answer("/", { _tag: "Status", status: 401 });
    const broker = await BrokerProcess.start(
      brokerFiles({ urls: [receiver.url("/")], rules: "rule.message_publish = [{}]" }),
    );
    assert.match(broker.log, / INFO sending 1 event to http:\/\/127\.0\.0\.1:\d+\/\n/);
    const client = await MqttClient.connect({ port: broker.port(), clientId: "c" });
    for (let n = 0; n < 20; n++) await client.publish("t", "x", { qos: 1 });
    await broker.logged(/ WARN event lost url=\S+ reason=status_401 advice=".*token.*" count=1\n/);
    await client.end();
    const { stdout } = await broker.stop();
    const counts = [...stdout.matchAll(/ WARN event lost .*reason=status_401 .*count=(\d+)\n/g)]
      .map(([, count]) => Number(count));
    assert.deepEqual(counts, [1, 19]);
    await receiver.close();
  },
);

testNeeding(NEEDED, "Start without a rule warns that no event is sent", async () => {
  const broker = await BrokerProcess.start(brokerFiles({ urls: [], rules: "" }));
  await broker.logged(/ WARN no rule: no event is sent\n/);
  assert.equal((await broker.stop()).code, 0);
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

/** Changes web-hook.toml, and answers what the log says of its reload. */
const reloaded = async (broker: BrokerProcess, webHook: string, said: RegExp): Promise<void> => {
  await Deno.writeTextFile(`${broker.folder}/web-hook.toml`, webHook);
  broker.signal("SIGHUP");
  await broker.logged(said);
};

testNeeding(
  NEEDED,
  "Process gives up what it needs no more, and says which reloads need a restart",
  async () => {
    const receiver = Receiver.start();
    const webHook = (more: string, urls = [receiver.url("/")]) =>
      brokerFiles({ urls, webHook: more }).webHook;
    const header = (name: string) =>
      "worker_threads = 1\n" +
      `endpoint = [{ url = "${receiver.url("/")}", headers = { x = "env:${name}" } }]`;
    const broker = await BrokerProcess.start(
      {
        broker: brokerFiles({ urls: [] }).broker,
        webHook: webHook(header("HOOKLINE_A")),
      },
      ["external"],
      { HOOKLINE_A: "a", HOOKLINE_B: "b" },
    );
    const file = `${broker.folder}/events.jsonl`;
    await reloaded(
      broker,
      webHook("worker_threads = 1", [`file://${file}`]),
      / ERROR not reloaded.*\n {4}.*a restart.*write/,
    );
    await reloaded(
      broker,
      webHook(header("HOOKLINE_B")),
      / ERROR not reloaded.*\n {4}.*HOOKLINE_B.*only a restart/,
    );
    await reloaded(broker, webHook(header("HOOKLINE_A")), / INFO reloaded /);
    const client = await MqttClient.connect({ port: broker.port(), clientId: "c" });
    await client.end();
    await receiver.waitFor({ action: "session_terminated" });
    assert.deepEqual(
      new Set(receiver.requests.map(({ headers }) => headers.get("x"))),
      new Set(["a"]),
    );
    await assert.rejects(Deno.stat(file), Deno.errors.NotFound);
    assert.equal((await broker.stop()).code, 0);
    await receiver.close();
  },
);

testNeeding(NEEDED, "Process that writes to a file at its start may be given another", async () => {
  const folder = await Deno.makeTempDir({ prefix: "hookline-test-" });
  const files = (name: string) => brokerFiles({ urls: [`file://${folder}/${name}`] });
  const broker = await BrokerProcess.start(files("a"));
  await reloaded(broker, files("b").webHook, / INFO reloaded /);
  const client = await MqttClient.connect({ port: broker.port(), clientId: "c" });
  await client.end();
  assert.equal((await broker.stop()).code, 0);
  assert.match(await Deno.readTextFile(`${folder}/b`), /"session_terminated"/);
  await Deno.remove(folder, { recursive: true });
});
