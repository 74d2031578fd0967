import assert from "node:assert/strict";
import type { AclRule } from "../../../src/domain/BrokerSettings.ts";
import { makeAuthorizer } from "../../../src/auth/authorizer.ts";

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
