import assert from "node:assert/strict";
import * as Either from "effect/Either";
import { parseEndpointUrl } from "../../../src/config/EndpointUrl.ts";
import { displayUrl } from "../../../src/domain/displayUrl.ts";

for (
  const url of [
    "http://127.0.0.1:5656/mqtt/webhook",
    "https://user:secret@example.com/a?b=c",
    "http://[::1]:80",
    "file:///var/log/events.jsonl",
    "FILE:///var/log/events.jsonl",
  ]
) {
  Deno.test(`parseEndpointUrl takes ${displayUrl(url)} as it is written`, () => {
    assert.deepEqual(parseEndpointUrl(` ${url} `), Either.right(url));
  });
}

for (
  const [url, found] of [
    ["", `""`],
    ["/mqtt/webhook", `"/mqtt/webhook"`],
    ["example.com/mqtt", `"example.com/mqtt"`],
    ["http:example.com", `"http:example.com"`],
    ["http://", `"http://"`],
    ["http://host:99999/", `"http://host:99999/"`],
    ["mqtt://user:secret@host/", `"mqtt://host/"`],
    ["http://user:secret@host:99999/", `"http://host:99999/"`],
    ["http://user:sec/ret@host:99999/", `"http://host:99999/"`],
    ["user:secret@host", `"host"`],
    ["file://relative/events", `"file://relative/events", whose path is not absolute`],
    ["file:///var/log/", `"file:///var/log/", which is a folder`],
  ] as const
) {
  Deno.test(`parseEndpointUrl refuses ${found}`, () => {
    assert.deepEqual(parseEndpointUrl(url), Either.left(found));
  });
}

for (
  const [url, shown] of [
    ["http://user:secret@host/a", "http://host/a"],
    ["http://user@host/a", "http://host/a"],
    ["http://us:er:se@cret@host/a@b", "http://host/a@b"],
    ["http://host/a@b", "http://host/a@b"],
    ["http://host/?at=a@b", "http://host/?at=a@b"],
  ] as const
) {
  Deno.test(`displayUrl shows ${shown} without user name and password`, () => {
    assert.equal(displayUrl(url), shown);
  });
}
