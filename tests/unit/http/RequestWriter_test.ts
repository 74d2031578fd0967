import * as assert from "node:assert/strict";
import * as Either from "effect/Either";
import type { RequestHeaders } from "../../../src/http/RequestWriter.ts";
import { makeRequestHead, RequestWriter } from "../../../src/http/RequestWriter.ts";
import { bodyOf, linesOf } from "../../support/requests.ts";

const headOf = (url: string, headers: RequestHeaders = {}) =>
  Either.getOrThrow(makeRequestHead(new URL(url), headers));

const faultOf = (url: string, headers: RequestHeaders = {}): string | undefined =>
  Either.match(makeRequestHead(new URL(url), headers), {
    onLeft: (error) => `${error.fault}: ${error.message}`,
    onRight: () => undefined,
  });

const text = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);

Deno.test("RequestWriter writes head, lines and body into one buffer", () => {
  const head = headOf("http://host:81/a%20b?c=d#e", { "Content-Type": "application/json" });
  assert.equal(
    text(new RequestWriter().write(head, linesOf("webhook-id: 1\r\n"), bodyOf("{}"))),
    "POST /a%20b?c=d HTTP/1.1\r\nhost: host:81\r\ncontent-type: application/json\r\n" +
      "webhook-id: 1\r\ncontent-length: 2\r\n\r\n{}",
  );
});

Deno.test("RequestWriter writes a body from the middle of a buffer, and an empty one", () => {
  const head = headOf("http://h/");
  const slab = { bytes: new TextEncoder().encode("[{}]") };
  const write = (offset: number, length: number) =>
    text(new RequestWriter().write(head, linesOf(""), { slab, offset, length }));
  assert.equal(write(1, 2), "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{}");
  assert.equal(write(4, 0), "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n");
});

Deno.test("RequestWriter writes requests of any size and head one after another", () => {
  const writer = new RequestWriter();
  const heads = [headOf("http://h/"), headOf("http://h/a/longer/path", { a: "b" })];
  const sizes = [2, 2, 0, 3000, 30_000, 200_000, 10, 65_000, 70_000, 1];
  for (const [n, size] of sizes.entries()) {
    for (const line of ["", "x: 1\r\n", `x: ${"2".repeat(n * 100)}\r\n`]) {
      for (const head of heads) {
        assert.equal(
          text(writer.write(head, linesOf(line), bodyOf("x".repeat(size)))),
          `${text(head.bytes)}${line}content-length: ${size}\r\n\r\n${"x".repeat(size)}`,
        );
      }
    }
  }
});

Deno.test("makeRequestHead writes Latin-1 values, one byte a character", () => {
  const { bytes } = headOf("http://h/", { "x-city": "K\u00f6ln" });
  assert.equal(text(bytes), "POST / HTTP/1.1\r\nhost: h\r\nx-city: K\u00f6ln\r\n");
});

Deno.test("makeRequestHead writes host as the URL has it", () => {
  const hostOf = (url: string) => text(headOf(url).bytes).split("\r\n")[1];
  assert.equal(hostOf("http://h:80/"), "host: h");
  assert.equal(hostOf("https://h:443/"), "host: h");
  assert.equal(hostOf("https://h:80/"), "host: h:80");
  assert.equal(hostOf("http://[::1]:81/"), "host: [::1]:81");
  assert.equal(hostOf("http://bücher.example/"), "host: xn--bcher-kva.example");
});

Deno.test("makeRequestHead makes basic authorization of the URL's userinfo", () => {
  const linesOf = (url: string, headers: RequestHeaders = {}) => text(headOf(url, headers).bytes);
  assert.ok(
    linesOf("http://user:p%40ss%C3%BC@h/").includes(
      `\r\nauthorization: Basic ${new TextEncoder().encode("user:p@ssü").toBase64()}\r\n`,
    ),
  );
  assert.ok(!linesOf("http://user:pass@h/").includes("user"));
  const own = linesOf("http://user:pass@h/", { Authorization: "Bearer t", Host: "other" });
  assert.equal(own, "POST / HTTP/1.1\r\nhost: other\r\nauthorization: Bearer t\r\n");
});

Deno.test("makeRequestHead refuses what could break the framing", () => {
  const refused: ReadonlyArray<[RequestHeaders, string]> = [
    [{ a: "b\r\nc: d" }, "the header a has characters that a header may not have"],
    [{ a: "b\nc" }, "the header a has characters that a header may not have"],
    [{ a: "\0" }, "the header a has characters that a header may not have"],
    [{ a: "€" }, "the header a has characters that a header may not have"],
    [{ a: "\u{1f600}" }, "the header a has characters that a header may not have"],
    [{ "a\r\nb": "c" }, "a header name is no token"],
    [{ "\u212aeep-alive": "c" }, "a header name is no token"],
    [{ "a:": "c" }, "a header name is no token"],
    [{ "": "c" }, "a header name is no token"],
    [{ "Transfer-Encoding": "chunked" }, "the header Transfer-Encoding is not the caller's to set"],
    [{ "Content-Length": "2" }, "the header Content-Length is not the caller's to set"],
    [{ connection: "close" }, "the header connection is not the caller's to set"],
    [{ Expect: "100-continue" }, "the header Expect is not the caller's to set"],
  ];
  for (const [headers, fault] of refused) {
    assert.equal(faultOf("http://h/", headers), `invalid_request: ${fault}`);
  }
  assert.equal(faultOf("http://h/", { "x-A!#~": "caf\xe9\t" }), undefined);
  assert.equal(faultOf("ftp://h/"), "invalid_request: cannot send to ftp: URLs");
  assert.equal(
    faultOf("http://%FF:b@h/"),
    "invalid_request: the URL's user or password is not valid UTF-8",
  );
});
