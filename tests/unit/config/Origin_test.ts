/** Origins of web pages as text. */
import assert from "node:assert/strict";
import { parseOrigin } from "../../../src/config/Origin.ts";

Deno.test("parseOrigin answers an origin as browsers write it", () => {
  const origins = [
    ["https://example.com", "https://example.com"],
    ["HTTPS://Example.COM:443", "https://example.com"],
    ["http://localhost:3000", "http://localhost:3000"],
    ["http://[::1]:80", "http://[::1]"],
    ["https://bücher.example", "https://xn--bcher-kva.example"],
    ["capacitor://localhost", "capacitor://localhost"],
    ["file://", "file://"],
    ["null", "null"],
  ] as const;
  for (const [text, origin] of origins) assert.equal(parseOrigin(text), origin, text);
});

Deno.test("parseOrigin takes nothing that no browser would say", () => {
  const none = [
    "",
    "*",
    "example.com",
    "https://",
    "https://example.com/",
    "https://example.com/app",
    "https://example.com?x",
    "https://user@example.com",
    "https://a.example https://b.example",
    "https://example.com:port",
    "https://*.example.com ",
  ];
  for (const text of none) assert.equal(parseOrigin(text), undefined, text);
});
