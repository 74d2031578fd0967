/**
 * ASCII written into a buffer byte by byte: for texts so short that a call of TextEncoder, or the string
 * that it would be given, costs more. It must never write past what it returns.
 */

/** Copies a few bytes. Returns where they end. */
export const writeBytes = (buffer: Uint8Array, at: number, bytes: Uint8Array): number => {
  for (let i = 0; i < bytes.length; i++) buffer[at + i] = bytes[i]!; // i < length
  return at + bytes.length;
};

/** Writes an integer from 0 to 2^53 - 1 in decimal. Returns where it ends. */
export const writeDecimal = (buffer: Uint8Array, at: number, value: number): number =>
  writeDigits(buffer, at, value, 10);

/** Writes what `value.toString(36)` says. Returns where it ends. */
export const writeBase36 = (buffer: Uint8Array, at: number, value: number): number =>
  writeDigits(buffer, at, value, 36);

const writeDigits = (buffer: Uint8Array, at: number, value: number, radix: number): number => {
  let length = 1;
  for (let over = radix; over <= value; over *= radix) length++;
  const end = at + length;
  if (value <= MAX_INT32) {
    writeDown(buffer, end, at, value, radix);
    return end;
  }
  // In two halves, 2^53 / 10^7 and 2^53 / 36^5 below 2^31: divisions of larger numbers are slow.
  const lowDigits = radix === 10 ? 7 : 5;
  const low = radix ** lowDigits;
  const high = Math.floor(value / low);
  writeDown(buffer, end, end - lowDigits, value - high * low, radix);
  writeDown(buffer, end - lowDigits, at, high, radix);
  return end;
};

/** Writes the last digits of an integer below 2^31, from `from` down to `to`. */
const writeDown = (
  buffer: Uint8Array,
  from: number,
  to: number,
  value: number,
  radix: number,
): void => {
  for (let rest = value | 0; from > to;) {
    const less = (rest / radix) | 0;
    buffer[--from] = digit(rest - less * radix);
    rest = less;
  }
};

const digit = (value: number): number => value < 10 ? 0x30 + value : 0x57 + value;

const MAX_INT32 = 0x7fff_ffff;
