import assert from "node:assert/strict";
import { ProtocolBench } from "../support/ProtocolBench.ts";

for (const version of [3, 4, 5] as const) {
  Deno.test(`CONNECT of protocol version ${version} is accepted, with its events in order`, () => {
    const bench = new ProtocolBench();
    const client = bench.connect(version, "a");
    client.nothing();
    assert.deepEqual(bench.hooks.names("a"), [
      "client_connect",
      "session_created",
      "client_connack",
      "client_connected",
    ]);
  });
}
