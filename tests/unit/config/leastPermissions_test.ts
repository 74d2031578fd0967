import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import { ConfigSource, recording } from "../../../src/config/ConfigSource.ts";
import { leastPermissions, permissionOptions } from "../../../src/config/leastPermissions.ts";
import { loadSettings } from "../../../src/config/loadSettings.ts";
import { memorySource } from "./memorySource.ts";

/** The options for these two files, in a world where only `there` exists. */
const optionsFor = (
  broker: string,
  webHook: string,
  there: ReadonlyArray<string> = [],
): Promise<ReadonlyArray<string>> => {
  const { source, asked } = recording(
    memorySource({ "b.toml": broker, "w.toml": webHook }, { TOKEN: "t", OTHER: "o" }),
  );
  return loadSettings({ config: "b.toml", webHook: "w.toml" }).pipe(
    Effect.map((settings) =>
      permissionOptions(leastPermissions(settings, {
        asked,
        program: ["/p/src"],
        exists: (path) => there.includes(path),
      }))
    ),
    Effect.provideService(ConfigSource, source),
    Effect.runPromise,
  );
};

Deno.test("leastPermissions names each listener, the API and each receiver's host and port, once", async () => {
  const options = await optionsFor(
    `[listener]
    tcp.a.addr = "0.0.0.0:1883"
    ws.b.addr = "[::]:8080"
    [http_api]
    addr = "0.0.0.0:6060"
    token = "env:TOKEN"`,
    `http_urls = ["http://a.example/x", "http://u:p@a.example:80/y", "https://b.example", "http://[::1]:81"]
    rule.client_connect = [{}]`,
  );
  assert.deepEqual(options, [
    "--allow-net=0.0.0.0:1883,[::]:8080,0.0.0.0:6060,a.example:80,b.example:443,[::1]:81",
    "--allow-read=/p/src,b.toml,w.toml,data/outbox",
    "--allow-env=TOKEN",
    "--allow-sys=systemMemoryInfo",
  ]);
});

Deno.test("leastPermissions lets a process write where it keeps things and to its files, and nowhere else", async () => {
  const options = await optionsFor(
    'mqtt.max_memory = "1GB"\npersistence = true',
    `http_urls = ["file:///log/a%20b.jsonl", "file:///new/c.jsonl", "file:///dev/stdout"]
    outbox_dir = "/var/outbox"
    rule.client_connect = [{}]`,
    ["/log"],
  );
  assert.deepEqual(options, [
    "--allow-net=0.0.0.0:1883",
    "--allow-read=/p/src,b.toml,w.toml,/var/outbox,/log/a b.jsonl,/new/c.jsonl",
    "--allow-write=/var/outbox,/log/a b.jsonl,/new/c.jsonl,/new",
  ]);
});

Deno.test("leastPermissions names the folder above a path with a comma, which Deno cannot name", async () => {
  const options = await optionsFor(
    "persistence = true",
    'outbox_dir = "/a/b,c/d,e"\nhttp_urls = ["http://h"]\nrule.client_connect = [{}]',
  );
  assert.ok(options.includes("--allow-write=/a"));
});
