import assert from "node:assert/strict";
import { hash, isPasswordHash, parsePasswordHash, verify } from "../../../src/auth/PasswordHash.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("verify accepts the password that hash was made of, and no other", async () => {
  const stored = await hash("pässword");
  assert.match(stored, /^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.equal(await verify(stored, bytes("pässword")), true);
  assert.equal(await verify(stored, bytes("password")), false);
  assert.equal(await verify(stored, bytes("")), false);
});

Deno.test("hash salts: one password has two hashes", async () => {
  assert.notEqual(await hash("a"), await hash("a"));
});

Deno.test("verify agrees with the test vector of RFC 7914, section 12, vector 3", async () => {
  const key = "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2" +
    "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887";
  const base64 = Uint8Array.fromHex(key).toBase64().replace(/=+$/, "");
  assert.equal(
    await verify(`$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$${base64}`, bytes("pleaseletmein")),
    true,
  );
});

Deno.test("verify compares plain text by its bytes", async () => {
  assert.equal(await verify("pässword", bytes("pässword")), true);
  assert.equal(await verify("pässword", bytes("pässword ")), false);
  assert.equal(await verify("pässword", bytes("")), false);
  assert.equal(await verify("a", Uint8Array.of(0xff)), false);
});

Deno.test("verify answers many calls at once, each rightly", async () => {
  const salt = "A".repeat(22);
  const stored = `$scrypt$ln=4,r=8,p=1$${salt}$${"A".repeat(43)}`;
  const answers = Array.from({ length: 20 }, (_, i) => verify(stored, bytes(String(i))));
  assert.deepEqual(await Promise.all(answers), Array.from({ length: 20 }, () => false));
});

const SALT = "AAAAAAAAAAAAAAAAAAAAAA";
const KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

for (
  const [why, stored] of [
    ["no parts", "$scrypt$"],
    ["no key", `$scrypt$ln=15,r=8,p=1$${SALT}`],
    ["another order", `$scrypt$r=8,ln=15,p=1$${SALT}$${KEY}`],
    ["a parameter that is no number", `$scrypt$ln=x,r=8,p=1$${SALT}$${KEY}`],
    ["base64 with bits left over", `$scrypt$ln=15,r=8,p=1$${SALT}$${KEY.slice(1)}B`],
    ["padded base64", `$scrypt$ln=15,r=8,p=1$${SALT}==$${KEY}`],
    ["a short salt", `$scrypt$ln=15,r=8,p=1$AAAA$${KEY}`],
    ["a short key", `$scrypt$ln=15,r=8,p=1$${SALT}$AAAA`],
    ["ln=0", `$scrypt$ln=0,r=8,p=1$${SALT}$${KEY}`],
    ["r=0", `$scrypt$ln=15,r=0,p=1$${SALT}$${KEY}`],
    ["an ln too large for its r", `$scrypt$ln=16,r=1,p=1$${SALT}$${KEY}`],
    ["256 MiB of memory", `$scrypt$ln=18,r=8,p=1$${SALT}$${KEY}`],
    ["a terabyte of memory", `$scrypt$ln=40,r=8,p=1$${SALT}$${KEY}`],
    ["a large r", `$scrypt$ln=15,r=9999,p=1$${SALT}$${KEY}`],
    ["a large p", `$scrypt$ln=15,r=8,p=9999$${SALT}$${KEY}`],
  ] as const
) {
  Deno.test(`parsePasswordHash refuses ${why}, and verify matches nothing with it`, async () => {
    assert.equal(isPasswordHash(stored), true);
    assert.equal(parsePasswordHash(stored), undefined);
    assert.equal(await verify(stored, bytes(stored)), false);
  });
}
