import assert from "node:assert/strict";
import * as Redacted from "effect/Redacted";
import { changedBrokerKeys, changedWebHookKeys } from "../../../src/config/changedKeys.ts";
import { WebHookFile } from "../../../src/config/WebHookFile.ts";
import { webHookTable } from "../../../src/config/webHookTable.ts";
import type { BrokerSettings } from "../../../src/domain/BrokerSettings.ts";
import type { EndpointSettings } from "../../../src/domain/WebHookSettings.ts";
import { configTables } from "../../../src/tools/docs/configTables.ts";
import { A, rule, settingsOf } from "../webhook/harness.ts";

/** An endpoint that has all that there can be. */
const FULL: Partial<EndpointSettings> = {
  headers: [["authorization", Redacted.make("s3cret")]],
  signingKeys: [Redacted.make(new Uint8Array(24))],
  ca: { file: "ca.pem", pem: "PEM" },
  identity: { certFile: "cert.pem", keyFile: "key.pem", cert: "PEM", key: Redacted.make("PEM") },
  batch: { form: "array", maxEvents: 100, maxBytes: 65_536, maxDelay: 50 },
  rateLimit: { count: 30, period: 1000 },
};

const SETTINGS = settingsOf({ endpoint: FULL });

const table = webHookTable(SETTINGS, { url: (url) => url, secret: () => "***" });

/** Keys of the file that are no settings of their own: what they say is in others. */
const FOLDED = new Set([
  "async_queue_capacity",
  "http_urls",
  "urls",
  "http_timeout",
  "retry_initial_interval",
  "retry_multiplier",
  "retry_max_interval",
  "retry_jitter",
  "retry_max_elapsed_time",
  "retry_status",
]);

Deno.test("webHookTable has every key that web-hook.toml may have", () => {
  const file = configTables(WebHookFile);
  const endpoint = file.tables.find(({ path }) => path === "endpoint");
  assert.deepEqual(
    file.keys.map(({ name }) => name).filter((name) => !(name in table) && !FOLDED.has(name)),
    [],
  );
  assert.ok(endpoint !== undefined && endpoint.keys.length > 5);
  const shown = table.endpoint[0] ?? {};
  assert.deepEqual(
    [...endpoint.keys.map(({ name }) => name), "headers"].filter((name) => !(name in shown)),
    [],
  );
});

Deno.test("webHookTable shows no secret", () => {
  assert.deepEqual(table.endpoint[0]?.headers, { authorization: "***" });
  assert.deepEqual(table.endpoint[0]?.signing_secrets, ["***"]);
  assert.doesNotMatch(JSON.stringify(table), /s3cret|AAAA|PEM/);
});

Deno.test("changedWebHookKeys names general keys, the rules of an event, and each URL of which something has changed", () => {
  const changed = (other: Parameters<typeof settingsOf>[0]) =>
    changedWebHookKeys(SETTINGS, settingsOf({ endpoint: FULL, ...other }));
  assert.deepEqual(changed({}), []);
  assert.deepEqual(changed({ queueCapacity: 5, ordering: "none" }), ["queue_capacity", "ordering"]);
  assert.deepEqual(changed({ rules: [rule("message_publish")] }), ["rule.client_connected"]);
  const endpoints: ReadonlyArray<Partial<EndpointSettings>> = [
    { headers: [["authorization", Redacted.make("another")]] },
    { signingKeys: [Redacted.make(new Uint8Array(32))] },
    { ca: { file: "ca.pem", pem: "ANOTHER" } },
    { identity: { certFile: "c.pem", keyFile: "k.pem", cert: "PEM", key: Redacted.make("NEW") } },
    { concurrencyLimit: 7 },
  ];
  for (const other of endpoints) {
    assert.deepEqual(changed({ endpoint: { ...FULL, ...other } }), [`endpoint ${A}`]);
  }
  const named = changedWebHookKeys(
    SETTINGS,
    settingsOf({
      endpoint: FULL,
      rules: [rule("message_publish", { urls: ["http://u:p@b.test/"] })],
    }),
  );
  assert.deepEqual(named, [
    "rule.client_connected",
    "rule.message_publish",
    `endpoint ${A}`,
    "endpoint http://b.test/",
  ]);
});

Deno.test("changedBrokerKeys names users and access list where they are others", () => {
  const broker = (password: string, acl: BrokerSettings["acl"] = []) =>
    // The keys that it looks at.
    ({
      users: [{ username: "u", password: Redacted.make(password) }],
      acl,
    }) as unknown as BrokerSettings;
  const deny = { permit: "deny", action: "all", user: undefined, topics: [] } as unknown;
  assert.deepEqual(changedBrokerKeys(broker("a"), broker("a")), []);
  assert.deepEqual(changedBrokerKeys(broker("a"), broker("b")), ["auth.users"]);
  assert.deepEqual(
    changedBrokerKeys(broker("a"), broker("a", [deny] as BrokerSettings["acl"])),
    ["acl"],
  );
});
