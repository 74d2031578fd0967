import assert from "node:assert/strict";
import * as Redacted from "effect/Redacted";
import { LiveAccess } from "../../../src/auth/LiveAccess.ts";
import { hash } from "../../../src/auth/PasswordHash.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const user = (username: string, password: string) => ({
  username,
  password: Redacted.make(password),
});
const asker = { admitsUnknown: false, isWaiting: true, address: "127.0.0.1:1" };
const deny = (topic: string) =>
  ({
    permit: "deny",
    action: "all",
    user: undefined,
    clientid: undefined,
    topics: [topic],
  }) as const;

Deno.test("LiveAccess answers by what it was given last, and says which users are not who they were", () => {
  const access = new LiveAccess({
    users: [user("stays", "1"), user("goes", "2"), user("changes", "3")],
    acl: [deny("a")],
  });
  const client = { node: 1, ipaddress: "127.0.0.1:1", clientid: "c", username: "stays" };
  const { revision } = access;
  const changes = access.replace({
    users: [user("changes", "new"), user("comes", "4"), user("stays", "1")],
    acl: [deny("b")],
  });
  assert.deepEqual([...changes.others].sort(), ["comes", "goes"]);
  assert.deepEqual([...changes.passwords], ["changes"]);
  assert.notEqual(access.revision, revision);
  const verdict = (username: string, password: string) =>
    access.authenticate(username, bytes(password), asker);
  assert.equal(verdict("stays", "1"), "good");
  assert.equal(verdict("goes", "2"), "unknown");
  assert.equal(verdict("changes", "3"), "bad");
  assert.equal(verdict("changes", "new"), "good");
  assert.equal(access.authorize(client, "publish", "a"), true);
  assert.equal(access.authorize(client, "publish", "b"), false);
  assert.equal(access.receiving?.(client)?.("a"), true);
  assert.equal(access.receiving?.(client)?.("b"), false);
});

Deno.test("LiveAccess need not work out again who is unchanged, and does for another hash", async () => {
  const [one, other] = [await hash("wonder"), await hash("land")];
  const access = new LiveAccess({ users: [user("alice", one)], acl: [] });
  const verdict = (password: string) => access.authenticate("alice", bytes(password), asker);
  assert.equal(await verdict("wonder"), "good");
  access.replace({ users: [user("bob", other), user("alice", one)], acl: [] });
  assert.equal(verdict("wonder"), "good"); // at once
  access.replace({ users: [user("alice", other)], acl: [] });
  assert.equal(await verdict("wonder"), "bad");
  assert.equal(await verdict("land"), "good");
});
