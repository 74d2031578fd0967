/** The command line, the start and the end of the real process. */
import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { about, assertBodies, bodiesOf, TIME } from "../support/bodies.ts";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess, repository, runBroker, taskCommand } from "../support/BrokerProcess.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { testNeeding } from "../support/permissions.ts";
import { Receiver } from "../support/Receiver.ts";
import { REFERENCE_GENERAL, REFERENCE_RULES } from "../unit/config/rmqttFiles.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Runs with a temporary file of this text, or of these bytes. */
const withFile = async <A>(
  content: string | Uint8Array,
  use: (path: string) => Promise<A>,
): Promise<A> => {
  const path = await Deno.makeTempFile({ prefix: "hookline-test-", suffix: ".toml" });
  try {
    await Deno.writeFile(path, typeof content === "string" ? encode(content) : content);
    return await use(path);
  } finally {
    await Deno.remove(path);
  }
};

testNeeding(NEEDED, "--help tells every option and exits 0", async () => {
  const { code, stdout } = await runBroker("--help");
  assert.equal(code, 0);
  for (const option of ["--config", "--web-hook", "--check", "--version", "--help"]) {
    assert.ok(stdout.includes(option), option);
  }
});

testNeeding(NEEDED, "--version tells the version and exits 0", async () => {
  const { code, stdout } = await runBroker("--version");
  assert.equal(code, 0);
  assert.ok(stdout.includes(config.version));
});

testNeeding(NEEDED, "Unknown option is refused with its name and no stack trace", async () => {
  const { code, stdout, stderr } = await runBroker("--chek");
  assert.notEqual(code, 0);
  assert.match(stdout + stderr, /--chek/);
  assert.doesNotMatch(stdout + stderr, /^\s+at /m);
});

testNeeding(
  NEEDED,
  "--check of the shipped configuration prints what would run and exits 0",
  async () => {
    const { code, stdout, stderr } = await runBroker("--check");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /1883/);
    assert.match(stdout, /http:\/\/127\.0\.0\.1:5656\/mqtt\/webhook/);
    assert.equal(stderr, "");
  },
);

testNeeding(NEEDED, "--check takes RMQTT's reference web-hook file unchanged", async () => {
  const { code, stdout, stderr } = await withFile(
    REFERENCE_GENERAL + REFERENCE_RULES,
    (path) => runBroker("--check", "--web-hook", path),
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /http:\/\/127\.0\.0\.1:5657\/mqtt\/webhook/);
});

