import * as assert from "node:assert/strict";
import * as Either from "effect/Either";
import { type RequestBody, wholeBody } from "../../../src/http/RequestWriter.ts";
import {
  makeRequestHead,
  type RequestHeaders,
  requestHeadersFault,
  RequestWriter,
} from "../../../src/http/RequestWriter.ts";

const headOf = (url: string, headers: RequestHeaders = {}, method = "POST") =>
  Either.getOrThrow(makeRequestHead(method, new URL(url), headers));

const faultOf = (url: string, headers: RequestHeaders = {}, method = "POST"): string | undefined =>
  Either.match(makeRequestHead(method, new URL(url), headers), {
    onLeft: (error) => `${error.fault}: ${error.message}`,
    onRight: () => undefined,
  });

const text = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);
const body = (text: string): RequestBody => wholeBody(new TextEncoder().encode(text));

Deno.test("RequestWriter writes head and body into one buffer", () => {
  const head = headOf("http://host:81/a%20b?c=d#e", { "Content-Type": "application/json" });
  assert.equal(
    text(new RequestWriter().write(head, { "webhook-id": "1" }, body("{}"))),
    "POST /a%20b?c=d HTTP/1.1\r\nhost: host:81\r\ncontent-type: application/json\r\n" +
      "webhook-id: 1\r\ncontent-length: 2\r\n\r\n{}",
  );
});

Deno.test("RequestWriter says a length where the method asks for one", () => {
  const write = (method: string) =>
    text(new RequestWriter().write(headOf("http://h/", {}, method), {}, undefined));
  assert.equal(write("POST"), "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n");
  assert.equal(write("GET"), "GET / HTTP/1.1\r\nhost: h\r\n\r\n");
});

Deno.test("RequestWriter says the body's length, whatever the caller says", () => {
  const written = new RequestWriter().write(
    headOf("http://h/"),
    { "Content-Length": "99" },
    body("{}"),
  );
  assert.equal(text(written), "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{}");
});

Deno.test("RequestWriter writes Latin-1 values, one byte a character, in the head and beside it", () => {
  const head = headOf("http://h/", { "x-city": "K\u00f6ln" });
  for (const content of ["", "{}", "x".repeat(100_000)]) {
    assert.equal(
      text(new RequestWriter().write(head, { "x-name": "M\u00fcller" }, body(content))),
      "POST / HTTP/1.1\r\nhost: h\r\nx-city: K\u00f6ln\r\nx-name: M\u00fcller\r\n" +
        `content-length: ${content.length}\r\n\r\n${content}`,
    );
  }
});

Deno.test("RequestWriter writes requests larger than the buffer it keeps", () => {
  const writer = new RequestWriter();
  const head = headOf("http://h/");
  for (const size of [10, 3000, 200_000, 10]) {
    const written = text(writer.write(head, {}, body("x".repeat(size))));
    assert.ok(written.endsWith(`content-length: ${size}\r\n\r\n${"x".repeat(size)}`), `${size}`);
  }
});

Deno.test("RequestWriter lets header lines write themselves, behind the others", () => {
  const lines = (text: string) => ({
    room: text.length,
    write: (buffer: Uint8Array, at: number) =>
      at + new TextEncoder().encodeInto(text, buffer.subarray(at)).written,
  });
  const writer = new RequestWriter();
  const head = headOf("http://h/");
  for (
    const [line, size] of [["a: 1", 2], ["a: 12", 2000], ["a: 1", 100_000], ["b: 2", 0]] as const
  ) {
    assert.equal(
      text(writer.write(head, { x: "y" }, body("x".repeat(size)), lines(`${line}\r\n`))),
      `POST / HTTP/1.1\r\nhost: h\r\nx: y\r\n${line}\r\ncontent-length: ${size}\r\n\r\n` +
        "x".repeat(size),
    );
  }
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
    [{ "a\r\nb": "c" }, "a header name is no token"],
    [{ "a:": "c" }, "a header name is no token"],
    [{ "": "c" }, "a header name is no token"],
    [{ "Transfer-Encoding": "chunked" }, "the header Transfer-Encoding is not the caller's to set"],
    [{ connection: "close" }, "the header connection is not the caller's to set"],
    [{ Expect: "100-continue" }, "the header Expect is not the caller's to set"],
  ];
  for (const [headers, fault] of refused) {
    assert.equal(faultOf("http://h/", headers), `invalid_request: ${fault}`);
    assert.equal(requestHeadersFault(headOf("http://h/"), headers), fault);
  }
  assert.equal(faultOf("ftp://h/"), "invalid_request: cannot send to ftp: URLs");
  assert.equal(faultOf("http://h/", {}, "PO ST"), "invalid_request: the method is no token");
  assert.equal(
    faultOf("http://%FF:b@h/"),
    "invalid_request: the URL's user or password is not valid UTF-8",
  );
});

Deno.test("requestHeadersFault refuses a header that the head has already", () => {
  const head = headOf("http://h/", { "Content-Type": "application/json" });
  assert.equal(
    requestHeadersFault(head, { "content-TYPE": "x" }),
    "the header content-TYPE is given twice",
  );
  assert.equal(requestHeadersFault(head, { Host: "x" }), "the header Host is given twice");
  assert.equal(requestHeadersFault(head, { "webhook-id": "caf\xe9\t" }), undefined);
});
