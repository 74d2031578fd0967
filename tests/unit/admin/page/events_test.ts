import assert from "node:assert/strict";
import { EVENTS } from "../../../../src/admin/page/events.js";
import { hookEventNames } from "../../../../src/domain/HookEvent.ts";

Deno.test("The page offers every event to choose by", () => {
  assert.deepEqual(EVENTS.toSorted(), hookEventNames.toSorted());
});
