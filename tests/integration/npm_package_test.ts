/** The npm package, packed, installed into an empty folder and started from there. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess, taskCommand } from "../support/BrokerProcess.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { aroundAllNeeding, testNeeding } from "../support/permissions.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

/** Where it is installed. */
let folder: string;

const output = async (command: Deno.Command) => {
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
};

const npm = async (cwd: string, ...args: ReadonlyArray<string>): Promise<string> => {
  const said = await output(
    new Deno.Command("npm", { args: [...args, "--no-audit", "--no-fund"], cwd, stdin: "null" }),
  );
  assert.equal(said.code, 0, said.stderr);
  return said.stdout;
};

/** The package's bin, as it is installed. */
const hookline = (...args: ReadonlyArray<string>): Deno.Command =>
  new Deno.Command(`${folder}/node_modules/.bin/hookline`, {
    args: [...args],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });

aroundAllNeeding(NEEDED, {
  before: async () => {
    folder = await Deno.makeTempDir({ prefix: "hookline-npm-" });
    const made = await output(taskCommand("npm-package", [`${folder}/package`]));
    assert.equal(made.code, 0, made.stderr);
    const [{ filename }] = JSON.parse(await npm(`${folder}/package`, "pack", "--json"));
    await Deno.writeTextFile(`${folder}/package.json`, "{}");
    await npm(folder, "install", `./package/${filename}`);
  },
  after: () => Deno.remove(folder, { recursive: true }),
});

testNeeding(NEEDED, "npm's hookline ends with the broker's own status and words", async () => {
  assert.match((await output(hookline("--version"))).stdout, /^\d+\.\d+\.\d+\n$/);
  const usage = await output(hookline("--confg"));
  assert.equal(usage.code, 64);
  assert.match(usage.stderr, /did you mean --config/);
  const faulty = await output(hookline());
  assert.equal(faulty.code, 78);
  assert.match(faulty.stderr, /config\/broker\.toml: expected a readable file/);
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await Deno.writeTextFile(
    `${folder}/taken.toml`,
    `listener.tcp.external.addr = "127.0.0.1:${taken.addr.port}"`,
  );
  await Deno.writeTextFile(`${folder}/no-rule.toml`, "");
  const late = await output(hookline("--config", "taken.toml", "--web-hook", "no-rule.toml"));
  assert.equal(late.code, 1);
  assert.match(late.stderr, /in use/);
  const init = await output(hookline("init", "--yes"));
  assert.equal(init.code, 0, init.stderr);
  const own = ["--config", "broker.toml", "--web-hook", "web-hook.toml"];
  const checked = await output(hookline("--check", ...own));
  assert.equal(checked.code, 0, checked.stderr);
  assert.match((await output(hookline("permissions", ...own))).stdout, /^--allow-net=.*:1883/m);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  testNeeding(
    NEEDED,
    `npm's hookline hands ${signal} on, and the broker stops gracefully`,
    async () => {
      await using receiver = Receiver.start();
      const broker = await BrokerProcess.start(
        brokerFiles({ urls: [receiver.url("/")] }),
        ["external"],
        {},
        undefined,
        (args) => hookline(...args),
      );
      await MqttClient.connect({ port: broker.port(), clientId: "c" });
      await receiver.waitFor({ action: "client_connected", clientid: "c" });
      broker.signal("SIGHUP");
      await broker.logged(/ INFO reloaded file=\S*\/broker\.toml/);
      const { code, stdout } = await broker.stop(signal);
      assert.equal(code, 0);
      assert.match(stdout, / INFO stopped\n$/);
      assert.ok(receiver.matching({ action: "session_terminated", reason: "Shutdown" }).length > 0);
    },
  );
}
