import assert from "node:assert/strict";
import { DeliveryPace } from "../../../src/hooks/DeliveryPace.ts";
import {
  FAIR,
  IDLE_STRETCH,
  IDLE_TURNS,
  IntakeTurn,
  KEEPS_UP,
  LEAST_EVENTS,
  MOST_EVENTS,
} from "../../../src/hooks/IntakeTurn.ts";

Deno.test("IntakeTurn is long while no delivery ends, and short again after the next", async () => {
  const pace = new DeliveryPace();
  let onNext = () => {};
  const turn = new IntakeTurn({ pace, onNext: () => onNext() });
  /** Takes events until the turn is over, and waits for the next; answers how many. */
  const fill = async (): Promise<number> => {
    const next = new Promise<void>((resolve) => onNext = resolve);
    let taken = 0;
    for (; !turn.over; taken++) turn.take();
    await next;
    return taken;
  };
  assert.equal(await fill(), LEAST_EVENTS);
  for (let i = 1; i < IDLE_TURNS; i++) assert.equal(await fill(), LEAST_EVENTS);
  assert.equal(await fill(), LEAST_EVENTS * IDLE_STRETCH);
  const last = fill();
  pace.ended++;
  assert.equal(await last, LEAST_EVENTS * IDLE_STRETCH);
  assert.equal(await fill(), LEAST_EVENTS);
  turn.close();
});

Deno.test("IntakeTurn makes no pause while deliveries keep up, and one when they fall behind", () => {
  const isOver = (turns: ReadonlyArray<readonly [matched: number, ended: number]>): boolean => {
    const pace = new DeliveryPace();
    const turn = new IntakeTurn({ pace, onNext: () => {} });
    for (const [matched, ended] of turns) {
      assert.equal(turn.over, false);
      pace.matched += matched;
      pace.ended += ended;
      for (let i = 0; i < LEAST_EVENTS; i++) turn.take();
    }
    turn.close();
    return turn.over;
  };
  const enough = LEAST_EVENTS * KEEPS_UP;
  assert.equal(isOver([[LEAST_EVENTS, enough]]), false);
  assert.equal(isOver([[LEAST_EVENTS, enough - 1]]), true);
  // Each event is for four URLs.
  assert.equal(isOver([[4 * LEAST_EVENTS, 4 * enough]]), false);
  assert.equal(isOver([[4 * LEAST_EVENTS, 4 * enough - 1]]), true);
  // What was taken in this turn is still on its way.
  assert.equal(isOver([[0, enough - 1]]), true);
});

Deno.test("IntakeTurn becomes longer while deliveries have their part, and shorter while they have not", async () => {
  const pace = new DeliveryPace();
  let onNext = () => {};
  const turn = new IntakeTurn({ pace, onNext: () => onNext() });
  /** Takes events until the turn is over; of each so many deliveries end. Answers how many. */
  const fill = async (part: number): Promise<number> => {
    const next = new Promise<void>((resolve) => onNext = resolve);
    let taken = 0;
    for (; !turn.over; taken++) {
      pace.matched++;
      pace.ended += part;
      turn.take();
    }
    pace.ended++; // in its pause too
    await next;
    return taken;
  };
  const fair = FAIR + 0.01;
  const lengths = [await fill(fair), await fill(fair), await fill(fair)];
  assert.deepEqual(lengths, lengths.toSorted((a, b) => a - b));
  assert.ok(lengths[2]! > LEAST_EVENTS); // of three
  for (let i = 0; i < 30; i++) await fill(fair);
  assert.equal(await fill(fair), MOST_EVENTS);
  for (let i = 0; i < 30; i++) await fill(FAIR - 0.1);
  assert.equal(await fill(FAIR - 0.1), LEAST_EVENTS);
  turn.close();
});
