import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { ConfigSource } from "../../../src/config/ConfigSource.ts";
import { loadBrokerSettings } from "../../../src/config/loadSettings.ts";
import { memorySource } from "./memorySource.ts";

const load = (toml: string, env: Readonly<Record<string, string>> = {}) =>
  Effect.runPromise(
    loadBrokerSettings("broker.toml").pipe(
      Effect.match({
        onSuccess: ({ settings, warnings }) => ({ api: settings.httpApi, warnings, message: "" }),
        onFailure: ({ message }) => ({ api: undefined, warnings: [], message }),
      }),
      Effect.provideService(ConfigSource, memorySource({ "broker.toml": toml }, env)),
    ),
  );

Deno.test("http_api without an address is no API", async () => {
  assert.deepEqual(await load("[http_api]\nmetrics_open = true"), {
    api: undefined,
    warnings: [],
    message: "",
  });
});

Deno.test("http_api takes RMQTT's names, and tells which keys of its file mean nothing here", async () => {
  const { api, warnings, message } = await load(
    '[http_api]\nhttp_laddr = "0.0.0.0:6060"\nhttp_bearer_token = "env:T"\nmax_row_limit = 50\n' +
      'http_request_log = true\nmetrics_sample_interval = "5s"',
    { T: "secret" },
  );
  assert.equal(message, "");
  assert.ok(api?.token);
  const { token, ...others } = api;
  assert.equal(Redacted.value(token), "secret");
  assert.deepEqual(others, {
    hostname: "0.0.0.0",
    port: 6060,
    metricsOpen: false,
    page: true,
    payloads: false,
    mostRows: 50,
  });
  assert.match(
    warnings.join("\n"),
    /^broker\.toml:5: http_api\.http_request_log = true: requests are not logged$/,
  );
});

for (const addr of ["127.0.0.1:6060", "127.8.8.8:1", "[::1]:6060", "localhost:6060"]) {
  Deno.test(`http_api needs no token on ${addr}`, async () => {
    assert.equal((await load(`http_api.addr = "${addr}"`)).message, "");
  });
}

for (const addr of ["0.0.0.0:6060", ":6060", "[::]:6060", "10.0.0.1:6060", "broker.lan:6060"]) {
  Deno.test(`http_api on ${addr} without a token is a fault that says what to write`, async () => {
    const { message } = await load(`[http_api]\naddr = "${addr}"`);
    assert.match(message, /^broker\.toml:2: http_api\.addr: expected token = "env:NAME"/);
    assert.equal((await load(`[http_api]\naddr = "${addr}"\ntoken = "t"`)).message, "");
  });
}

Deno.test("http_api refuses a token that no header can carry, and does not show it", async () => {
  for (const token of ["", "two words", "schlüssel"]) {
    const { message } = await load(`[http_api]\naddr = "127.0.0.1:1"\ntoken = "${token}"`);
    assert.match(message, /http_api\.token: expected a token of visible ASCII characters/);
    if (token !== "") assert.ok(!message.includes(token), message);
  }
});

Deno.test("http_api refuses both names of one key", async () => {
  const { message } = await load(
    '[http_api]\naddr = "127.0.0.1:1"\nhttp_laddr = "127.0.0.1:2"\ntoken = "a"\nhttp_bearer_token = "b"',
  );
  assert.match(message, /http_api\.http_laddr: expected either the one name or the other/);
  assert.match(message, /http_api\.http_bearer_token: expected/);
});
