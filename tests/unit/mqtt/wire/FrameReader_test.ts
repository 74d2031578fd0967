import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import { FrameReader } from "../../../../src/mqtt/wire/FrameReader.ts";
import { MqttError } from "../../../../src/mqtt/wire/MqttError.ts";
import { ReasonCode } from "../../../../src/mqtt/wire/ReasonCode.ts";

/** A frame with a body of this many bytes, each of them different from the next. */
const frame = (first: number, length: number): Array<number> => {
  const header = [first];
  let rest = length;
  do {
    header.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return [...header, ...Array.from({ length }, (_, i) => (i * 7 + first) & 0xff)];
};

/** Reads all there is of chunks that are overwritten after `settle`, as a socket's buffer is. */
const readAll = (chunks: ReadonlyArray<ReadonlyArray<number>>): Array<Array<number>> => {
  const reader = new FrameReader(1_000_000);
  const frames: Array<Array<number>> = [];
  for (const chunk of chunks) {
    const bytes = Uint8Array.from(chunk);
    reader.push(bytes);
    for (let next = reader.next(); next !== undefined; next = reader.next()) {
      frames.push([...next]);
      assert.equal(reader.bodyOffset, next.length < 130 ? 2 : next.length < 16387 ? 3 : 4);
    }
    reader.settle();
    bytes.fill(0xee);
  }
  assert.equal(reader.buffered, 0);
  return frames;
};

Deno.test("FrameReader gives the same frames wherever the stream is split in two, and in three", () => {
  const frames = [frame(0xc0, 0), frame(0x30, 5), frame(0x32, 200), frame(0xe0, 0), frame(0x40, 2)];
  const stream = frames.flat();
  for (let i = 0; i <= stream.length; i++) {
    assert.deepEqual(readAll([stream.slice(0, i), stream.slice(i)]), frames);
    for (let j = i; j <= stream.length; j += 3) {
      const chunks = [stream.slice(0, i), stream.slice(i, j), stream.slice(j)];
      assert.deepEqual(readAll(chunks), frames);
    }
  }
});

Deno.test("FrameReader gives the same frames byte by byte", () => {
  const frames = [frame(0x30, 127), frame(0x30, 128), frame(0x30, 16383), frame(0x30, 16384)];
  assert.deepEqual(readAll(frames.flat().map((byte) => [byte])), frames);
});

Deno.test("FrameReader gives the same frames whatever they are and however they are cut", () => {
  const frames = fc.array(fc.nat(400).map((length) => frame(0x30 | (length & 1), length)), {
    maxLength: 12,
  });
  fc.assert(fc.property(frames, fc.array(fc.integer({ min: 1, max: 300 })), (frames, sizes) => {
    const stream = frames.flat();
    const chunks: Array<Array<number>> = [];
    for (let at = 0, i = 0; at < stream.length; i++) {
      const size = sizes[i] ?? 50;
      chunks.push(stream.slice(at, at + size));
      at += size;
    }
    assert.deepEqual(readAll(chunks), frames);
  }));
});

Deno.test("FrameReader does not copy a frame that came whole in one chunk", () => {
  const reader = new FrameReader(1000);
  const chunk = Uint8Array.from([...frame(0x30, 5), ...frame(0x30, 6)]);
  reader.push(chunk);
  assert.equal(reader.next()?.buffer, chunk.buffer);
  assert.equal(reader.next()?.buffer, chunk.buffer);
});

Deno.test("FrameReader shows the first byte of the next frame as soon as it is there", () => {
  const reader = new FrameReader(1000);
  assert.equal(reader.peek(), undefined);
  reader.push(Uint8Array.of(0x30));
  assert.equal(reader.peek(), 0x30);
  assert.equal(reader.next(), undefined);
  reader.settle();
  reader.push(Uint8Array.of(0, 0xc0));
  assert.equal(reader.next()?.length, 2);
  assert.equal(reader.peek(), 0xc0);
});

Deno.test("FrameReader takes a frame of exactly the maximum, and refuses one byte more by its header", () => {
  const reader = new FrameReader(300);
  reader.push(Uint8Array.from(frame(0x30, 297)));
  assert.equal(reader.next()?.length, 300);
  reader.push(Uint8Array.from(frame(0x30, 298).slice(0, 3)));
  assert.throws(() => reader.next(), (error) => {
    assert.ok(error instanceof MqttError);
    return error.reasonCode === ReasonCode.PacketTooLarge;
  });
});

Deno.test("FrameReader refuses a remaining length over four bytes at its fourth, each time it is asked", () => {
  const reader = new FrameReader(1000);
  reader.push(Uint8Array.of(0x30, 0xff, 0xff, 0xff));
  assert.equal(reader.next(), undefined);
  reader.push(Uint8Array.of(0x80));
  for (let i = 0; i < 2; i++) {
    assert.throws(() => reader.next(), (error) => {
      assert.ok(error instanceof MqttError);
      return error.reasonCode === ReasonCode.MalformedPacket;
    });
  }
});

Deno.test("FrameReader keeps no more than it was given, whatever length a header claims", () => {
  const reader = new FrameReader(Infinity);
  const chunk = new Uint8Array(1024);
  chunk.set([0x30, 0xff, 0xff, 0xff, 0x7f]);
  reader.push(chunk);
  assert.equal(reader.next(), undefined);
  reader.settle();
  assert.equal(reader.buffered, 1024);
  for (let i = 0; i < 100; i++) {
    reader.push(new Uint8Array(1024));
    assert.equal(reader.next(), undefined);
    reader.settle();
  }
  assert.equal(reader.buffered, 101 * 1024);
});
