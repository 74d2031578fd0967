import * as assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as TestContext from "effect/TestContext";
import * as ConnectionPools from "../../../src/http/ConnectionPools.ts";
import type { TransportResult } from "../../../src/http/Exchange.ts";
import { makeRequestHead } from "../../../src/http/RequestWriter.ts";
import type { Socket } from "../../../src/http/Socket.ts";
import { requestOf } from "../../support/requests.ts";

/** A socket that answers each request with 200. */
const answering = (): Socket => {
  let reading: { readonly into: Uint8Array; readonly done: (count: number | null) => void };
  return {
    read: (into) => new Promise((done) => reading = { into, done }),
    write: (bytes) => {
      const text = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
      queueMicrotask(() => reading.done(new TextEncoder().encodeInto(text, reading.into).written));
      return Promise.resolve(bytes.length);
    },
    close: () => reading.done(null),
  };
};

Deno.test("ConnectionPools keeps one pool for each origin", () =>
  Effect.gen(function* () {
    const pools = yield* ConnectionPools.make();
    const pool = pools.of(new URL("http://host/a"));
    assert.equal(pools.of(new URL("http://user:pass@host:80/b?c")), pool);
    for (const other of ["https://host/a", "http://host:81/a", "http://other/a"]) {
      assert.notEqual(pools.of(new URL(other)), pool, other);
    }
  }).pipe(Effect.scoped, Effect.provide(TestContext.TestContext), Effect.runPromise));

Deno.test("ConnectionPools still serves finalizers that were added before its first request", async () => {
  const url = new URL("http://host/");
  const ends: Array<string> = [];
  await Effect.gen(function* () {
    const pools = yield* ConnectionPools.make({ connect: () => Promise.resolve(answering()) });
    const head = yield* makeRequestHead(url);
    const post = (name: string) =>
      Effect.async<TransportResult>((resume) => {
        pools.of(url).send(requestOf(head), (result) => resume(Effect.succeed(result)));
      }).pipe(
        Effect.map((result) =>
          ends.push(`${name}: ${result._tag === "Response" ? result.status : result.fault}`)
        ),
      );
    yield* Effect.addFinalizer(() => post("last"));
    yield* post("first");
  }).pipe(Effect.scoped, Effect.provide(TestContext.TestContext), Effect.runPromise);
  assert.deepEqual(ends, ["first: 200", "last: 200"]);
});
