import assert from "node:assert/strict";
import { nearest } from "../../../src/config/nearest.ts";

const KNOWN = ["client_connect", "client_connected", "client_connack", "urls", "http_urls"];

for (
  const [word, expected] of [
    ["client_conected", "client_connected"],
    ["client_connectde", "client_connected"], // two edits, as many as to client_connect
    ["cleint_connack", "client_connack"],
    ["ulrs", undefined], // two edits in four letters
    ["CLIENT_CONNACK", "client_connack"],
    ["url", "urls"],
    ["http_url", "http_urls"],
    ["topics", undefined],
    ["x", undefined],
    ["", undefined],
  ] as const
) {
  Deno.test(`nearest answers ${expected} for "${word}"`, () => {
    assert.equal(nearest(word, KNOWN), expected);
  });
}

Deno.test("nearest prefers the first of equally near candidates", () => {
  assert.equal(nearest("tcq", ["tcp", "tcx"]), "tcp");
});
