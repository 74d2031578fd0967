/**
 * One table of cases over both ways that a delivery can take, our ConnectionPool and the platform's fetch,
 * against a raw server that plays each case byte by byte. Where the two differ by nature, the case says so
 * and why. What answers that break rules come to is in receivers_test.ts.
 */
import * as assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import * as HttpClientRequest from "@effect/platform/HttpClientRequest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Runtime from "effect/Runtime";
import type * as Scope from "effect/Scope";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import { ConnectionPool } from "../../src/http/ConnectionPool.ts";
import type { TransportResult } from "../../src/http/Exchange.ts";
import { makeRequestHead } from "../../src/http/RequestWriter.ts";
import * as fetchClient from "../../src/webhook/attempt/fetchClient.ts";
import { testNeeding } from "../support/permissions.ts";
import { requestOf } from "../support/requests.ts";
import type { Peer } from "../support/ScriptedServer.ts";
import { ScriptedServer } from "../support/ScriptedServer.ts";

/** What a case must come to. */
interface Expected {
  /**
   * Each request's end in order: the status of a whole response, or what kind of failure. Ours tells a
   * `TransportFault`, fetch only `Transport`. Where a body ends is seen by what the connection is used
   * for next.
   */
  readonly outcomes: ReadonlyArray<string>;
  /** Whole requests that the server saw. */
  readonly requests: number;
  readonly connections: number;
}

/** What a script can do beside speaking on its connection. */
interface World {
  /** Moves the clients' clock by milliseconds. */
  pass(milliseconds: number): Promise<void>;
  /** Lets the client's `signalled` go on. */
  signal(): void;
}

/** What the client side of a case can do. */
interface Use {
  /** Posts this and records its outcome. */
  send(body?: string): Effect.Effect<void>;
  readonly signalled: Effect.Effect<void>;
}

interface Case {
  readonly says: string;
  readonly script: (peer: Peer, world: World) => Promise<void>;
  /** Default: one POST. */
  readonly client?: (use: Use) => Effect.Effect<void>;
  readonly server?: {
    readonly hostname?: string;
    readonly tls?: boolean;
    readonly resettable?: boolean;
  };
  /** Default: http or https to 127.0.0.1. */
  readonly url?: (port: number) => string;
  /** Of all its requests; default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Trusts the CA of tests/support/tls. */
  readonly trusting?: boolean;
  readonly ours: Expected;
  /** What fetch comes to, if not the same, and why that is so. */
  readonly fetch?: Partial<Expected> & { readonly why: string };
}

/** 64 MB of zeros in gzip, one character per byte. Made before any time-out runs: it takes half a second. */
const PACKED = gzipSync(new Uint8Array(64 * 1024 * 1024)).toString("latin1");

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** Answers every request of a connection with the same. */
const answering = (response: string) => async (peer: Peer): Promise<void> => {
  while (await peer.request() !== undefined) await peer.say(response);
};

/** Answers one request and closes. */
const answeringOnce = (response: string) => async (peer: Peer): Promise<void> => {
  await peer.request();
  await peer.say(response);
};

const once = (outcome: string): Expected => ({
  outcomes: [outcome],
  requests: 1,
  connections: 1,
});

const times = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i);

/** Two posts, to see whether the connection is used again. */
const twice = (use: Use) => Effect.zipRight(use.send(), use.send());

const inNameOnly = (outcome: string) => ({
  outcomes: [outcome],
  why: "fetch does not tell failures apart",
});

/** Ours has asked for a handshake before, on a connection of its own. */
const ASKS_NOT = { connections: 1, why: "fetch does not ask first whether the peer shakes hands" };

