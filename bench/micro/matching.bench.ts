/** What the rules cost per event: asked before it is built, and matched when it is dispatched. */
import { RuleTable } from "../../src/webhook/dispatch/RuleTable.ts";
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
