/** The engine killed at any moment, by a store that takes nothing more: what was safe then is delivered by the next. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as fc from "effect/FastCheck";
import type { Commit } from "../../../../src/store/Commit.ts";
import { MemoryStore } from "../../../../src/store/MemoryStore.ts";
import type { Store } from "../../../../src/store/Store.ts";
import { CommitError } from "../../../../src/store/StoreError.ts";
import { A, accountsBalance, B, connected, IN_MEMORY, pass, rule } from "../harness.ts";
import type { Sent } from "../harness.ts";
import { settingsOf, withEngine } from "../harness.ts";

/** A store whose commits take as long, and fail as often, as a test says, until the process is killed. */
const mortal = (
  store: MemoryStore,
  disk: { takes: number; fails: boolean; isDead: boolean },
): Store =>
  new Proxy<Store>(store, {
    get(of, name) {
      if (name === "commit") {
        return (commit: Commit, sync: boolean) =>
          Effect.gen(function* () {
            if (disk.takes > 0) yield* Effect.sleep(disk.takes);
            if (disk.isDead) return yield* Effect.never;
            if (disk.fails) return yield* new CommitError({ message: "disk full" });
            yield* of.commit(commit, sync);
          });
      }
      const value: unknown = Reflect.get(of, name, of);
      return typeof value === "function" ? value.bind(of) : value;
    },
  });

const settings = settingsOf({
  queueCapacity: 60,
  shutdownTimeout: 100,
  rules: [rule("client_connected", { urls: [A, B] })],
  breakerFailures: 3,
  outbox: { ...IN_MEMORY, kind: "disk", deadLetters: true },
});

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("emit" as const), n: fc.integer({ min: 1, max: 12 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("pass" as const),
      millis: fc.integer({ min: 1, max: 4000 }),
    }),
  },
  fc.record({ do: fc.constant("url" as const), isUp: fc.boolean() }),
  fc.record({ do: fc.constant("disk" as const), takes: fc.nat(30), fails: fc.boolean() }),
  { weight: 1, arbitrary: fc.record({ do: fc.constant("kill" as const) }) },
);

Deno.test("WebHook delivers after a kill at any moment what was safe, under its first id, and each client's in order", async () => {
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 10, maxLength: 40 }),
    async (steps) => {
      const store = new MemoryStore();
      const answered: Array<Sent> = [];
      const all: Array<Sent> = [];
      /** What was safe, by URL and number. */
      const told = new Set<string>();
      let number = 0;
      let isUp = true;
      const left = [...steps, { do: "end" as const }];
      while (left.length > 0) {
        const disk = { takes: 0, fails: false, isDead: false };
        const from = answered.length;
        const since = number;
        await withEngine(
          settings,
          (sent) => {
            all.push(sent);
            if (sent.url === B && !isUp) return 503;
            answered.push(sent);
            return 200;
          },
          ({ webhook: { sink, metrics }, stop }) =>
            Effect.gen(function* () {
              const marks: Array<readonly [mark: number, n: number]> = [];
              for (let one = left.shift(); one !== undefined; one = left.shift()) {
                if (one.do === "emit") {
                  for (let i = 0; i < one.n; i++) {
                    sink.emit(connected(`c${number % 3}`, number));
                    marks.push([sink.mark, number++]);
                  }
                } else if (one.do === "pass") yield* pass(one.millis);
                else if (one.do === "url") isUp = one.isUp;
                else if (one.do === "disk") Object.assign(disk, one);
                else {
                  if (one.do === "end") {
                    isUp = true;
                    Object.assign(disk, { takes: 0, fails: false });
                    for (let i = 0; i < 20; i++) yield* pass(10_000);
                    assert.equal(sink.safe, sink.mark);
                    for (const { total } of metrics.snapshot().endpoints) {
                      assert.equal(total.queued + total.in_flight, 0);
                    }
                  }
                  for (const [mark, n] of marks) if (mark <= sink.safe) told.add(`${n}`);
                  assert.ok(accountsBalance(metrics.snapshot()));
                  disk.isDead = one.do === "kill";
                  yield* Effect.fork(stop);
                  yield* pass(30_000);
                  return;
                }
                assert.ok(accountsBalance(metrics.snapshot()));
              }
            }),
          { store: mortal(store, disk) },
        );
        // Of what this process was given itself: one client's events in their order, repeats left out.
        for (const url of [A, B]) {
          const last = new Map<unknown, number>();
          const seen = new Set<unknown>();
          for (const one of answered.slice(from)) {
            const n = Number(one.body.connected_at);
            if (one.url !== url || n < since || seen.has(n)) continue;
            seen.add(n);
            const before = last.get(one.body.clientid) ?? -1;
            const isLetter = url === B; // given up while others went on: it comes later
            assert.ok(n > before || isLetter, `${url}: ${n} after ${before}`);
            last.set(one.body.clientid, n);
          }
        }
      }
      const ids = new Map<string, string>();
      for (const { url, body, headers } of all) {
        const id = headers["webhook-id"]!; // every request has one
        const event = `${url} ${body.connected_at}`;
        assert.equal(ids.get(id) ?? event, event, `${id} is that of two events`);
        ids.set(id, event);
      }
      for (const n of told) {
        for (const url of [A, B]) {
          const came = answered.some((one) => one.url === url && `${one.body.connected_at}` === n);
          assert.ok(came, `${n} was safe, and never came to ${url}`);
        }
      }
      assert.deepEqual(store.dead, []);
      assert.deepEqual(await Effect.runPromise(store.groups(0, Infinity)), []);
    },
  );
  await fc.assert(property, { numRuns: 10, endOnFailure: true });
});
