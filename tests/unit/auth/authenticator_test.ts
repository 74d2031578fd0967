import assert from "node:assert/strict";
import * as Redacted from "effect/Redacted";
import { makeAuthenticator } from "../../../src/auth/authenticator.ts";
import { hash } from "../../../src/auth/PasswordHash.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const user = (username: string, password: string) => ({
  username,
  password: Redacted.make(password),
});
const asker = { admitsUnknown: false, isWaiting: true };

/** Made once: it takes as long as a verification. */
const hashOfWonder = await hash("wonder");

Deno.test("makeAuthenticator knows users by plain text and by hash, and no others", async () => {
  const authenticate = makeAuthenticator([user("alice", hashOfWonder), user("bob", "builder")]);
  assert.equal(await authenticate("alice", bytes("wonder"), asker), "good");
  assert.equal(await authenticate("alice", bytes("builder"), asker), "bad");
  assert.equal(await authenticate("alice", undefined, asker), "bad");
  assert.equal(await authenticate("bob", bytes("builder"), asker), "good");
  assert.equal(await authenticate("bob", bytes("wonder"), asker), "bad");
  assert.equal(await authenticate("carol", bytes("wonder"), asker), "unknown");
  assert.equal(await authenticate("alice ", bytes("wonder"), asker), "unknown");
});

Deno.test("makeAuthenticator lets an unknown user wait for a hash as a known one does, if it tells", () => {
  const hashed = makeAuthenticator([user("alice", hashOfWonder)]);
  const verdict = hashed("carol", bytes("wonder"), asker);
  assert.ok(verdict instanceof Promise);
  assert.equal(hashed("carol", bytes("wonder"), { ...asker, admitsUnknown: true }), "unknown");
  return verdict.then((verdict) => assert.equal(verdict, "unknown"));
});

Deno.test("makeAuthenticator answers at once for a password that was good before, and for no other", async () => {
  const authenticate = makeAuthenticator([user("alice", hashOfWonder)]);
  assert.equal(await authenticate("alice", bytes("wonder"), asker), "good");
  assert.equal(authenticate("alice", bytes("wonder"), asker), "good");
  assert.equal(await authenticate("alice", bytes("wonders"), asker), "bad");
  assert.equal(authenticate("alice", bytes("wonder"), asker), "good");
});

Deno.test("makeAuthenticator is busy when hundreds wait, and passes over who has gone", async () => {
  const authenticate = makeAuthenticator([user("alice", hashOfWonder)]);
  let waiting = true;
  const verdicts: Array<unknown> = [];
  for (let i = 0; verdicts.at(-1) !== "busy"; i++) {
    assert.ok(i < 1000, "never busy");
    verdicts.push(
      authenticate("alice", bytes("guess"), {
        ...asker,
        get isWaiting() {
          return waiting;
        },
      }),
    );
  }
  assert.equal(authenticate("alice", bytes("wonder"), asker), "busy");
  waiting = false;
  const began = verdicts.length;
  await Promise.all(verdicts); // those that had begun are worked out, the others are not
  assert.ok(began > 100);
  assert.equal(await authenticate("alice", bytes("wonder"), asker), "good");
});
