/**
 * `deno task permissions [--config FILE] [--web-hook FILE]`: prints, one on each line, the options of
 * `deno run` with which `src/main.ts` may do what its two files need, and nothing else. Its arguments are
 * those of the broker: what starts it by them hands them to both (config/packaging/).
 */
import { fileURLToPath } from "node:url";
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import denoJson from "../../deno.json" with { type: "json" };
import { EX_USAGE, parseCommandLine } from "../config/CommandLine.ts";
import { EX_CONFIG } from "../config/ConfigError.ts";
import { ConfigSource, recording } from "../config/ConfigSource.ts";
import { leastPermissions, permissionOptions } from "../config/leastPermissions.ts";
import type { ConfigFiles } from "../config/loadSettings.ts";
import { loadSettings } from "../config/loadSettings.ts";

/** `any`: receivers may be on any host, so that a reload can bring one that was not there. */
const HOSTS = "HOOKLINE_HOSTS";

/** The program's files, wherever it is. */
const PROGRAM = ["../../src", "../../deno.json"]
  .map((path) => fileURLToPath(new URL(path, import.meta.url)));

/** What the task `start` has, to grant and beside that. */
const [GRANTS = [], OTHERS = []] = ((words: ReadonlyArray<string>) => [
  words.filter((word) => word.startsWith("--allow-")),
  words.filter((word) => word.startsWith("--") && !word.startsWith("--allow-")),
])(denoJson.tasks.start.command.split(" "));

const exists = (path: string): boolean => {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false; // or nobody may look: then it is not made either
  }
};

const ofFiles = (files: ConfigFiles) =>
  Effect.gen(function* () {
    const { source, asked } = recording(yield* ConfigSource);
    const settings = yield* Effect.provideService(loadSettings(files), ConfigSource, source);
    const options = permissionOptions(
      leastPermissions(settings, { asked, program: PROGRAM, exists }),
    );
    return Deno.env.get(HOSTS) === "any"
      ? options.map((option) => option.replace(/^--allow-net=.*/s, "--allow-net"))
      : options;
  });

const print = (options: ReadonlyArray<string>) =>
  Effect.sync(() => {
    console.log([...OTHERS, ...options].join("\n"));
    return 0;
  });

const fail = (status: number) => ({ message }: { readonly message: string }) =>
  Effect.sync(() => {
    console.error(message);
    return status;
  });

const main = Effect.suspend(() => {
  const command = parseCommandLine(Deno.args);
  if (Either.isLeft(command)) {
    return fail(EX_USAGE)({ message: `${command.left.message} (type --help for the options)` });
  }
  switch (command.right._tag) {
    case "Run":
      return Effect.flatMap(ofFiles(command.right.files), print);
    case "Explain":
    case "Check": // looks where it may not write afterwards
      return print(GRANTS);
    case "Version":
    case "Help":
      return print([]);
  }
});

const status = await Effect.runPromise(
  main.pipe(
    Effect.catchTag("ConfigError", fail(EX_CONFIG)),
    Effect.provide(ConfigSource.Live),
  ),
);
Deno.exit(status);
