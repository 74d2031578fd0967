/** config/packaging/ names what is in the tree, and says of the broker what is so. */
import assert from "node:assert/strict";
import denoJson from "../../deno.json" with { type: "json" };
import manifest from "../../config/packaging/npm/package.json" with { type: "json" };
import { EX_USAGE } from "../../src/config/CommandLine.ts";
import { EX_CONFIG } from "../../src/config/ConfigError.ts";
import { parseDuration } from "../../src/config/Duration.ts";
import { testNeeding } from "../support/permissions.ts";

const ROOT = new URL("../../", import.meta.url);

const read = (path: string): string => Deno.readTextFileSync(new URL(path, ROOT));

const DOCKERFILE = "config/packaging/Dockerfile";
const UNIT = "config/packaging/hookline.service";

/** What stands behind an instruction, each time that it is there. */
const instructions = (name: string): ReadonlyArray<string> =>
  read(DOCKERFILE).replaceAll("\\\n", " ").split("\n")
    .filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length).trim());

testNeeding(["read"], "The Dockerfile copies what is in the tree and in its context", () => {
  const copied = instructions("COPY").flatMap((words) => words.split(/ +/).slice(0, -1));
  const context = read(`${DOCKERFILE}.dockerignore`).split("\n")
    .filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  assert.deepEqual(copied.toSorted(), context.toSorted());
  for (const path of copied) Deno.statSync(new URL(path, ROOT));
  for (const path of instructions("RUN").join(" ").match(/src\/\S+\.ts/g) ?? []) {
    Deno.statSync(new URL(path, ROOT));
  }
});

testNeeding(
  ["read"],
  "The image runs as a user of its own, by the script, and asks a task for health",
  () => {
    assert.equal(instructions("USER").at(-1), "deno");
    const [entry = ""] = instructions("ENTRYPOINT");
    assert.deepEqual(JSON.parse(entry), ["/tini", "--", "/opt/hookline/config/packaging/hookline"]);
    const [health = ""] = instructions("HEALTHCHECK");
    const words = JSON.parse(health.slice(health.indexOf("[")));
    assert.deepEqual(words.slice(0, 2), ["deno", "task"]);
    assert.ok(words.at(-1) in denoJson.tasks);
  },
);

testNeeding(
  ["read"],
  "The image and the npm package have one Deno, and the version of the tree",
  () => {
    const [base] = instructions("FROM");
    assert.equal(base, `denoland/deno:${manifest.dependencies.deno}`);
    assert.equal(manifest.version, denoJson.version);
  },
);

const setting = (name: string): string => {
  const value = new RegExp(`^${name}=(.*)$`, "m").exec(read(UNIT))?.[1];
  assert.ok(value !== undefined, name);
  return value;
};

testNeeding(
  ["read"],
  "The unit waits longer than shutdown_timeout, and starts no faulty configuration again",
  () => {
    const shipped = /^shutdown_timeout = "(.*)"$/m.exec(read("config/web-hook.toml"))?.[1];
    const millis = (text: string | undefined): number => {
      const parsed = parseDuration(text ?? "");
      assert.ok(parsed !== undefined);
      return parsed;
    };
    assert.ok(millis(setting("TimeoutStopSec")) > millis(shipped));
    assert.equal(setting("RestartPreventExitStatus"), `${EX_USAGE} ${EX_CONFIG}`);
    assert.equal(setting("ExecReload"), "/bin/kill -HUP $MAINPID");
  },
);

const hasSystemd = async (): Promise<boolean> => {
  try {
    return (await new Deno.Command("systemd-analyze", { args: ["--version"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
};

testNeeding(
  ["read", "write", "run"],
  "systemd-analyze verify finds nothing in the unit",
  async () => {
    if (!await hasSystemd()) {
      console.log("left out: the unit is not verified, no systemd-analyze is here");
      return;
    }
    const folder = await Deno.makeTempDir({ prefix: "hookline-unit-" });
    const file = `${folder}/hookline.service`;
    const verify = async (unit: string) => {
      await Deno.writeTextFile(file, unit);
      const { success, stderr } = await new Deno.Command("systemd-analyze", {
        args: ["verify", file],
      })
        .output();
      return { success, said: new TextDecoder().decode(stderr) };
    };
    // Where the tree is here.
    const unit = read(UNIT).replaceAll("/opt/hookline/", ROOT.pathname);
    assert.deepEqual(await verify(unit), { success: true, said: "" });
    assert.match((await verify(unit.replace("Restart=", "Restat="))).said, /Unknown key.*Restat/);
    await Deno.remove(folder, { recursive: true });
  },
);
