import assert from "node:assert/strict";
import { renderExplanation } from "../../../src/config/renderExplanation.ts";
import { explain } from "../../../src/domain/explain.ts";
import type { HookRule } from "../../../src/domain/HookRule.ts";

const RULES: ReadonlyArray<HookRule> = [
  { event: "message_publish", action: "message_publish", topics: ["a/#"], urls: ["http://h/a"] },
  { event: "message_publish", action: "alarm", topics: ["b", "c"], urls: ["http://h/b"] },
];

const rendered = (event: HookRule["event"], topic?: string): ReadonlyArray<string> =>
  renderExplanation(event, topic, explain(RULES, event, topic)).split("\n");

Deno.test("renderExplanation says where an event goes, by which rules, and why not by the others", () => {
  assert.deepEqual(rendered("message_publish", "a/1"), [
    'message_publish "a/1" goes to http://h/a',
    '  rule.message_publish[0] sends it to http://h/a: "a/#" matches "a/1"',
    '  rule.message_publish[1] does not send it as alarm to http://h/b: none of "b", "c" matches "a/1"',
  ]);
});

Deno.test("renderExplanation says that an event goes nowhere, and whether it is for want of a rule", () => {
  assert.equal(
    rendered("message_publish", "x")[0],
    'message_publish "x" goes nowhere: no rule matches',
  );
  assert.deepEqual(rendered("session_created"), [
    "session_created goes nowhere: no rule is for session_created",
  ]);
});
