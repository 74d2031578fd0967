/** The pool over scripted sockets under TestClock: no permission, no time, every order of things. */
import * as assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import * as Exit from "effect/Exit";
import * as Runtime from "effect/Runtime";
import * as Scope from "effect/Scope";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import { ConnectionPool } from "../../../src/http/ConnectionPool.ts";
import type { TransportResult } from "../../../src/http/Exchange.ts";
import { makeRequestHead } from "../../../src/http/RequestWriter.ts";
import type { Socket } from "../../../src/http/Socket.ts";
import { requestOf } from "../../support/requests.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const HOOK_URL = new URL("http://host/hook");
const head = Either.getOrThrow(makeRequestHead(HOOK_URL));

/** A socket whose other end is the test. */
class ScriptedSocket implements Socket {
  closed = false;
  /** What was written, in Latin-1. */
  written = "";
  /** How many bytes a write takes; then they hang. */
  room = Infinity;
  #reader: PromiseWithResolvers<number | null> | undefined;
  #into: Uint8Array = new Uint8Array(0);
  readonly #roomy = Promise.withResolvers<void>();

  read(into: Uint8Array): Promise<number | null> {
    assert.equal(this.#reader, undefined, "two reads at once");
    this.#into = into;
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  write(bytes: Uint8Array): Promise<number> {
    const count = Math.min(bytes.length, this.room);
    if (count === 0) return this.#roomy.promise.then(() => this.write(bytes));
    this.written += new TextDecoder("latin1").decode(bytes.subarray(0, count));
    this.room -= count;
    return Promise.resolve(count);
  }

  /** Lets hanging writes go on. */
  async makeRoom(): Promise<void> {
    this.room = Infinity;
    this.#roomy.resolve();
    await settled();
  }

  close(): void {
    assert.equal(this.closed, false, "closed twice");
    this.closed = true;
    this.fail(new Deno.errors.Interrupted());
  }

  /** The server says this. */
  say(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.#into.set(bytes);
    this.#take()?.resolve(bytes.length);
  }

  end(): void {
    this.#take()?.resolve(null);
  }

  fail(error: Error): void {
    this.#take()?.reject(error);
  }

  #take(): PromiseWithResolvers<number | null> | undefined {
    const reader = this.#reader;
    this.#reader = undefined;
    return reader;
  }
}

/** A pool whose connects the test answers. */
class Bench {
  readonly pool: ConnectionPool;
  /** Moves the clock by milliseconds. */
  readonly pass: (milliseconds: number) => Promise<void>;
  /** Closes the pool's scope. */
  readonly close: () => Promise<void>;
  readonly results: Array<string> = [];
  readonly #connects: ReadonlyArray<PromiseWithResolvers<Socket>>;

  constructor(
    pool: ConnectionPool,
    connects: ReadonlyArray<PromiseWithResolvers<Socket>>,
    pass: (milliseconds: number) => Promise<void>,
    close: () => Promise<void>,
  ) {
    this.pool = pool;
    this.#connects = connects;
    this.pass = pass;
    this.close = close;
  }

  get connects(): number {
    return this.#connects.length;
  }

  /** Sends; what becomes of it is told in `results`, as `name: what`. */
  send(
    name: string,
    options: { timeout?: number; body?: string } = {},
  ): void {
    this.pool.send(
      requestOf(head, { lines: `webhook-id: ${name}\r\n`, body: name, ...options }),
      (result) => this.results.push(`${name}: ${told(result)}`),
    );
  }

  /** Answers the nth connect. */
  async accept(nth: number, room = Infinity): Promise<ScriptedSocket> {
    const socket = new ScriptedSocket();
    socket.room = room;
    this.#connects[nth]?.resolve(socket);
    await settled();
    return socket;
  }

  async refuse(nth: number, error: Error): Promise<void> {
    this.#connects[nth]?.reject(error);
    await settled();
  }

  /** Sends and accepts: a connection with a request on it. */
  async connected(name: string, options: { timeout?: number } = {}): Promise<ScriptedSocket> {
    this.send(name, options);
    return await this.accept(this.connects - 1);
  }

