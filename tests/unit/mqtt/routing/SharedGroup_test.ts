import assert from "node:assert/strict";
import { SharedGroup } from "../../../../src/mqtt/routing/Subscription.ts";
import { PlainSubscriber, subscription } from "./subscriptions.ts";

const group = (...members: ReadonlyArray<PlainSubscriber>): {
  /** Whose turns come, by position in `members`. */
  readonly turns: (count: number) => ReadonlyArray<number>;
  readonly group: SharedGroup;
} => {
  const group = new SharedGroup("g", "t");
  for (const member of members) group.members.push(subscription("t", "g", member));
  const turns = (count: number) =>
    Array.from({ length: count }, () => {
      const chosen = group.choose("t");
      return chosen === undefined ? -1 : group.members.indexOf(chosen);
    });
  return { turns, group };
};

const ready = () => new PlainSubscriber("ready");
const busy = () => new PlainSubscriber("busy", true, false);
const denied = (isReady: boolean) => new PlainSubscriber("denied", true, isReady, false);
const away = () => new PlainSubscriber("away", false, false);

Deno.test("SharedGroup without members chooses nobody", () => {
  assert.equal(group().group.choose("t"), undefined);
});

Deno.test("SharedGroup gives each member that can take a message its turn", () => {
  assert.deepEqual(group(ready(), ready(), ready()).turns(7), [0, 1, 2, 0, 1, 2, 0]);
});

Deno.test("SharedGroup passes over members that are busy or away while another is ready", () => {
  assert.deepEqual(group(busy(), ready(), away(), ready()).turns(5), [1, 3, 1, 3, 1]);
});

Deno.test("SharedGroup gives busy members their turns when none is ready, and no member that is away", () => {
  assert.deepEqual(group(away(), busy(), busy()).turns(6), [1, 2, 1, 2, 1, 2]);
});

Deno.test("SharedGroup gives members that are away their turns when all are", () => {
  assert.deepEqual(group(away(), away()).turns(4), [0, 1, 0, 1]);
});

Deno.test("SharedGroup goes on with those that are left when a member has left", () => {
  const { group: shared, turns } = group(ready(), ready(), ready());
  assert.deepEqual(turns(3), [0, 1, 2]);
  shared.members.pop();
  assert.deepEqual(turns(4), [1, 0, 1, 0]);
});

Deno.test("SharedGroup passes over members that may not have the message, however ready, while one may that is away", () => {
  assert.deepEqual(group(denied(true), away(), denied(false)).turns(3), [1, 1, 1]);
  assert.deepEqual(group(denied(true), ready(), ready()).turns(4), [1, 2, 1, 2]);
});

Deno.test("SharedGroup whose members may none of them have the message chooses one, which says so", () => {
  assert.deepEqual(group(denied(true), denied(true)).turns(3), [0, 1, 0]);
});
