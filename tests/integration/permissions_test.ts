/** The broker with the least permissions that its files need: as config/packaging/hookline starts it. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess, repository, taskCommand } from "../support/BrokerProcess.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { LEAF_CERT, LEAF_KEY } from "../support/pems.ts";
import { testNeeding } from "../support/permissions.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

const TLS = `${repository}tests/support/tls/`;

const IDENTITY = `cert = "${TLS}cert.pem"\nkey = "${TLS}key.pem"`;

const LISTENERS = {
  external: "allow_anonymous = false",
  "tls.secure": IDENTITY,
  "ws.browser": "",
  "wss.page": IDENTITY,
};

/** Port 0 is one that nobody knows before: these are. */
const withPorts = (broker: string, ports: Iterator<number>): string =>
  broker.replace(/127\.0\.0\.1:0\b/g, () => `127.0.0.1:${ports.next().value}`);

const freePorts = (count: number): ReadonlyArray<number> => {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  return listeners.map((listener) => {
    listener.close();
    return listener.addr.port;
  });
};

/** Starts a shipped script by the arguments of the broker. */
const script = (env: Readonly<Record<string, string>> = {}) => (args: ReadonlyArray<string>) =>
  new Deno.Command(`${repository}config/packaging/hookline`, {
    args: [...args],
    cwd: repository,
    env: { NO_COLOR: "1", PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`, ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });

/** What every kind of receiver and listener, the API and the disk want. */
const everything = (urls: { readonly plain: string; readonly secure: string }, folder: string) => {
  const files = brokerFiles({
    broker: 'persistence = true\nhttp_api.addr = "127.0.0.1:0"\n' +
      'auth.users = [{ username = "u", password = "env:BROKER_TEST_PASSWORD" }]',
    listeners: LISTENERS,
    urls: [urls.plain, urls.secure, `file://${folder}/not there/events.jsonl`],
    webHook: `worker_threads = 1
outbox = "disk"
outbox_dir = "${folder}/a b/outbox"
[[endpoint]]
url = "${urls.secure}"
ca_file = "${TLS}ca.pem"
headers = { x = "env:BROKER_TEST_HEADER" }
[rule]`,
    rules: "client_connected = [{}]",
  });
  return { ...files, broker: withPorts(files.broker, freePorts(5).values()) };
};

const ENV = { BROKER_TEST_PASSWORD: "p", BROKER_TEST_HEADER: "h" };

/** A receiver over TLS that tells the headers of its requests. */
const secureReceiver = () => {
  const seen: Array<Headers> = [];
  const waiting: Array<() => void> = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert: LEAF_CERT, key: LEAF_KEY, onListen: () => {} },
    async (request) => {
      await request.text();
      seen.push(request.headers);
      for (const look of waiting) look();
      return new Response(null, { status: 204 });
    },
  );
  const until = (count: number): Promise<void> =>
    new Promise((resolve) => {
      const look = () => seen.length >= count && resolve();
      waiting.push(look);
      look();
    });
  return { server, seen, until, url: `https://localhost:${server.addr.port}/` };
};

testNeeding(
  NEEDED,
  "config/packaging/hookline starts a broker that can do all that its files say",
  async () => {
    await using receiver = Receiver.start();
    await using other = Receiver.start();
    const secure = secureReceiver();
    await using _ = secure.server;
    const folder = await Deno.makeTempDir({ prefix: "hookline-test-" });
    const files = everything({ plain: receiver.url("/"), secure: secure.url }, folder);
    const broker = await BrokerProcess.start(
      files,
      ["http_api", "external", "secure", "browser", "page"],
      {},
      undefined,
      script(ENV),
    );
    try {
      const ca = await Deno.readTextFile(`${TLS}ca.pem`);
      const login = { username: "u", password: "p" };
      for (
        const [clientId, options] of Object.entries(
          {
            tcp: { port: broker.port("external"), ...login },
            tls: { port: broker.port("secure"), protocol: "mqtts", ca },
            ws: { port: broker.port("browser"), protocol: "ws", path: "/mqtt" },
            wss: { port: broker.port("page"), protocol: "wss", path: "/mqtt", ca },
          } as const,
        )
      ) {
        const client = await MqttClient.connect({ clientId, ...options });
        await receiver.waitFor({ action: "client_connected", clientid: clientId });
        await client.end();
      }
      await secure.until(4);
      assert.ok(secure.seen.every((headers) => headers.get("x") === "h"));
      const api = `http://127.0.0.1:${broker.port("http_api")}`;
      for (
        const path of ["healthz", "readyz", "metrics", "docs", "openapi.json", "api/v1/clients"]
      ) {
        const answer = await fetch(`${api}/${path}`);
        assert.equal(answer.status, 200, path);
        await answer.body?.cancel();
      }
      const reload = async (webHook: string, said: RegExp) => {
        await Deno.writeTextFile(`${broker.folder}/web-hook.toml`, webHook);
        broker.signal("SIGHUP");
        await broker.logged(said);
      };
      await reload(
        `${files.webHook}\nclient_disconnected = [{}]`,
        / INFO reloaded file=\S*web-hook/,
      );
      const client = await MqttClient.connect({
        clientId: "z",
        port: broker.port("external"),
        ...login,
      });
      await client.end();
      await receiver.waitFor({ action: "client_disconnected", clientid: "z" });
      await reload(
        files.webHook.replace(receiver.url("/"), other.url("/")),
        new RegExp(` ERROR not reloaded.*\\n.*needs a restart.*127\\.0\\.0\\.1:${other.port}`),
      );
      await reload(
        files.webHook.replace("not there", "elsewhere"),
        / ERROR not reloaded.*\n.*elsewhere.*needs a restart/,
      );
      assert.equal((await broker.stop()).code, 0);
    } finally {
      await broker.stop().catch(() => {});
    }
    const lines = (await Deno.readTextFile(`${folder}/not there/events.jsonl`)).trim().split("\n");
    assert.equal(lines.length, 6); // four clients, and one that came and went
    assert.ok((await Deno.stat(`${folder}/a b/outbox/outbox.db`)).size > 0);
    await Deno.remove(folder, { recursive: true });
  },
);