  /** The bench with one idle connection. */
  async idle(response = OK): Promise<ScriptedSocket> {
    const socket = await this.connected("first");
    await says(socket, response);
    this.results.length = 0;
    return socket;
  }
}

const told = (result: TransportResult): string =>
  result._tag === "TransportError"
    ? `${result.fault}, ${result.message}`
    : result.fault === undefined
    ? `${result.status}`
    : `${result.status} with ${result.fault.kind}, ${result.fault.detail}`;

/** Until every callback that is due has run: they are microtasks, some behind others. */
const settled = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

const says = async (socket: ScriptedSocket, text: string): Promise<void> => {
  await settled(); // what was sent in this turn is written
  socket.say(text);
  await settled();
};

const test = (
  name: string,
  body: (bench: Bench) => Promise<void>,
): void => {
  Deno.test(name, () =>
    Effect.gen(function* () {
      const run = Runtime.runPromise(yield* Effect.runtime());
      const scope = yield* Scope.make();
      const connects: Array<PromiseWithResolvers<Socket>> = [];
      const pool = yield* Scope.extend(
        ConnectionPool.make(HOOK_URL, {
          connect: (signal) => {
            const connect = Promise.withResolvers<Socket>();
            signal.addEventListener("abort", () => connect.reject(signal.reason));
            connects.push(connect);
            return connect.promise;
          },
        }),
        scope,
      );
      const close = Scope.close(scope, Exit.void);
      const pass = async (milliseconds: number) => {
        await run(TestClock.adjust(milliseconds));
        await settled();
      };
      const bench = new Bench(pool, connects, pass, () => run(close));
      yield* Effect.promise(() => body(bench));
      yield* close;
      assert.equal(pool.stats.open, 0);
    }).pipe(Effect.provide(TestContext.TestContext), Effect.runPromise));
};

test("ConnectionPool sends the next request on the connection of the last", async (bench) => {
  const socket = await bench.connected("a");
  await says(socket, OK);
  bench.send("b");
  await says(socket, OK);
  assert.deepEqual(bench.results, ["a: 200", "b: 200"]);
  assert.deepEqual(bench.pool.stats, { open: 1, idle: 1, opened: 1, resent: 0 });
  assert.equal(socket.written.split("POST ").length, 3);
});

test("ConnectionPool lets a callback send on the connection that just became free", async (bench) => {
  const socket = await bench.idle();
  const request = requestOf(head);
  const results: Array<string> = [];
  bench.pool.send(request, (result) => {
    results.push(told(result));
    bench.pool.send(request, (result) => results.push(told(result)));
  });
  await says(socket, OK);
  await says(socket, OK);
  assert.deepEqual(results, ["200", "200"]);
  assert.equal(bench.connects, 1);
});

test("ConnectionPool opens as many connections as there are requests in flight", async (bench) => {
  const first = await bench.connected("a");
  const second = await bench.connected("b");
  await says(first, OK);
  await says(second, OK);
  bench.send("c");
  await settled();
  assert.ok(second.written.includes("webhook-id: c"), "the one used last comes first");
  bench.send("d");
  await settled();
  assert.ok(first.written.includes("webhook-id: d"));
  assert.equal(bench.connects, 2);
});

test("ConnectionPool writes the requests of one turn together", async (bench) => {
  const first = await bench.connected("a");
  const second = await bench.connected("b");
  await says(first, OK);
  await says(second, OK);
  const before = first.written + second.written;
  bench.send("c");
  bench.send("d");
  assert.equal(first.written + second.written, before);
  await settled();
  assert.ok(second.written.includes("webhook-id: c"));
  assert.ok(first.written.includes("webhook-id: d"));
});

test("ConnectionPool takes nothing for an answer that came before the request was written", async (bench) => {
  const socket = await bench.idle();
  const before = socket.written;
  socket.say(OK);
  bench.send("a");
  await settled();
  assert.equal(socket.written, before);
  assert.equal(socket.closed, true);
  assert.deepEqual(bench.results, []);
  await says(await bench.accept(1), OK);
  assert.deepEqual(bench.results, ["a: 200"]);
});

test("ConnectionPool counts a time-out from its own turn, also beside a connection that is just there", async (bench) => {
  const idle = await bench.idle();
  bench.send("a");
  await settled();
  bench.send("b", { timeout: 60_000 });
  await says(idle, OK);
  await bench.pass(7_000);
  const accepted = bench.accept(1); // its request is written at the end of this turn
  await Promise.resolve();
  bench.send("c", { timeout: 5_000 });
  await accepted;
  await bench.pass(4_999);
  assert.deepEqual(bench.results, ["a: 200"]);
  await bench.pass(1);
  assert.deepEqual(bench.results, ["a: 200", "c: timeout, no response after 5000 ms"]);
});

test("ConnectionPool ends what has timed out in the same moment in several turns, all of it", async (bench) => {
  for (let n = 0; n < 200; n++) bench.send(`${n}`, { timeout: 1_000 });
  for (let n = 0; n < 200; n++) await bench.accept(n);
  await bench.pass(999);
  assert.deepEqual(bench.results, []);
  for (let turn = 0; turn < 20; turn++) await bench.pass(turn === 0 ? 1 : 0);
  assert.equal(bench.results.length, 200);
  assert.equal(bench.pool.stats.open, 0);
});

test("ConnectionPool writes the rest of a request that a write took in part", async (bench) => {
  bench.send("a", { body: "x".repeat(1000) });
  const socket = await bench.accept(0, 10);
  assert.equal(socket.written, "POST /hook");
  await socket.makeRoom();
  assert.ok(socket.written.endsWith(`\r\n\r\n${"x".repeat(1000)}`));
  await says(socket, OK);
  assert.deepEqual(bench.results, ["a: 200"]);
  assert.equal(socket.closed, false);
});

test("ConnectionPool takes a response that comes before the request is sent, and closes", async (bench) => {
  bench.send("a", { body: "x".repeat(1000) });
  const socket = await bench.accept(0, 10);
  await says(socket, "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n");
  assert.deepEqual(bench.results, ["a: 413"]);
  assert.equal(socket.closed, true);
});

for (
  const [how, strike] of [
    ["closed", (socket: ScriptedSocket) => socket.end()],
    ["reset", (socket: ScriptedSocket) => socket.fail(new Deno.errors.ConnectionReset())],
  ] as const
) {
  test(`ConnectionPool sends again at once when the idle connection was ${how}`, async (bench) => {
    const stale = await bench.idle();
    bench.send("a");
    strike(stale);
    await settled();
    const socket = await bench.accept(1);
    await says(socket, OK);
    assert.deepEqual(bench.results, ["a: 200"]);
    assert.equal(bench.pool.stats.resent, 1);
    assert.equal(stale.closed, true);
  });

  test(`ConnectionPool sends again once only when the fresh connection is ${how} too`, async (bench) => {
    const stale = await bench.idle();
    bench.send("a");
    strike(stale);
    await settled();
    const socket = await bench.accept(1);
    strike(socket);
    await settled();
    assert.match(bench.results.join(), how === "closed" ? /^a: closed, / : /^a: reset, /);
    assert.equal(bench.connects, 2);
    assert.equal(bench.pool.stats.resent, 1);
  });

  test(`ConnectionPool does not send again when a response had begun before it was ${how}`, async (bench) => {
    const socket = await bench.idle();
    bench.send("a");
    await says(socket, "HTTP/1.1 2");
    strike(socket);
    await settled();
    assert.equal(bench.results.length, 1);
    assert.equal(bench.connects, 1);
  });

  test(`ConnectionPool drops an idle connection that is ${how}`, async (bench) => {
    const socket = await bench.idle();
    strike(socket);
    await settled();
    assert.deepEqual(bench.pool.stats, { open: 0, idle: 0, opened: 1, resent: 0 });
    assert.equal(socket.closed, true);
  });
}

test("ConnectionPool sends again to a fresh connection, not to another idle one", async (bench) => {
  const one = await bench.connected("a");
  const two = await bench.connected("b");
  await says(one, OK);
  await says(two, OK);
  bench.send("c");
  two.end();
  await settled();
  assert.ok(!one.written.includes("webhook-id: c"));
  assert.equal(bench.connects, 3);
});

test("ConnectionPool drops an idle connection on which bytes come unasked", async (bench) => {
  const socket = await bench.idle();
  await says(socket, OK);
  assert.equal(socket.closed, true);
  assert.equal(bench.pool.stats.open, 0);
});

test("ConnectionPool does not reuse a connection with bytes after the response", async (bench) => {
  const socket = await bench.connected("a");
  await says(socket, `${OK}more`);
  assert.deepEqual(bench.results, ["a: 200 with surplus, bytes came behind its end"]);
  assert.equal(socket.closed, true);
});

for (
  const [come, kind] of [
    ["\r\n", "stalled"],
    ["\r\nretry-after: 9\r\nx", "stalled"],
    ["\r\ncontent-length: 3\r\n\r\nok", "stalled"],
    ["\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", "stalled"],
    ["\r\n\r\nok", "stalled"],
  ] as const
) {
  const answer = `HTTP/1.1 503 No${come}`;
  test(`ConnectionPool takes the status of ${JSON.stringify(answer)} when no more comes in time, at the time-out`, async (bench) => {
    const socket = await bench.connected("a", { timeout: 1000 });
    await says(socket, answer);
    await bench.pass(999);
    assert.deepEqual(bench.results, []);
    await bench.pass(1);
    const why = "its rest did not come within 1000 ms";
    assert.deepEqual(bench.results, [`a: 503 with ${kind}, ${why}`]);
    assert.equal(socket.closed, true);
  });

  test(`ConnectionPool takes the status of ${JSON.stringify(answer)} when the connection is reset`, async (bench) => {
    const socket = await bench.connected("a");
    await says(socket, answer);
    socket.fail(new Deno.errors.UnexpectedEof("no close_notify"));
    await settled();
    assert.deepEqual(bench.results, [
      "a: 503 with cut_short, reading the response: no close_notify",
    ]);
    assert.equal(socket.closed, true);
  });
}

test("ConnectionPool tells the fields before a fault, and none behind it", async (bench) => {
  const fields: Array<unknown> = [];
  const answer = "HTTP/1.1 503 No\r\nretry-after: 9\r\nx: 1\r\n 2\r\ny: 3\r\n\r\n";
  bench.pool.send(requestOf(head), (result) => {
    if (result._tag === "Response") fields.push(...result.head.fields);
  });
  await says(await bench.accept(0), answer);
  assert.deepEqual(fields, [["retry-after", "9"]]);
});

test("ConnectionPool takes an answer with a fault before the request is written, and closes", async (bench) => {
  bench.send("a", { body: "x".repeat(1000) });
  const socket = await bench.accept(0, 10);
  await says(socket, "HTTP/1.1 413 Too Large\r\nno colon\r\n\r\n");
  assert.deepEqual(bench.results, ["a: 413 with header, a header line has no valid name"]);
  assert.equal(socket.closed, true);
});

for (const status of [408, 500, 504]) {
  test(`ConnectionPool does not reuse a connection after ${status}, to which a true answer may come late`, async (bench) => {
    const socket = await bench.connected("a");
    await says(socket, `HTTP/1.1 ${status} X\r\ncontent-length: 0\r\n\r\n`);
    assert.deepEqual(bench.results, [`a: ${status}`]);
    assert.equal(socket.closed, true);
  });
}

test("ConnectionPool uses a connection again after a 404", async (bench) => {
  const socket = await bench.connected("a");
  await says(socket, "HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n");
  assert.equal(socket.closed, false);
});

test("ConnectionPool does not reuse a connection whose last read was full: there may be more", async (bench) => {
  const socket = await bench.connected("a");
  const head = "HTTP/1.1 200 OK\r\ncontent-length: 4050\r\n\r\n";
  assert.ok(head.length + 4050 < 4096);
  await says(socket, head + "x".repeat(4050));
  assert.equal(socket.closed, false);
  const full = "HTTP/1.1 200 OK\r\ncontent-length: 4055\r\n\r\n";
  bench.send("b");
  await says(socket, full + "x".repeat(4055));
  assert.deepEqual(bench.results, ["a: 200", "b: 200"]);
  assert.equal(socket.closed, true);
});

test("ConnectionPool does not reuse a connection that the server closes after the response", async (bench) => {
  const socket = await bench.connected("a");
  await says(socket, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  assert.deepEqual(bench.results, ["a: 200"]);
  assert.equal(socket.closed, true);
});

test("ConnectionPool closes a connection to cut a body over 1 MB", async (bench) => {
  const socket = await bench.connected("a");
  await says(socket, "HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n");
  assert.deepEqual(bench.results, ["a: 200"]);
  assert.equal(socket.closed, true);
});

test("ConnectionPool tells a malformed response from a missing one", async (bench) => {
  const socket = await bench.connected("a");
  await says(socket, "SSH-2.0\r\n");
  assert.deepEqual(bench.results, [
    "a: malformed, the response is no valid HTTP/1.1: the answer does not begin with HTTP/",
  ]);
  assert.equal(socket.closed, true);
});

test("ConnectionPool times a request out after its own time-out, to the millisecond", async (bench) => {
  const socket = await bench.connected("a", { timeout: 1000 });
  const other = await bench.connected("b", { timeout: 500 });
  await bench.pass(499);
  assert.deepEqual(bench.results, []);
  await bench.pass(1);
  assert.deepEqual(bench.results, ["b: timeout, no response after 500 ms"]);
  assert.equal(other.closed, true);
  await says(socket, "HTTP/1.1 200 OK");
  await bench.pass(500);
  assert.deepEqual(bench.results.slice(1), [
    "a: timeout, the response was not whole after 1000 ms",
  ]);
  assert.equal(socket.closed, true);
});

test("ConnectionPool counts connecting to a request's time, and gives the connection up", async (bench) => {
  bench.send("a", { timeout: 1000 });
  await bench.pass(1000);
  assert.deepEqual(bench.results, ["a: timeout, no connection after 1000 ms"]);
  assert.equal(bench.pool.stats.open, 0);
});

test("ConnectionPool says when it was the request that did not get through in time", async (bench) => {
  bench.send("a", { timeout: 1000 });
  await bench.accept(0, 5);
  await bench.pass(1000);
  assert.deepEqual(bench.results, ["a: timeout, the request was not sent whole after 1000 ms"]);
});

test("ConnectionPool counts one time-out over both connections of a request sent again", async (bench) => {
  const stale = await bench.idle();
  bench.send("a", { timeout: 1000 });
  await bench.pass(600);
  stale.end();
  await settled();
  await bench.accept(1);
  await bench.pass(399);
  assert.deepEqual(bench.results, []);
  await bench.pass(1);
  assert.deepEqual(bench.results, ["a: timeout, no response after 1000 ms"]);
});

test("ConnectionPool closes a connection that was idle for 15 s", async (bench) => {
  const socket = await bench.idle();
  await bench.pass(14_999);
  assert.equal(socket.closed, false);
  await bench.pass(1);
  assert.equal(socket.closed, true);
});

test("ConnectionPool counts idle time from the last response", async (bench) => {
  const socket = await bench.idle();
  await bench.pass(10_000);
  bench.send("a");
  await says(socket, OK);
  await bench.pass(14_999);
  assert.equal(socket.closed, false);
  await bench.pass(1);
  assert.equal(socket.closed, true);
});

test("ConnectionPool gives an idle connection up 1 s before the server does", async (bench) => {
  const socket = await bench.idle(
    "HTTP/1.1 200 OK\r\nkeep-alive: timeout=5\r\ncontent-length: 0\r\n\r\n",
  );
  await bench.pass(3999);
  assert.equal(socket.closed, false);
  await bench.pass(1);
  assert.equal(socket.closed, true);
});

test("ConnectionPool tells why it could not connect", async (bench) => {
  bench.send("a");
  await bench.refuse(0, new Deno.errors.ConnectionRefused("os error 111"));
  assert.deepEqual(bench.results, [
    "a: refused, connecting: connection refused: nothing listens there",
  ]);
  assert.equal(bench.pool.stats.open, 0);
});

test("ConnectionPool ends all requests and connections when its scope closes", async (bench) => {
  const idle = await bench.idle();
  bench.send("a");
  const busy = await bench.connected("b");
  bench.send("c");
  await bench.close();
  const shutdown = "shutdown, the HTTP client was closed";
  assert.deepEqual(bench.results, [`a: ${shutdown}`, `b: ${shutdown}`, `c: ${shutdown}`]);
  assert.deepEqual([idle.closed, busy.closed, bench.pool.stats.open], [true, true, 0]);
  bench.send("d");
  await settled();
  assert.equal(bench.results[3], "d: shutdown, the HTTP client is closed");
});

test("ConnectionPool closes a socket that opens after the pool was closed", async (bench) => {
  const connects: Array<(socket: Socket) => void> = [];
  const pool = await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const pool = yield* ConnectionPool.make(HOOK_URL, {
      connect: () => new Promise((resolve) => connects.push(resolve)), // deaf to its signal
    });
    pool.send(requestOf(head), (result) => bench.results.push(told(result)));
    return pool;
  })));
  const socket = new ScriptedSocket();
  connects[0]?.(socket);
  await settled();
  assert.equal(socket.closed, true);
  assert.equal(pool.stats.open, 0);
  assert.deepEqual(bench.results, ["shutdown, the HTTP client was closed"]);
});
