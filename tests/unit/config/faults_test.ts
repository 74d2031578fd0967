import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type { ConfigError } from "../../../src/config/ConfigError.ts";
import { renderFault } from "../../../src/config/ConfigError.ts";
import { ConfigSource } from "../../../src/config/ConfigSource.ts";
import { loadBrokerSettings, loadWebHookSettings } from "../../../src/config/loadSettings.ts";
import { ENCRYPTED_KEYS, SAME_NAMES, SELF_SIGNED } from "../../support/pems.ts";
import { memorySource } from "./memorySource.ts";

const env = { EMPTY: "", NEWLINE: "a\nb" };
const pem = {
  "text.pem": "no PEM",
  "cert.pem": SELF_SIGNED.cert,
  "key.pem": SELF_SIGNED.key,
  "other.pem": SAME_NAMES.key,
  "encrypted.pem": ENCRYPTED_KEYS[0],
};

/** A file's text and the exact lines that tell its faults, without the file's name. */
type Case = readonly [toml: string, ...lines: ReadonlyArray<string>];

const URL = "an absolute http://, https:// or file:/// URL";
const ANY_TIMER = 'a duration like "8s" or "1m30s", of at most 24d';
const WAITING = 'a duration like "8s" or "1m30s", over 0 and of at most 24d';
const PASSWORD = 'a password, "env:NAME" or a hash made by "deno task hash-password"';
const NAME = "a text of at most 100 characters that is no URL";
const RATE = 'a number of attempts and a time, like "30/s" or "10000/5m", 1 or more in over 0';
const SIGNING = `"whsec_" and base64 of 24 to 64 bytes, or "env:NAME"`;
const HEADER = 'a header\'s value or "env:NAME"';

