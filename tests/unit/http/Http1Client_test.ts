import * as assert from "node:assert/strict";
import * as Cookies from "@effect/platform/Cookies";
import * as HttpClient from "@effect/platform/HttpClient";
import * as HttpClientRequest from "@effect/platform/HttpClientRequest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import * as Http1Client from "../../../src/http/Http1Client.ts";
import type { Socket } from "../../../src/http/Socket.ts";

/** A server that answers each request with the same, and remembers what it was sent. */
class Answering {
  readonly requests: Array<string> = [];
  readonly #response: string;

  /** Without a response, requests hang. */
  constructor(response = "") {
    this.#response = response;
  }

  readonly connect = (): Promise<Socket> => {
    let reading: { readonly into: Uint8Array; readonly done: (count: number | null) => void };
    return Promise.resolve({
      read: (into) => new Promise((done) => reading = { into, done }),
      write: (bytes) => {
        this.requests.push(new TextDecoder("latin1").decode(bytes));
        if (this.#response !== "") {
          queueMicrotask(() => {
            const { written } = new TextEncoder().encodeInto(this.#response, reading.into);
            reading.done(written);
          });
        }
        return Promise.resolve(bytes.length);
      },
      close: () => reading.done(null),
    });
  };
}

const EMPTY = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/** Runs with a client, as the context's HttpClient, whose connections lead to `server`. */
const withClient = (
  server: Answering,
  body: Effect.Effect<void, unknown, HttpClient.HttpClient>,
): Promise<void> =>
  body.pipe(
    Effect.provide(Http1Client.layer({ connect: server.connect })),
    Effect.provide(TestContext.TestContext),
    Effect.runPromise,
  );

Deno.test("Http1Client sends what an HttpClientRequest says", async () => {
  const server = new Answering(EMPTY);
  await withClient(
    server,
    HttpClientRequest.post("http://host/a?b=c", { headers: { "Webhook-Id": "1" } }).pipe(
      HttpClientRequest.appendUrlParam("d", "e f"),
      HttpClientRequest.bodyUnsafeJson({ f: 1 }),
      HttpClient.execute,
    ),
  );
  assert.deepEqual(server.requests, [
    "POST /a?b=c&d=e+f HTTP/1.1\r\nhost: host\r\nwebhook-id: 1\r\n" +
    'content-type: application/json\r\ncontent-length: 7\r\n\r\n{"f":1}',
  ]);
});

Deno.test("Http1Client prefers a request's own host and authorization to the URL's", async () => {
  const server = new Answering(EMPTY);
  const request = HttpClientRequest.get("http://user:pass@host/");
  const headers = { host: "other", authorization: "Bearer t" };
  await withClient(
    server,
    Effect.all([
      HttpClient.execute(request),
      HttpClient.execute(HttpClientRequest.setHeaders(request, headers)),
      HttpClient.execute(request),
    ], { discard: true }),
  );
  const plain = "GET / HTTP/1.1\r\nhost: host\r\nauthorization: Basic dXNlcjpwYXNz\r\n\r\n";
  const own = "GET / HTTP/1.1\r\nhost: other\r\nauthorization: Bearer t\r\n\r\n";
  assert.deepEqual(server.requests, [plain, own, plain]);
});

Deno.test("Http1Client times out after RequestTimeout, 8 s if nobody sets it", async () => {
  const failsAfter = (
    milliseconds: number,
    request: Effect.Effect<unknown, { readonly message: string }, HttpClient.HttpClient>,
  ) =>
    Effect.gen(function* () {
      const sending = yield* Effect.fork(Effect.flip(request));
      yield* TestClock.adjust(milliseconds - 1);
      assert.equal((yield* Fiber.poll(sending))._tag, "None");
      yield* TestClock.adjust(1);
      const { message } = yield* Fiber.join(sending);
      assert.equal(
        message,
        `Transport: no response after ${milliseconds} ms (GET http://host/)`,
      );
    });
  const get = HttpClient.get("http://host/");
  await withClient(
    new Answering(),
    Effect.zipRight(
      failsAfter(8000, get),
      failsAfter(500, Effect.provideService(get, Http1Client.RequestTimeout, 500)),
    ),
  );
});

Deno.test("Http1Client gives a response's headers, cookies and body", async () => {
  const server = new Answering(
    "HTTP/1.1 201 Created\r\nVary: a\r\nvary: b\r\nset-cookie: c=1; Path=/\r\nset-cookie: d=2\r\n" +
      'content-type: application/json\r\ncontent-length: 8\r\n\r\n{"e":33}',
  );
  await withClient(
    server,
    Effect.gen(function* () {
      const response = yield* HttpClient.get("http://host/");
      assert.equal(response.status, 201);
      assert.equal(response.headers["vary"], "a, b");
      assert.deepEqual(Cookies.toRecord(response.cookies), { c: "1", d: "2" });
      assert.deepEqual(yield* response.json, { e: 33 });
      assert.equal((yield* response.arrayBuffer).byteLength, 8);
      assert.equal(yield* response.text, '{"e":33}', "read again");
    }),
  );
});

Deno.test("Http1Client tells a body that cannot be decoded", async () => {
  await withClient(
    new Answering("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{"),
    Effect.gen(function* () {
      const response = yield* HttpClient.get("http://host/");
      const error = yield* Effect.flip(response.json);
      assert.equal(error.reason, "Decode");
      assert.equal(error.description, "the body is no JSON");
    }),
  );
});

Deno.test("Http1Client still serves finalizers that were added before its first request", async () => {
  const server = new Answering(EMPTY);
  await Effect.gen(function* () {
    const client = yield* Http1Client.make({ connect: server.connect });
    yield* Effect.addFinalizer(() => Effect.orDie(client.get("http://host/last")));
    yield* client.get("http://host/first");
  }).pipe(Effect.scoped, Effect.provide(TestContext.TestContext), Effect.runPromise);
  assert.deepEqual(server.requests.map((request) => request.split(" ")[1]), ["/first", "/last"]);
});
