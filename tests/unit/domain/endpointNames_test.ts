import assert from "node:assert/strict";
import { endpointNames, nameOf } from "../../../src/domain/endpointNames.ts";
import { settingsOf } from "../webhook/harness.ts";

const named = (urls: ReadonlyArray<string>, own: Readonly<Record<string, string>> = {}) => {
  const names = endpointNames(urls, new Map(Object.entries(own)));
  return urls.map((url) => names.get(url));
};

Deno.test("endpointNames calls a URL as it was named, or by itself without user, password and query", () => {
  assert.deepEqual(
    named(["http://u:p@a/x?key=1#f", "http://b/secret", "file:///var/x.log"], {
      "http://b/secret": "hass",
    }),
    ["http://a/x#f", "hass", "file:///var/x.log"],
  );
});

Deno.test("endpointNames tells URLs apart that differ in what is not shown, and leaves its own name to who has it whole", () => {
  assert.deepEqual(
    named(["http://a/?k=1", "http://u@a/", "http://a/", "http://a/?k=2"]),
    ["http://a/ (2)", "http://a/ (3)", "http://a/", "http://a/ (4)"],
  );
});

Deno.test("nameOf says what a URL is called, named by the settings or not", () => {
  const of = settingsOf({
    rules: [{
      event: "client_connect",
      action: "client_connect",
      topics: [],
      urls: ["http://u:p@a/?k=1"],
    }],
  });
  assert.equal(nameOf(of, "http://u:p@a/?k=1"), "http://a/");
  assert.equal(nameOf(of, "http://u:p@gone/?k=1"), "http://gone/?k=***");
});
