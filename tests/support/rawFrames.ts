/** Pieces of MQTT frames as plain bytes, for what no encoder would ever make. */

/** A Variable Byte Integer, in the fewest bytes. MQTT 5.0 section 1.5.5 */
export const varint = (value: number): ReadonlyArray<number> =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)];

/** Two bytes, high one first. */
export const uint16 = (value: number): ReadonlyArray<number> => [value >> 8, value & 0xff];

/** Bytes behind their two-byte length. */
export const binary = (...bytes: ReadonlyArray<number>): ReadonlyArray<number> => [
  ...uint16(bytes.length),
  ...bytes,
];

/** A UTF-8 string behind its two-byte length. */
export const string = (text: string): ReadonlyArray<number> =>
  binary(...new TextEncoder().encode(text));

/** A property section: its length, then what is in it. */
export const section = (...bytes: ReadonlyArray<number>): ReadonlyArray<number> => [
  ...varint(bytes.length),
  ...bytes,
];

/** A whole packet: its first byte, its length, its body. */
export const packet = (first: number, ...body: ReadonlyArray<number>): ReadonlyArray<number> => [
  first,
  ...varint(body.length),
  ...body,
];
