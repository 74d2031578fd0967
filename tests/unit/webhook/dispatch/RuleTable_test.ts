import assert from "node:assert/strict";
import type { HookEvent } from "../../../../src/domain/HookEvent.ts";
import { RuleTable } from "../../../../src/webhook/dispatch/RuleTable.ts";

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
