import assert from "node:assert/strict";
import config from "../../../deno.json" with { type: "json" };
import { collectGarbage } from "../../../src/ops/collectGarbage.ts";
import { testNeeding } from "../../support/permissions.ts";

/** Whether an object that nobody has is gone after `collectGarbage`, in a process with these V8 flags. */
const collects = async (flags: ReadonlyArray<string>): Promise<boolean> => {
  const program = `
    import { collectGarbage } from "./src/ops/collectGarbage.ts";
    const ref = new WeakRef({});
    setTimeout(() => { collectGarbage(); console.log(ref.deref() === undefined); });`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--no-lock", ...flags, program],
    cwd: new URL("../../../", import.meta.url),
  }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  return JSON.parse(new TextDecoder().decode(stdout));
};

testNeeding(
  ["run"],
  "collectGarbage collects by the flags of the start task, and does nothing without them",
  async () => {
    const flags = config.tasks.start.command.split(" ").filter((word) => word.startsWith("--v8"));
    assert.equal(await collects(flags), true);
    assert.equal(await collects([]), false);
  },
);

Deno.test("collectGarbage does nothing where V8's gc is not there", () => {
  assert.equal((globalThis as { gc?: unknown }).gc, undefined);
  collectGarbage();
});
