/** Makes hostile frames of good ones. */
import type { Random } from "./Random.ts";

const INTERESTING = [0x00, 0x01, 0x02, 0x03, 0x23, 0x2b, 0x2f, 0x7f, 0x80, 0xc0, 0xff];

/** Spoils a frame. `other` is one to mix it with; the answer may be several frames, or none. */
export const mutate = (random: Random, frame: Uint8Array, other: Uint8Array): Uint8Array => {
  const mutation = random.pick(MUTATIONS);
  const spoilt = mutation(random, frame, other);
  // Half of them get an honest length again: else most would end in the fixed header's checks.
  return random.chance(0.5) ? honest(spoilt) : spoilt;
};

type Mutation = (random: Random, frame: Uint8Array, other: Uint8Array) => Uint8Array;

const MUTATIONS: ReadonlyArray<Mutation> = [
  (random, frame) => {
    const flipped = frame.slice();
    for (let n = 1 + random.below(4); n > 0; n--) {
      const at = random.below(flipped.length);
      flipped[at] = (flipped[at] as number) ^ (1 << random.below(8)); // at < length
    }
    return flipped;
  },
  (random, frame) => {
    const changed = frame.slice();
    changed[random.below(frame.length)] = random.pick(INTERESTING);
    return changed;
  },
  function truncated(random, frame) {
    return frame.subarray(0, random.below(frame.length));
  },
  function duplicated(_random, frame) {
    return joined(frame, frame);
  },
  function inserted(random, frame) {
    const at = random.below(frame.length);
    return joined(frame.subarray(0, at), random.bytes(1 + random.below(6)), frame.subarray(at));
  },
  function cutOut(random, frame) {
    const from = random.below(frame.length);
    return joined(frame.subarray(0, from), frame.subarray(from + 1 + random.below(6)));
  },
  function lyingAboutItsLength(random, frame) {
    const length = random.bytes(1 + random.below(4));
    return joined(frame.subarray(0, 1), length, frame.subarray(1 + lengthBytes(frame)));
  },
  function crossed(random, frame, other) {
    return joined(
      frame.subarray(0, random.below(frame.length + 1)),
      other.subarray(random.below(other.length + 1)),
    );
  },
  function ofAnotherType(random, frame) {
    const changed = frame.slice();
    changed[0] = (random.below(16) << 4) | (random.chance(0.5) ? (frame[0] as number) & 15 : 2); // not empty
    return changed;
  },
  function shuffled(_random, frame, other) {
    return joined(other, frame);
  },
  function garbage(random) {
    return random.bytes(1 + random.below(40));
  },
];

const lengthBytes = (frame: Uint8Array): number => {
  let bytes = 1;
  while (bytes < 4 && (frame[bytes] ?? 0) >= 0x80) bytes++;
  return bytes;
};

/** The same bytes with a remaining length that is true. */
const honest = (frame: Uint8Array): Uint8Array => {
  const body = frame.subarray(Math.min(frame.length, 1 + lengthBytes(frame)));
  const length: Array<number> = [];
  let left = body.length;
  do {
    length.push((left % 128) | (left >= 128 ? 0x80 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return joined(frame.subarray(0, 1), Uint8Array.from(length), body);
};

const joined = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};