const WEB_HOOK: ReadonlyArray<Case> = [
  // Syntax
  ["a = ", "1: expected TOML, found invalid value (column 5)"],
  [
    "a = 1\na = 2",
    "2: expected TOML, found trying to redefine an already defined table or value (column 1)",
  ],
  ["\n__proto__ = 1", '2: __proto__: expected a known key, found "__proto__"'],
  // Keys
  [
    "http_timout = 1",
    '1: http_timout: expected a known key, found "http_timout"; did you mean "http_timeout"?',
  ],
  ["colour = 1", '1: colour: expected a known key, found "colour"'],
  ['"a b".c = 1', '1: "a b": expected a known key, found "a b"'],
  [
    'rule.client_conected = [{action = "client_connected"}]',
    '1: rule.client_conected: expected a known event, found "client_conected"; did you mean "client_connected"?',
  ],
  // Types
  ["worker_threads = true", "1: worker_threads: expected a whole number from 0 to 256, found true"],
  [
    "worker_threads = []",
    "1: worker_threads: expected a whole number from 0 to 256, found an array",
  ],
  [
    "worker_threads = {}",
    "1: worker_threads: expected a whole number from 0 to 256, found a table",
  ],
  ["worker_threads = 1.5", "1: worker_threads: expected a whole number from 0 to 256, found 1.5"],
  ["worker_threads = -1", "1: worker_threads: expected a whole number from 0 to 256, found -1"],
  ["worker_threads = inf", "1: worker_threads: expected a whole number from 0 to 256, found inf"],
  [
    "queue_capacity = 9223372036854775807",
    "1: expected TOML, found integer value cannot be represented losslessly (column 18)",
  ],
  [
    "queue_capacity = 0",
    "1: queue_capacity: expected a whole number from 1 to 2147483647, found 0",
  ],
  ["breaker_failures = 0", "1: breaker_failures: expected a whole number, 1 or more, found 0"],
  [
    "concurrency_limit = 65536",
    "1: concurrency_limit: expected a whole number from 1 to 65535, found 65536",
  ],
  ["retry_jitter = nan", "1: retry_jitter: expected a number from 0 to 1, found nan"],
  ["retry_jitter = -0.1", "1: retry_jitter: expected a number from 0 to 1, found -0.1"],
  ["retry_multiplier = 0.9", "1: retry_multiplier: expected a number from 1 to 1000, found 0.9"],
  ["retry_multiplier = inf", "1: retry_multiplier: expected a number from 1 to 1000, found inf"],
  ["endpoint_share = 0", "1: endpoint_share: expected a number over 0 and at most 1, found 0"],
  ["endpoint_share = 1.1", "1: endpoint_share: expected a number over 0 and at most 1, found 1.1"],
  ["http_timeout = 8", `1: http_timeout: expected ${WAITING}, found 8`],
  ['http_timeout = "8"', `1: http_timeout: expected ${WAITING}, found "8"`],
  ['http_timeout = "0s"', `1: http_timeout: expected ${WAITING}, found "0s"`],
  ['http_timeout = "25d"', `1: http_timeout: expected ${WAITING}, found "25d"`],
  ["http_timeout = 07:32:00", `1: http_timeout: expected ${WAITING}, found a date`],
  ['shutdown_timeout = "-1s"', `1: shutdown_timeout: expected ${ANY_TIMER}, found "-1s"`],
  ["rule = 2024-01-01", "1: rule: expected a table, found a date"],
  [
    'ordering = "client_id"',
    '1: ordering: expected "lifecycle", "client" or "none", found "client_id"; did you mean "client"?',
  ],
  [
    "when_full = 3",
    '1: when_full: expected "backpressure", "drop_newest" or "drop_oldest", found 3',
  ],
  // URLs
  ['http_urls = "http://a/"', "1: http_urls: expected an array, found a string"],
  [
    'urls = [\n  "http://a/",\n  "ftp://u:p@b/",\n  3,\n]',
    `3: urls[1]: expected ${URL}, found "ftp://b/"`,
    `4: urls[2]: expected ${URL}, found a number`,
  ],
  // Rules
  [
    "rule.client_connect = [{}]\nrule.message_publish = [{urls = []}, {urls = ['http://a/']}]",
    "1: rule.client_connect[0]: expected urls in the rule, or http_urls for all rules, found neither",
    "2: rule.message_publish[0]: expected urls in the rule, or http_urls for all rules, found neither",
  ],
  [
    'urls = ["http://a/"]\n[[rule.message_publish]]\ntopics = ["a"]\n[[rule.message_publish]]\ntopics = ["a/#", "#/a", ""]',
    '5: rule.message_publish[1].topics[1]: expected a topic filter [MQTT 4.7], found "#/a"',
    '5: rule.message_publish[1].topics[2]: expected a topic filter [MQTT 4.7], found ""',
  ],
  [
    'urls = ["http://a/"]\nrule.client_connected = [{topics = ["a"]}]',
    "2: rule.client_connected[0].topics: expected no topics, because this event has none to match, found an array",
  ],
  [
    'urls = ["http://a/"]\nrule.client_connected = {action = "a"}',
    "2: rule.client_connected: expected an array, found a table",
  ],
  [
    'urls = ["http://a/"]\nrule.client_connected = [{action = "", url = "b"}, "a"]',
    '2: rule.client_connected[0].url: expected a known key, found "url"; did you mean "urls"?',
    '2: rule.client_connected[0].action: expected a text that is not empty, found ""',
    "2: rule.client_connected[1]: expected a table, found a string",
  ],
  // Endpoints
  ["[[endpoint]]\n", `1: endpoint[0].url: expected ${URL}, found nothing`],
  [
    '[[endpoint]]\nurl = "http://u:p@a/"\n[[endpoint]]\nurl = "http://u:p@a/"',
    '4: endpoint[1].url: expected one table for each URL, found "http://a/" a second time',
  ],
  [
    '[[endpoint]]\nurl = "http://a/"\n[endpoint.headers]\nContent-Length = "1"\n"a b" = "c"\n' +
    'a = "env:NOT_SET"\nb = "env:NEWLINE"\nc = "env:"\nd = 1',
    '4: endpoint[0].headers.Content-Length: expected the name of a header that this broker does not set itself, found "Content-Length"',
    '5: endpoint[0].headers."a b": expected the name of a header that this broker does not set itself, found "a b"',
    `6: endpoint[0].headers.a: expected ${HEADER}, found "env:NOT_SET", and no such environment variable`,
    `7: endpoint[0].headers.b: expected ${HEADER}, found "env:NEWLINE", which is a text that no header can hold`,
    `8: endpoint[0].headers.c: expected ${HEADER}, found "env:", and no such environment variable`,
    `9: endpoint[0].headers.d: expected ${HEADER}, found a number`,
  ],
  [
    '[[endpoint]]\nurl = "http://a/"\nsigning_secrets = [\n"c2VjcmV0",\n"whsec_se.cret",\n' +
    '"env:NOT_SET",\n"env:EMPTY",\n1,\n' +
    ["YWJj", "A".repeat(88)].map((text) => `"whsec_${text}"`).join(",\n") + "]",
    `4: endpoint[0].signing_secrets[0]: expected ${SIGNING}, found a text without "whsec_" before it`,
    `5: endpoint[0].signing_secrets[1]: expected ${SIGNING}, found "whsec_" and what is no base64 with its padding`,
    `6: endpoint[0].signing_secrets[2]: expected ${SIGNING}, found "env:NOT_SET", and no such environment variable`,
    `7: endpoint[0].signing_secrets[3]: expected ${SIGNING}, found "env:EMPTY", which is a text without "whsec_" before it`,
    `8: endpoint[0].signing_secrets[4]: expected ${SIGNING}, found a number`,
    `9: endpoint[0].signing_secrets[5]: expected ${SIGNING}, found a secret that is too short`,
    `10: endpoint[0].signing_secrets[6]: expected ${SIGNING}, found a secret that is too long`,
  ],
  [
    '[[endpoint]]\nurl = "https://a/"\nclient_cert = "cert.pem"\n' +
    '[[endpoint]]\nurl = "https://b/"\nclient_key = "encrypted.pem"',
    "1: endpoint[0].client_key: expected a file beside client_cert, found nothing",
    "4: endpoint[1].client_cert: expected a file beside client_key, found nothing",
    '6: endpoint[1].client_key: expected the path of a PEM file with a PRIVATE KEY, found "encrypted.pem", which is encrypted: a broker has nobody to ask (openssl pkey -in KEY -out PLAIN_KEY decrypts it)',
  ],
  [
    '[[endpoint]]\nurl = "https://a/"\nclient_cert = "cert.pem"\nclient_key = "other.pem"',
    '4: endpoint[0].client_key: expected the key of a certificate of "cert.pem", found "other.pem", a key that belongs to none of its certificates',
  ],
  [
    '[[endpoint]]\nurl = "http://a/"\nname = ""\n[[endpoint]]\nurl = "http://b/"\nname = "http://c/"\n' +
    '[[endpoint]]\nurl = "http://c/"\nname = "a\\nb"',
    `3: endpoint[0].name: expected ${NAME}, found ""`,
    `6: endpoint[1].name: expected ${NAME}, found "http://c/"`,
    `9: endpoint[2].name: expected ${NAME}, found "a\\nb"`,
  ],
  [
    '[[endpoint]]\nurl = "http://a/"\nname = "x"\n[[endpoint]]\nurl = "http://b/"\nname = "x"',
    '6: endpoint[1].name: expected a name of its own for each URL, found "x" a second time',
  ],
  [
    '[[endpoint]]\nurl = "https://a/"\nca_file = "text.pem"',
    '3: endpoint[0].ca_file: expected the path of a PEM file with a CERTIFICATE, found "text.pem", which has no CERTIFICATE block',
  ],
  [
    '[[endpoint]]\nurl = "http://a/"\nbatch = "arrays"\nbatch_max_events = 0\n' +
    'batch_max_bytes = "17MB"\nbatch_max_delay = 50\ncompression = "br"',
    '3: endpoint[0].batch: expected "none", "array" or "ndjson", found "arrays"; did you mean "array"?',
    "4: endpoint[0].batch_max_events: expected a whole number from 1 to 10000, found 0",
    '5: endpoint[0].batch_max_bytes: expected bytes from 0 to 16777216, as a number or like "64KB" or "1m", found "17MB"',
    `6: endpoint[0].batch_max_delay: expected ${ANY_TIMER}, found 50`,
    '7: endpoint[0].compression: expected "none" or "gzip", found "br"',
  ],
  ...['"0/s"', '"30"', '"1.5/s"', '"30/0s"', '"30/25d"', "30", '"-1/s"', '"1/ s"'].map((
    rate,
  ): Case => [
    `[[endpoint]]\nurl = "http://a/"\nrate_limit = ${rate}`,
    `3: endpoint[0].rate_limit: expected ${RATE}, found ${rate}`,
  ]),
  [
    '[[endpoint]]\nurl = "file:///a"\nbatch = "ndjson"\ncompression = "gzip"',
    '3: endpoint[0].batch: expected "none" for a file:// URL, which gets a line for each event, found "ndjson"',
    '4: endpoint[0].compression: expected "none" for a file:// URL, which gets a line for each event, found "gzip"',
  ],
  [
    '[[endpoint]]\nurl = "http://a/"\ncompression = "gzip"\nheaders = { Content-Encoding = "br" }',
    '4: endpoint[0].headers.Content-Encoding: expected no content-encoding beside that of compression, found "Content-Encoding"',
  ],
];

