import assert from "node:assert/strict";
import * as Either from "effect/Either";
import { parseEndpointUrl } from "../../../src/config/EndpointUrl.ts";
import { displayUrl } from "../../../src/domain/displayUrl.ts";

for (
  const url of [
    "http://127.0.0.1:5656/mqtt/webhook",
    "https://user:secret@example.com/a?b=c",
    "http://[::1]:80",
    "http://my_service.example.:1/a b",
    "http://xn--bcher-kva.example/",
    "http://us%25er:p%C3%A9%3A@host/",
    "http://:@host/",
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
    ["http://host:0/", `"http://host:0/", whose port is 0: a number from 1 to 65535 is one`],
    ["https:///hook", `"https:///hook", which names no host`],
    ["http://ho\nst/", `"http://ho\\nst/", with a tab or a line end in it`],
    ["http://a\\b/", `"http://a\\\\b/", with a backslash before its path`],
    ["http://a..b/", `"http://a..b/", whose host has an empty label between its dots`],
    ["http://./", `"http://./", whose host has an empty label between its dots`],
    [
      "http://a*b/",
      `"http://a*b/", whose host has a character other than letters, digits, hyphen, underscore and dot`,
    ],
    [
      `http://${"a".repeat(64)}.b/`,
      `"http://${"a".repeat(64)}.b/", whose host has a label over 63 characters`,
    ],
    [
      `http://${"a.".repeat(130)}b/`,
      `"http://${"a.".repeat(130)}b/", whose host has over 253 characters`,
    ],
    [
      "http://u%zz:p@host/",
      `"http://host/", whose user has a "%" without two hexadecimal digits ("%25" is a "%")`,
    ],
    [
      "http://u:p%@host/",
      `"http://host/", whose password has a "%" without two hexadecimal digits ("%25" is a "%")`,
    ],
    ["http://u%e4:p@host/", `"http://host/", whose user is not UTF-8`],
    ["http://u:p%0d%0a@host/", `"http://host/", whose password has a control character`],
    ["http://u\x01@host/", `"http://host/", whose user has a control character`],
    ["http://a%3Ab:p@host/", `"http://host/", whose user has a colon, which ends it`],
    [
      "file://target/x.log",
      `"file://target/x.log", which RMQTT takes for /x.log: write "file:///x.log" for that, or ` +
      `"file:///target/x.log"`,
    ],
    [
      "file://x.log",
      `"file://x.log", which has a host and no path: write "file:///" and the whole path`,
    ],
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
    ["http://host/?at=a@b", "http://host/?at=***"],
    ["http://host/a?key=secret&to=b&c", "http://host/a?key=***&to=***&***"],
    ["http://u:p@host/a?secret=a=b#part", "http://host/a?secret=***#part"],
    ["http://host/a?secret", "http://host/a?***"],
    ["http://host/a?=secret&&x=", "http://host/a?***&&***"],
    ["no url?key=secret", "no url?key=***"],
  ] as const
) {
  Deno.test(`displayUrl shows ${shown} without user name, password and what the query says`, () => {
    assert.equal(displayUrl(url), shown);
  });
}