const CASES: ReadonlyArray<Case> = [
  // How responses are framed
  {
    says: "a response in one piece, and use the connection again",
    script: answering(OK),
    client: twice,
    ours: { outcomes: ["200", "200"], requests: 2, connections: 1 },
  },
  {
    says: "a response byte by byte",
    script: async (peer) => {
      while (await peer.request() !== undefined) await peer.trickle(OK);
    },
    client: twice,
    ours: { outcomes: ["200", "200"], requests: 2, connections: 1 },
  },
  {
    says: "interim responses before the final one",
    script: answering(
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${OK}`,
    ),
    client: twice,
    ours: { outcomes: ["200", "200"], requests: 2, connections: 1 },
  },
  {
    says: "chunks with extensions and trailers",
    script: answering(
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;a="b"\r\no\r\n01\r\nk\r\n0\r\nx: y\r\n\r\n',
    ),
    client: twice,
    ours: { outcomes: ["200", "200"], requests: 2, connections: 1 },
    fetch: { connections: 2, why: "fetch does not use a connection again after trailers" },
  },
  {
    says: "equal content-lengths",
    script: answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok"),
    ours: once("200"),
  },
  ...[204, 304].map((status): Case => ({
    says: `${status} without a body, and use the connection again`,
    script: answering(`HTTP/1.1 ${status} X\r\n\r\n`),
    client: twice,
    ours: { outcomes: [`${status}`, `${status}`], requests: 2, connections: 1 },
  })),
  {
    says: "a body up to the close, and connect again",
    script: answeringOnce("HTTP/1.1 200 OK\r\n\r\nok"),
    client: twice,
    ours: { outcomes: ["200", "200"], requests: 2, connections: 2 },
  },
  {
    says: "connection: close",
    script: async (peer) => {
      await peer.request();
      await peer.say("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
      await peer.gone();
    },
    client: twice,
    ours: { outcomes: ["200", "200"], requests: 2, connections: 2 },
  },
  {
    says: "HTTP/1.0 as one request per connection",
    script: async (peer) => {
      await peer.request();
      await peer.say("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok");
      await peer.gone();
    },
    client: twice,
    ours: { outcomes: ["200", "200"], requests: 2, connections: 2 },
  },
  {
    says: "HTTP/1.0 with keep-alive",
    script: answering(
      "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
    ),
    client: twice,
    ours: { outcomes: ["200", "200"], requests: 2, connections: 1 },
  },
  {
    says: "a head of 60 KB",
    script: answering(
      `HTTP/1.1 200 OK\r\n${`x: ${"y".repeat(996)}\r\n`.repeat(60)}content-length: 2\r\n\r\nok`,
    ),
    ours: once("200"),
  },
  {
    says: "the status of a response whose body is over 1 MB, and cut it by closing",
    script: async (peer) => {
      await peer.request();
      await peer.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
      for (let i = 0; i < 1030; i++) await peer.say(`400\r\n${"x".repeat(1024)}\r\n`);
      await peer.say("0\r\n\r\n");
    },
    ours: once("200"),
  },
  {
    says: "a body of 900 KB both ways",
    script: async (peer) => {
      for (;;) {
        const request = await peer.request();
        if (request === undefined) return;
        const body = request.slice(request.indexOf("\r\n\r\n") + 4);
        const status = body === body.charAt(0).repeat(900_000) ? 200 : 400;
        await peer.say(`HTTP/1.1 ${status} X\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      }
    },
    client: (use) => Effect.zipRight(use.send("x".repeat(900_000)), use.send("y".repeat(900_000))),
    ours: { outcomes: ["200", "200"], requests: 2, connections: 1 },
  },
  {
    says: "a small body that unpacks to 64 MB for what came, and use the connection again",
    script: async (peer) => {
      const head =
        `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${PACKED.length}\r\n\r\n`;
      for (;;) {
        const request = await peer.request();
        if (request === undefined) return;
        const unasked = !/\r\naccept-encoding: (?!identity\r\n)/i.test(request);
        await peer.say(unasked ? head + PACKED : "HTTP/1.1 415 X\r\ncontent-length: 0\r\n\r\n");
      }
    },
    client: twice,
    ours: { outcomes: ["200", "200"], requests: 2, connections: 1 },
  },
  {
    says: "a redirect without following it",
    script: answering("HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n"),
    ours: once("302"),
  },

  // How connections end
  {
    says: "a reset before any response as a failure",
    script: async (peer) => {
      await peer.request();
      peer.reset();
    },
    server: { resettable: true },
    ours: once("reset"),
    fetch: inNameOnly("Transport"),
  },
  {
    says: "an answer that comes before the request is sent, and close",
    script: async (peer) => {
      await peer.head();
      await peer.say("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n");
      await peer.gone();
    },
    client: (use) => use.send("x".repeat(16_000_000)),
    ours: { outcomes: ["413"], requests: 0, connections: 1 },
  },
  {
    says: "that the server closes each connection after its response",
    script: answeringOnce(OK),
    client: (use) => Effect.zipRight(twice(use), twice(use)),
    ours: { outcomes: times(4).map(() => "200"), requests: 4, connections: 4 },
  },
  {
    says:
      "that the server closes a connection as the next request comes, and send it again at once",
    script: async (peer) => {
      await peer.request();
      await peer.say(OK);
      await peer.request();
      if (peer.nth > 0) await peer.say(OK);
    },
    client: twice,
    ours: { outcomes: ["200", "200"], requests: 3, connections: 2 },
  },
  {
    says: "bytes that come unasked, and not use that connection again",
    script: async (peer, world) => {
      await peer.request();
      await peer.say(OK);
      if (peer.nth === 0) {
        await peer.say("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n");
      }
      await peer.gone();
      world.signal();
    },
    client: (use) => use.send().pipe(Effect.zipRight(use.signalled), Effect.zipRight(use.send())),
    ours: { outcomes: ["200", "200"], requests: 2, connections: 2 },
  },

  // Time
  {
    says: "that no response comes within the time-out",
    script: async (peer, world) => {
      await peer.request();
      await world.pass(8000);
      await peer.gone();
    },
    ours: once("timeout"),
    fetch: { outcomes: ["timeout"], why: "by Effect.timeout: fetch has none of its own" },
  },
  {
    says: "its own end in the middle of a request, and close that connection",
    script: async (peer, world) => {
      await peer.request();
      world.signal();
      await peer.gone();
    },
    client: (use) =>
      Effect.gen(function* () {
        const sending = yield* Effect.fork(use.send());
        yield* use.signalled;
        yield* Fiber.interrupt(sending);
      }),
    ours: { outcomes: ["shutdown"], requests: 1, connections: 1 },
    fetch: { outcomes: [], why: "an interrupted fetch tells nobody" },
  },

  // Many
  {
    says: "100 posts one after another over one connection",
    script: answering(OK),
    client: (use) => Effect.replicateEffect(use.send(), 100, { discard: true }),
    ours: { outcomes: times(100).map(() => "200"), requests: 100, connections: 1 },
  },
  {
    says: "128 posts at the same time over 128 connections",
    script: (() => {
      // Nobody is answered before all have asked: so they are at the same time.
      let waiting = 0;
      let all = Promise.withResolvers<void>();
      return async (peer: Peer) => {
        await peer.request();
        const turn = all;
        if (++waiting === 128) {
          waiting = 0;
          all = Promise.withResolvers();
          turn.resolve();
        }
        await turn.promise;
        await peer.say(OK);
        await peer.gone();
      };
    })(),
    client: (use) =>
      Effect.forEach(times(128), () => use.send(), { concurrency: 128, discard: true }),
    ours: { outcomes: times(128).map(() => "200"), requests: 128, connections: 128 },
  },

  // Where to
  {
    says: "an IPv6 host",
    script: answering(OK),
    server: { hostname: "::1" },
    url: (port) => `http://[::1]:${port}/hook`,
    ours: once("200"),
  },
  {
    says: "userinfo in the URL as basic authorization",
    script: async (peer) => {
      const request = await peer.request();
      await peer.say(
        request?.includes("authorization: Basic dXNlcjpwYXNz\r\n")
          ? OK
          : "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
      );
      await peer.gone();
    },
    url: (port) => `http://user:pass@127.0.0.1:${port}/hook`,
    ours: once("200"),
  },
  {
    says: "a scheme that is not HTTP",
    script: answering(OK),
    url: () => "ftp://127.0.0.1/",
    ours: { outcomes: ["invalid_request"], requests: 0, connections: 0 },
    fetch: inNameOnly("Transport"),
  },
  {
    says: "a header that would end the head early, and send nothing",
    script: answering(OK),
    headers: { a: "b\r\ncontent-length: 0\r\n\r\nPOST /evil" },
    ours: { outcomes: ["invalid_request"], requests: 0, connections: 0 },
    fetch: inNameOnly("Transport"),
  },

  // TLS
  {
    says: "a certificate of a trusted CA, and use the connection again",
    script: answering(OK),
    client: twice,
    server: { tls: true },
    trusting: true,
    ours: { outcomes: ["200", "200"], requests: 2, connections: 2 },
    fetch: ASKS_NOT,
  },
  {
    says: "a certificate's host name",
    script: answering(OK),
    server: { tls: true },
    url: (port) => `https://localhost:${port}/hook`,
    trusting: true,
    ours: { ...once("200"), connections: 2 },
    fetch: ASKS_NOT,
  },
  {
    says: "a certificate of an unknown CA as untrusted",
    script: (peer) => peer.gone(),
    server: { tls: true },
    ours: { outcomes: ["tls"], requests: 0, connections: 2 },
    fetch: { ...ASKS_NOT, ...inNameOnly("Transport") },
  },
  {
    says: "a certificate for another host as untrusted",
    script: (peer) => peer.gone(),
    server: { tls: true, hostname: "127.0.0.2" },
    url: (port) => `https://127.0.0.2:${port}/hook`,
    trusting: true,
    ours: { outcomes: ["tls"], requests: 0, connections: 2 },
    fetch: { ...ASKS_NOT, ...inNameOnly("Transport") },
  },
  {
    says: "a server that speaks no TLS as a failure",
    script: async (peer) => {
      await peer.say("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
      await peer.gone();
    },
    url: (port) => `https://127.0.0.1:${port}/hook`,
    ours: { outcomes: ["tls"], requests: 0, connections: 2 },
    fetch: { ...ASKS_NOT, ...inNameOnly("Transport") },
  },
  {
    says: "a TLS handshake that hangs, and give it up",
    script: async (peer, world) => {
      await peer.read();
      await world.pass(8000);
      await peer.gone(); // else its descriptor is kept
    },
    url: (port) => `https://127.0.0.1:${port}/hook`,
    ours: { outcomes: ["timeout"], requests: 0, connections: 1 },
    fetch: { outcomes: ["timeout"], why: "by Effect.timeout: fetch has none of its own" },
  },
];

