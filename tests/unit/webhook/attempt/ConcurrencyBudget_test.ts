import assert from "node:assert/strict";
import { ConcurrencyBudget } from "../../../../src/webhook/attempt/ConcurrencyBudget.ts";

const take = (seat: { tryAcquire(): boolean }): number => {
  let taken = 0;
  while (seat.tryAcquire()) taken++;
  return taken;
};
const nothing = () => {};

Deno.test("ConcurrencyBudget gives the whole limit to a single URL", () => {
  assert.equal(take(new ConcurrencyBudget(128).join(nothing)), 128);
});

Deno.test("ConcurrencyBudget keeps an equal share of half the limit for each URL", () => {
  const budget = new ConcurrencyBudget(16);
  const [a, b, c, d] = [1, 2, 3, 4].map(() => budget.join(nothing));
  assert.equal(take(a!), 2 + 8);
  assert.deepEqual([b, c, d].map((seat) => take(seat!)), [2, 2, 2]);
  assert.equal(budget.used, 16);
});

Deno.test("ConcurrencyBudget keeps a permit for each URL while there are more permits than URLs", () => {
  const budget = new ConcurrencyBudget(6);
  const seats = [1, 2, 3, 4, 5].map(() => budget.join(nothing));
  assert.deepEqual(seats.map(take), [1 + 1, 1, 1, 1, 1]);
});

Deno.test("ConcurrencyBudget wakes who was refused, first come first", () => {
  const budget = new ConcurrencyBudget(1);
  const woken: Array<string> = [];
  const a = budget.join(() => woken.push("a"));
  const b = budget.join(() => woken.push("b"));
  const c = budget.join(() => {
    woken.push("c");
    c.tryAcquire();
  });
  assert.ok(a.tryAcquire());
  assert.ok(!c.tryAcquire());
  assert.ok(!b.tryAcquire());
  a.release();
  assert.deepEqual(woken, ["c"]);
  c.release();
  assert.deepEqual(woken, ["c", "b"]);
});

Deno.test("ConcurrencyBudget never exceeds its limit while URLs come and go and the limit changes", () => {
  let seed = 1;
  const random = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n;
  const budget = new ConcurrencyBudget(10);
  let limit = 10;
  let seats = [budget.join(nothing)];
  const held: Array<(typeof seats)[number]> = [];
  for (let step = 0; step < 20_000; step++) {
    const seat = seats[random(seats.length)]!;
    const action = random(100);
    if (action < 50) {
      const before = budget.used;
      if (seat.tryAcquire()) {
        held.push(seat);
        assert.ok(before < limit);
      }
    } else if (action < 96) held.splice(random(held.length || 1), 1)[0]?.release();
    else if (action < 98) seats.push(budget.join(nothing));
    else if (action < 99 && seats.length > 1) {
      seat.leave();
      seats = seats.filter((other) => other !== seat);
    } else budget.resize(limit = 1 + random(20));
    assert.equal(budget.used, held.length);
  }
  for (const seat of held) seat.release();
  let total = 0;
  for (const seat of seats) total += take(seat);
  assert.equal(total, limit);
});
