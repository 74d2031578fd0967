/** Programs that ask somebody at a terminal: what is secret is not shown there. */
import assert from "node:assert/strict";
import { verify } from "../../src/auth/PasswordHash.ts";
import { onTerminal } from "../support/onTerminal.ts";
import { testNeeding } from "../support/permissions.ts";
import { taskWords } from "../support/BrokerProcess.ts";

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
