import assert from "node:assert/strict";
import { Descriptors } from "../../../src/net/Descriptors.ts";

/** So many descriptors, and how many of them are free. */
const system = (free: number) => {
  const state = { free };
  const take = () => {
    if (state.free === 0) throw new Error("Too many open files (os error 24)");
    state.free--;
    return { close: () => void state.free++ };
  };
  return { state, take };
};

Deno.test("Descriptors keep their reserve of those that there are, and hold none where they have found the last", () => {
  const { state, take } = system(400);
  const descriptors = new Descriptors({ reserve: 150, take });
  assert.deepEqual([descriptors.most, state.free], [250, 400]);
  let open = 249;
  descriptors.count(() => open);
  assert.equal(descriptors.hasRoom, true);
  open++;
  assert.equal(descriptors.hasRoom, false);
});

Deno.test("Descriptors leave clients half of few", () => {
  assert.equal(new Descriptors({ reserve: 150, take: system(100).take }).most, 50);
  assert.equal(new Descriptors({ reserve: 150, take: system(1).take }).most, 1);
});

Deno.test("Descriptors hold their reserve where they have not found the last, and let go of it when it is gone", () => {
  const { state, take } = system(100_000);
  const descriptors = new Descriptors({ reserve: 150, take });
  let open = 99_850;
  descriptors.count(() => open - 50);
  descriptors.count(() => 50);
  assert.deepEqual([descriptors.most, state.free], [Infinity, open]);
  state.free = 0;
  descriptors.exhausted();
  assert.deepEqual([descriptors.most, state.free, descriptors.hasRoom], [open, 150, false]);
  descriptors.recover(); // the reserve is there, and nothing beside
  assert.deepEqual([descriptors.most, state.free], [open, 150]);
  open -= 1;
  assert.equal(descriptors.hasRoom, true);
  state.free = 166;
  descriptors.recover();
  assert.deepEqual([descriptors.most, state.free], [Infinity, 16]);
  descriptors.close();
});

Deno.test("Descriptors know of no limit where nothing can be opened to try", () => {
  const descriptors = new Descriptors({
    reserve: 1,
    take: () => {
      throw new Deno.errors.NotCapable("no permission to read");
    },
  });
  assert.deepEqual([descriptors.most, descriptors.hasRoom], [Infinity, true]);
});
