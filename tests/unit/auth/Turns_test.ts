import assert from "node:assert/strict";
import type { Place, Turn } from "../../../src/auth/Turns.ts";
import { Turns } from "../../../src/auth/Turns.ts";

const turnOf = (address: string, name: string, more: Partial<Turn> = {}): Turn => ({
  address,
  name,
  takesPlace: true,
  isWanted: () => true,
  ...more,
});

/** Turns whose tasks end when they are told to, and what has begun so far, in order. */
const watched = (atOnce: number, mayWait: number) => {
  const turns = new Turns(atOnce, mayWait);
  const began: Array<string> = [];
  const ends = new Map<string, () => void>();
  return {
    began,
    /** Asks for a task; its result is how it ran. */
    ask: (what: string, turn: Turn): Promise<Place | undefined> =>
      turns.run(turn, (place) => {
        began.push(what);
        return new Promise((resolve) => ends.set(what, () => resolve(place)));
      }),
    /** Ends a task, and lets the next ones begin. */
    end: async (what: string) => {
      ends.get(what)!(); // it has begun
      for (let i = 0; i < 10; i++) await Promise.resolve();
    },
  };
};

Deno.test("Turns runs as many tasks at once as it may, and the next ones in their order", async () => {
  const { began, ask, end } = watched(2, 10);
  const results = ["a", "b", "c", "d"].map((what) => ask(what, turnOf(what, what)));
  assert.deepEqual(began, ["a", "b"]);
  await end("b");
  assert.deepEqual(began, ["a", "b", "c"]);
  for (const what of ["a", "c", "d"]) await end(what);
  assert.deepEqual(await Promise.all(results), ["own", "own", "own", "own"]);
});

Deno.test("Turns goes by address and by name in turn, so that a flood is one among the others", async () => {
  const { began, ask, end } = watched(1, 100);
  void ask("0", turnOf("flood", "flood"));
  for (let n = 1; n <= 20; n++) void ask(String(n), turnOf("flood", "flood"));
  void ask("other address", turnOf("home", "flood"));
  void ask("other name", turnOf("flood", "alice"));
  for (let i = 0; began.length < 5; i++) await end(began[i]!); // each ends in turn
  assert.deepEqual(new Set(began.slice(1)), new Set(["1", "2", "other address", "other name"]));
});

Deno.test("Turns lets who takes no place go on at its turn, beside the one that has it", async () => {
  const { began, ask, end } = watched(1, 100);
  void ask("first", turnOf("a", "first"));
  const unknown = ask("unknown", turnOf("b", "unknown", { takesPlace: false }));
  void ask("known", turnOf("c", "known"));
  void ask("known 2", turnOf("d", "known 2"));
  const late = ask("late", turnOf("e", "late", { takesPlace: false }));
  assert.deepEqual(began, ["first"]); // it waits as it would if it were known
  await end("first");
  assert.deepEqual(began, ["first", "unknown", "known"]);
  await end("known");
  assert.deepEqual(began.at(-1), "known 2");
  await end("known 2");
  assert.deepEqual(began.at(-1), "late");
  await end("unknown");
  await end("late");
  assert.deepEqual([await unknown, await late], ["beside", "beside"]);
  assert.equal(
    await Promise.race([ask("idle", turnOf("f", "f")), Promise.resolve("runs")]),
    "runs",
  );
});

Deno.test("Turns has room for known ones however many unknown ones wait, and keeps no more of those than eight times", async () => {
  const { began, ask } = watched(1, 2);
  void ask("first", turnOf("a", "first"));
  for (let n = 0; n < 16; n++) void ask(`u${n}`, turnOf("b", `u${n}`, { takesPlace: false }));
  assert.deepEqual(began, ["first"]);
  void ask("known", turnOf("b", "known"));
  void ask("u16", turnOf("b", "u16", { takesPlace: false }));
  for (let i = 0; i < 10; i++) await Promise.resolve();
  assert.deepEqual(began, ["first", "u0"]); // the eldest goes on, and waits no longer
});

Deno.test("Turns refuses, when more wait than may, the youngest of those that most wait beside", async () => {
  const { began, ask, end } = watched(1, 3);
  void ask("first", turnOf("flood", "flood"));
  const flood = [1, 2, 3].map((n) => ask(`flood ${n}`, turnOf("flood", "flood")));
  const other = ask("other", turnOf("home", "alice"));
  assert.equal(await flood[2], undefined);
  const fourth = ask("flood 4", turnOf("flood", "flood"));
  assert.equal(await fourth, undefined);
  for (let i = 0; i < 4; i++) await end(began[i]!);
  assert.deepEqual(new Set(began), new Set(["first", "flood 1", "other", "flood 2"]));
  assert.equal(await other, "own");
});

Deno.test("Turns passes over what is not wanted any more at its turn", async () => {
  const { began, ask, end } = watched(1, 10);
  void ask("first", turnOf("a", "a"));
  const gone = ask("gone", turnOf("b", "b", { isWanted: () => false }));
  const last = ask("last", turnOf("c", "c"));
  await end("first");
  assert.equal(await gone, undefined);
  assert.deepEqual(began, ["first", "last"]);
  await end("last");
  assert.equal(await last, "own");
});

Deno.test("Turns gives the place of a task that failed to the next", async () => {
  const turns = new Turns(1, 10);
  const failed = turns.run(turnOf("a", "a"), () => Promise.reject(new Error("no")));
  const next = turns.run(turnOf("b", "b"), () => Promise.resolve("yes"));
  await assert.rejects(failed, /no/);
  assert.equal(await next, "yes");
});