/** This many zeros as gzip, in Latin-1. */
const TLS = new URL("../support/tls/", import.meta.url);
const pem = (name: string): Promise<string> => Deno.readTextFile(new URL(name, TLS));

/** Posts a body; tells the outcome, if it comes to one. */
type Send = (body: string, tell: (outcome: string) => void) => Effect.Effect<void>;

interface Client {
  readonly name: string;
  /** Opens the client until the scope closes; answers how it posts to this URL. */
  readonly open: (
    url: string,
    headers: Readonly<Record<string, string>>,
    caCerts: ReadonlyArray<string>,
  ) => Effect.Effect<Send, never, Scope.Scope>;
  readonly expected: (of: Case) => Expected;
}

/** Milliseconds. */
const TIMEOUT = 8000;

const CLIENTS: ReadonlyArray<Client> = [
  {
    name: "ConnectionPool",
    open: (url, headers, caCerts) =>
      Effect.map(ConnectionPool.make(new URL(url), { caCerts }), (pool) => {
        const head = makeRequestHead(new URL(url), headers);
        if (head._tag === "Left") {
          const { fault } = head.left;
          return (_, tell) => Effect.sync(() => tell(fault));
        }
        return (body, tell) =>
          Effect.async((resume) => {
            pool.send(requestOf(head.right, { body, timeout: TIMEOUT }), (result) => {
              tell(result._tag === "Response" ? `${result.status}` : result.fault);
              resume(Effect.void);
            });
          });
      }),
    expected: (of) => of.ours,
  },
  {
    name: "fetchClient",
    open: (url, headers, caCerts) =>
      Effect.map(
        fetchClient.make({ caCerts }),
        (client) => (body, tell) =>
          HttpClientRequest.post(url, { headers }).pipe(
            HttpClientRequest.bodyText(body, "application/json"),
            client.execute,
            Effect.flatMap((response) => Effect.as(response.arrayBuffer, `${response.status}`)),
            Effect.timeout(TIMEOUT),
            Effect.catchAll((error) =>
              Effect.succeed(error._tag === "TimeoutException" ? "timeout" : error.reason)
            ),
            Effect.map(tell),
          ),
      ),
    expected: (of) => ({ ...of.ours, ...of.fetch }),
  },
];

