import assert from "node:assert/strict";
import { allocateBytes, copyBytes } from "../../../../src/mqtt/wire/allocateBytes.ts";

Deno.test("allocateBytes gives bytes of the length asked for, and no byte twice", () => {
  const lengths = [0, 1, 4, 60, 127, 128, 129, 1023, 1024, 1025, 4096];
  const pieces = Array.from(
    { length: 1000 },
    (_, i) => allocateBytes(lengths[i % lengths.length] as number), // a remainder is a position
  );
  for (const [i, piece] of pieces.entries()) piece.fill(i % 251);
  for (const [i, piece] of pieces.entries()) {
    assert.equal(piece.length, lengths[i % lengths.length]);
    assert.ok(piece.every((byte) => byte === i % 251));
  }
});

Deno.test("copyBytes gives a copy that does not change with the original", () => {
  const original = Uint8Array.of(1, 2, 3);
  const copy = copyBytes(original);
  original.fill(9);
  assert.deepEqual([...copy], [1, 2, 3]);
});
