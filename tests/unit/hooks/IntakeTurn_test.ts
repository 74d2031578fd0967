import assert from "node:assert/strict";
import { DeliveryPace } from "../../../src/hooks/DeliveryPace.ts";
import { IDLE_STRETCH, IDLE_TURNS, IntakeTurn, KEEPS_UP } from "../../../src/hooks/IntakeTurn.ts";

Deno.test("IntakeTurn is long while no delivery ends, and short again after the next", async () => {
  const most = 128;
  const pace = new DeliveryPace();
  let onNext = () => {};
  const turn = new IntakeTurn({ most, pace, onNext: () => onNext() });
  /** Takes events until the turn is over, and waits for the next; answers how many. */
  const fill = async (): Promise<number> => {
    const next = new Promise<void>((resolve) => onNext = resolve);
    let taken = 0;
    for (; !turn.over; taken++) turn.take();
    await next;
    return taken;
  };
  assert.equal(await fill(), most);
  for (let i = 1; i < IDLE_TURNS; i++) assert.equal(await fill(), most);
  assert.equal(await fill(), most * IDLE_STRETCH);
  const last = fill();
  pace.ended++;
  assert.equal(await last, most * IDLE_STRETCH);
  assert.equal(await fill(), most);
  turn.close();
});

Deno.test("IntakeTurn makes no pause while deliveries keep up, and one when they fall behind", () => {
  const most = 100;
  const isOver = (turns: ReadonlyArray<readonly [matched: number, ended: number]>): boolean => {
    const pace = new DeliveryPace();
    const turn = new IntakeTurn({ most, pace, onNext: () => {} });
    for (const [matched, ended] of turns) {
      assert.equal(turn.over, false);
      pace.matched += matched;
      pace.ended += ended;
      for (let i = 0; i < most; i++) turn.take();
    }
    turn.close();
    return turn.over;
  };
  const enough = most * KEEPS_UP;
  assert.equal(isOver(Array(10).fill([most, enough])), false);
  assert.equal(isOver([[most, enough], [most, enough - 1]]), true);
  // Each event is for four URLs.
  assert.equal(isOver([[4 * most, 4 * enough]]), false);
  assert.equal(isOver([[4 * most, 4 * enough - 1]]), true);
  // What was taken in this turn is still on its way.
  assert.equal(isOver([[0, enough - 1]]), true);
});
