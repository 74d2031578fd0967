import assert from "node:assert/strict";
import * as Redacted from "effect/Redacted";
import { makeAuthenticator } from "../../../src/auth/authenticator.ts";
import { hash } from "../../../src/auth/PasswordHash.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const user = (username: string, password: string) => ({
  username,
  password: Redacted.make(password),
});
const asker = { address: "192.0.2.1:51234", admitsUnknown: false, isWaiting: true };

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

Deno.test("makeAuthenticator tells the others that it is busy when hundreds wait, and passes over who has gone", async () => {
  const authenticate = makeAuthenticator([user("alice", hashOfWonder)]);
  let waiting = true;
  const guessing = {
    ...asker,
    get isWaiting() {
      return waiting;
    },
  };
  const verdicts = Array.from(
    { length: 300 },
    () => authenticate("alice", bytes("guess"), guessing),
  );
  const other = { ...asker, address: "192.0.2.2:51234" };
  const own = authenticate("alice", bytes("wonder"), other);
  const first = await Promise.race(verdicts.slice(200));
  assert.equal(first, "busy");
  assert.equal(await own, "good"); // its turn came before that of a hundred guesses
  waiting = false;
  await Promise.all(verdicts); // those that had begun are worked out, the others are not
});

/** Resolves with how many of these were settled when `until` was. */
const settledBefore = async (all: ReadonlyArray<unknown>, until: unknown): Promise<number> => {
  let settled = 0;
  for (const one of all) void Promise.resolve(one).then(() => settled++);
  await until;
  return settled;
};

for (
  const [what, name, address] of [
    ["unknown names", (n: number) => `nobody${n}`, "192.0.2.1:1"],
    ["one unknown name", () => "nobody", "192.0.2.1:1"],
    ["another user's name", () => "bob", "192.0.2.1:1"],
    ["the user's own name from another address", () => "alice", "192.0.2.9:1"],
  ] as const
) {
  Deno.test(`makeAuthenticator lets a user in before a flood of wrong passwords for ${what}`, async () => {
    const authenticate = makeAuthenticator([
      user("alice", hashOfWonder),
      user("bob", hashOfWonder),
    ]);
    let waiting = true;
    const flooding = {
      ...asker,
      address,
      get isWaiting() {
        return waiting;
      },
    };
    const flood = Array.from(
      { length: 100 },
      (_, n) => authenticate(name(n), bytes("wrong"), flooding),
    );
    const own = authenticate("alice", bytes("wonder"), asker);
    const checked = settledBefore(flood, own);
    assert.equal(await own, "good");
    // Unknown ones take no turn, whatever their number; of the others few had theirs before.
    if (!what.includes("unknown")) assert.ok(await checked <= 12, `${await checked} before`);
    waiting = false;
    for (const verdict of await Promise.all(flood)) assert.notEqual(verdict, "good");
  });
}

Deno.test("makeAuthenticator answers for an unknown name in the time of a known one, alone or beside others", async () => {
  const authenticate = makeAuthenticator([user("alice", hashOfWonder)]);
  const took = async (name: string) => {
    const began = performance.now();
    await authenticate(name, bytes("wrong"), asker);
    return performance.now() - began;
  };
  const alone = { known: await took("alice"), unknown: await took("carol") };
  const [first, ...beside] = await Promise.all(["alice", "dave", "erin"].map(took));
  const times = JSON.stringify({ alone, first, beside });
  // A machine that is busy with something else varies by less than this; without a check it is 0.
  assert.ok(alone.unknown > alone.known / 4, times);
  for (const time of beside) assert.ok(time > first! + alone.known / 8, times); // their turn, and then a check's time
});
