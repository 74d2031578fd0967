import assert from "node:assert/strict";
import type { HookEvent } from "../../../../src/domain/HookEvent.ts";
import { RuleTable } from "../../../../src/webhook/dispatch/RuleTable.ts";
import { published } from "../harness.ts";

const subscribed = (topic: string): HookEvent => ({
  _tag: "session_subscribed",
  node: 1,
  ipaddress: "127.0.0.1:1",
  clientid: "c",
  username: "undefined",
  topic,
  opts: { qos: 0 },
});

// As RMQTT does, which tells and matches the filter as the client wrote it.
for (
  const [rule, filter, expected] of [
    ["a/#", "a/+", true],
    ["#", "a/b", true],
    ["#", "$share/g/a/b", false],
    ["+/g/a/b", "$share/g/a/b", false],
    ["a/#", "$share/g/a/b", false],
    ["$share/+/a/#", "$share/g/a/b", true],
    ["$share/#", "$share/g/a/b", true],
    ["$share/h/#", "$share/g/a/b", false],
  ] as const
) {
  Deno.test(`RuleTable finds that a rule for ${rule} is ${expected ? "" : "not "}for the subscription ${filter}`, () => {
    const event = "session_subscribed";
    const table = new RuleTable(
      [{ event, action: event, topics: [rule], urls: ["http://a/"] }],
      (url) => url,
    );
    const visited: Array<string> = [];
    table.forEachMatch(subscribed(filter), (_, target) => visited.push(target));
    assert.deepEqual(visited, expected ? ["http://a/"] : []);
    assert.equal(table.wants(event, filter), expected);
  });
}

/** The targets that share a body, for each body of an event. */
const sharing = (table: RuleTable<string>, event: HookEvent): ReadonlyArray<string> => {
  const bodies = new Map<unknown, Array<string>>();
  table.forEachMatch(event, (action, target) => {
    const targets = bodies.get(action) ?? [];
    bodies.set(action, targets);
    targets.push(target);
  });
  return [...bodies.values()].map((targets) => targets.join(" "));
};

Deno.test("RuleTable has one body for all URLs of an action, and more only where their forms differ", () => {
  const urls = ["http://a/", "http://b/", "http://json/", "http://c/"];
  const rules = (["message_publish", "session_subscribed"] as const).flatMap((event) => [
    { event, action: event, topics: [], urls },
    { event, action: event, topics: ["a/#"], urls: ["http://json/", "http://d/"] },
    { event, action: "other", topics: [], urls: ["http://a/"] },
  ]);
  const message = { ...published("c", 1, "a/b") } as HookEvent;
  const all = new RuleTable(rules, (url) => url);
  const [same, other] = [
    "http://a/ http://b/ http://json/ http://c/ http://json/ http://d/",
    "http://a/",
  ];
  assert.deepEqual(sharing(all, message), [same, other]);
  const some = new RuleTable(
    rules,
    (url) => url,
    (url) => url === "http://json/" ? "json" : "base64",
  );
  assert.deepEqual(sharing(some, message), [
    "http://a/ http://b/ http://c/ http://d/",
    "http://json/ http://json/",
    other,
  ]);
  assert.deepEqual(
    sharing(some, subscribed("a/b")),
    [same, other],
    "without a payload no difference",
  );
  assert.ok(some.wants("message_publish", "a/b"));
});