/** What code that came to run in the broker would try: each has to be refused. */
const PROBE = `
const tries = {
  "read a file": () => Deno.readTextFileSync("/etc/passwd"),
  "read beside the configuration": () => Deno.readDirSync(Deno.args[0]),
  "write beside the outbox": () => Deno.writeTextFileSync(Deno.args[0] + "/x", ""),
  "write to its own program": () => Deno.writeTextFileSync(Deno.args[1] + "/src/main.ts", "", { create: false, append: true }),
  "read the environment": () => Deno.env.get("HOME"),
  "connect to another port": () => Deno.connect({ hostname: "127.0.0.1", port: 1 }),
  "ask a name server": () => Deno.resolveDns("localhost", "A"),
  "listen elsewhere": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  "run a program": () => new Deno.Command("true").outputSync(),
  "ask about the system": () => Deno.hostname(),
};
const done = [];
for (const [what, attempt] of Object.entries(tries)) {
  try {
    await attempt();
    done.push(what);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) done.push(what + ": " + error);
  }
}
console.log(JSON.stringify([done, Deno.env.get("BROKER_TEST_HEADER")]));
`;

testNeeding(
  NEEDED,
  "The permissions of config/packaging/hookline let a process do nothing else",
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "hookline-test-" });
    const urls = { plain: "http://192.0.2.1/", secure: "https://[2001:db8::1]:8443/" };
    const files = everything(urls, folder);
    const [broker, webHook] = [`${folder}/broker.toml`, `${folder}/web-hook.toml`];
    await Deno.writeTextFile(broker, files.broker);
    await Deno.writeTextFile(webHook, files.webHook);
    const own = ["--config", broker, "--web-hook", webHook];
    const told = await taskCommand("permissions", own, ENV).output();
    const options = new TextDecoder().decode(told.stdout).trim();
    assert.match(options, /--allow-net=\S*,192\.0\.2\.1:80,\[2001:db8::1\]:8443$/m);
    const probe = new Deno.Command(Deno.execPath(), {
      args: ["run", ...options.split("\n"), "-", folder, repository],
      env: ENV,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    await new Blob([PROBE]).stream().pipeTo(probe.stdin);
    const { stdout } = await probe.output();
    assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), [[], "h"]);
    await Deno.remove(folder, { recursive: true });
  },
);

testNeeding(
  NEEDED,
  "config/packaging/hookline ends with the broker's own status and words",
  async () => {
    const run = async (...args: ReadonlyArray<string>) => {
      const { code, stdout, stderr } = await script()(args).output();
      const text = new TextDecoder();
      return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
    };
    assert.partialDeepStrictEqual(await run("--version"), { code: 0, stderr: "" });
    const checked = await run("--check", "--config", `${repository}config/broker.toml`);
    assert.match(checked.stdout, /^listeners:$/m);
    assert.partialDeepStrictEqual(checked, { code: 0, stderr: "" });
    const usage = await run("--confg");
    assert.equal(usage.code, 64);
    assert.match(usage.stderr, /did you mean --config/);
    const faulty = await run("--config", `${repository}config/web-hook.toml`);
    assert.equal(faulty.code, 78);
    assert.match(faulty.stderr, /web-hook/);
  },
);
