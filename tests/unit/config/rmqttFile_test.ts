/** What RMQTT's users bring along: every key, every version of the file, and what must not pass unsaid. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import { ConfigSource } from "../../../src/config/ConfigSource.ts";
import { loadBrokerSettings, loadSettings } from "../../../src/config/loadSettings.ts";
import { RMQTT_KEYS } from "../../../src/config/rmqttKeys.ts";
import { RMQTT_PLUGINS } from "../../../src/config/rmqttPlugins.ts";
import { SELF_SIGNED } from "../../support/pems.ts";
import { memorySource } from "./memorySource.ts";
import { OLDER_WEB_HOOK, REFERENCE_GENERAL, REFERENCE_RULES, TODAYS_RMQTT } from "./rmqttFiles.ts";
import { KEY_HISTORY } from "./rmqttKeyHistory.ts";

const PEMS = {
  "./rmqtt-bin/rmqtt.pem": SELF_SIGNED.cert,
  "./rmqtt-bin/rmqtt.fullchain.pem": SELF_SIGNED.cert,
  "./rmqtt-bin/rmqtt.key": SELF_SIGNED.key,
};

const KINDS = ["tcp", "tls", "ws", "wss", "quic"] as const;

/** A file's warnings, or the message that refuses it; without the file's name. */
const outcome = async (toml: string, files: Readonly<Record<string, string>> = PEMS) => {
  const loaded = await Effect.runPromise(
    Effect.either(loadBrokerSettings("f")).pipe(
      Effect.provideService(ConfigSource, memorySource({ ...files, f: toml })),
    ),
  );
  return Either.match(loaded, {
    onLeft: ({ message }) => ({
      refused: message.replaceAll(/^f:/gm, ""),
      warnings: [],
      notes: "",
    }),
    onRight: ({ warnings, notes }) => ({
      refused: undefined,
      warnings: warnings.map((w) => w.replace(/^f:/, "")),
      notes: notes.join("\n"),
    }),
  });
};

const settingsOf = (toml: string) =>
  Effect.runPromise(
    loadBrokerSettings("f").pipe(
      Effect.provideService(ConfigSource, memorySource({ ...PEMS, f: toml })),
    ),
  );

const warningsOf = async (toml: string) => {
  const { refused, warnings } = await outcome(toml);
  assert.equal(refused, undefined, toml);
  return warnings;
};

const refusalOf = async (toml: string): Promise<string> => {
  const { refused } = await outcome(toml);
  assert.ok(refused !== undefined, `accepted: ${toml}`);
  return refused;
};

/** What a listener of this kind needs to be started, but for one key. */
const listener = (kind: string, without: string): string =>
  Object.entries({
    allow_anonymous: "true",
    ...(kind === "tls" || kind === "wss"
      ? { cert: '"./rmqtt-bin/rmqtt.pem"', key: '"./rmqtt-bin/rmqtt.key"' }
      : {}),
  }).filter(([key]) => key !== without)
    .map(([key, value]) => `listener.${kind}.a.${key} = ${value}\n`).join("");

/** Beside any one key: the file starts something, and may ask for certificates. */
const AROUND = `accept_without = ["cross_certificate"]
listener.tcp.other.addr = ":0"
listener.tcp.other.allow_anonymous = true
`;

Deno.test("loadBrokerSettings takes every key that a published rmqtt.toml has had, with the value it had", async () => {
  assert.equal(KEY_HISTORY.length, 116);
  for (const [key, , , value] of KEY_HISTORY) {
    const kind = /^listener\.(\w+)\./.exec(key)?.[1];
    const own = key.replace("<name>", "a");
    const last = own.split(".").at(-1) ?? "";
    const around = kind === undefined ? "" : listener(kind, last);
    await warningsOf(`${AROUND}${around}${own} = ${value}\n`);
  }
});

