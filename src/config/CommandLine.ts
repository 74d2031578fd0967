/** The command line of `deno task start`. It only reads arguments: what they name is looked at by others. */
import { parseArgs } from "node:util";
import * as Data from "effect/Data";
import * as Either from "effect/Either";
import type { HookEventName } from "../domain/HookEvent.ts";
import { hasSubject, hookEventNames } from "../domain/HookEvent.ts";
import { VERSION } from "../domain/version.ts";
import type { ConfigFiles } from "./loadSettings.ts";
import { nearest } from "./nearest.ts";

/** What the process was asked to do. */
export type CommandLine =
  | { readonly _tag: "Run"; readonly files: ConfigFiles }
  /** Read and validate both files, print what would run, and end; `tries`: send each URL a sample, too. */
  | { readonly _tag: "Check"; readonly files: ConfigFiles; readonly tries: boolean }
  /** Say which rules and URLs an event would take. `topic`: undefined of an event that has none. */
  | {
    readonly _tag: "Explain";
    readonly files: ConfigFiles;
    readonly event: HookEventName;
    readonly topic: string | undefined;
  }
  | { readonly _tag: "Version" }
  | { readonly _tag: "Help" };

/** The arguments are not understood; the message says which, on one line. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

/** The exit status for a wrong command line: EX_USAGE of BSD's sysexits.h. */
export const EX_USAGE = 64;

/** What `--help` prints, without a last line end. */
export const USAGE = `Hookline ${VERSION}: an MQTT broker whose hook events go to webhooks.

Usage: deno task start [--config FILE] [--web-hook FILE] [--check [--try] | --explain EVENT [TOPIC]]
       deno task start --version | --help

  --config FILE    broker settings (default: config/broker.toml)
  --web-hook FILE  web-hook settings (default: config/web-hook.toml);
                   an rmqtt-web-hook.toml works as it is
  --check          read and validate both files, print what would run, and exit
  --try            with --check: send a sample event to each URL, with the header
                   webhook-test: true, and say what came back
  --explain EVENT [TOPIC]
                   say which rules and URLs an event would take, and why not, and exit;
                   TOPIC: the topic of a message_ event, the filter of a subscription
  --version        print the version and exit
  --help           print this text and exit

Relative paths start at the working directory.
SIGTERM and SIGINT stop gracefully. SIGHUP reads both files again (of the broker's, who may come in
and do what) and opens file:// targets anew, for log rotation. SIGUSR2 logs what became of each URL's
events. SIGUSR1 is Deno's: it opens the port of a debugger.
Exit status: 1 where it could not start or a URL failed a --try, 0 after a graceful stop, ${EX_USAGE} for a wrong command line, 78 for a wrong configuration.`;

const options = {
  config: { type: "string" },
  "web-hook": { type: "string" },
  check: { type: "boolean" },
  try: { type: "boolean" },
  explain: { type: "string" },
  version: { type: "boolean" },
  help: { type: "boolean" },
} as const;

/** Reads the arguments that follow the program's name. `--help` and `--version` win over `--check`. */
export const parseCommandLine = (
  args: ReadonlyArray<string>,
): Either.Either<CommandLine, UsageError> => {
  // Not strict, because node's own errors know no nearest option.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const files = { config: "config/broker.toml", webHook: "config/web-hook.toml" };
  const flags = new Set<string>();
  let event: string | undefined;
  let topic: string | undefined;
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      if (event === undefined || topic !== undefined) {
        return wrong(`unexpected argument ${JSON.stringify(token.value)}`);
      }
      topic = token.value;
      continue;
    }
    const { rawName, value } = token;
    if (!rawName.startsWith("--") || !Object.hasOwn(options, token.name)) {
      const near = nearest(rawName, Object.keys(options).map((name) => `--${name}`));
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      return wrong(`unknown option ${rawName}${hint}`);
    }
    switch (token.name) {
      case "config":
      case "web-hook":
        // "--config --check": parseArgs would take the next option for the file.
        if (!value || (!token.inlineValue && value.startsWith("-"))) {
          return wrong(`${rawName} needs a file`);
        }
        files[token.name === "config" ? "config" : "webHook"] = value;
        break;
      case "explain":
        if (!value || (!token.inlineValue && value.startsWith("-"))) {
          return wrong(`${rawName} needs an event`);
        }
        event = value;
        break;
      default:
        if (value !== undefined) return wrong(`${rawName} takes no value`);
        flags.add(token.name);
    }
  }
  if (flags.has("help")) return Either.right({ _tag: "Help" });
  if (flags.has("version")) return Either.right({ _tag: "Version" });
  if (event !== undefined) {
    if (flags.size > 0) return wrong(`--explain does not go with --${[...flags].join(", --")}`);
    return explaining(files, event, topic);
  }
  const tries = flags.has("try");
  if (flags.has("check")) return Either.right({ _tag: "Check", files, tries });
  return tries ? wrong("--try goes with --check") : Either.right({ _tag: "Run", files });
};

const explaining = (
  files: ConfigFiles,
  given: string,
  topic: string | undefined,
): Either.Either<CommandLine, UsageError> => {
  const event = hookEventNames.find((name) => name === given);
  if (event === undefined) {
    const near = nearest(given, hookEventNames);
    return wrong(
      `--explain: there is no event ${JSON.stringify(given)}` +
        (near === undefined
          ? `: they are ${hookEventNames.join(", ")}`
          : `; did you mean ${near}?`),
    );
  }
  if (hasSubject(event) && topic === undefined) {
    return wrong(`--explain ${event} needs a topic behind it: rules choose it by that`);
  }
  if (!hasSubject(event) && topic !== undefined) {
    return wrong(`--explain ${event}: it has no topic, found ${JSON.stringify(topic)}`);
  }
  return Either.right({ _tag: "Explain", files, event, topic });
};

const wrong = (message: string) => Either.left(new UsageError({ message }));
