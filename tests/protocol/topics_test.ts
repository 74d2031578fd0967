/** Topic names against topic filters, by what subscribers of MQTT 3.1.1 get. Section 4.7 */
import assert from "node:assert/strict";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { publish, subscribe, takeAll } from "./packets.ts";

const CASES: ReadonlyArray<
  readonly [filter: string, matching: ReadonlyArray<string>, others: ReadonlyArray<string>]
> = [
  ["sport/tennis/player1/#", [
    "sport/tennis/player1",
    "sport/tennis/player1/ranking",
    "sport/tennis/player1/score/wimbledon",
  ], ["sport/tennis/player10", "sport/tennis"]],
  ["sport/#", ["sport", "sport/", "sport/a/b"], ["sports", "/sport"]],
  ["#", ["a", "/", "a/b/c", "/a"], ["$dev", "$dev/a", "$"]],
  ["sport/tennis/+", ["sport/tennis/player1", "sport/tennis/"], [
    "sport/tennis",
    "sport/tennis/player1/ranking",
  ]],
  ["sport/+", ["sport/"], ["sport"]],
  ["+", ["finance", "a"], ["/finance", "a/b", "$dev"]],
  ["+/+", ["/finance", "a/b", "/", "a/"], ["a", "a/b/c", "$dev/a"]],
  ["/+", ["/finance", "/"], ["finance", "//"]],
  ["+/a/#", ["b/a", "b/a/c/d", "/a"], ["b/c", "$dev/a"]],
  ["a/+/#", ["a/b", "a/b/c", "a/"], ["a"]],
  ["$dev/#", ["$dev", "$dev/", "$dev/a/b"], ["dev/a", "a/$dev"]],
  ["$dev/monitor/+", ["$dev/monitor/Clients"], ["$dev/monitor"]],
  ["a/$b/+", ["a/$b/c"], ["a/b/c"]],
  ["+/$b", ["a/$b"], ["$a/$b"]],
  ["ACCOUNTS", ["ACCOUNTS"], ["Accounts", "accounts"]],
  ["Accounts payable", ["Accounts payable"], ["Accountspayable", "Accounts%20payable"]],
  ["/finance", ["/finance"], ["finance", "/finance/"]],
  ["a//b", ["a//b"], ["a/b", "a///b"]],
  ["a/+/b", ["a//b", "a/x/b"], ["a/b"]],
  ["//", ["//"], ["/", "///"]],
  [".", ["."], [".."]],
  ["caf\u00e9", ["caf\u00e9"], ["cafe\u0301", "cafe"]], // no normalisation of accents
  ["\u{1f600}/+", ["\u{1f600}/x"], ["\u{1f601}/x"]],
];

for (const [filter, matching, others] of CASES) {
  Deno.test(`A subscriber to ${filter} gets the topics that match it and no others`, () => {
    const bench = new ProtocolBench();
    const subscriber = bench.connect(4, "s");
    subscribe(subscriber, [filter, 0]);
    const publisher = bench.connect(4, "p");
    for (const topic of [...others, ...matching]) publisher.send(publish(topic, "x"));
    assert.deepEqual(takeAll(subscriber), matching.map((topic) => `${topic} x q0`));
  });
}

Deno.test("Topics with and without a leading slash, and of different case, are different retained messages", () => {
  const bench = new ProtocolBench();
  const publisher = bench.connect(4, "p");
  for (const topic of ["a", "/a", "a/", "A"]) publisher.send(publish(topic, "x", { retain: true }));
  assert.equal(bench.broker.context.pubSub.retained.size, 4);
});
