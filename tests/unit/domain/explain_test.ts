import assert from "node:assert/strict";
import { explain } from "../../../src/domain/explain.ts";
import type { HookRule } from "../../../src/domain/HookRule.ts";

const rule = (event: HookRule["event"], ...topics: ReadonlyArray<string>): HookRule => ({
  event,
  action: `as_${event}`,
  topics,
  urls: ["http://user:secret@host/"],
});

const RULES = [
  rule("client_connected"),
  rule("message_publish", "a/#", "b"),
  rule("message_publish"),
];

Deno.test("explain tells every rule of the event with its place, and whether it matches", () => {
  const told = (topic: string) =>
    explain(RULES, "message_publish", topic).map(({ rule, matches }) => [rule, matches]);
  assert.deepEqual(told("a/1"), [[0, true], [1, true]]);
  assert.deepEqual(told("c"), [[0, false], [1, true]]);
  assert.deepEqual(told("$SYS/a"), [[0, false], [1, true]]);
  assert.deepEqual(explain(RULES, "session_created", undefined), []);
});

Deno.test("explain shows no secret of a URL", () => {
  assert.deepEqual(explain(RULES, "client_connected", undefined), [{
    rule: 0,
    action: "as_client_connected",
    topics: [],
    urls: ["http://host/"],
    matches: true,
    why: "it has no topics: it takes every event",
  }]);
});

Deno.test("explain says why a rule matches and why one does not", () => {
  const why = (topic: string, ...topics: ReadonlyArray<string>) =>
    explain([rule("message_publish", ...topics)], "message_publish", topic)[0]?.why;
  assert.equal(why("a/1", "b", "a/#"), '"a/#" matches "a/1"');
  assert.equal(why("c", "b"), '"b" does not match "c"');
  assert.equal(why("c", "a/#", "b"), 'none of "a/#", "b" matches "c"');
  assert.equal(
    why("$SYS/a", "#"),
    '"#" does not match "$SYS/a": a wildcard in front takes no topic that begins with $',
  );
  assert.equal(why("$SYS/a", "b/#"), '"b/#" does not match "$SYS/a"');
});
