import { LEAF_CERT as CERT, LEAF_KEY as KEY } from "../../../support/pems.ts";
import assert from "node:assert/strict";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import { verify } from "../../../../src/auth/PasswordHash.ts";
import { ConfigSource } from "../../../../src/config/ConfigSource.ts";
import { loadSettings } from "../../../../src/config/loadSettings.ts";
import { hookEventNames } from "../../../../src/domain/HookEvent.ts";
import { init } from "../../../../src/tools/init/init.ts";
import { parseInitOptions } from "../../../../src/tools/init/InitOptions.ts";
import { Cancelled } from "../../../../src/tools/Person.ts";
import { RMQTT_BROKER } from "../../config/rmqttFiles.ts";

interface Ran {
  readonly status: number;
  /** What was written, by path. */
  readonly written: Readonly<Record<string, { readonly text: string; readonly isSecret: boolean }>>;
  readonly said: string;
  readonly printed: string;
  /** Questions that were asked, without what they say of defaults. */
  readonly asked: ReadonlyArray<string>;
}

/** Runs it over files in memory; `answers` in their order, or undefined: nobody is there. */
const run = async (
  args: ReadonlyArray<string>,
  answers: ReadonlyArray<string> | undefined,
  files: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> => {
  const options = parseInitOptions(args);
  assert.ok(options !== "help" && !("fault" in options), JSON.stringify(options));
  const written: Record<string, { text: string; isSecret: boolean }> = {};
  const said: Array<string> = [];
  const printed: Array<string> = [];
  const asked: Array<string> = [];
  const left = [...answers ?? []];
  const answer = (question: string): Promise<string> => {
    asked.push(question.replace(/ \[.*$/, ""));
    const next = left.shift();
    return next === undefined ? Promise.reject(new Cancelled()) : Promise.resolve(next);
  };
  const status = await init(options, {
    person: {
      isThere: answers !== undefined,
      say: (text) => void said.push(text),
      ask: answer,
      askHidden: answer,
    },
    source: source({ "c.pem": CERT, "k.pem": KEY, ...files }, env),
    isThere: (path) => Promise.resolve(path in files),
    write: (path, text, isSecret) => Promise.resolve(void (written[path] = { text, isSecret })),
    print: (text) => void printed.push(text),
  });
  assert.deepEqual(left, [], "answers that nobody asked for");
  return { status, written, said: said.join("\n"), printed: printed.join("\n"), asked };
};

const source = (
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>>,
): Context.Tag.Service<typeof ConfigSource> => ({
  readTextFile: (path) => {
    const text = files[path];
    return text === undefined ? Effect.fail("no such file") : Effect.succeed(text);
  },
  env: (name) => Either.fromNullable(env[name], () => "no such environment variable"),
});

/** The settings that the written files make. */
const settingsOf = (
  { written }: Ran,
  files: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
) => {
  const texts = Object.fromEntries(Object.entries(written).map(([path, { text }]) => [path, text]));
  return Effect.runPromise(Effect.provideService(
    loadSettings({ config: "broker.toml", webHook: "web-hook.toml" }),
    ConfigSource,
    source({ "c.pem": CERT, "k.pem": KEY, ...files, ...texts }, env),
  ));
};

Deno.test("init asks for URL, events, TLS and users, and writes what was answered", async () => {
  const ran = await run([], [
    "htp://example.com", // asked again
    "https://example.com/hook?token=x",
    "presense", // again
    "presence, message_publish",
    "c.pem",
    "k.pem",
    "alice",
    "secret",
    "sekret", // again
    "secret",
    "secret",
    "alice", // again
    "",
  ]);
  assert.equal(ran.status, 0, ran.said);
  assert.match(ran.said, /found "htp:/);
  assert.match(ran.said, /did you mean presence/);
  assert.match(ran.said, /The two differ/);
  assert.match(ran.said, /there already/);
  const { broker, webHook } = await settingsOf(ran);
  assert.deepEqual(broker.listeners.map((l) => `${l.transport} ${l.hostname}:${l.port}`), [
    "tcp 127.0.0.1:1883",
    "tls 0.0.0.0:8883",
    "wss 0.0.0.0:8443",
  ]);
  assert.ok(broker.listeners.every(({ limits }) => !limits.allowAnonymous));
  assert.deepEqual(webHook.rules.map(({ event, urls }) => [event, ...urls]), [
    ["client_connected", "https://example.com/hook?token=x"],
    ["client_disconnected", "https://example.com/hook?token=x"],
    ["message_publish", "https://example.com/hook?token=x"],
  ]);
  const { text, isSecret } = ran.written["broker.toml"] ?? assert.fail();
  const [, hash = assert.fail(text)] = /password = "(\$scrypt\$[^"]+)"/.exec(text) ?? [];
  assert.ok(await verify(hash, new TextEncoder().encode("secret")));
  assert.equal(isSecret, true);
  assert.equal(ran.written["web-hook.toml"]?.isSecret, true); // the URL's token
  for (const shown of [ran.said, ran.printed, text]) assert.doesNotMatch(shown, /secret|sekret/);
});

Deno.test("init takes the defaults at Enter: every event to one URL, and no users", async () => {
  const ran = await run([], ["", "", "", ""]);
  assert.equal(ran.status, 0, ran.said);
  const { broker, webHook } = await settingsOf(ran);
  assert.deepEqual(webHook.rules.map(({ event }) => event), hookEventNames);
  assert.deepEqual(broker.users, []);
  assert.deepEqual(Object.values(ran.written).map(({ isSecret }) => isSecret), [false, false]);
  for (const { text } of Object.values(ran.written)) {
    for (const [i, line] of text.split("\n").entries()) {
      const before = text.split("\n")[i - 1] ?? "";
      const needsComment = /^(addr|http_urls) =/.test(line);
      if (needsComment) assert.match(before, /^# /, line);
    }
  }
  assert.match(ran.printed, /deno task start --config broker.toml --web-hook web-hook.toml/);
});

Deno.test("init without a terminal says what to give, and writes nothing", async () => {
  const ran = await run([], undefined);
  assert.equal(ran.status, 64);
  assert.match(ran.said, /--url URL.*--yes/);
  const next = await run(["--url", "http://a/"], undefined);
  assert.match(next.said, /--events LIST.*--yes/);
  assert.deepEqual([ran.written, next.written], [{}, {}]);
});

Deno.test("init asks nothing that options say", async () => {
  const args = ["--url=http://a/", "--url=http://b/", "--events=messages", "--cert=c.pem"];
  const env = { SECRET: "s" };
  const ran = await run([...args, "--key=k.pem", "--user=bob=env:SECRET"], undefined, {}, env);
  assert.equal(ran.status, 0, ran.said);
  const { broker, webHook } = await settingsOf(ran, {}, env);
  assert.deepEqual(webHook.rules.map(({ urls }) => urls), [["http://a/", "http://b/"]]);
  assert.deepEqual(broker.users.map(({ username }) => username), ["bob"]);
  assert.match(ran.written["broker.toml"]?.text ?? "", /password = "env:SECRET"/);
});

for (
  const [args, message] of [
    [["--yes", "--url=nothing"], /--url: expected a URL/],
    [["--yes", "--events=all,nothing"], /--events: expected all, presence, messages/],
    [["--yes", "--user=bob=hunter2"], /--user: expected NAME=env:VARIABLE/],
    [["--yes", "--config=a.toml", "--web-hook=a.toml"], /name the same file/],
  ] as const
) {
  Deno.test(`init refuses ${args.join(" ")}`, async () => {
    const ran = await run(args, undefined);
    assert.equal(ran.status, 64);
    assert.match(ran.said, message);
    assert.doesNotMatch(ran.said, /hunter2/);
    assert.deepEqual(ran.written, {});
  });
}

Deno.test("init overwrites a file that is there only when it is told to", async () => {
  const files = { "web-hook.toml": "" };
  const no = await run([], ["", "", "", "", "n"], files);
  assert.deepEqual([no.status, no.written], [1, {}]);
  const unasked = await run(["--yes"], undefined, files);
  assert.deepEqual([unasked.status, unasked.written], [1, {}]);
  assert.match(unasked.said, /--force/);
  const yes = await run([], ["", "", "", "", "y"], files);
  assert.deepEqual(Object.keys(yes.written), ["broker.toml", "web-hook.toml"]);
  const forced = await run(["--yes", "--force"], undefined, files);
  assert.deepEqual(Object.keys(forced.written), ["broker.toml", "web-hook.toml"]);
});

Deno.test("init writes nothing that --check refuses", async () => {
  const ran = await run(["--yes", "--cert=missing.pem", "--key=k.pem"], undefined);
  assert.equal(ran.status, 78);
  assert.match(ran.said, /broker\.toml:\d+: listener\.tls\.external\.cert: .*no such file/);
  assert.deepEqual(ran.written, {});
});

Deno.test("init --from takes over what the files mean, and names what this broker does not have", async () => {
  const files = {
    "./rmqtt-bin/rmqtt.pem": CERT,
    "./rmqtt-bin/rmqtt.key": KEY,
    "rmqtt.toml": RMQTT_BROKER,
    "hook.toml": `http_urls = ["http://127.0.0.1/a"]
concurrency_limit = 7
[[endpoint]]
url = "http://127.0.0.1/a"
headers = { authorization = "env:AUTH" }
[[rule.client_connected]]
action = "online\\n"
topics = []
[[rule.message_publish]]
topics = ["a/#", "b/+"]
urls = ["http://127.0.0.1/b"]
`,
  };
  const env = { AUTH: "Bearer x" };
  const args = ["--from", "rmqtt.toml", "--from-web-hook", "hook.toml"];
  const ran = await run(args, undefined, files, env);
  assert.equal(ran.status, 0, ran.said);
  const before = await Effect.runPromise(Effect.provideService(
    loadSettings({ config: "rmqtt.toml", webHook: "hook.toml" }),
    ConfigSource,
    source(files, env),
  ));
  const after = await settingsOf(ran, files, env);
  assert.deepEqual(after.broker, before.broker);
  assert.deepEqual(after.webHook, before.webHook);
  assert.match(ran.said, /left out.*listener\.tcp\.external\.workers.*listener\.quic/);
  assert.equal(ran.written["web-hook.toml"]?.isSecret, true);
  assert.doesNotMatch(ran.written["web-hook.toml"]?.text ?? "", /Bearer/);
  assert.match(ran.written["broker.toml"]?.text ?? "", /from "rmqtt\.toml"/);
});

Deno.test("init --from tells what is wrong with a file by its own name and line", async () => {
  const files = { "rmqtt.toml": "[listener.tcp.a]\nmax_inflight = 0\n" };
  const ran = await run(["--yes", "--from", "rmqtt.toml"], undefined, files);
  assert.equal(ran.status, 78);
  assert.match(ran.said, /^rmqtt\.toml:2: listener\.tcp\.a\.max_inflight: /);
  assert.deepEqual(ran.written, {});
});

for (
  const [args, fault] of [
    [["--evnets=all"], /--evnets.*Did you mean --events/],
    [["--cert=x"], /--cert and --key go together/],
    [["--from=x", "--user=a=env:B"], /--from says all/],
    [["--from-web-hook=x", "--url=http:\/\/a"], /--from-web-hook says all/],
    [["stray"], /stray/],
  ] as const
) {
  Deno.test(`parseInitOptions refuses ${args.join(" ")}`, () => {
    const options = parseInitOptions(args);
    assert.ok(typeof options === "object" && "fault" in options);
    assert.match(options.fault, fault);
  });
}
