/**
 * What one POST costs, sent by each of the ways there are, 128 in flight, to a raw receiver in another
 * process: wall time and CPU of this process. All ways take turns, so that what disturbs the machine
 * disturbs all of them; the first round warms up; medians of the others are printed.
 *
 *     deno bench --allow-net --allow-run --allow-read bench/micro/transport.bench.ts
 *
 * Not by Deno.bench: it knows no CPU time, and runs one way after the other.
 */
import process from "node:process";
import * as FetchHttpClient from "@effect/platform/FetchHttpClient";
import * as HttpClient from "@effect/platform/HttpClient";
import * as HttpClientRequest from "@effect/platform/HttpClientRequest";
import * as Effect from "effect/Effect";
import { ConnectionPool } from "../../src/http/ConnectionPool.ts";
import type { TransportRequest, TransportResult } from "../../src/http/Exchange.ts";
import type { RequestHead } from "../../src/http/RequestWriter.ts";
import { makeRequestHead } from "../../src/http/RequestWriter.ts";
import { writeBytes, writeDecimal } from "../../src/http/writeAscii.ts";

const POSTS = 10_000;
const IN_FLIGHT = 128;
const ROUNDS = 6;

/** Sends POSTS requests, IN_FLIGHT at a time. */
type Way = () => Promise<void>;

const body = new TextEncoder().encode(JSON.stringify({
  action: "message_publish",
  from_node: 1,
  from_ipaddress: "127.0.0.1:51234",
  from_clientid: "client-0001",
  from_username: "undefined",
  dup: false,
  retain: false,
  qos: 1,
  topic: "devices/0001/telemetry",
  packet_id: "17",
  payload: "eyJ0ZW1wIjoyMS41fQ==",
  ts: 1764000000000,
}));

const headersOf = (n: number) => ({
  "webhook-id": `msg_${n}`,
  "webhook-timestamp": "1764000000",
  "webhook-seq": `${n}`,
});

const ENCODER = new TextEncoder();
const ID = ENCODER.encode("webhook-id: msg_");
const REST = ENCODER.encode("\r\nwebhook-timestamp: 1764000000\r\nwebhook-seq: ");
const END = ENCODER.encode("\r\n");

/** The same as the pool has it; its lines are written as those of a delivery, without a text. */
const requestOf = (head: RequestHead, n: number): TransportRequest => ({
  head,
  lines: {
    room: ID.length + REST.length + END.length + 32,
    write(buffer, at) {
      at = writeBytes(buffer, at, ID);
      at = writeDecimal(buffer, at, n);
      at = writeBytes(buffer, at, REST);
      at = writeDecimal(buffer, at, n);
      return writeBytes(buffer, at, END);
    },
  },
  body: { slab: { bytes: body }, offset: 0, length: body.length },
  timeout: 8000,
});

const inLanes = async (lane: (next: () => number | undefined) => Promise<void>): Promise<void> => {
  let sent = 0;
  const next = () => sent < POSTS ? sent++ : undefined;
  await Promise.all(Array.from({ length: IN_FLIGHT }, () => lane(next)));
};

const expect200 = (status: number): void => {
  if (status !== 200) throw new Error(`status ${status}`);
};

const statusOf = (result: TransportResult): number => {
  if (result._tag === "TransportError") throw result;
  return result.status;
};

/** The pool's callbacks, each of which sends the next request. */
const byPool = (pool: ConnectionPool, url: URL): Way => {
  const head = Effect.runSync(makeRequestHead(url, { "content-type": "application/json" }));
  return () =>
    inLanes((next) =>
      new Promise((resolve) => {
        const send = (): void => {
          const n = next();
          if (n === undefined) return resolve();
          pool.send(requestOf(head, n), (result) => {
            expect200(statusOf(result));
            send();
          });
        };
        send();
      })
    );
};

