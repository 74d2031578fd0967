import assert from "node:assert/strict";
import type { Newcomer } from "../../../src/net/Newcomers.ts";
import { Newcomers } from "../../../src/net/Newcomers.ts";

const start = (maxHandshaking: number, maxConnRate = 0) => {
  const clock = { now: 0 };
  const newcomers = new Newcomers({ maxHandshaking, maxConnRate }, () => clock.now);
  const cut: Array<string> = [];
  /** A socket comes; answers its place, or undefined when it is refused. */
  const come = (address: string, name = address): Newcomer | undefined => {
    const newcomer = newcomers.enter(address);
    if (newcomer !== undefined) newcomer.cut = () => cut.push(name);
    return newcomer;
  };
  return { newcomers, come, cut, clock };
};

Deno.test("Newcomers refuses the newest of one address beyond max_handshaking_limit, until one has left", () => {
  const { newcomers, come, cut } = start(2);
  const first = come("a");
  assert.ok(first);
  assert.ok(come("a"));
  assert.equal(come("a"), undefined);
  assert.deepEqual([newcomers.size, newcomers.refused], [2, 1]);
  first.leave();
  first.leave(); // closed, after its client was let in
  assert.equal(newcomers.size, 1);
  assert.ok(come("a"));
  assert.equal(come("a"), undefined);
  assert.deepEqual(cut, []);
});

Deno.test("Newcomers cuts the newest of the address that has the most, where another address has fewer", () => {
  const { newcomers, come, cut } = start(4);
  for (const name of ["1", "2", "3"]) come("flood", name);
  come("b");
  assert.ok(come("c"));
  assert.deepEqual(cut, ["3"]);
  assert.equal(come("flood", "4"), undefined);
  // Two have two or one: nobody has so many that another has to go.
  assert.equal(come("b", "second of b"), undefined);
  assert.ok(come("d"));
  assert.deepEqual(cut, ["3", "2"]);
  assert.equal(come("e"), undefined);
  assert.deepEqual(cut, ["3", "2"]);
  assert.equal(newcomers.size, 4);
  assert.equal(newcomers.refused, 5);
});

Deno.test("Newcomers without max_handshaking_limit takes all", () => {
  const { newcomers, come } = start(0);
  for (let i = 0; i < 10_000; i++) assert.ok(come("a"));
  assert.equal(newcomers.refused, 0);
});

Deno.test("Newcomers lets max_conn_rate sockets in at once, and as many in each second", () => {
  const { newcomers, come, clock } = start(0, 10);
  const many = () => {
    let count = 0;
    while (come("a") !== undefined) count++;
    return count;
  };
  assert.equal(many(), 10);
  clock.now = 99;
  assert.equal(many(), 0);
  clock.now = 100;
  assert.equal(many(), 1);
  clock.now = 1000;
  assert.equal(many(), 9);
  clock.now = 60_000;
  assert.equal(many(), 10);
  assert.equal(newcomers.refused, 5);
});
