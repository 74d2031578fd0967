/** What web-hook.toml says of one URL, and what SIGHUP changes, over the real process. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { testNeeding } from "../support/permissions.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

/** See its README.md: made for tests alone, the key is no secret. */
const tls = (name: string): string => new URL(`../support/tls/${name}`, import.meta.url).pathname;

const connectAndLeave = async (broker: BrokerProcess, clientId: string): Promise<void> => {
  const client = await MqttClient.connect({ port: broker.port(), clientId });
  await client.end();
};

for (const httpClient of ["pool", "fetch"] as const) {
  for (const workers of [0, 1]) {
    testNeeding(
      NEEDED,
      `[[endpoint]] says which CA to trust and which headers to send, ${httpClient}, ${workers} workers`,
      async () => {
        const authorizations: Array<string> = [];
        const server = Deno.serve({
          hostname: "127.0.0.1",
          port: 0,
          cert: await Deno.readTextFile(tls("cert.pem")),
          key: await Deno.readTextFile(tls("key.pem")),
          onListen: () => {},
        }, async (request) => {
          await request.text();
          authorizations.push(`${new URL(request.url).pathname} ${request.headers.get("x-key")}`);
          return new Response();
        });
        const url = (path: string) => `https://localhost:${server.addr.port}${path}`;
        Deno.env.set("HOOKLINE_TEST_KEY", "s3cret");
        const { broker: brokerFile } = brokerFiles({ urls: [] });
        const broker = await BrokerProcess.start({
          broker: brokerFile,
          webHook: `
            worker_threads = ${workers}
            http_client = "${httpClient}"
            http_urls = ["${url("/trusted")}", "${url("/untrusted")}"]
            retry_max_elapsed_time = "0s"
            rule.client_connected = [{}]
            [[endpoint]]
            url = "${url("/trusted")}"
            ca_file = "${tls("ca.pem")}"
            headers = { X-Key = "env:HOOKLINE_TEST_KEY" }`,
        });
        await connectAndLeave(broker, "trusting");
        const { code, stdout, stderr } = await broker.stop();
        Deno.env.delete("HOOKLINE_TEST_KEY");
        await server.shutdown();
        assert.equal(code, 0);
        assert.deepEqual(authorizations, ["/trusted s3cret"]);
        assert.match(stdout, /\/trusted matched=1 delivered=1 /);
        assert.match(stdout, /\/untrusted matched=1 .*failed_tls=1 /);
        assert.doesNotMatch(stdout + stderr, /s3cret/);
      },
    );
  }
}

testNeeding(NEEDED, "[[endpoint]] limits its URL's requests in flight and their time", async () => {
  const receiver = Receiver.start();
  receiver.answer("/impatient", { _tag: "HangFirst", times: 1 });
  receiver.answer("/single", { _tag: "Hang" });
  const { broker: brokerFile } = brokerFiles({ urls: [] });
  const broker = await BrokerProcess.start({
    broker: brokerFile,
    webHook: `
      http_urls = ["${receiver.url("/impatient")}", "${receiver.url("/single")}"]
      http_timeout = "60s"
      retry_initial_interval = "1ms"
      rule.client_connected = [{}]
      [[endpoint]]
      url = "${receiver.url("/impatient")}"
      http_timeout = "200ms"
      [[endpoint]]
      url = "${receiver.url("/single")}"
      concurrency_limit = 1`,
  });
  await connectAndLeave(broker, "first");
  await connectAndLeave(broker, "second");
  const at = (path: string) => receiver.requests.filter((request) => request.path === path);
  await receiver.waitFor((request) => request.path === "/impatient", { count: 3 });
  await receiver.waitFor((request) => request.path === "/single");
  assert.equal(at("/single").length, 1); // the second client's waits, though 127 more might go
  receiver.answer("/single", { _tag: "Status", status: 200 });
  await receiver.waitFor((request) => request.path === "/single", { count: 2 });
  const { code } = await broker.stop();
  assert.equal(code, 0);
  await receiver.close();
});

for (const workers of [0, 1]) {
  testNeeding(
    NEEDED,
    `SIGHUP gives to the others what a URL could use that it removes, ${workers} workers`,
    async () => {
      const receiver = Receiver.start();
      receiver.answer("/hangs", { _tag: "Hang" });
      const files = (...paths: ReadonlyArray<string>) =>
        brokerFiles({
          urls: paths.map((path) => receiver.url(path)),
          webHook: `worker_threads = ${workers}\nconcurrency_limit = 4\nhttp_timeout = "60s"`,
          rules: "rule.client_connected = [{}]",
        });
      const broker = await BrokerProcess.start(files("/hangs", "/one", "/two"));
      const hanging = (count: number) =>
        receiver.waitFor(({ path }) => path === "/hangs", { count });
      for (const client of ["a", "b", "c"]) await connectAndLeave(broker, client);
      await hanging(2);
      await receiver.waitFor(({ path }) => path !== "/hangs", { count: 6 });
      await Deno.writeTextFile(`${broker.folder}/web-hook.toml`, files("/hangs").webHook);
      broker.signal("SIGHUP");
      await broker.logged(/ reloaded /);
      await connectAndLeave(broker, "d");
      await hanging(4);
      receiver.answer("/hangs", { _tag: "Status", status: 200 });
      const { code } = await broker.stop();
      assert.equal(code, 0);
      await receiver.close();
    },
  );
}

testNeeding(NEEDED, "SIGHUP opens rotated files anew and takes over other URLs", async () => {
  const receiver = Receiver.start();
  const folder = await Deno.makeTempDir();
  const files = (...urls: ReadonlyArray<string>) =>
    brokerFiles({ urls, rules: "rule.client_connected = [{}]" });
  const file = `file://${folder}/events.jsonl`;
  const broker = await BrokerProcess.start(files(file));
  const linesOf = async (name: string) =>
    (await Deno.readTextFile(`${folder}/${name}`)).split("\n").slice(0, -1)
      .map((line) => JSON.parse(line).clientid);
  const watcher = Deno.watchFs(folder);
  await connectAndLeave(broker, "before");
  for await (const { kind } of watcher) if (kind === "modify") break;
  await Deno.rename(`${folder}/events.jsonl`, `${folder}/events.1`);
  const reload = files(file, receiver.url("/joined")).webHook;
  await Deno.writeTextFile(`${broker.folder}/web-hook.toml`, reload);
  broker.signal("SIGHUP");
  await broker.logged(/ reloaded /);
  await connectAndLeave(broker, "after");
  const { code } = await broker.stop();
  assert.equal(code, 0);
  assert.deepEqual(await linesOf("events.1"), ["before"]);
  assert.deepEqual(await linesOf("events.jsonl"), ["after"]);
  assert.deepEqual(receiver.requests.map(({ body }) => body["clientid"]), ["after"]);
  await Deno.remove(folder, { recursive: true });
  await receiver.close();
});