const run = (client: Client, of: Case): Promise<void> =>
  Effect.gen(function* () {
    const runPromise = Runtime.runPromise(yield* Effect.runtime());
    const signal = Promise.withResolvers<void>();
    const world: World = {
      pass: (milliseconds) => runPromise(TestClock.adjust(milliseconds)),
      signal: signal.resolve,
    };
    const { server: { hostname, tls, resettable = false } = {} } = of;
    const certified = tls === true
      ? yield* Effect.promise(async () => ({
        cert: await pem("cert.pem"),
        key: await pem("key.pem"),
      }))
      : undefined;
    const caCerts = of.trusting === true ? [yield* Effect.promise(() => pem("ca.pem"))] : [];
    const server = yield* Effect.promise(() =>
      ScriptedServer.listen((peer) => of.script(peer, world), {
        resettable,
        ...(hostname === undefined ? {} : { hostname }),
        ...(certified === undefined ? {} : { tls: certified }),
      })
    );
    const url = of.url?.(server.port) ??
      `${tls === true ? "https" : "http"}://127.0.0.1:${server.port}/hook`;
    const outcomes: Array<string> = [];
    yield* Effect.scoped(Effect.gen(function* () {
      const send = yield* client.open(url, of.headers ?? {}, caCerts);
      const use: Use = {
        signalled: Effect.promise(() => signal.promise),
        send: (body = "{}") => send(body, (outcome) => outcomes.push(outcome)),
      };
      yield* (of.client ?? ((use) => use.send()))(use);
    }));
    yield* Effect.promise(() => server.close());
    const { requests, connections } = server;
    assert.deepEqual({ outcomes, requests, connections }, {
      outcomes: client.expected(of).outcomes,
      requests: client.expected(of).requests,
      connections: client.expected(of).connections,
    });
  }).pipe(Effect.provide(TestContext.TestContext), Effect.runPromise);

