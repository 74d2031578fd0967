/**
 * What the rules cost per event: asked before it is built, and matched when it is dispatched. And what
 * subscriptions cost per message, ordinary ones and those that a client chose to do harm.
 */
import { TopicTree } from "../../src/mqtt/routing/TopicTree.ts";
import { RuleTable } from "../../src/webhook/dispatch/RuleTable.ts";
import { cheapestFilters } from "../../tests/support/hostileFilters.ts";
import { subscription } from "../../tests/unit/mqtt/routing/subscriptions.ts";
import { published, rule } from "../../tests/unit/webhook/harness.ts";

const event = published("client-1", 1, "site/7/device/42/temperature");
const topics = (n: number) =>
  [...Array(n - 1).keys()].map((i) => `other/${i}/#`).concat("site/+/#");

for (const n of [0, 1, 10, 100]) {
  const rules = [rule("message_publish", { topics: n === 0 ? [] : topics(n) })];
  const table = new RuleTable(rules, (url) => url);
  const name = n === 0 ? "no topics" : `${n} topics, the last matches`;
  Deno.bench(`wants, ${name}`, { group: "wants" }, () => {
    table.wants("message_publish", "site/7/device/42/temperature");
  });
  Deno.bench(`forEachMatch, ${name}`, { group: "forEachMatch" }, () => {
    table.forEachMatch(event, () => {});
  });
}

const NOBODY = { subscription: () => {}, group: () => {} };
const DEVICES = Array.from({ length: 10_000 }, (_, i) => `devices/${i}/telemetry`);

for (
  const [name, filters, topic] of [
    ["a filter per device of 10,000", DEVICES, "devices/77/telemetry"],
    ["the same and five with wildcards", [
      ...DEVICES,
      ...["#", "+/+/telemetry", "devices/#", "devices/+/telemetry", "devices/+/state"],
    ], "devices/77/telemetry"],
    [
      "4,300 of 16 levels that all match",
      cheapestFilters(16).slice(0, 4300),
      Array.from({ length: 16 }, () => "a").join("/"),
    ],
  ] as const
) {
  const tree = new TopicTree();
  for (const filter of filters) tree.add(subscription(filter));
  Deno.bench(`match, ${name}`, { group: "match" }, () => tree.match(topic, NOBODY));
}