Deno.test("loadBrokerSettings takes a tcp listener's key under every kind of listener", async () => {
  for (const [key, , , value] of KEY_HISTORY) {
    if (!key.startsWith("listener.")) continue;
    const last = key.replace(/^listener\.\w+\.<name>\./, "");
    for (const kind of KINDS) {
      await warningsOf(`${AROUND}${listener(kind, last)}listener.${kind}.a.${last} = ${value}\n`);
    }
  }
});

Deno.test("loadBrokerSettings takes all keys together that a file of one day had", async () => {
  const days = new Set(KEY_HISTORY.flatMap(([, first, last]) => [first, last]));
  assert.ok(days.size > 20);
  for (const day of days) {
    const keys = KEY_HISTORY.filter(([, first, last]) => first <= day && day <= last);
    // One key may be a table, or true: a file had the one or the other.
    const isTable = keys.some(([key]) => key.includes("tcp_keepalive."));
    const toml = keys.filter(([key]) => !isTable || !key.endsWith(".tcp_keepalive"))
      .map(([key, , , value]) => `${key.replace("<name>", "external")} = ${value}\n`).join("");
    await warningsOf(AROUND + toml);
  }
});

Deno.test("Of the values that RMQTT ships few are worth a line: what is not here and may be missed", async () => {
  const lines: Array<string> = [];
  for (const [key, , , value] of KEY_HISTORY) {
    if (/\.(cert|key|addr|cross_certificate|allow_anonymous|enable)$/.test(key)) continue;
    if (key.startsWith("listener.quic")) continue;
    const own = key.replace(/^listener\.\w+\.<name>/, "listener.tcp.a");
    lines.push(...await warningsOf(`listener.tcp.a.allow_anonymous = true\n${own} = ${value}\n`));
  }
  assert.deepEqual([...new Set(lines.map((line) => line.replace(/^\d+: /, "")))], [
    "circuit_breaker: this is for RMQTT's cluster and storages; a URL that fails has breaker_failures of " +
    "web-hook.toml",
    'listener.tcp.a.client_ca_certs = "./rmqtt-bin/rmqtt.fullchain.pem": the file is not read: clients are ' +
    "asked for no certificate, users are those of auth.users",
    'log.to = "both": the log goes to the standard output and to no file',
    "plugin rmqtt-http-api: rmqtt-http-api.toml is not read, its keys go under [http_api] here",
  ]);
});

for (const { key, same, otherwise, isTable, isSecret } of RMQTT_KEYS) {
  if (otherwise === undefined) continue;
  Deno.test(`loadBrokerSettings says of ${key} with a value of the user's own what is different here`, async () => {
    const path = key.replace("<kind>", "tcp").replace("<name>", "a");
    const isOurs = key.endsWith("message_retry_interval");
    const value = isTable ? "{}" : isOurs ? '"7s"' : '"of my own"';
    const toml = `listener.tcp.z.addr = ":0"\nlistener.tcp.z.allow_anonymous = true\n` +
      `${
        path.startsWith("listener.")
          ? `${path.split(".").slice(0, 3).join(".")}.allow_anonymous = true\n`
          : ""
      }`;
    const shown = isTable || isSecret ? path : `${path} = ${value}`;
    const all = await warningsOf(`${toml}${path} = ${value}\n`);
    assert.deepEqual(all.map((line) => line.replace(/^\d+: /, "")), [`${shown}: ${otherwise}`]);
    if (same === "any") return;
    for (const one of same) {
      assert.deepEqual(await warningsOf(`${toml}${path} = ${JSON.stringify(one)}\n`), []);
    }
  });
}

Deno.test("loadBrokerSettings takes an equal duration for the same value", async () => {
  const toml = 'listener.tcp.a.allow_anonymous = true\nlistener.tcp.a.await_rel_timeout = "600s"\n';
  assert.deepEqual(await warningsOf(toml), []);
});

Deno.test("loadBrokerSettings names the keys with which nothing is different in one note", async () => {
  const { warnings, notes } = await outcome(TODAYS_RMQTT, {});
  assert.deepEqual(warnings, [
    '16: log.to = "both": the log goes to the standard output and to no file',
    "26: plugin rmqtt-http-api: rmqtt-http-api.toml is not read, its keys go under [http_api] here",
  ]);
  assert.match(notes, /^f: keys of RMQTT with which nothing is different here: [\w., ]+$/);
  assert.match(notes, /rpc\.server_addr, .*listener\.tcp\.external\.workers/);
});