const FAULTS: ReadonlyArray<readonly [what: string, webHook: string, said: ReadonlyArray<RegExp>]> =
  [
    ["no TOML", "worker_threads = = 3", [/\b1\b/]],
    ["a misspelt key", 'http_url = ["http://127.0.0.1:1/"]', [/http_url\b/, /http_urls/]],
    ["a wrong type", 'worker_threads = "three"', [/worker_threads/, /three/]],
    ["a duration without a unit", 'http_timeout = "8"', [/http_timeout/, /"?8"?/]],
    ["an unknown event", "rule.client_conected = [{}]", [/client_conected/, /client_connected/]],
    ["an invalid filter", 'rule.message_publish = [{ topics = ["a/#/b"] }]', [/a\/#\/b/]],
    ["topics on an event without", 'rule.client_connect = [{ topics = ["a"] }]', [/topics/]],
    ["an invalid URL", 'rule.client_connect = [{ urls = ["ftp://x/"] }]', [/ftp:\/\/x\//]],
    ["a rule without a URL", "http_urls = []\nrule.client_connect = [{}]", [/client_connect/]],
    [
      "several faults, all said",
      'worker_threads = -1\nhttp_timeot = "8s"\nrule.x = [{}]',
      [/worker_threads/, /http_timeot/, /http_timeout/, /rule\.x/],
    ],
  ];

for (const [what, webHook, said] of FAULTS) {
  testNeeding(NEEDED, `Web-hook file with ${what} is refused by name, exit 78`, async () => {
    await withFile(webHook, async (path) => {
      const { code, stderr } = await runBroker("--web-hook", path);
      assert.equal(code, 78, stderr);
      assert.ok(stderr.includes(path), stderr);
      for (const pattern of said) assert.match(stderr, pattern);
      assert.doesNotMatch(stderr, /^\s+at /m);
    });
  });
}

testNeeding(NEEDED, "Broker file with a fault is refused by line and key, exit 78", async () => {
  const text = `[listener.tcp.external]\naddr = "127.0.0.1:0"\nmax_inflght = 3\n`;
  await withFile(text, async (path) => {
    const { code, stderr } = await runBroker("--check", "--config", path);
    assert.equal(code, 78, stderr);
    for (const pattern of [/max_inflght/, /max_inflight/, /\b3\b/]) assert.match(stderr, pattern);
    assert.ok(stderr.includes(path), stderr);
  });
});

testNeeding(
  NEEDED,
  "Value of a key that RMQTT has and this broker has not is a warning, unless it is RMQTT's default",
  async () => {
    await withFile(
      `[listener.tcp.external]\naddr = "127.0.0.1:0"\nallow_anonymous = true\nbacklog = 4096\nworkers = 8\n`,
      async (path) => {
        const { code, stderr } = await runBroker("--check", "--config", path);
        assert.equal(code, 0, stderr);
        assert.equal(
          stderr,
          `${path}:4: listener.tcp.external.backlog = 4096: the system decides how many connections wait\n`,
        );
      },
    );
  },
);

testNeeding(NEEDED, "File that cannot be read is named, exit 78", async () => {
  const { code, stderr } = await runBroker("--check", "--config", "/nonexistent/broker.toml");
  assert.equal(code, 78);
  assert.match(stderr, /\/nonexistent\/broker\.toml/);
});

testNeeding(NEEDED, "File that is not UTF-8 is refused, exit 78", async () => {
  const latin1 = Uint8Array.from('auth.users = ["Zo\xeb"]', (c) => c.charCodeAt(0));
  await withFile(latin1, async (path) => {
    const { code, stderr } = await runBroker("--check", "--config", path);
    assert.equal(code, 78);
    assert.match(stderr, /not UTF-8/);
  });
});

testNeeding(
  NEEDED,
  "Address in use ends the start with a message, not with a stack trace",
  async () => {
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const text = `[listener.tcp.external]\naddr = "127.0.0.1:${taken.addr.port}"\n`;
    try {
      const { code, stdout, stderr } = await withFile(text, (path) => runBroker("--config", path));
      assert.notEqual(code, 0);
      assert.match(stdout + stderr, new RegExp(`127\\.0\\.0\\.1:${taken.addr.port}`));
      assert.doesNotMatch(stderr, /^\s+at /m);
    } finally {
      taken.close();
    }
  },
);

for (const [signal, workers] of [["SIGTERM", 0], ["SIGTERM", 3], ["SIGINT", 1]] as const) {
  testNeeding(
    NEEDED,
    `${signal} delivers every client's last events and exits 0, with worker_threads ${workers}`,
    async () => {
      const receiver = Receiver.start();
      const broker = await BrokerProcess.start(brokerFiles({
        urls: [receiver.url("/")],
        webHook: `worker_threads = ${workers}\nordering = "client"`,
      }));
      const port = broker.port();
      assert.notEqual(port, 0);
      const old = await MqttClient.connect({ port, clientId: "old", version: 4 });
      const current = await MqttClient.connect({ port, clientId: "current", version: 5 });
      const { code } = await broker.stop(signal);
      const [, disconnect] = await Promise.all([old.closed, current.closed]);
      assert.equal(code, 0);
      assert.equal(disconnect?.reasonCode, 0x8b);
      for (const [id, client] of [["old", old], ["current", current]] as const) {
        const last = bodiesOf(receiver, id).slice(4);
        assertBodies(last.slice(0, 1), [{
          action: "client_disconnected",
          ...about(client, id),
          disconnected_at: TIME,
          reason: "Shutdown",
        }]);
        assertBodies(last.slice(1), [{
          action: "session_terminated",
          ...about(client, id),
          reason: "Shutdown",
        }]);
      }
      await receiver.close();
    },
  );
}

testNeeding(
  NEEDED,
  "Stop takes no longer than shutdown_timeout, and the log counts what is left",
  async () => {
    const receiver = Receiver.start();
    receiver.answer("/", { _tag: "Hang" });
    const broker = await BrokerProcess.start(brokerFiles({
      urls: [receiver.url("/")],
      webHook: 'worker_threads = 1\nhttp_timeout = "60s"\nshutdown_timeout = "500ms"',
    }));
    const client = await MqttClient.connect({ port: broker.port(), clientId: "left" });
    await receiver.waitFor({ action: "client_connect" });
    const began = Date.now();
    const { code, stdout, stderr } = await broker.stop("SIGTERM", 5000);
    assert.equal(code, 0);
    assert.ok(Date.now() - began >= 490);
    assert.match(stdout + stderr, /(undelivered|left|lost|dropped|abandoned)\S*[= ]\d+/i);
    await client.drop();
    await receiver.close();
  },
);

testNeeding(NEEDED, "Log at its default level holds no payload and no password", async () => {
  const receiver = Receiver.start();
  const broker = await BrokerProcess.start(brokerFiles({
    broker: 'auth.users = [{ username = "alice", password = "pa55w0rd" }]',
    urls: [receiver.url("/")],
  }));
  const login = { clientId: "quiet", username: "alice", password: "pa55w0rd" };
  const client = await MqttClient.connect({ port: broker.port(), ...login });
  await client.publish("quiet", "pay10ad", { qos: 1 });
  await client.end();
  const { stdout, stderr } = await broker.stop();
  assert.doesNotMatch(stdout + stderr, /pa55w0rd|pay10ad|cGF5MTBhZA/);
  await receiver.close();
});

testNeeding(NEEDED, "deno task start itself ends with exit 0 on SIGTERM", async () => {
  const receiver = Receiver.start();
  const { broker, webHook } = brokerFiles({ urls: [receiver.url("/")] });
  const exit = await withFile(broker, (brokerPath) =>
    withFile(webHook, async (webHookPath) => {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["task", "--quiet", "start", "--config", brokerPath, "--web-hook", webHookPath],
        cwd: repository,
        stdin: "null",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      let text = "";
      let signalled = false;
      for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
        text += piece;
        if (signalled || !/\blistening\b.*\n/.test(text)) continue;
        signalled = true;
        child.kill("SIGTERM");
      }
      return await child.status;
    }));
  assert.equal(exit.code, 0);
  await receiver.close();
});

testNeeding(
  NEEDED,
  "deno task receiver prints where it listens and each event on one line",
  async () => {
    const child = taskCommand("receiver", ["--port", "0"]).spawn();
    void child.stderr.cancel();
    let text = "";
    let port: string | undefined;
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (port === undefined) {
        port = /http:\/\/127\.0\.0\.1:(\d+) .*\n/.exec(text)?.[1];
        if (port === undefined) continue;
        const response = await fetch(`http://127.0.0.1:${port}/mqtt/webhook`, {
          method: "POST",
          body: JSON.stringify({ action: "message_publish", from_clientid: "p1", payload: "aGk=" }),
        });
        assert.equal(response.status, 200);
        await response.body?.cancel();
      }
      if (/message_publish.*\n/.test(text)) child.kill("SIGTERM");
    }
    await child.status;
    assert.match(text, /\n\d\d:\d\d:\d\d\.\d{3} message_publish +p1 +payload="hi"\n$/);
  },
);
