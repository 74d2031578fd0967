import assert from "node:assert/strict";
import type { AclRule } from "../../../src/domain/BrokerSettings.ts";
import * as fc from "effect/FastCheck";
import { filter, naiveMatches, topic } from "../mqtt/routing/subscriptions.ts";
import * as authorizer from "../../../src/auth/authorizer.ts";

const makeAuthorizer = (rules: ReadonlyArray<AclRule>) =>
  authorizer.makeAuthorizer(rules).authorize;

const rule = (
  permit: "allow" | "deny",
  action: "publish" | "subscribe" | "all",
  topics: ReadonlyArray<string>,
  who: { user?: string; clientid?: string } = {},
): AclRule => ({ permit, action, topics, user: undefined, clientid: undefined, ...who });

const client = (clientid = "c", username = "u") => ({
  node: 1,
  ipaddress: "127.0.0.1:1",
  clientid,
  username,
});

const denying = (...topics: ReadonlyArray<string>) => makeAuthorizer([rule("deny", "all", topics)]);
const allowingOnly = (...topics: ReadonlyArray<string>) =>
  makeAuthorizer([rule("allow", "all", topics), rule("deny", "all", [])]);

Deno.test("makeAuthorizer allows what no rule is about", () => {
  assert.equal(makeAuthorizer([])(client(), "publish", "a"), true);
  assert.equal(denying("b")(client(), "publish", "a"), true);
  assert.equal(denying("b")(client(), "subscribe", "a/#"), true);
});

Deno.test("makeAuthorizer goes by the first rule that applies", () => {
  const authorize = makeAuthorizer([
    rule("allow", "all", ["a/open"]),
    rule("deny", "all", ["a/#"]),
    rule("allow", "all", ["a/b"]),
  ]);
  assert.equal(authorize(client(), "publish", "a/open"), true);
  assert.equal(authorize(client(), "publish", "a/b"), false);
  assert.equal(authorize(client(), "publish", "b"), true);
});

Deno.test("makeAuthorizer tells publishing from subscribing", () => {
  const authorize = makeAuthorizer([
    rule("deny", "publish", ["p"]),
    rule("deny", "subscribe", ["s"]),
  ]);
  assert.equal(authorize(client(), "publish", "p"), false);
  assert.equal(authorize(client(), "subscribe", "p"), true);
  assert.equal(authorize(client(), "publish", "s"), true);
  assert.equal(authorize(client(), "subscribe", "s"), false);
});

Deno.test("makeAuthorizer applies a rule to the user and the client that it names, both where it names both", () => {
  const authorize = makeAuthorizer([
    rule("deny", "all", ["1"], { user: "eve" }),
    rule("deny", "all", ["2"], { clientid: "x" }),
    rule("deny", "all", ["3"], { user: "eve", clientid: "x" }),
  ]);
  const denied = (clientid: string, username: string) =>
    ["1", "2", "3"].filter((topic) => !authorize(client(clientid, username), "publish", topic));
  assert.deepEqual(denied("x", "eve"), ["1", "2", "3"]);
  assert.deepEqual(denied("y", "eve"), ["1"]);
  assert.deepEqual(denied("x", "bob"), ["2"]);
  assert.deepEqual(denied("y", "bob"), []);
});

Deno.test("makeAuthorizer fills in %c and %u, once and as plain text", () => {
  const authorize = allowingOnly("devices/%c/#", "users/%u", "both/%u-%c");
  const allows = (topic: string, who = client("c1", "u1")) => authorize(who, "publish", topic);
  assert.equal(allows("devices/c1/temperature"), true);
  assert.equal(allows("devices/c2/temperature"), false);
  assert.equal(allows("users/u1"), true);
  assert.equal(allows("users/c1"), false);
  assert.equal(allows("both/u1-c1"), true);
  // Names that are wildcards, placeholders or several levels open nothing else.
  assert.equal(allows("devices/c2/x", client("+")), false);
  assert.equal(allows("devices/c2/x", client("#")), false);
  assert.equal(allows("devices/c2/x", client("c2/x")), false);
  assert.equal(allows("users/c1", client("c1", "%c")), false);
  assert.equal(authorize(client("+"), "subscribe", "devices/+/x"), false);
});

Deno.test("makeAuthorizer denies a name with slashes in it what its text stands for, as one of several levels", () => {
  const authorize = denying("devices/%c/secret", "users/x-%u-y/#");
  const allows = (topic: string, who = client("a/b", "u/v")) =>
    authorize(who, "publish", topic) && authorize(who, "subscribe", topic);
  assert.equal(allows("devices/a/b/secret"), false);
  assert.equal(allows("devices/a/secret"), true);
  assert.equal(allows("devices/a/b/open"), true);
  assert.equal(allows("users/x-u/v-y/1"), false);
  assert.equal(allows("users/x-u/v-z/1"), true);
  assert.equal(authorize(client("a/b"), "subscribe", "devices/a/#"), false);
  assert.equal(authorize(client("a/b"), "subscribe", "devices/+/+/secret"), false);
  assert.equal(authorize(client("a/b"), "subscribe", "devices/+/secret"), true);
  assert.equal(allows("devices/x//secret", client("x/")), false);
  assert.equal(allows("devices/+/b/secret", client("+/b")), false); // a subscription; no topic has such a level
  assert.equal(authorize(client("+/b"), "publish", "devices/a/b/secret"), true);
});