const BROKER: ReadonlyArray<Case> = [
  ['node = { id = "a" }', '1: node.id: expected a whole number, 0 or more, found "a"'],
  ["nod.id = 1", '1: nod: expected a known key, found "nod"; did you mean "node"?'],
  [
    "listener.tcp.a.max_inflght = 3",
    '1: listener.tcp.a.max_inflght: expected a known key, found "max_inflght"; did you mean "max_inflight"?',
  ],
  [
    "listener.tpc.a.addr = 1", // two edits from tcp
    '1: listener.tpc: expected a known transport, found "tpc"',
  ],
  [
    "listener.tcpp.a.addr = 1",
    '1: listener.tcpp: expected a known transport, found "tcpp"; did you mean "tcp"?',
  ],
  ["listener.tcp = 1", "1: listener.tcp: expected a table, found a number"],
  ["listener.tcp.a = 1", "1: listener.tcp.a: expected a table, found a number"],
  [
    '[listener.tcp.a]\naddr = "0.0.0.0:65536"\nmax_inflight = 0\nmax_qos_allowed = 3\n' +
    'max_packet_size = "1TB"\nallow_anonymous = "yes"\nkeepalive_backoff = 0.5\nhandshake_timeout = "0s"',
    '2: listener.tcp.a.addr: expected an address like "0.0.0.0:1883" or "[::1]:1883", found "0.0.0.0:65536"',
    "3: listener.tcp.a.max_inflight: expected a whole number from 1 to 65535, found 0",
    "4: listener.tcp.a.max_qos_allowed: expected 0, 1 or 2, found 3",
    '5: listener.tcp.a.max_packet_size: expected bytes from 0 to 268435460, as a number or like "64KB" or "1m", found "1TB"',
    '6: listener.tcp.a.allow_anonymous: expected true or false, found "yes"',
    "7: listener.tcp.a.keepalive_backoff: expected a number over 0.5 and at most 16, found 0.5",
    `8: listener.tcp.a.handshake_timeout: expected ${WAITING}, found "0s"`,
  ],
  [
    "[listener.tcp.a]\n[listener.tcp.b]\n[listener.ws.c]\naddr = ':1883'",
    '2: listener.tcp.b.addr: expected an address of its own for each listener, found "0.0.0.0:1883", which listener.tcp.a has',
    '4: listener.ws.c.addr: expected an address of its own for each listener, found "0.0.0.0:1883", which listener.tcp.a has',
  ],
  [
    "[listener.tcp.a]\naddr = '127.0.0.1:1883'\n[listener.ws.b]\naddr = '[::]:1883'",
    '4: listener.ws.b.addr: expected an address of its own for each listener, found "[::]:1883", which cannot be ' +
    'beside "127.0.0.1:1883" of listener.tcp.a',
  ],
  [
    '[listener.ws.a]\nallowed_origins = ["https://example.com/app"]',
    '2: listener.ws.a.allowed_origins[0]: expected an origin like "https://example.com", without a path, or "null", ' +
    'found "https://example.com/app"',
  ],
  [
    "[listener.tcp.a]\nenable = false",
    "1: listener: expected a listener of this broker that is enabled, found none",
  ],
  [
    '[listener.tls.a]\ncert = "nowhere.pem"\nkey = "cert.pem"',
    '2: listener.tls.a.cert: expected the path of a PEM file with a CERTIFICATE, found "nowhere.pem" (no such file)',
    '3: listener.tls.a.key: expected the path of a PEM file with a PRIVATE KEY, found "cert.pem", which has CERTIFICATE and no PRIVATE KEY block',
  ],
  [
    '[listener.tls.a]\ncert = "cert.pem"\nkey = "encrypted.pem"',
    '3: listener.tls.a.key: expected the path of a PEM file with a PRIVATE KEY, found "encrypted.pem", which is ' +
    "encrypted: a broker has nobody to ask (openssl pkey -in KEY -out PLAIN_KEY decrypts it)",
  ],
  [
    '[listener.tls.a]\ncert = "cert.pem"\nkey = "other.pem"\n' +
    '[listener.tls.b]\naddr = ":8884"\ncert = "cert.pem"\nkey = "key.pem"',
    '3: listener.tls.a.key: expected the key of a certificate of "cert.pem", found "other.pem", ' +
    "a key that belongs to none of its certificates",
  ],
  [
    "[listener.tls.a]",
    "1: listener.tls.a.cert: expected the path of a PEM file with a CERTIFICATE, found nothing",
    "1: listener.tls.a.key: expected the path of a PEM file with a PRIVATE KEY, found nothing",
  ],
  [
    'listener.ws.a.path = "mqtt"',
    '1: listener.ws.a.path: expected a path like "/mqtt", found "mqtt"',
  ],
  ['auth = "a"', "1: auth: expected a table, found a string"],
  [
    '[[auth.users]]\nusername = ""\npassword = ""\n[[auth.users]]\nusername = "b"\n[[auth.users]]\n' +
    'username = "c"\npassword = "env:EMPTY"\n[[auth.users]]\nusername = "d"\npassword = "env:NOT_SET"\n' +
    '[[auth.users]]\nusername = "e"\npassword = "$scrypt$ln=40,r=8,p=1$AAAA$AAAA"\n' +
    '[[auth.users]]\nusername = "f"\npassword = "$2b$12$abc"',
    '2: auth.users[0].username: expected a text that is not empty, found ""',
    `3: auth.users[0].password: expected ${PASSWORD}, found empty`,
    `4: auth.users[1].password: expected ${PASSWORD}, found nothing`,
    `8: auth.users[2].password: expected ${PASSWORD}, found "env:EMPTY", which is empty`,
    `11: auth.users[3].password: expected ${PASSWORD}, found "env:NOT_SET", and no such environment variable`,
    `14: auth.users[4].password: expected ${PASSWORD}, found a malformed $scrypt$ hash`,
    `17: auth.users[5].password: expected ${PASSWORD}, found a hash of another kind than scrypt`,
  ],
  [
    'auth.users = [\n{username = "a", password = "b"},\n{username = "a", password = "c"}]',
    '3: auth.users[1].username: expected each user once, found "a" a second time',
  ],
  [
    'acl = [{permit = "alow"}, {action = "publish"}, {permit = "deny", topics = ["a#"], topic = []}]',
    '1: acl[0].permit: expected "allow" or "deny", found "alow"; did you mean "allow"?',
    '1: acl[1].permit: expected "allow" or "deny", found nothing',
    '1: acl[2].topic: expected a known key, found "topic"; did you mean "topics"?',
    '1: acl[2].topics[0]: expected a topic filter [MQTT 4.7], found "a#"',
  ],
];

