import assert from "node:assert/strict";
import { formatAddress } from "../../../src/net/formatAddress.ts";

Deno.test("formatAddress says hosts as hook events do", () => {
  const table = [
    ["127.0.0.1", "127.0.0.1:1883"],
    ["::1", "[::1]:1883"],
    ["fe80::1", "[fe80::1]:1883"],
    ["::ffff:10.0.0.7", "10.0.0.7:1883"], // an IPv4 client of a listener for both
    ["localhost", "localhost:1883"],
  ] as const;
  for (const [hostname, said] of table) {
    assert.equal(formatAddress({ hostname, port: 1883 }), said);
  }
});
