/** What `openFile` makes, over real files. What it mends and how it writes: tests/integration/files_test.ts. */
import assert from "node:assert/strict";
import { openFile } from "../../../../src/webhook/attempt/appendFile.ts";
import { testNeeding } from "../../../support/permissions.ts";

testNeeding(
  ["read", "write"],
  "openFile makes files and folders for its own user alone, and leaves the modes of others",
  async () => {
    const root = await Deno.makeTempDir({ prefix: "hookline-test-" });
    await Deno.mkdir(`${root}/theirs`);
    await Deno.chmod(`${root}/theirs`, 0o755);
    await Deno.writeTextFile(`${root}/theirs/old`, "");
    await Deno.chmod(`${root}/theirs/old`, 0o644);
    const modeOf = async (path: string) => ((await Deno.stat(root + path)).mode ?? 0) & 0o777;
    for (const path of ["/a/b/new", "/theirs/new", "/theirs/old"]) {
      const file = await openFile(new URL(`file://${root}${path}`), false);
      assert.equal(await file.write(new TextEncoder().encode("{}\n")), 3);
      await file.close();
    }
    const modes = { "/a": 0o700, "/a/b": 0o700, "/a/b/new": 0o600, "/theirs/new": 0o600 };
    for (const [path, mode] of Object.entries(modes)) assert.equal(await modeOf(path), mode, path);
    assert.equal(await modeOf("/theirs"), 0o755);
    assert.equal(await modeOf("/theirs/old"), 0o644);
    await Deno.remove(root, { recursive: true });
  },
);
