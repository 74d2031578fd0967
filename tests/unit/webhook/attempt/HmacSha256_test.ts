import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import * as fc from "effect/FastCheck";
import { HmacSha256 } from "../../../../src/webhook/attempt/HmacSha256.ts";

const whole = (bytes: Uint8Array) => ({ bytes, from: 0, to: bytes.length });
const text = (value: string) => new TextEncoder().encode(value);

// RFC 4231 section 4.2 to 4.5
const VECTORS = [
  [
    new Uint8Array(20).fill(0x0b),
    text("Hi There"),
    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
  ],
  [
    text("Jefe"),
    text("what do ya want for nothing?"),
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  ],
  [
    new Uint8Array(20).fill(0xaa),
    new Uint8Array(50).fill(0xdd),
    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
  ],
  [
    Uint8Array.from({ length: 25 }, (_, i) => i + 1),
    new Uint8Array(50).fill(0xcd),
    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
  ],
] as const;

for (const [i, [key, message, code]] of VECTORS.entries()) {
  Deno.test(`HmacSha256 computes the code of RFC 4231, test case ${i + 1}`, () => {
    assert.equal(new HmacSha256(key).code([whole(message)]).toHex(), code);
  });
}

Deno.test("HmacSha256 computes what node:crypto does, of every length, cut anywhere into parts", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => 7 * i);
  const hmac = new HmacSha256(key);
  const native = (message: Uint8Array) => createHmac("sha256", key).update(message).digest("hex");
  for (let length = 0; length < 300; length++) {
    const message = Uint8Array.from({ length }, (_, i) => i * length);
    assert.equal(hmac.code([whole(message)]).toHex(), native(message), `${length} bytes`);
  }
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 5000, size: "max" }),
      fc.array(fc.nat({ max: 5000 }), { maxLength: 5 }),
      (message, cuts) => {
        const ends = [...cuts.filter((cut) => cut < message.length), message.length].toSorted(
          (a, b) => a - b,
        );
        const parts = ends.map((to, i) => ({ bytes: message, from: ends[i - 1] ?? 0, to }));
        assert.equal(hmac.code(parts).toHex(), native(message));
      },
    ),
  );
});

Deno.test("HmacSha256 takes keys of up to 64 bytes, and no longer ones", () => {
  for (const length of [1, 24, 63, 64]) {
    const key = new Uint8Array(length).fill(length);
    const message = text("a message");
    const native = createHmac("sha256", key).update(message).digest("hex");
    assert.equal(new HmacSha256(key).code([whole(message)]).toHex(), native);
  }
  assert.throws(() => new HmacSha256(new Uint8Array(65)), RangeError);
});
