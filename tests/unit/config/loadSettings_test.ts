import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import * as Redacted from "effect/Redacted";
import brokerToml from "../../../config/broker.toml" with { type: "text" };
import webHookToml from "../../../config/web-hook.toml" with { type: "text" };
import { ConfigSource } from "../../../src/config/ConfigSource.ts";
import {
  loadBrokerSettings,
  loadSettings,
  loadWebHookSettings,
} from "../../../src/config/loadSettings.ts";
import { renderSettings } from "../../../src/config/renderSettings.ts";
import { hasSubject, hookEventNames } from "../../../src/domain/HookEvent.ts";
import { SELF_SIGNED } from "../../support/pems.ts";
import { memorySource } from "./memorySource.ts";
import { OLDER_WEB_HOOK, REFERENCE_GENERAL, REFERENCE_RULES, RMQTT_BROKER } from "./rmqttFiles.ts";

const files = { config: "broker.toml", webHook: "web-hook.toml" };

const pem = {
  "cert.pem": SELF_SIGNED.cert,
  "key.pem": SELF_SIGNED.key,
  "./rmqtt-bin/rmqtt.pem": SELF_SIGNED.cert,
  "./rmqtt-bin/rmqtt.key": SELF_SIGNED.key,
};

type Env = Readonly<Record<string, string>>;

const run = <A, E>(effect: Effect.Effect<A, E, ConfigSource>, toml: Env, env: Env = {}) =>
  Effect.runPromise(
    effect.pipe(
      Effect.either,
      Effect.provideService(ConfigSource, memorySource({ ...pem, ...toml }, env)),
    ),
  );

const broker = async (toml: string, env?: Env) =>
  Either.getOrThrow(await run(loadBrokerSettings("broker.toml"), { "broker.toml": toml }, env));

const webHook = async (toml: string, env?: Env) =>
  Either.getOrThrow(
    await run(loadWebHookSettings("web-hook.toml"), { "web-hook.toml": toml }, env),
  );

const anyListener = {
  listener: "tcp.external",
  allowAnonymous: true,
  maxConnections: 1_024_000,
  maxHandshaking: 500,
  maxConnRate: 0,
  handshakeTimeout: 30_000,
  maxPacketSize: 1_048_576,
  maxFirstPacketSize: 102_400,
  maxInflight: 16,
  maxMqueueLen: 1000,
  maxMqueueBytes: 16_777_216,
  maxSubscriptions: 10_000,
  maxQosAllowed: 2,
  maxClientidLen: 65535,
  clientId: "free",
  maxTopicLevels: 128,
  maxTopicAliases: 32,
  allowZeroKeepalive: true,
  keepaliveBackoff: 0.75,
  sessionExpiryInterval: 7_200_000,
  maxSessionExpiryInterval: 0,
  messageExpiryInterval: 300_000,
};

const anyRetry = {
  initialInterval: 500,
  multiplier: 2.5,
  maxInterval: 60_000,
  jitter: 0.5,
  maxElapsedTime: 60_000,
  status: "transient",
};

const DEFAULT_URL = "http://127.0.0.1:5656/mqtt/webhook";

Deno.test("loadBrokerSettings fills an empty file with the documented defaults", async () => {
  assert.deepEqual(await broker(""), {
    settings: {
      persistence: false,
      node: { id: 1 },
      log: { level: "info", format: undefined },
      httpApi: undefined,
      limits: {
        maxSessions: 0,
        maxMemory: 0,
        maxRetainedMessages: 0,
        maxRetainedPayload: 1_048_576,
      },
      listeners: [{
        name: "external",
        transport: "tcp",
        hostname: "0.0.0.0",
        port: 1883,
        limits: anyListener,
      }],
      users: [],
      acl: [],
    },
    warnings: [],
    notes: [],
  });
});

