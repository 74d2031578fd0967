/** RFC 6455 frames, in whatever pieces they come. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { closeFrameOf, frameOf, WebSocketReader } from "../../../src/net/WebSocketReader.ts";
import { Random } from "../../support/fuzz/Random.ts";
import { memoryInUse } from "../../support/heap.ts";

/** A client's frame, masked. RFC 6455 section 5.2 */
const masked = (
  first: number,
  payload: Uint8Array,
  mask: Uint8Array,
  claimed?: bigint,
): Uint8Array => {
  const { length } = payload;
  const header = claimed !== undefined || length > 0xffff
    ? [0x80 | 127, ...bytesOf(claimed ?? BigInt(length), 8)]
    : length > 125
    ? [0x80 | 126, ...bytesOf(BigInt(length), 2)]
    : [0x80 | length];
  return Uint8Array.from([
    first,
    ...header,
    ...mask,
    ...payload.map((byte, i) => byte ^ mask[i % 4]!),
  ]);
};

const bytesOf = (n: bigint, count: number): Array<number> =>
  Array.from({ length: count }, (_, i) => Number((n >> BigInt(8 * (count - 1 - i))) & 0xffn));

/** What was read, as text: each kind of thing in its order, data in one piece up to the next. */
const readAll = (pieces: Iterable<Uint8Array>): string => {
  let said = "";
  const text = (bytes: Uint8Array) => String.fromCharCode(...bytes);
  const reader = new WebSocketReader({
    data: (bytes) => said += text(bytes),
    ping: (payload) => said += `<ping ${text(payload)}>`,
    closed: (code) => said += `<closed ${code}>`,
    violated: (code, what) => said += `<${code} ${what}>`,
  });
  for (const piece of pieces) reader.receive(piece.slice()); // it unmasks them where they lie
  return said;
};

Deno.test("WebSocketReader reads the same of any frames, whatever pieces they come in (seeded)", () => {
  const random = new Random(11);
  const letters = (length: number) => new Uint8Array(length).map(() => 97 + random.below(26));
  for (let round = 0; round < 300; round++) {
    const frames: Array<Uint8Array> = [];
    let expected = "";
    for (let messages = random.below(6); messages >= 0; messages--) {
      const fragments = 1 + random.below(4);
      for (let i = 0; i < fragments; i++) {
        const payload = letters(
          random.chance(0.01) ? 66_000 : random.pick([0, 1, 2, 3, 5, 125, 126, 300]),
        );
        const first = (i === 0 ? 2 : 0) | (i === fragments - 1 ? 0x80 : 0);
        frames.push(masked(first, payload, random.bytes(4)));
        expected += new TextDecoder().decode(payload);
        if (random.chance(0.7)) continue;
        const ping = letters(random.below(126)); // also between the fragments of a message: 5.4
        frames.push(masked(random.pick([0x89, 0x8a]), ping, random.bytes(4)));
        if (frames.at(-1)![0] === 0x89) expected += `<ping ${new TextDecoder().decode(ping)}>`;
      }
    }
    frames.push(
      masked(0x88, Uint8Array.of(3, 232, 97), random.bytes(4)),
      masked(0x82, letters(3), letters(4)),
    );
    expected += "<closed 1000>"; // and nothing behind it
    const bytes = new Uint8Array(Buffer.concat(frames));
    const pieces = function* () {
      const longest = bytes.length > 60_000 ? 100_000 : random.pick([1, 3, 20, 5000]);
      for (let at = 0; at < bytes.length;) {
        const length = 1 + random.below(longest);
        yield bytes.subarray(at, at + length);
        at += length;
      }
    };
    assert.equal(readAll(pieces()), expected, `round ${round}`);
  }
});

Deno.test("WebSocketReader hands over a frame of a petabyte as it comes, and keeps none of it", () => {
  let received = 0;
  const reader = new WebSocketReader({
    data: (bytes) => received += bytes.length,
    ping: () => assert.fail(),
    closed: () => assert.fail(),
    violated: (_, what) => assert.fail(what),
  });
  reader.receive(masked(0x82, new Uint8Array(0), Uint8Array.of(1, 2, 3, 4), 10n ** 15n));
  const piece = new Uint8Array(64 * 1024);
  const before = memoryInUse();
  for (let n = 0; n < 4096; n++) reader.receive(piece);
  assert.equal(received, 4096 * piece.length); // 256 MB
  assert.ok(memoryInUse() - before < 1024 * 1024);
});

Deno.test("WebSocketReader takes a close frame without a code", () => {
  assert.equal(
    readAll([masked(0x88, new Uint8Array(0), Uint8Array.of(1, 2, 3, 4))]),
    "<closed undefined>",
  );
});

Deno.test("frameOf writes the shortest header that the length allows", () => {
  const headers = [[0, [0x82, 0]], [125, [0x82, 125]], [126, [0x82, 126, 0, 126]], [0xffff, [
    0x82,
    126,
    255,
    255,
  ]], [
    0x10000,
    [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0],
  ]] as const;
  for (const [length, header] of headers) {
    const frame = frameOf(2, new Uint8Array(length).fill(7));
    assert.deepEqual([...frame.subarray(0, header.length)], header);
    assert.equal(frame.length, header.length + length);
    assert.ok(frame.subarray(header.length).every((byte) => byte === 7));
  }
  assert.deepEqual([...closeFrameOf(1001)], [0x88, 2, 3, 233]);
  assert.deepEqual([...closeFrameOf(undefined)], [0x88, 0]);
});
