/** Secrets in URLs: what a process says and answers calls each URL by its name, and shows nothing of a query. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess, runBroker, taskCommand } from "../support/BrokerProcess.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { testNeeding } from "../support/permissions.ts";
import { Receiver } from "../support/Receiver.ts";

testNeeding(
  ["net", "read", "write", "env", "run"],
  "A URL goes by its name in log, --check, --try, --explain, metrics, API and dead letters, and its secrets nowhere",
  async () => {
    await using receiver = Receiver.start();
    receiver.answer("/api/webhook/hush-path", { _tag: "Status", status: 400 });
    receiver.answer("/q", { _tag: "Status", status: 500 });
    const secret = receiver.url("/api/webhook/hush-path");
    const query = `${receiver.url("/q?token=hush-query")}`.replace("//", "//u:hush-password@");
    const other = query.replace("hush-query", "hush-other");
    const gone = "http://127.0.0.1:9/?hush-gone";
    const folder = await Deno.makeTempDir({ prefix: "hookline-test-" });
    const files = (urls: ReadonlyArray<string>, hass: string) =>
      brokerFiles({
        broker: `http_api.addr = "127.0.0.1:0"`,
        urls,
        webHook: `
          worker_threads = 1
          outbox_dir = "${folder}/outbox"
          breaker_failures = 2
          retry_initial_interval = "10ms"
          retry_max_elapsed_time = "100ms"`,
        rules: `
          rule.message_publish = [{}]
          rule.client_connected = [{ urls = ["${query}"] }]
          [[endpoint]]
          url = "${hass}"
          name = "home assistant"`,
      });
    const first = files([secret, query, other, gone], secret);
    await Deno.writeTextFile(`${folder}/broker.toml`, first.broker);
    await Deno.writeTextFile(`${folder}/web-hook.toml`, first.webHook);
    const named = ["--config", `${folder}/broker.toml`, "--web-hook", `${folder}/web-hook.toml`];
    const check = await runBroker("--check", "--try", ...named);
    const explained = await runBroker("--explain", "message_publish", "a", ...named);
    const shown = receiver.url("/q");
    for (const name of ["home assistant", shown, `${shown} (2)`, "http://127.0.0.1:9/"]) {
      assert.ok(check.stdout.includes(name), name);
      assert.ok(explained.stdout.includes(name), name);
    }
    const said: Array<string> = [check.stdout, check.stderr, explained.stdout, explained.stderr];

    const broker = await BrokerProcess.start(first, ["external", "http_api"]);
    const api = `http://127.0.0.1:${broker.port("http_api")}`;
    const mqtt = await MqttClient.connect({ port: broker.port() });
    await mqtt.publish("a", "1", { qos: 1 });
    await broker.logged(/dead letter url=.?home assistant/);
    await broker.logged(/dead letter url=\S+\/q /);
    const answers = async (path: string) => await (await fetch(api + path)).text();
    for (const path of ["/metrics", "/api/v1/endpoints", "/api/v1/web-hook"]) {
      const answer = await answers(path);
      assert.ok(answer.includes("home assistant"), `${path}: ${answer}`);
      said.push(answer);
    }
    said.push(
      await (await fetch(`${api}/api/v1/web-hook/explain`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ event: "message_publish", topic: "a" }),
      })).text(),
    );

    // The secret path was changed: its name is that of the new one.
    const changed = secret.replace("hush-path", "hush-new");
    await Deno.writeTextFile(
      `${broker.folder}/web-hook.toml`,
      files([changed, query], changed).webHook,
    );
    broker.signal("SIGHUP");
    await broker.logged(/ reloaded file=\S*web-hook\.toml/);
    await mqtt.publish("a", "2", { qos: 1 });
    await receiver.waitFor(({ path }) => path === "/api/webhook/hush-new");
    const metrics = await answers("/metrics");
    assert.match(
      metrics,
      /events_matched_total\{url="home assistant",event="message_publish"\} 1\n/,
    );
    assert.match(metrics, /events_matched_total\{url="home assistant \(former\)",/);
    said.push(metrics);
    await mqtt.end();
    const { stdout, stderr } = await broker.stop();
    said.push(stdout, stderr);

    for (const args of [["list"], ["list", "--json"], ["show"], ["export"]]) {
      const { stdout, stderr } = await taskCommand("dead-letters", [
        ...args,
        "--dir",
        `${folder}/outbox`,
      ]).output();
      const text = new TextDecoder();
      said.push(text.decode(stdout), text.decode(stderr));
    }
    assert.match(said.at(-8) ?? "", /\/q\?token=\*\*\*/);
    for (const text of said) assert.doesNotMatch(text.replaceAll("/api/webhook/hush-", ""), /hush/);
    await Deno.remove(folder, { recursive: true });
  },
);
