import assert from "node:assert/strict";
import {
  ENDED_PER_EVENT,
  IDLE_STRETCH,
  IDLE_TURNS,
  IntakeTurn,
} from "../../../src/hooks/IntakeTurn.ts";

Deno.test("IntakeTurn is long while no delivery ends, and short again after the next", async () => {
  const most = 128;
  let ended = 0;
  let onNext = () => {};
  const turn = new IntakeTurn({ most, ended: () => ended, onNext: () => onNext() });
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
  ended++;
  assert.equal(await last, most * IDLE_STRETCH);
  assert.equal(await fill(), most);
  turn.close();
});

Deno.test("IntakeTurn makes no pause while enough deliveries end, and one when they fall behind", () => {
  const most = 100;
  let ended = 0;
  const turn = new IntakeTurn({ most, ended: () => ended, onNext: () => {} });
  const take = (endedMeanwhile: number) => {
    ended += endedMeanwhile;
    for (let i = 0; i < most; i++) turn.take();
  };
  for (let i = 0; i < 10; i++) {
    take(most * ENDED_PER_EVENT);
    assert.equal(turn.over, false);
  }
  take(most * ENDED_PER_EVENT - 1);
  assert.equal(turn.over, true);
  turn.close();
});