/** The pool in a fiber per lane: what crossing into Effect costs. */
const byPoolInFibers = (pool: ConnectionPool, url: URL): Way => {
  const head = Effect.runSync(makeRequestHead(url, { "content-type": "application/json" }));
  const post = (n: number) =>
    Effect.async<number>((resume) => {
      pool.send(requestOf(head, n), (result) => resume(Effect.succeed(statusOf(result))));
    });
  return () =>
    inLanes((next) =>
      Effect.runPromise(Effect.gen(function* () {
        for (let n = next(); n !== undefined; n = next()) expect200(yield* post(n));
      }))
    );
};

/** An HttpClient in a fiber per lane. */
const byClient = (client: HttpClient.HttpClient, url: URL): Way => {
  const request = (n: number) =>
    HttpClientRequest.post(url.href, { headers: headersOf(n) }).pipe(
      HttpClientRequest.bodyUint8Array(body, "application/json"),
    );
  return () =>
    inLanes((next) =>
      Effect.runPromise(Effect.gen(function* () {
        for (let n = next(); n !== undefined; n = next()) {
          const response = yield* client.execute(request(n));
          yield* response.arrayBuffer; // an unread body costs a connection
          expect200(response.status);
        }
      }))
    );
};

/** The platform's fetch, as one would write it. */
const byFetch = (url: URL): Way => () =>
  inLanes(async (next) => {
    for (let n = next(); n !== undefined; n = next()) {
      const headers = { "content-type": "application/json", ...headersOf(n) };
      const response = await fetch(url, { method: "POST", body, headers });
      await response.arrayBuffer(); // an unread body costs a connection
      expect200(response.status);
    }
  });

const measure = async (way: Way): Promise<{ readonly wall: number; readonly cpu: number }> => {
  const cpuBefore = process.cpuUsage();
  const before = performance.now();
  await way();
  const wall = performance.now() - before;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wall: wall * 1000 / POSTS, cpu: (user + system) / POSTS };
};

const median = (values: ReadonlyArray<number>): string => {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[sorted.length >> 1] ?? NaN).toFixed(1).padStart(6);
};

const receiver = Effect.acquireRelease(
  Effect.promise(async () => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-net=127.0.0.1", `${import.meta.dirname}/rawReceiver.ts`],
      stdout: "piped",
    }).spawn();
    const output = child.stdout.getReader();
    const port = new TextDecoder().decode((await output.read()).value).trim();
    return { child, output, url: new URL(`http://127.0.0.1:${port}/mqtt/webhook`) };
  }),
  ({ child, output }) =>
    Effect.promise(async () => {
      await output.cancel();
      child.kill();
      await child.status;
    }),
);

const compare = Effect.gen(function* () {
  const { url } = yield* receiver;
  const pool = yield* ConnectionPool.make(url);
  const fetchClient = yield* Effect.provide(HttpClient.HttpClient, FetchHttpClient.layer);
  const ways: Record<string, Way> = {
    "pool, callbacks": byPool(pool, url),
    "pool, fibers": byPoolInFibers(pool, url),
    "fetch": byFetch(url),
    "FetchHttpClient": byClient(fetchClient, url),
    "FetchHttpClient, untraced": byClient(
      HttpClient.withTracerDisabledWhen(fetchClient, () => true),
      url,
    ),
  };
  const measured = Object.entries(ways).map(([name, way]) => ({
    name,
    way,
    wall: new Array<number>(),
    cpu: new Array<number>(),
  }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { way, wall, cpu } of measured) {
      const figures = yield* Effect.promise(() => measure(way));
      if (round === 0) continue;
      wall.push(figures.wall);
      cpu.push(figures.cpu);
    }
  }
  console.log(`\nµs per POST, ${IN_FLIGHT} in flight${" ".repeat(7)}wall    CPU`);
  for (const { name, wall, cpu } of measured) {
    console.log(`${name.padEnd(30)} ${median(wall)} ${median(cpu)}`);
  }
});

const NEEDED = ["net", "run", "read"] as const;
const granted = NEEDED.every((name) => Deno.permissions.querySync({ name }).state === "granted");
if (granted) {
  await Effect.runPromise(Effect.scoped(compare));
} else {
  const flags = NEEDED.map((name) => `--allow-${name}`).join(" ");
  console.log(`left out: bench/micro/transport.bench.ts, which needs ${flags}`);
}
