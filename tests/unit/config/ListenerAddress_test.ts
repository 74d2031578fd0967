import assert from "node:assert/strict";
import {
  formatListenerAddress,
  parseListenerAddress,
} from "../../../src/config/ListenerAddress.ts";

for (
  const [text, hostname, port] of [
    ["0.0.0.0:1883", "0.0.0.0", 1883],
    ["127.0.0.1:0", "127.0.0.1", 0],
    ["[::1]:1883", "::1", 1883],
    ["[::]:65535", "::", 65535],
    ["localhost:1883", "localhost", 1883],
    ["mqtt-1.example.com:8883", "mqtt-1.example.com", 8883],
  ] as const
) {
  Deno.test(`parseListenerAddress reads ${text}, and formatListenerAddress writes it`, () => {
    const address = parseListenerAddress(text);
    assert.deepEqual(address, { hostname, port });
    assert.equal(formatListenerAddress({ hostname, port }), text);
  });
}

Deno.test("parseListenerAddress takes an absent host for all IPv4 addresses", () => {
  assert.deepEqual(parseListenerAddress(":1883"), { hostname: "0.0.0.0", port: 1883 });
});

for (
  const text of [
    "",
    "1883",
    "localhost",
    "localhost:",
    "localhost:65536",
    "localhost:-1",
    "256.0.0.1:1883",
    "1.2.3:1883",
    "::1:1883",
    "[::g]:1883",
    "[::1:1883",
    "a b:1883",
    "*:1883",
    "tcp://localhost:1883",
  ]
) {
  Deno.test(`parseListenerAddress refuses ${JSON.stringify(text)}`, () => {
    assert.equal(parseListenerAddress(text), undefined);
  });
}
