import assert from "node:assert/strict";
import type { BodyRef } from "../../../../src/webhook/body/BodySlab.ts";
import { BodySlabs } from "../../../../src/webhook/body/BodySlab.ts";
import { textOf, writeText } from "../bodies.ts";

Deno.test("BodySlabs gives every body back as it was written, larger than a slab and beyond ASCII", () => {
  const slabs = new BodySlabs();
  const bodies = ["a", "é".repeat(40_000), "x".repeat(300_000), "😀", "b".repeat(65_000), "c"];
  const refs = bodies.map((body) => {
    const ref = slabs.write(body, writeText);
    slabs.retain(ref.slab, ref.length);
    return ref;
  });
  assert.deepEqual(refs.map(textOf), bodies);
});

Deno.test("BodySlabs counts no more than its current slab when all bodies are released", () => {
  const slabs = new BodySlabs();
  const refs = Array.from({ length: 5_000 }, (_, n) => {
    const ref = slabs.write(`body ${n}`.repeat(10), writeText);
    slabs.retain(ref.slab, ref.length);
    return ref;
  });
  assert.ok(slabs.liveBytes > 400_000);
  for (const { slab, length } of refs) slabs.release(slab, length);
  assert.equal(slabs.liveBytes, 0);
  assert.equal(slabs.allocatedBytes, 65_536);
});

Deno.test("BodySlabs moves the few bodies that stay out of slabs that are mostly unused", () => {
  const slabs = new BodySlabs();
  const kept: Array<BodyRef> = [];
  for (let n = 0; n < 100_000; n++) {
    const ref = slabs.write(`${n}:`.padEnd(300, "x"), writeText);
    slabs.retain(ref.slab, ref.length);
    if (n % 100 === 0) kept.push({ ...ref });
    else slabs.release(ref.slab, ref.length);
  }
  assert.ok(slabs.sparse);
  const before = slabs.allocatedBytes;
  for (const ref of kept) slabs.compact(ref);
  assert.ok(!slabs.sparse);
  assert.ok(slabs.allocatedBytes < before / 20, `${slabs.allocatedBytes} of ${before}`);
  kept.forEach((ref, n) => assert.ok(textOf(ref).startsWith(`${n * 100}:x`)));
});

Deno.test("BodySlabs gives the memory of a large body back as soon as nobody refers to it", () => {
  const slabs = new BodySlabs();
  const large = slabs.write("x".repeat(300_000), writeText);
  slabs.retain(large.slab, large.length);
  slabs.retain(large.slab, large.length); // for two URLs
  const next = slabs.write("y".repeat(300_000), writeText);
  slabs.retain(next.slab, next.length);
  slabs.release(large.slab, large.length);
  assert.equal(textOf(large).length, 300_000);
  slabs.release(large.slab, large.length);
  assert.equal(large.slab.bytes.length, 0);
  assert.equal(textOf(next).length, 300_000);
});

Deno.test("BodySlabs keeps a body whole that outgrows one slab after another while it is written", () => {
  const slabs = new BodySlabs();
  for (let n = 0; n < 3; n++) {
    // What was there before is in use by nobody: it is what the writer copies from.
    const ref = slabs.write(undefined, (_, body) => {
      for (let part = 0; part < 4; part++) body.string(`${part}`.repeat(200_000));
    });
    const whole = [0, 1, 2, 3].map((part) => `"${`${part}`.repeat(200_000)}"`).join("");
    assert.ok(textOf(ref) === whole);
  }
});