/** The lines that tell a file's faults. */
const refusal = async <A>(
  load: (file: string) => Effect.Effect<A, ConfigError, ConfigSource>,
  file: string,
  toml: string,
): Promise<ReadonlyArray<string>> => {
  const source = memorySource({ ...pem, [file]: toml }, env);
  const error = await Effect.runPromise(
    load(file).pipe(Effect.flip, Effect.provideService(ConfigSource, source)),
  );
  return error.faults.map(renderFault);
};

for (const [toml, ...lines] of WEB_HOOK) {
  Deno.test(`loadWebHookSettings refuses line ${lines.join("; ")}`, async () => {
    assert.deepEqual(
      await refusal(loadWebHookSettings, "web-hook.toml", toml),
      lines.map((line) => `web-hook.toml:${line}`),
    );
  });
}

for (const [toml, ...lines] of BROKER) {
  Deno.test(`loadBrokerSettings refuses line ${lines.join("; ")}`, async () => {
    assert.deepEqual(
      await refusal(loadBrokerSettings, "broker.toml", toml),
      lines.map((line) => `broker.toml:${line}`),
    );
  });
}

Deno.test("An [[endpoint]] may not set a header that frames the request or tells the attempt, in whatever case", async () => {
  const own = [
    "te",
    "Trailer",
    "upgrade",
    "Expect",
    "keep-alive",
    "proxy-connection",
    "connection",
  ];
  for (
    const name of [
      ...own,
      "content-type",
      "Webhook-Id",
      "webhook-timestamp",
      "WEBHOOK-SEQ",
      "webhook-signature",
    ]
  ) {
    const toml =
      `http_urls = ["http://a/"]\n[[endpoint]]\nurl = "http://a/"\nheaders = { ${name} = "x" }`;
    const faults = await refusal(loadWebHookSettings, "web-hook.toml", toml);
    assert.equal(faults.length, 1, name);
    assert.match(faults[0] ?? "", /the name of a header that this broker does not set itself/);
  }
});
