/**
 * Hostile answers, at random, on real sockets against ConnectionPool. A run has the answers of its seed, which
 * a failure names; longer runs and other seeds:
 *
 *     deno test -A --lock=tests/deno.lock tests/integration/http_fuzz_test.ts -- --fuzz-seed=7 --fuzz-answers=1000000
 */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import { ConnectionPool } from "../../src/http/ConnectionPool.ts";
import type { TransportResult } from "../../src/http/Exchange.ts";
import { makeRequestHead } from "../../src/http/RequestWriter.ts";
import { flag } from "../support/flag.ts";
import { goodAnswer, hostileAnswer } from "../support/fuzz/answers.ts";
import { Random } from "../support/fuzz/Random.ts";
import { memoryInUse } from "../support/heap.ts";
import { testNeeding } from "../support/permissions.ts";
import { requestOf } from "../support/requests.ts";
import type { Peer } from "../support/ScriptedServer.ts";
import { ScriptedServer } from "../support/ScriptedServer.ts";

const seed = flag("fuzz-seed", 1);
const answersWanted = flag("fuzz-answers", 3_000);

/** Requests in flight. */
const CONCURRENCY = 16;

/** What the receiver does with request `n`; of its own seed, whatever the order that requests come in. */
const planOf = (n: number) => {
  const random = new Random(seed * 1_000_003 + n);
  const isGood = random.chance(0.5);
  const status = 200 + random.below(300);
  return {
    random,
    /** What the client must be told; undefined: whatever it makes of it. */
    status: isGood ? status : undefined,
    answer: isGood ? goodAnswer(random, status) : hostileAnswer(random),
    // In the same write: what comes after the next request was written nobody can tell from its answer.
    again: isGood && random.chance(0.2) ? goodAnswer(random, 299) : "",
    /** Closed behind any other but a good one: else the client may wait for more until its time-out. */
    closes: !isGood || random.chance(0.1),
    pieces: random.chance(0.2),
  };
};

const hostile = async (peer: Peer): Promise<void> => {
  for (;;) {
    const request = await peer.request();
    if (request === undefined) return;
    const { random, answer, again, closes, pieces } = planOf(
      Number(/webhook-id: ([0-9]+)/.exec(request)?.[1]),
    );
    const text = answer + again;
    if (pieces) {
      const at = random.below(text.length + 1);
      await peer.say(text.slice(0, at));
      await peer.say(text.slice(at));
    } else await peer.say(text);
    if (closes) return;
  }
};

testNeeding(
  ["net"],
  `ConnectionPool brings ${answersWanted} requests to an end each, half of their answers hostile, of seed ${seed}: no answer is taken for another's, memory stays flat`,
  () =>
    Effect.gen(function* () {
      const server = yield* Effect.promise(() => ScriptedServer.listen(hostile));
      const url = new URL(`http://127.0.0.1:${server.port}/hook`);
      const head = Either.getOrThrow(makeRequestHead(url));
      yield* Effect.scoped(Effect.gen(function* () {
        const pool = yield* ConnectionPool.make(url);
        const send = (n: number) =>
          new Promise<TransportResult>((resolve, reject) => {
            let ended = false;
            const lines = `webhook-id: ${n}\r\n`;
            pool.send(requestOf(head, { lines, timeout: 60_000 }), (result) => {
              if (ended) reject(new Error(`request ${n} ended twice`));
              ended = true;
              resolve(result);
            });
          });
        let next = 0;
        let before = 0;
        const kinds = new Map<string, number>();
        const client = async () => {
          while (next < answersWanted) {
            const n = next++;
            if (n === answersWanted >> 1) before = memoryInUse();
            const result = await send(n);
            const { status } = planOf(n);
            const told = result._tag === "Response" ? result.status : result.fault;
            if (status !== undefined) assert.equal(told, status, `request ${n} of seed ${seed}`);
            if (result._tag === "Response" && result.fault !== undefined) {
              kinds.set(result.fault.kind, 1 + (kinds.get(result.fault.kind) ?? 0));
            }
            const kind = result._tag === "Response" ? "response" : result.fault;
            kinds.set(kind, 1 + (kinds.get(kind) ?? 0));
            assert.ok(pool.stats.open <= CONCURRENCY, `${pool.stats.open} connections`);
          }
        };
        yield* Effect.promise(() => Promise.all(Array.from({ length: CONCURRENCY }, client)));
        const grown = memoryInUse() - before;
        assert.ok(grown < 4 * 1024 * 1024, `${grown} bytes more`);
        assert.equal(kinds.get("timeout"), undefined);
        for (const kind of ["response", "malformed", "header", "chunks", "cut_short", "surplus"]) {
          assert.ok((kinds.get(kind) ?? 0) > answersWanted / 100, `${kind}: ${kinds.get(kind)}`);
        }
      }));
      yield* Effect.promise(() => server.close());
    }).pipe(Effect.runPromise),
);