Deno.test("loadWebHookSettings fills an empty file with the documented defaults", async () => {
  assert.deepEqual(await webHook(""), {
    settings: {
      workerThreads: 3,
      queueCapacity: 300_000,
      concurrencyLimit: 128,
      shutdownTimeout: 10_000,
      endpointShare: 0.5,
      clientShare: 0.1,
      whenFull: "backpressure",
      breakerFailures: 20,
      ordering: "lifecycle",
      httpClient: "pool",
      compat: "",
      outbox: {
        kind: "memory",
        directory: "data/outbox",
        sync: "interval",
        syncInterval: 500,
        delay: 5,
        maxBytes: 1024 ** 3,
        deadLetters: false,
        deadLetterReplay: "recovery",
        deadLetterMaxAge: 168 * 3_600_000,
        deadLetterMaxBytes: 256 * 1024 ** 2,
      },
      rules: [],
      endpoints: new Map(),
    },
    warnings: [],
    notes: [],
  });
});

Deno.test("loadWebHookSettings keeps dead letters on disk, or where a directory is named, or as dead_letters says", async () => {
  const keeps = async (text: string) => (await webHook(text)).settings.outbox.deadLetters;
  assert.equal(await keeps('outbox = "disk"'), true);
  assert.equal(await keeps('outbox_dir = "data/outbox"'), true);
  assert.equal(await keeps('outbox = "disk"\ndead_letters = false'), false);
  assert.equal(await keeps("dead_letters = true"), true);
  assert.equal(await keeps('outbox = "memory"'), false);
});

Deno.test("The shipped broker.toml means what an empty file means, with persistence and the API for this machine", async () => {
  const { settings, ...others } = await broker("");
  assert.deepEqual(await broker(brokerToml), {
    settings: {
      ...settings,
      persistence: true,
      httpApi: {
        hostname: "127.0.0.1",
        port: 6060,
        token: undefined,
        metricsOpen: false,
        page: true,
        payloads: false,
        mostRows: 1000,
      },
    },
    ...others,
  });
});

Deno.test("The shipped web-hook.toml means what an empty file means, with every event to one URL and kept on disk", async () => {
  const { settings } = await webHook("");
  assert.deepEqual(await webHook(webHookToml), {
    settings: {
      ...settings,
      outbox: { ...settings.outbox, kind: "disk", deadLetters: true },
      rules: hookEventNames.map((event) => ({
        event,
        action: event,
        topics: [],
        urls: [DEFAULT_URL],
      })),
      endpoints: new Map([[DEFAULT_URL, {
        url: DEFAULT_URL,
        name: "http://127.0.0.1:5656/mqtt/webhook",
        headers: [],
        signingKeys: [],
        payload: "base64",
        identity: undefined,
        ca: undefined,
        httpTimeout: 8000,
        concurrencyLimit: 128,
        retry: anyRetry,
        batch: undefined,
        compression: "none",
        rateLimit: undefined,
      }]]),
    },
    warnings: [],
    notes: [],
  });
});

