import assert from "node:assert/strict";
import { DeliveryPace } from "../../../../src/webhook/account/DeliveryPace.ts";
import {
  EVENTS,
  IDLE_STRETCH,
  IDLE_TURNS,
  IntakeTurn,
  STRETCH,
} from "../../../../src/webhook/intake/IntakeTurn.ts";

/** Turns whose deliveries are the test's: of 100 events 25 should end meanwhile. */
class Bench {
  readonly pace = new DeliveryPace();
  readonly fair = 0.25;
  #next = Promise.withResolvers<void>();
  readonly turn = new IntakeTurn({
    pace: this.pace,
    fair: this.fair,
    onNext: () => this.#next.resolve(),
  });

  /** Takes so many events. */
  take(count: number): void {
    for (let i = 0; i < count; i++) this.turn.take();
  }

  /** Takes events until the turn is over; answers how many. */
  fill(): number {
    let taken = 0;
    for (; !this.turn.over; taken++) this.turn.take();
    this.#next = Promise.withResolvers();
    return taken;
  }

  end(count: number): void {
    for (let i = 0; i < count; i++) this.pace.end();
  }

  /** The beginning of the next turn. */
  get next(): Promise<void> {
    return this.#next.promise;
  }
}

Deno.test("IntakeTurn begins the next turn as soon as enough deliveries have ended", async () => {
  const bench = new Bench();
  for (let i = 0; i < 3; i++) {
    assert.equal(bench.fill(), EVENTS);
    bench.end(EVENTS * bench.fair - 1);
    await Promise.resolve();
    assert.equal(bench.turn.over, true);
    bench.end(1);
    assert.equal(bench.turn.over, true, "not in the midst of a delivery's end");
    await Promise.resolve();
    assert.equal(bench.turn.over, false);
  }
  bench.turn.close();
});

Deno.test("IntakeTurn makes no pause while deliveries keep up, and one when they fall behind", () => {
  const isOver = (turns: ReadonlyArray<readonly [matched: number, ended: number]>): boolean => {
    const bench = new Bench();
    for (const [matched, ended] of turns) {
      assert.equal(bench.turn.over, false);
      bench.pace.matched += matched;
      bench.end(ended);
      bench.take(EVENTS);
    }
    bench.turn.close();
    return bench.turn.over;
  };
  const enough = EVENTS * 0.25;
  assert.equal(isOver([[EVENTS, enough]]), false);
  assert.equal(isOver([[EVENTS, enough - 1]]), true);
  // Each event is for four URLs.
  assert.equal(isOver([[4 * EVENTS, 4 * enough]]), false);
  assert.equal(isOver([[4 * EVENTS, 4 * enough - 1]]), true);
  // What was taken in this turn is still on its way.
  assert.equal(isOver([[0, enough - 1]]), true);
  // What ended too many counts for the next turn, but for no more than one.
  assert.equal(isOver([[EVENTS, 2 * enough], [EVENTS, 0]]), false);
  assert.equal(isOver([[EVENTS, 2 * enough - 1], [EVENTS, 0]]), true);
  assert.equal(isOver([[EVENTS, 9 * enough], [EVENTS, 0], [EVENTS, 0]]), true);
});

Deno.test("IntakeTurn is longer after a pause that deliveries made little use of, and longest when nobody does", async () => {
  const bench = new Bench();
  assert.equal(bench.fill(), EVENTS);
  for (let i = 1; i < IDLE_TURNS; i++) {
    await bench.next;
    assert.equal(bench.fill(), EVENTS * STRETCH);
  }
  await bench.next;
  bench.end(EVENTS * IDLE_STRETCH * bench.fair);
  bench.take(EVENTS * IDLE_STRETCH);
  assert.equal(bench.turn.over, false, "they have kept up");
  assert.equal(bench.fill(), EVENTS);
  await bench.next;
  assert.equal(bench.fill(), EVENTS * STRETCH, "which ends the idleness");
  for (let i = 1; i < IDLE_TURNS; i++) {
    await bench.next;
    bench.fill();
  }
  await bench.next;
  assert.equal(bench.fill(), EVENTS * IDLE_STRETCH);
  bench.end(1);
  await bench.next;
  assert.equal(bench.fill(), EVENTS * STRETCH);
  bench.end(EVENTS * STRETCH * bench.fair);
  await bench.next;
  assert.equal(bench.fill(), EVENTS);
  bench.turn.close();
});