Deno.test("loadBrokerSettings refuses a key that is nobody's, and names the nearest of RMQTT's or its own", async () => {
  for (
    const [toml, message] of [
      [
        "rpc.server_adr = 1",
        '1: rpc.server_adr: expected a known key, found "server_adr"; did you mean "server_addr"?',
      ],
      ["rpcs.server_addr = 1", '1: rpcs: expected a known key, found "rpcs"; did you mean "rpc"?'],
      [
        "node.bussy = 1",
        '1: node.bussy: expected a known key, found "bussy"; did you mean "busy"?',
      ],
      [
        "node.busy.loadavgs = 1",
        '1: node.busy.loadavgs: expected a known key, found "loadavgs"; did you mean "loadavg"?',
      ],
      [
        "listener.tcp.a.max_keepaliv = 1",
        '1: listener.tcp.a.max_keepaliv: expected a known key, found "max_keepaliv"; did you mean "max_keepalive"?',
      ],
      [
        "listener.quic.a.max_inflght = 1",
        '1: listener.quic.a.max_inflght: expected a known key, found "max_inflght"; did you mean "max_inflight"?',
      ],
      [
        "listener.quick.a.addr = 1",
        '1: listener.quick: expected a known transport, found "quick"; did you mean "quic"?',
      ],
      ["task = 1", "1: task: expected a table, found a number"],
      ["circuit_breaker = 1", "1: circuit_breaker: expected a table, found a number"],
      ["circuit_breaker.size = 1", '1: circuit_breaker.size: expected a known key, found "size"'],
      [
        'plugins.default_startups = "rmqtt-acl"',
        "1: plugins.default_startups: expected an array, found a string",
      ],
    ] as const
  ) {
    assert.equal(await refusalOf(toml), message);
  }
});

Deno.test("A listener that is not enabled needs nothing else to be right, and does not count", async () => {
  const off = `
    listener.tls.off.enable = false
    listener.tls.off.cert = 3
    listener.tls.off.no_such_key = true
    listener.tls.off.cross_certificate = true
    listener.quic.off.enable = false
    listener.quic.off.proxy_protocol = true
    listener.tcp.off.enable = false
    listener.tcp.off.addr = "nonsense"`;
  assert.deepEqual(await warningsOf(`listener.tcp.on.addr = ":0"${off}`), []);
  assert.equal(
    await refusalOf(off),
    "2: listener: expected a listener of this broker that is enabled, found none",
  );
});

Deno.test("A QUIC listener is told not to be started, and what is where there is no other", async () => {
  const quic = "listener.quic.a.allow_anonymous = true";
  assert.deepEqual(await warningsOf(quic), [
    "1: listener.quic.a is not started, this broker has no QUIC: its clients need another listener; " +
    "as there is none, tcp.external is started on 0.0.0.0:1883",
  ]);
});

Deno.test("The listener that stands for QUIC alone lets in no client without a user whom QUIC's kept out", async () => {
  for (
    const quic of [
      "listener.quic.a.allow_anonymous = false",
      "listener.quic.a.addr = ':0'", // to RMQTT that is false
      "listener.quic.a.allow_anonymous = true\nlistener.quic.b.allow_anonymous = false",
      "listener.quic.a.allow_anonymous = false\nlistener.tcp.external.enable = false",
      'listener.quic.a.allow_anonymous = false\nplugins.default_startups = ["rmqtt-auth-http"]',
    ]
  ) {
    const { settings: { listeners }, warnings } = await settingsOf(quic);
    assert.deepEqual(
      listeners.map(({ transport, name, port, limits }) =>
        [transport, name, port, limits.allowAnonymous].join(" ")
      ),
      ["tcp external 1883 false"],
      quic,
    );
    assert.ok(warnings.some((w) => w.endsWith("on 0.0.0.0:1883, for users alone")), quic);
    assert.ok(warnings.some((w) => w.endsWith("it will refuse every client")), quic);
  }
});

