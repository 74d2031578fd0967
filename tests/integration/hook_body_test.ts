/** HookBody as somebody else's program has it, by what docs/receivers.md says. */
import assert from "node:assert/strict";
import denoJson from "../../deno.json" with { type: "json" };
import { repository } from "../support/BrokerProcess.ts";
import { testNeeding } from "../support/permissions.ts";

const PROGRAM = `import * as Schema from "effect/Schema";
import { HookBody } from "hookline/HookBody";
const body = Schema.decodeUnknownSync(HookBody)(JSON.parse(Deno.args[0] ?? ""));
if (body.action === "session_created") {
  const at: number = body.created_at;
  console.log(body.clientid, at);
}
`;

const BODY = {
  action: "session_created",
  node: 1,
  ipaddress: "127.0.0.1:1",
  clientid: "kitchen",
  username: "undefined",
  created_at: 7,
};

testNeeding(
  ["net", "read", "write", "run"],
  "HookBody is there, with its types, for a program that links this tree",
  async () => {
    const page = await Deno.readTextFile(`${repository}docs/receivers.md`);
    const shown = JSON.parse(/```json\n([^`]*"links"[^`]*)```/.exec(page)?.[1] ?? "{}");
    assert.equal(shown.imports.hookline, `jsr:${denoJson.name}@${denoJson.version}`);
    assert.equal(shown.imports.effect, denoJson.imports.effect);
    const folder = await Deno.makeTempDir({ prefix: "hookline-linked-" });
    await Deno.writeTextFile(
      `${folder}/deno.json`,
      JSON.stringify({ ...shown, links: [repository] }),
    );
    await Deno.writeTextFile(`${folder}/program.ts`, PROGRAM);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--check", "program.ts", JSON.stringify(BODY)],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.equal(new TextDecoder().decode(stdout), "kitchen 7\n");
    await Deno.remove(folder, { recursive: true });
  },
);
