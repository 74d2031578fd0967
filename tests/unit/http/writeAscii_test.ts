import * as assert from "node:assert/strict";
import { writeBase36, writeBytes, writeDecimal } from "../../../src/http/writeAscii.ts";

const INTEGERS = [
  0,
  9,
  10,
  35,
  36,
  99,
  100,
  2 ** 31 - 1,
  2 ** 31,
  36 ** 10,
  1_795_495_413_060,
  2 ** 53 - 1,
];

/** What was written into a buffer of exactly the room there is behind its place. */
const written = (room: number, write: (buffer: Uint8Array, at: number) => number): string => {
  const buffer = new Uint8Array(room + 3).fill(0x2e);
  const end = write(buffer, 3);
  assert.equal(end, buffer.length);
  return new TextDecoder().decode(buffer);
};

Deno.test("writeDecimal writes what String says, and nothing beside it", () => {
  for (const value of INTEGERS) {
    const expected = String(value);
    const got = written(expected.length, (buffer, at) => writeDecimal(buffer, at, value));
    assert.equal(got, `...${expected}`);
  }
});

Deno.test("writeBase36 writes what toString(36) says, and nothing beside it", () => {
  for (const value of INTEGERS) {
    const expected = value.toString(36);
    const got = written(expected.length, (buffer, at) => writeBase36(buffer, at, value));
    assert.equal(got, `...${expected}`);
  }
});

Deno.test("writeBytes copies them to their place", () => {
  const bytes = new TextEncoder().encode("content-length: ");
  assert.equal(
    written(bytes.length, (buffer, at) => writeBytes(buffer, at, bytes)),
    "...content-length: ",
  );
});