Deno.test("A certificate under a listener without TLS is told to be without effect", async () => {
  const toml = 'listener.ws.a.allow_anonymous = true\nlistener.ws.a.cert = "nowhere.pem"';
  assert.deepEqual(await warningsOf(toml), [
    '2: listener.ws.a.cert = "nowhere.pem": this kind of listener has no TLS, the file is not read',
  ]);
});

Deno.test("An rmqtt.toml whose listener says nothing of anonymous clients is told what that means here", async () => {
  const toml = "listener.tcp.a.addr = ':0'\n";
  assert.deepEqual(await warningsOf(toml), []);
  assert.deepEqual(await warningsOf(`${toml}listener.tcp.a.workers = 8`), [
    "1: listener.tcp.a has no allow_anonymous: RMQTT takes that for false, this broker for true, " +
    "and lets in clients without a user",
  ]);
});

/** Each of them alone, with the path of its fault. */
const GUARDED: ReadonlyArray<readonly [name: string, path: string, toml: string]> = [
  ...(["tls", "wss"] as const).map((kind) =>
    [
      "cross_certificate",
      `listener.${kind}.a.cross_certificate`,
      `${listener(kind, "")}listener.${kind}.a.cross_certificate = true`,
    ] as const
  ),
  [
    "cross_certificate",
    "listener.quic.a.cross_certificate",
    'listener.tcp.a.addr = ":0"\nlistener.quic.a.cross_certificate = true',
  ],
  ...(["tcp", "tls", "ws", "wss"] as const).map((kind) =>
    [
      "proxy_protocol",
      `listener.${kind}.a.proxy_protocol`,
      `${listener(kind, "")}listener.${kind}.a.proxy_protocol = true`,
    ] as const
  ),
  ...(["rmqtt-auth-http", "rmqtt-auth-jwt"] as const).map((name) =>
    [
      name,
      "plugins.default_startups[1]",
      `plugins.default_startups = ["rmqtt-acl", "${name}"]`,
    ] as const
  ),
];

for (const [name, path, toml] of GUARDED) {
  Deno.test(`${name} at ${path} is an error unless accept_without names it`, async () => {
    const refused = await refusalOf(toml);
    assert.equal(refused.split("\n").length, 1);
    assert.ok(refused.includes(`: ${path}: expected `), refused);
    const line = `accept_without = ["${name}"]`;
    assert.ok(refused.includes(`or the line ${line} at the top of the file`), refused);
    const warnings = await warningsOf(`${line}\n${toml}`);
    assert.ok(warnings.some((warning) => warning.includes(name)), "what was accepted is told");
    const others = GUARDED.map(([other]) => other).filter((other) => other !== name);
    await refusalOf(`accept_without = ${JSON.stringify(others)}\n${toml}`);
  });
}

Deno.test("The line to add has all names that are needed, those that are there already among them", async () => {
  const toml = `accept_without = ["rmqtt-auth-jwt"]
    plugins.default_startups = ["rmqtt-auth-http", "rmqtt-auth-jwt"]
    listener.tcp.a.proxy_protocol = true
    ${listener("tls", "").replaceAll("\n", "\n    ")}listener.tls.a.cross_certificate = true`;
  const all =
    'accept_without = ["cross_certificate", "proxy_protocol", "rmqtt-auth-http", "rmqtt-auth-jwt"]';
  const lines = (await refusalOf(toml)).split("\n");
  assert.equal(lines.length, 3);
  for (const line of lines) assert.ok(line.includes(all), line);
  await warningsOf(toml.replace(/^.*\n/, `${all}\n`));
});

Deno.test("What RMQTT reads as true keeps closed as well, and what is without effect there is without here", async () => {
  for (const value of ['"true"', "1"]) {
    await refusalOf(`listener.tcp.a.proxy_protocol = ${value}`);
    await refusalOf(`${listener("tls", "")}listener.tls.a.cross_certificate = ${value}`);
  }
  const plain = "listener.tcp.a.allow_anonymous = true\nlistener.tcp.a.cross_certificate = true";
  assert.deepEqual(await warningsOf(plain), []);
});

