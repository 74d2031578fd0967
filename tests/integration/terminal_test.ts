/** Programs that ask somebody at a terminal: what is secret is not shown there. */
import assert from "node:assert/strict";
import { verify } from "../../src/auth/PasswordHash.ts";
import { onTerminal } from "../support/onTerminal.ts";
import { testNeeding } from "../support/permissions.ts";
import { runBroker, taskWords } from "../support/BrokerProcess.ts";

const NEEDED = ["read", "env", "run"] as const;

const HASH = /\$scrypt\$\S+/;

testNeeding(NEEDED, "hash-password on a terminal shows nothing of what is typed", async () => {
  const { code, shown } = await onTerminal("hash-password", [], [
    ["Password", "wrong guess\r"],
    ["Once more", "open sésame\r"],
    ["Password", "open sésamx\x7fe\r"],
    ["Once more", "open sésame\r"],
  ]);
  assert.equal(code, 0, shown);
  assert.match(shown, /The two differ/);
  assert.doesNotMatch(shown, /wrong|guess|open|same|\*/);
  const [hash = assert.fail(shown)] = HASH.exec(shown) ?? [];
  assert.ok(await verify(hash, new TextEncoder().encode("open sésame")));
});

testNeeding(NEEDED, "hash-password on a terminal ends at Ctrl-C without a hash", async () => {
  const { code, shown } = await onTerminal("hash-password", [], [["Password", "half\x03"]]);
  assert.equal(code, 130);
  assert.doesNotMatch(shown, /half|scrypt/);
});

testNeeding(NEEDED, "hash-password reads a pipe without a question", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: taskWords("hash-password", []).words.slice(1),
    cwd: taskWords("hash-password", []).cwd,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("piped secret\n"));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  assert.equal(code, 0);
  assert.equal(stderr.length, 0);
  const hash = new TextDecoder().decode(stdout).trim();
  assert.ok(await verify(hash, new TextEncoder().encode("piped secret")));
});

testNeeding(
  [...NEEDED, "write"],
  "init on a terminal writes files that start accepts, and shows no password",
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "hookline-test-" });
    const [config, webHook] = [`${folder}/broker.toml`, `${folder}/web-hook.toml`];
    await Deno.writeTextFile(webHook, "", { mode: 0o644 });
    const { code, shown } = await onTerminal("init", ["--config", config, "--web-hook", webHook], [
      ["events go?", "https://example.com/?token=t\r"],
      ["Which events?", "presence\r"],
      ["TLS?", "\r"],
      ["Users?", "alice\r"],
      ["Password of alice", "hunter2\r"],
      ["Once more", "hunter2\r"],
      ["Another user", "\r"],
      ["Overwrite it?", "yes\r"],
    ]);
    assert.equal(code, 0, shown);
    assert.doesNotMatch(shown, /hunter2|scrypt/);
    for (const path of [config, webHook]) {
      assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    }
    assert.equal([...Deno.readDirSync(folder)].length, 2);
    const { code: checked, stdout } = await runBroker(
      "--check",
      "--config",
      config,
      "--web-hook",
      webHook,
    );
    assert.equal(checked, 0);
    assert.match(stdout, /users only/);
    await Deno.remove(folder, { recursive: true });
  },
);