Deno.test("makeAuthorizer takes a name of more than 128 levels for all that is below 128 of them, at no more cost", () => {
  const name = "a/".repeat(200) + "a";
  const authorize = denying("devices/%c/secret");
  assert.equal(authorize(client(name), "publish", `devices/${name}/secret`), false);
  assert.equal(authorize(client(name), "publish", `devices/${"a/".repeat(128)}other`), false);
  assert.equal(authorize(client(name), "publish", `devices/${"a/".repeat(100)}secret`), true);
});

Deno.test("receiving has nothing to ask for a client to whom nothing is denied", () => {
  const { receiving } = authorizer.makeAuthorizer([
    rule("deny", "publish", ["a"]),
    rule("deny", "all", ["b"], { user: "eve" }),
    rule("deny", "all", ["c"], { clientid: "x" }),
    rule("allow", "subscribe", ["d"]),
  ]);
  assert.ok(receiving);
  assert.equal(receiving(client()), undefined);
  const onlyPublish = authorizer.makeAuthorizer([
    rule("deny", "publish", []),
    rule("allow", "all", []),
  ]);
  assert.equal(onlyPublish.receiving, undefined); // and then nobody is asked about
  assert.equal(receiving(client("x"))?.("c"), false);
  assert.equal(receiving?.(client("x"))?.("b"), true);
  assert.equal(receiving?.(client("c", "eve"))?.("b"), false);
});

const name = fc.constantFrom("a", "a/b", "$s", "+", "%c");
const pattern = fc.array(fc.constantFrom("a", "b", "+", "%c", "x%u", "$s"), {
  minLength: 1,
  maxLength: 3,
}).chain((levels) => fc.constantFrom(levels.join("/"), `${levels.join("/")}/#`, "#"));
const anyRule: fc.Arbitrary<AclRule> = fc.record({
  permit: fc.constantFrom("allow" as const, "deny" as const),
  action: fc.constantFrom("all" as const, "subscribe" as const, "publish" as const),
  topics: fc.array(pattern, { maxLength: 2 }),
  user: fc.constantFrom(undefined, "a"),
  clientid: fc.constantFrom(undefined, "a/b"),
});

Deno.test("receiving says of each topic what authorize says of a subscription to it, and denies none that an allowed subscription brings", () => {
  fc.assert(
    fc.property(
      fc.array(anyRule, { maxLength: 4 }),
      name,
      name,
      filter,
      fc.array(topic, { minLength: 1, maxLength: 5 }),
      (rules, clientid, username, wanted, topics) => {
        const { authorize, receiving } = authorizer.makeAuthorizer(rules);
        const who = client(clientid, username);
        const may = receiving?.(who) ?? (() => true);
        for (const topic of topics) {
          assert.equal(may(topic), authorize(who, "subscribe", topic), topic);
          if (naiveMatches(wanted, topic) && authorize(who, "subscribe", wanted)) {
            assert.equal(may(topic), true, topic);
          }
        }
      },
    ),
    { numRuns: 2000 },
  );
});

for (
  const [denied, filter, allowed] of [
    ["secret/#", "#", false],
    ["secret/#", "+/x", false],
    ["secret/#", "secret", false],
    ["secret/#", "secret/a/b", false],
    ["secret/#", "open/#", true],
    ["secret/+", "secret/a/b", true],
    ["secret/+", "secret/#", false],
    ["a/+/c", "+/b/+", false],
    ["a/+/c", "+/b", true],
    ["a/b", "a/b/#", false], // `a/b/#` matches `a/b`
    ["$SYS/#", "#", true], // which brings no `$` topic
    ["$SYS/#", "+/x", true],
    ["$SYS/#", "$SYS/x", false],
    ["#", "$SYS/x", false],
    ["+/x", "$SYS/x", false],
    ["secret/#", "$share/group/secret/a", false],
    ["secret/#", "$share/secret/a", true],
  ] as const
) {
  Deno.test(`Acl that denies ${denied} ${allowed ? "lets" : "does not let"} clients subscribe to ${filter}`, () => {
    assert.equal(denying(denied)(client(), "subscribe", filter), allowed);
  });
}

for (
  const [only, filter, allowed] of [
    ["a/#", "a/b/#", true],
    ["a/#", "a", true],
    ["a/#", "a/+/c", true],
    ["a/#", "#", false],
    ["a/#", "+/b", false],
    ["a/+", "a/b", true],
    ["a/+", "a/+", true],
    ["a/+", "a/#", false],
    ["a/+", "a", false],
    ["a/b", "a/+", false],
    ["#", "a/b", true],
    ["#", "$SYS/x", false],
    ["a/#", "$share/group/a/b", true],
    ["a/#", "$share/a/b", false],
  ] as const
) {
  Deno.test(`Acl that allows only ${only} ${allowed ? "lets" : "does not let"} clients subscribe to ${filter}`, () => {
    assert.equal(allowingOnly(only)(client(), "subscribe", filter), allowed);
  });
}

Deno.test("makeAuthorizer decides about the deepest topic that a packet can hold", () => {
  const topic = "a/".repeat(32_767);
  assert.equal(denying("a/#")(client(), "publish", topic), false);
  assert.equal(denying("b/#")(client(), "publish", topic), true);
});