Deno.test("An authentication plugin is no error where every enabled listener takes users only", async () => {
  const toml = `auth.users = [{ username = "a", password = "b" }]
    plugins.default_startups = ["rmqtt-auth-http"]
    listener.tcp.a.allow_anonymous = false
    listener.tcp.off.enable = false
    listener.tcp.off.allow_anonymous = true`;
  assert.deepEqual(await warningsOf(toml), [
    "2: plugin rmqtt-auth-http: it is not asked; users are those of auth.users",
  ]);
  await refusalOf(`${toml}\nlistener.ws.b.addr = ":0"`);
  await refusalOf(`${toml}\nlistener.quic.b.addr = ":0"`);
});

Deno.test("accept_without takes no other name", async () => {
  assert.equal(
    await refusalOf('accept_without = ["cross_certificat"]'),
    '1: accept_without[0]: expected "cross_certificate", "proxy_protocol", "rmqtt-auth-http" or ' +
      '"rmqtt-auth-jwt", found "cross_certificat"; did you mean "cross_certificate"?',
  );
});

Deno.test("Each plugin that default_startups names and that is not here is told, and an unknown one with the nearest", async () => {
  const names = RMQTT_PLUGINS.map(({ name }) => name).filter((name) => !name.includes("-auth-"));
  const toml = `listener.tcp.a.allow_anonymous = true\nplugins.default_startups = ${
    JSON.stringify(names)
  }`;
  assert.deepEqual(
    await warningsOf(toml),
    RMQTT_PLUGINS.filter(({ name, isHere }) => names.includes(name) && !isHere)
      .map(({ name, here }) => `2: plugin ${name}: ${here}`),
  );
  const misspelt =
    'listener.tcp.a.allow_anonymous = true\nplugins.default_startups = ["rmqtt-retaner"]';
  assert.deepEqual(await warningsOf(misspelt), [
    '2: plugin rmqtt-retaner: not known here; did you mean "rmqtt-retainer"?',
  ]);
});

Deno.test("A plugin that is built in is told to stay where disabled_default_startups names it", async () => {
  const toml = "listener.tcp.a.allow_anonymous = true\nplugins.disabled_default_startups = " +
    '["rmqtt-acl", "rmqtt-shared-subscription"]';
  assert.deepEqual(await warningsOf(toml), [
    "2: plugins.disabled_default_startups: rmqtt-shared-subscription is built in and always on",
  ]);
});

const both = (config: string, webHook: string) =>
  Effect.runPromise(
    loadSettings({ config: "c", webHook: "w" }).pipe(
      Effect.match({ onFailure: ({ message }) => message, onSuccess: () => "accepted" }),
      Effect.provideService(ConfigSource, memorySource({ c: config, w: webHook })),
    ),
  );

Deno.test("A file that is given for the other one is told as that, in one line", async () => {
  for (const webHook of [REFERENCE_GENERAL + REFERENCE_RULES, OLDER_WEB_HOOK]) {
    assert.equal(await both(TODAYS_RMQTT, webHook), "accepted");
    assert.equal(
      await both(webHook, webHook),
      "c: expected broker settings, found web-hook settings, which --web-hook names",
    );
    assert.equal(
      await both(TODAYS_RMQTT, TODAYS_RMQTT),
      "w: expected web-hook settings, found broker settings, which --config names",
    );
    assert.equal(
      await both(webHook, TODAYS_RMQTT),
      "c: expected broker settings, found web-hook settings, and the others in w: exchange the two",
    );
  }
  assert.equal(await both("", ""), "accepted");
  // A file with a key of either is what it should be, and the key is told.
  assert.equal(
    await both("node.id = 1\nhttp_urls = []", ""),
    'c:2: http_urls: expected a known key, found "http_urls"',
  );
});