for (const client of CLIENTS) {
  for (const of of CASES) {
    const differs = client.name === "fetchClient" && of.fetch !== undefined
      ? ` (${of.fetch.why})`
      : "";
    testNeeding(
      ["net", "read"],
      `${client.name} takes ${of.says}${differs}`,
      () => run(client, of),
    );
  }

  testNeeding(
    ["net"],
    `${client.name} takes a port where nobody listens as a failure`,
    () =>
      Effect.gen(function* () {
        const outcomes: Array<string> = [];
        const send = yield* client.open(`http://127.0.0.1:${freePort()}/`, {}, []);
        yield* send("{}", (outcome) => outcomes.push(outcome));
        assert.deepEqual(outcomes, [client.name === "ConnectionPool" ? "refused" : "Transport"]);
      }).pipe(Effect.scoped, Effect.runPromise),
  );
}

/** Where nobody listens. */
const freePort = (): number => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return (listener.addr as Deno.NetAddr).port; // a TCP listener's address
};

testNeeding(
  ["net"],
  "ConnectionPool says where nobody listens, without the URL's password",
  () =>
    Effect.gen(function* () {
      const url = new URL(`http://user:pass@127.0.0.1:${freePort()}/`);
      const pool = yield* ConnectionPool.make(url);
      const head = yield* makeRequestHead(url);
      const result = yield* Effect.async<TransportResult>((resume) => {
        pool.send(requestOf(head), (result) => resume(Effect.succeed(result)));
      });
      assert.equal(result._tag, "TransportError");
      assert.equal(
        result.message,
        `connecting to ${url.host}: connection refused: nothing listens there`,
      );
    }).pipe(Effect.scoped, Effect.runPromise),
);
