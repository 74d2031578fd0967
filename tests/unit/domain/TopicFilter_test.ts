/** Topic filters against a table of the standards' own cases, and against a naive matcher. */
import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import {
  isTopicFilter,
  levelCount,
  matches,
  parseFilter,
} from "../../../src/domain/TopicFilter.ts";

const MATCHING: ReadonlyArray<readonly [filter: string, topic: string, expected: boolean]> = [
  ["a/b/c", "a/b/c", true],
  ["a/b/c", "a/b", false],
  ["a/b", "a/b/c", false],
  ["a", "b", false],
  ["a", "ab", false],
  ["ab", "a", false],
  ["A", "a", false],
  // 4.7.1.2, multi-level wildcard
  ["sport/tennis/player1/#", "sport/tennis/player1", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/ranking", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true],
  ["sport/tennis/player1/#", "sport/tennis/player10", false],
  ["sport/#", "sport", true],
  ["sport/#", "sports", false],
  ["#", "a", true],
  ["#", "a/b/c", true],
  ["#", "/", true],
  ["#", "/a", true],
  ["/#", "/a", true],
  ["/#", "/", true],
  ["/#", "a", false],
  // 4.7.1.3, single-level wildcard
  ["sport/tennis/+", "sport/tennis/player1", true],
  ["sport/tennis/+", "sport/tennis/player1/ranking", false],
  ["sport/+", "sport", false],
  ["sport/+", "sport/", true],
  ["+", "a", true],
  ["+", "/a", false],
  ["+/+", "/finance", true],
  ["/+", "/finance", true],
  ["+", "/finance", false],
  ["+/tennis/#", "sport/tennis", true],
  ["+/tennis/#", "sport/tennis/a/b", true],
  ["sport/+/player1", "sport/tennis/player1", true],
  ["sport/+/player1", "sport//player1", true],
  ["sport/+/player1", "sport/player1", false],
  // both wildcards: `#` stands for the parent level too
  ["a/+/#", "a/b", true],
  ["a/+/#", "a/b/c/d", true],
  ["a/+/#", "a", false],
  ["a/+/#", "a/", true],
  ["+/#", "a", true],
  ["+/+/#", "a", false],
  ["a/b/#", "a", false],
  // empty levels are levels
  ["a//b", "a//b", true],
  ["a//b", "a/b", false],
  ["a/+/b", "a//b", true],
  ["a/", "a", false],
  ["a", "a/", false],
  ["a/#", "a/", true],
  ["/", "/", true],
  ["+/+", "/", true],
  ["+/+/+", "/", false],
  ["//", "//", true],
  ["+/+/+", "//", true],
  ["//#", "/", true],
  // 4.7.2, topics that begin with $
  ["#", "$SYS/monitor/Clients", false],
  ["+/monitor/Clients", "$SYS/monitor/Clients", false],
  ["+", "$SYS", false],
  ["$SYS/#", "$SYS/monitor/Clients", true],
  ["$SYS/#", "$SYS", true],
  ["$SYS/monitor/+", "$SYS/monitor/Clients", true],
  ["a/#", "a/$SYS", true],
  ["a/+", "a/$b", true],
  ["+/#", "a/$b", true],
  // spaces and characters beyond the BMP are characters like any other
  ["Accounts payable", "Accounts payable", true],
  ["+/🜁", "a/🜁", true],
  ["a/🜁", "a/🜂", false],
];

for (const [filter, topic, expected] of MATCHING) {
  Deno.test(`matches: ${filter} ${expected ? "matches" : "does not match"} ${topic}`, () => {
    assert.equal(matches(filter, topic), expected);
  });
}

/** The definition, level by level; slow and plain. */
const naive = (filter: string, topic: string): boolean => {
  const wanted = filter.split("/");
  const levels = topic.split("/");
  if (topic.startsWith("$") && (wanted[0] === "+" || wanted[0] === "#")) return false;
  for (const [i, level] of wanted.entries()) {
    if (level === "#") return true;
    if (i >= levels.length || (level !== "+" && level !== levels[i])) return false;
  }
  return wanted.length === levels.length;
};

// Few and short levels, so that pairs match often.
const level = fc.constantFrom("", "a", "b", "ab", "$", "$SYS", "é");
const topicName = fc.array(level, { minLength: 1, maxLength: 5 })
  .map((levels) => levels.join("/")).filter((topic) => topic.length > 0);
const topicFilter = fc.tuple(
  fc.array(fc.oneof(level, fc.constant("+")), { minLength: 1, maxLength: 5 }),
  fc.boolean(),
).map(([levels, hash]) => (hash ? [...levels, "#"] : levels).join("/"))
  .filter((filter) => filter.length > 0);

Deno.test("matches agrees with a matcher that splits both into levels", () => {
  fc.assert(
    fc.property(topicFilter, topicName, (filter, topic) => {
      assert.equal(matches(filter, topic), naive(filter, topic));
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("matches holds for every topic against itself and against # under any of its levels", () => {
  fc.assert(
    fc.property(topicName, fc.nat(), (topic, n) => {
      assert.equal(matches(topic, topic), true);
      const levels = topic.split("/");
      const parent = levels.slice(0, 1 + n % levels.length).join("/");
      assert.equal(matches(`${parent}/#`, topic), true);
    }),
  );
});

const FILTERS: ReadonlyArray<readonly [filter: string, valid: boolean]> = [
  ["a", true],
  ["a/b/c", true],
  ["#", true],
  ["a/#", true],
  ["/#", true],
  ["+", true],
  ["+/a/+", true],
  ["+/#", true],
  ["/", true],
  ["//", true],
  ["a b/ü", true],
  ["", false],
  ["a#", false],
  ["#/a", false],
  ["a/#/b", false],
  ["##", false],
  ["a/##", false],
  ["#+", false],
  ["+#", false],
  ["a+", false],
  ["+a", false],
  ["a/b+/c", false],
  ["a/+b", false],
  ["++", false],
  ["a\0b", false],
];

for (const [filter, valid] of FILTERS) {
  Deno.test(`isTopicFilter ${valid ? "accepts" : "refuses"} ${JSON.stringify(filter)}`, () => {
    assert.equal(isTopicFilter(filter), valid);
  });
}

Deno.test("isTopicFilter accepts every topic name", () => {
  fc.assert(fc.property(topicName, isTopicFilter));
});

Deno.test("levelCount counts empty levels", () => {
  const counted = ["a", "a/b", "/", "/a", "a/", "//", "a//b"].map(levelCount);
  assert.deepEqual(counted, [1, 2, 2, 2, 2, 3, 3]);
});

const PARSED: ReadonlyArray<readonly [filter: string, expected: ReturnType<typeof parseFilter>]> = [
  ["a/+/#", { share: undefined, filter: "a/+/#" }],
  ["$SYS/#", { share: undefined, filter: "$SYS/#" }],
  ["$shared/a", { share: undefined, filter: "$shared/a" }],
  ["a/$share/b", { share: undefined, filter: "a/$share/b" }],
  ["$share/group/a/+", { share: "group", filter: "a/+" }],
  ["$share/g/#", { share: "g", filter: "#" }],
  ["$share/g//a", { share: "g", filter: "/a" }],
  ["$share/g//", { share: "g", filter: "/" }],
  ["$share/a b/$SYS/x", { share: "a b", filter: "$SYS/x" }],
  ["", undefined],
  ["a/#/b", undefined],
  ["$share", undefined],
  ["$share/", undefined],
  ["$share/group", undefined],
  ["$share/group/", undefined],
  ["$share//a", undefined],
  ["$share/g+/a", undefined],
  ["$share/+/a", undefined],
  ["$share/#", undefined],
  ["$share/#/a", undefined],
  ["$share/g/a#", undefined],
];

for (const [filter, expected] of PARSED) {
  const what = expected === undefined
    ? "refuses it"
    : `finds share ${expected.share ?? "none"} and ${expected.filter}`;
  Deno.test(`parseFilter of ${JSON.stringify(filter)} ${what}`, () => {
    assert.deepEqual(parseFilter(filter), expected);
  });
}
