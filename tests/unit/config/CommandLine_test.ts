import assert from "node:assert/strict";
import * as Either from "effect/Either";
import { parseCommandLine, USAGE } from "../../../src/config/CommandLine.ts";
import { VERSION } from "../../../src/domain/version.ts";

const defaults = { config: "config/broker.toml", webHook: "config/web-hook.toml" };

for (
  const [args, expected] of [
    [[], { _tag: "Run", files: defaults }],
    [["--check"], { _tag: "Check", files: defaults, tries: false }],
    [["--try", "--check"], { _tag: "Check", files: defaults, tries: true }],
    [["--config", "a.toml", "--web-hook=b.toml"], {
      _tag: "Run",
      files: { config: "a.toml", webHook: "b.toml" },
    }],
    [["--check", "--config=a.toml"], {
      _tag: "Check",
      files: { ...defaults, config: "a.toml" },
      tries: false,
    }],
    [["--config=-a.toml"], { _tag: "Run", files: { ...defaults, config: "-a.toml" } }],
    [["--explain", "client_connected"], {
      _tag: "Explain",
      files: defaults,
      event: "client_connected",
      topic: undefined,
    }],
    [["--explain=message_publish", "--web-hook", "b.toml", "--", "-t/1"], {
      _tag: "Explain",
      files: { ...defaults, webHook: "b.toml" },
      event: "message_publish",
      topic: "-t/1",
    }],
    [["--explain", "session_created", "--help"], { _tag: "Help" }],
    [["--version", "--check"], { _tag: "Version" }],
    [["--version", "--help"], { _tag: "Help" }],
  ] as const
) {
  Deno.test(`parseCommandLine reads [${args.join(" ")}] as ${expected._tag}`, () => {
    assert.deepEqual(parseCommandLine(args), Either.right(expected));
  });
}

for (
  const [args, message] of [
    [["--confg", "a.toml"], "unknown option --confg; did you mean --config?"],
    [["--webhook=a.toml"], "unknown option --webhook; did you mean --web-hook?"],
    [["--no-check"], "unknown option --no-check; did you mean --check?"],
    [["--port", "1883"], "unknown option --port"],
    [["-c", "a.toml"], "unknown option -c"],
    [["a.toml"], `unexpected argument "a.toml"`],
    [["--config"], "--config needs a file"],
    [["--config="], "--config needs a file"],
    [["--config", "--check"], "--config needs a file"],
    [["--check=yes"], "--check takes no value"],
    [["--try"], "--try goes with --check"],
    [["--explain"], "--explain needs an event"],
    [["--explain", "--check"], "--explain needs an event"],
    [["--explain", "client_connected", "--check"], "--explain does not go with --check"],
    [
      ["--explain", "message_publsh", "t"],
      '--explain: there is no event "message_publsh"; did you mean message_publish?',
    ],
    [
      ["--explain", "message_publish"],
      "--explain message_publish needs a topic behind it: rules choose it by that",
    ],
    [
      ["--explain", "client_connected", "t"],
      '--explain client_connected: it has no topic, found "t"',
    ],
    [["--explain", "message_publish", "t", "u"], 'unexpected argument "u"'],
  ] as const
) {
  Deno.test(`parseCommandLine refuses [${args.join(" ")}]: ${message}`, () => {
    const error = Either.getOrThrow(Either.flip(parseCommandLine(args)));
    assert.equal(error._tag, "UsageError");
    assert.equal(error.message, message);
  });
}

Deno.test("usage names the version and every option", () => {
  for (
    const part of [VERSION, "--config", "--web-hook", "--check", "--explain", "--version", "--help"]
  ) {
    assert.ok(USAGE.includes(part), part);
  }
});