/** Every key of a shipped file, the ones in comments included, must be one that is read. */
for (const [name, toml] of [["broker.toml", brokerToml], ["web-hook.toml", webHookToml]] as const) {
  Deno.test(`The shipped ${name} is still valid with its commented examples turned on`, async () => {
    const on = toml.replace(/^# http_\w+ = .*\n/gm, "") // second names, which can't be beside the first
      .replace(/^# (?=\[|\w+ = )/gm, "").replace("users = []\n", "")
      .replaceAll('"config/server.pem"', '"cert.pem"')
      .replaceAll('"config/server.key"', '"key.pem"')
      .replace('"config/client.pem"', '"cert.pem"')
      .replace('"config/client.key"', '"key.pem"')
      .replace('"config/ca.pem"', '"cert.pem"');
    assert.notEqual(on, toml);
    const env = {
      ALICE_PASSWORD: "a",
      WEBHOOK_AUTHORIZATION: "b",
      WEBHOOK_SIGNING_SECRET: NEWER,
      HOOKLINE_API_TOKEN: "c",
    };
    const loaded = name === "broker.toml" ? await broker(on, env) : await webHook(on, env);
    assert.deepEqual(
      loaded.warnings.map((w) => w.replace(/^.*?: /, "")),
      name === "broker.toml"
        ? []
        : ['no rule sends to "https://example.com/mqtt", the table is not used'],
    );
  });
}

Deno.test("loadWebHookSettings takes the two blocks of RMQTT's WebHook page unchanged", async () => {
  const { settings, warnings } = await webHook(REFERENCE_GENERAL + REFERENCE_RULES);
  assert.deepEqual(warnings, []);
  assert.equal(settings.rules.length, 15); // 14 events, client_connected twice
  assert.deepEqual(settings.rules.filter((rule) => rule.event === "client_connected"), [
    { event: "client_connected", action: "client_connected", topics: [], urls: [DEFAULT_URL] },
    {
      event: "client_connected",
      action: "client_connected_2",
      topics: [],
      urls: ["http://127.0.0.1:5657/mqtt/webhook"],
    },
  ]);
  assert.deepEqual(settings.rules.find((rule) => rule.event === "message_acked")?.topics, [
    "x/y/z",
    "foo/#",
  ]);
  assert.deepEqual([...settings.endpoints.keys()], [
    DEFAULT_URL,
    "http://127.0.0.1:5657/mqtt/webhook",
  ]);
  assert.deepEqual((await webHook(REFERENCE_GENERAL)).warnings, []);
});

Deno.test("loadWebHookSettings reads an older file's async_queue_capacity, and a URL named twice once", async () => {
  const { settings } = await webHook(OLDER_WEB_HOOK);
  assert.equal(settings.queueCapacity, 100_000);
  assert.deepEqual(settings.rules.map((rule) => rule.urls), [[DEFAULT_URL], [DEFAULT_URL]]);
});

Deno.test("loadWebHookSettings merges urls and http_urls without duplicates; a rule's urls replace them", async () => {
  const { settings } = await webHook(`
    urls = ["http://a/", "http://b/"]
    http_urls = ["http://b/", " http://c/ "]
    rule.client_connect = [{}, { urls = ["file:///d"] }, { urls = [] }]
  `);
  assert.deepEqual(settings.rules.map((rule) => rule.urls), [
    ["http://a/", "http://b/", "http://c/"],
    ["file:///d"],
    ["http://a/", "http://b/", "http://c/"],
  ]);
  assert.deepEqual(settings.rules.map((rule) => rule.action), [
    "client_connect",
    "client_connect",
    "client_connect",
  ]);
});

Deno.test("loadWebHookSettings takes topics on exactly the events that have a subject", async () => {
  for (const event of hookEventNames) {
    const toml = `rule.${event} = [{ topics = ["a/+"], urls = ["http://a/"] }]`;
    const loaded = await run(loadWebHookSettings("w"), { w: toml });
    assert.equal(Either.isRight(loaded), hasSubject(event), event);
  }
});

const secretOf = (byte: number) => `whsec_${new Uint8Array(24).fill(byte).toBase64()}`;
const OLDER = secretOf(1);
const NEWER = secretOf(2);

Deno.test("loadWebHookSettings lets an [[endpoint]] table override the general keys for its URL", async () => {
  const { settings } = await webHook(
    `
    urls = ["https://a/", "https://b/"]
    http_timeout = "5s"
    concurrency_limit = 64
    retry_jitter = 0
    rule.client_connect = [{}]
    [[endpoint]]
    url = "https://b/"
    headers = { Authorization = "env:TOKEN", x-plain = "p" }
    signing_secrets = ["env:SECRET", "${OLDER}"]
    ca_file = "cert.pem"
    http_timeout = "1s"
    concurrency_limit = 4
    retry_multiplier = 2
    retry_status = "all"
    batch = "ndjson"
    batch_max_bytes = "1MB"
    compression = "gzip"
    rate_limit = "30/s"
  `,
    { TOKEN: "Bearer t", SECRET: NEWER },
  );
  const [a, b] = [...settings.endpoints.values()];
  const retry = { ...anyRetry, jitter: 0 };
  assert.deepEqual(a, {
    url: "https://a/",
    name: "https://a/",
    headers: [],
    signingKeys: [],
    payload: "base64",
    identity: undefined,
    ca: undefined,
    httpTimeout: 5000,
    concurrencyLimit: 64,
    retry,
    batch: undefined,
    compression: "none",
    rateLimit: undefined,
  });
  assert.deepEqual(
    {
      ...b,
      headers: b?.headers.map(([name, value]) => [name, Redacted.value(value)]),
      signingKeys: b?.signingKeys.map((key) => Redacted.value(key)[0]),
    },
    {
      url: "https://b/",
      name: "https://b/",
      headers: [["Authorization", "Bearer t"], ["x-plain", "p"]],
      signingKeys: [2, 1],
      payload: "base64",
      identity: undefined,
      ca: { file: "cert.pem", pem: SELF_SIGNED.cert },
      httpTimeout: 1000,
      concurrencyLimit: 4,
      retry: { ...retry, multiplier: 2, status: "all" },
      batch: { form: "ndjson", maxEvents: 100, maxBytes: 1024 ** 2, maxDelay: 50 },
      compression: "gzip",
      rateLimit: { count: 30, period: 1000 },
    },
  );
});

Deno.test("loadBrokerSettings reads listeners of every transport, users and access rules", async () => {
  const { settings, warnings } = await broker(
    `
    [listener.tcp.a]
    addr = "127.0.0.1:0"
    max_packet_size = 0
    message_expiry_interval = "0s"
    [listener.tcp.off]
    enable = false
    [listener.tls.b]
    cert = "cert.pem"
    key = "key.pem"
    allow_anonymous = false
    [listener.ws.c]
    addr = "[::1]:8083"
    max_packet_size = 1024
    max_qos_allowed = 1
    allowed_origins = ["https://Example.com:443", "null"]
    [listener.wss.d]
    cert = "cert.pem"
    key = "key.pem"
    path = "/page"
    allowed_origins = ["https://example.com"]
    [[auth.users]]
    username = "alice"
    password = "env:ALICE"
    [[acl]]
    permit = "allow"
    user = "alice"
    topics = ["devices/%c/#"]
    [[acl]]
    permit = "deny"
    action = "publish"
  `,
    { ALICE: "secret" },
  );
  assert.deepEqual(warnings, []);
  assert.deepEqual(settings.listeners, [
    {
      name: "a",
      transport: "tcp",
      hostname: "127.0.0.1",
      port: 0,
      // 0 means no limit to RMQTT; here MQTT's own, and 5.0's longest interval.
      limits: {
        ...anyListener,
        listener: "tcp.a",
        maxPacketSize: 268_435_460,
        messageExpiryInterval: 4_294_967_295_000,
      },
    },
    {
      name: "b",
      transport: "tls",
      hostname: "0.0.0.0",
      port: 8883,
      certFile: "cert.pem",
      keyFile: "key.pem",
      cert: SELF_SIGNED.cert,
      key: Redacted.make(SELF_SIGNED.key),
      limits: { ...anyListener, listener: "tls.b", allowAnonymous: false },
    },
    {
      name: "c",
      transport: "ws",
      allowedOrigins: ["https://example.com", "null"],
      path: "/mqtt",
      hostname: "::1",
      port: 8083,
      limits: {
        ...anyListener,
        listener: "ws.c",
        maxPacketSize: 1024,
        maxFirstPacketSize: 1024,
        maxQosAllowed: 1,
      },
    },
    {
      name: "d",
      transport: "wss",
      certFile: "cert.pem",
      keyFile: "key.pem",
      cert: SELF_SIGNED.cert,
      key: Redacted.make(SELF_SIGNED.key),
      allowedOrigins: ["https://example.com"],
      path: "/page",
      hostname: "0.0.0.0",
      port: 8443,
      limits: { ...anyListener, listener: "wss.d" },
    },
  ]);
  assert.deepEqual(
    settings.users.map(({ username, password }) => [username, Redacted.value(password)]),
    [["alice", "secret"]],
  );
  assert.deepEqual(settings.acl, [
    {
      permit: "allow",
      action: "all",
      user: "alice",
      clientid: undefined,
      topics: ["devices/%c/#"],
    },
    { permit: "deny", action: "publish", user: undefined, clientid: undefined, topics: [] },
  ]);
});

Deno.test("loadBrokerSettings reads RMQTT's own file and tells only what is different here", async () => {
  const { settings, warnings, notes } = await broker(RMQTT_BROKER);
  assert.deepEqual(settings.listeners.map((l) => `${l.transport} ${l.name} ${l.port}`), [
    "tcp external 1883",
    "tls external 8883",
    "wss external 8443",
  ]);
  const open = "has no allow_anonymous: RMQTT takes that for false, this broker for true, " +
    "and lets in clients without a user";
  assert.deepEqual(warnings, [
    "broker.toml:18: listener.tcp.external takes only users, and auth.users has none: " +
    "it will refuse every client",
    `broker.toml:37: listener.tls.external ${open}`,
    `broker.toml:40: listener.wss.external ${open}`,
    "broker.toml:43: listener.quic.external is not started, this broker has no QUIC: " +
    "its clients need another listener",
  ]);
  assert.deepEqual(notes, [
    "broker.toml: keys of RMQTT with which nothing is different here: " + [
      "rpc.server_addr",
      "rpc.server_workers",
      "log.to",
      "plugins.dir",
      "plugins.default_startups",
      ...[
        "workers",
        "backlog",
        "idle_timeout",
        "min_keepalive",
        "mqueue_rate_limit",
        "retain_available",
        "max_awaiting_rel",
        "await_rel_timeout",
        "shared_subscription",
      ].map((key) => `listener.tcp.external.${key}`),
    ].join(", "),
  ]);
});

Deno.test("loadBrokerSettings reads RMQTT's limits, and 0 as no limit, beside keys of RMQTT's alone", async () => {
  const { settings, warnings } = await broker(`mqtt.max_sessions = 5
mqtt.max_memory = "1GB"
mqtt.delayed_publish_max = 100_000
retain.max_retained_messages = 3
retain.max_payload_size = 0
retain.retained_message_ttl = "0m"
[listener.tcp.a]
allow_anonymous = true
max_subscriptions = 0
max_handshaking_limit = 0
max_conn_rate = 7
max_first_packet_size = 0
max_mqueue_bytes = 0
`);
  assert.deepEqual(settings.limits, {
    maxSessions: 5,
    maxMemory: 1_073_741_824,
    maxRetainedMessages: 3,
    maxRetainedPayload: 0,
  });
  assert.deepEqual(settings.listeners[0]?.limits, {
    ...anyListener,
    listener: "tcp.a",
    maxSubscriptions: 0,
    maxHandshaking: 0,
    maxConnRate: 7,
    maxFirstPacketSize: 1_048_576,
    maxMqueueBytes: 0,
  });
  assert.deepEqual(warnings, []);
});

Deno.test("loadBrokerSettings warns of an access rule for a name that anybody may go by", async () => {
  const acl = 'acl = [{ permit = "allow", user = "admin" }]';
  assert.deepEqual((await broker(acl)).warnings, [
    'broker.toml:1: "admin" is not in auth.users: ' +
    "where allow_anonymous is true, any client may go by that name",
  ]);
  const user = 'auth.users = [{ username = "admin", password = "secret" }]';
  assert.deepEqual((await broker(`${user}\n${acl}`)).warnings, []);
});

Deno.test("loadBrokerSettings warns of what is denied to a user by name, where it can be left out", async () => {
  const file = `
    auth.users = [{ username = "bob", password = "secret" }]
    acl = [{ permit = "allow", user = "bob" }, { permit = "deny", user = "bob" }, { permit = "deny" }]
  `;
  assert.deepEqual((await broker(file)).warnings, [
    'broker.toml:3: denies something to "bob" alone: ' +
    "where allow_anonymous is true, the client may come without that name",
  ]);
  const closed = "[listener.tcp.a]\nallow_anonymous = false";
  assert.deepEqual((await broker(`${file}\n${closed}`)).warnings, []);
});

Deno.test("loadBrokerSettings warns of a user whom clients without a user name are taken for", async () => {
  const file = 'auth.users = [{ username = "undefined", password = "secret" }]';
  assert.deepEqual((await broker(file)).warnings, [
    'broker.toml:1: "undefined" is what clients without a user name go by: ' +
    "where allow_anonymous is true, they have this user's sessions and acl entries",
  ]);
  const closed = "[listener.tcp.a]\nallow_anonymous = false";
  assert.deepEqual((await broker(`${file}\n${closed}`)).warnings, []);
});

Deno.test('loadBrokerSettings takes "username" for a client_id, and no third word', async () => {
  const { settings } = await broker('[listener.ws.a]\nclient_id = "username"');
  assert.equal(settings.listeners[0]?.limits.clientId, "username");
  const other = { "broker.toml": '[listener.ws.a]\nclient_id = "user"' };
  assert.ok(Either.isLeft(await run(loadBrokerSettings("broker.toml"), other)));
});

Deno.test("loadWebHookSettings warns of an [[endpoint]] table that changes nothing", async () => {
  const { warnings } = await webHook(`
rule.client_connect = [{ urls = ["http://user:pw@host/hook", "file:///events"] }]
[[endpoint]]
url = "http://user:pw@host/hook/"
[[endpoint]]
url = "http://user:pw@host/hook"
ca_file = "cert.pem"
[[endpoint]]
url = "file:///events"
headers = { a = "b" }
batch_max_delay = "1s"
`);
  assert.deepEqual(warnings, [
    'web-hook.toml:4: no rule sends to "http://host/hook/", the table is not used; ' +
    'did you mean "http://host/hook"?',
    "web-hook.toml:7: only https:// URLs have certificates, the file is not used",
    "web-hook.toml:10: a file:// URL has no headers, they are not used",
    "web-hook.toml:11: without batch there are none to limit, it is not used",
  ]);
});

Deno.test("loadSettings tells the faults of both files at once", async () => {
  const result = await run(loadSettings(files), { "broker.toml": "node.id = -1\n" });
  const error = Either.getOrThrow(Either.flip(result));
  assert.equal(error._tag, "ConfigError");
  assert.equal(
    error.message,
    "broker.toml:1: node.id: expected a whole number, 0 or more, found -1\n" +
      "web-hook.toml: expected a readable file, found no such file",
  );
});

Deno.test("loadWebHookSettings tells faults without their lines where the parser of lines gives up", async () => {
  // A string of 300 KB is too long for it.
  const toml = `urls = ["http://u:${"hush".repeat(75_000)}@a/"]\nqueue_capacity = 0\nurl = 1`;
  const result = await run(loadWebHookSettings("web-hook.toml"), { "web-hook.toml": toml });
  assert.equal(
    Either.getOrThrow(Either.flip(result)).message,
    'web-hook.toml: url: expected a known key, found "url"; did you mean "urls"?\n' +
      "web-hook.toml: queue_capacity: expected a whole number from 1 to 2147483647, found 0",
  );
});

/** Its base64 says "hush". */
const HUSH_SECRET = `whsec_${"hush".repeat(8)}`;

Deno.test("loadSettings and renderSettings never show a secret", async () => {
  const secrets = { PASSWORD: "hush-password", TOKEN: "hush-token", SIGNING: HUSH_SECRET };
  const valid = {
    "broker.toml": `
      auth.users = [
        { username = "a", password = "env:PASSWORD" },
        { username = "b", password = "hush-plain" },
      ]`,
    "web-hook.toml": `
      rule.client_connect = [{ urls = ["http://u:hush-url@host/"] }]
      [[endpoint]]
      url = "http://u:hush-url@host/"
      headers = { authorization = "env:TOKEN", x-key = "hush-key" }
      signing_secrets = ["env:SIGNING", "${HUSH_SECRET}"]`,
  };
  const settings = Either.getOrThrow(await run(loadSettings(files), valid, secrets));
  const shown = renderSettings(settings.broker, settings.webHook);
  assert.match(shown, /users: 2/);
  assert.match(shown, /headers authorization, x-key, signed with 2 secrets/);
  assert.doesNotMatch(shown + JSON.stringify(settings.broker), /hush/);

  const invalid = {
    "broker.toml": `
      auth.users = ["a:hush-1", { username = "b", password = ["hush-2"] },
        { username = "c", password = "$scrypt$hush3" }, { username = "d", password = "$2b$12$hush4" }]
      auth.user = "hush-5"`,
    "web-hook.toml": `
      http_urls = ["htp://u:hush-6@host/", "http://u:hush-7@host:x/", "u:hush-8@host"]
      urls = "http://u:hush-9@host/"
      [[endpoint]]
      url = "http://u:hush-10@host/"
      headers = { authorization = "env:TOKEN", x-key = ["hush-11"], "no token" = "hush-12" }
      [[endpoint]]
      url = "http://u:hush-10@host/"
      header = { authorization = "hush-13" }
      signing_secrets = ["hush-15", "whsec_hush-16", "whsec_hush", "env:TOKEN", ["hush-17"]]
      headers = "authorization: hush-14"`,
  };
  const error = Either.getOrThrow(
    Either.flip(await run(loadSettings(files), invalid, { TOKEN: "hush\r\nx: y" })),
  );
  assert.ok(error.faults.length >= 17);
  assert.doesNotMatch(error.message, /hush/);

  for (const toml of ['password = "hush', "a = hush", 'a = "hush" hush', "[hush\na = 1"]) {
    const syntax = await run(loadSettings(files), { "broker.toml": toml, "web-hook.toml": toml });
    assert.doesNotMatch(Either.getOrThrow(Either.flip(syntax)).message, /hush/);
  }
});

Deno.test("renderSettings prints what would run", async () => {
  const { settings } = await broker(`
    node.id = 3
    [listener.tcp.a]
    [listener.ws.b]
    addr = "[::1]:8080"
    allow_anonymous = false
    allowed_origins = ["https://a.example", "https://b.example"]
  `);
  const { settings: hooks } = await webHook(`
    worker_threads = 0
    rule.client_connected = [{ action = "online", urls = ["http://u:p@host/"] }]
    rule.message_publish = [{ topics = ["a/#", "b"], urls = ["http://u:p@host/", "file:///e"] }]
    [[endpoint]]
    url = "http://u:p@host/"
    batch = "array"
    batch_max_delay = "20ms"
    compression = "gzip"
    rate_limit = "10000/5m"
  `);
  assert.equal(
    renderSettings(settings, hooks),
    `node 3
sessions and retained messages end with the process
listeners:
  tcp a on 0.0.0.0:1883, anonymous clients allowed, up to 1024000 connections, packets up to 1MB, QoS up to 2
  ws b on [::1]:8080/mqtt, pages of https://a.example https://b.example only, users only, up to 1024000 connections, packets up to 1MB, QoS up to 2
HTTP API: none
users: 0
acl entries: 0
rules:
  client_connected as online -> http://host/
  message_publish on a/#, b -> http://host/, file:///e
endpoints:
  http://host/, timeout 8s, up to 128 in flight, retry after 500ms x 2.5 up to 1m, jitter 0.5, for 1m (transient), batches (array) of up to 100 events, 64KB, 20ms, gzip, at most 10000/5m attempts
  file:///e, timeout 8s, up to 128 in flight, retry after 500ms x 2.5 up to 1m, jitter 0.5, for 1m (transient)
delivery:
  worker threads 0, 128 requests in flight, pool client
  queue of 300000 events, when full backpressure, of them 50% for failing URLs and 10% for one client's order
  order lifecycle, breaker after 20 failures, 10s to drain at shutdown
  outbox in memory
  no dead letters`,
  );
});
