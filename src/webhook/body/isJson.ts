/**
 * Whether bytes are one JSON text (RFC 8259), before they become a part of a body as they stand: one look at
 * each, no string and no object of it. It must never take what some parser could read as more than one value,
 * nor recurse: payloads are their publisher's.
 */
import { isUtf8 } from "../../domain/isUtf8.ts";

/**
 * Values may lie within so many others. The strictest parsers that are widely used (.NET's System.Text.Json)
 * take 64, of which the body and the array of a batch are two.
 */
export const MOST_LEVELS = 62;

/** Of a byte that is not there, every comparison is false. */
export const isJson = (bytes: Uint8Array): boolean => {
  let level = 0;
  let at = skipSpace(bytes, 0);
  while (true) {
    const first = bytes[at];
    if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
      if (level === MOST_LEVELS) return false;
      CLOSERS[level++] = first + 2; // of both, what closes them
      at = skipSpace(bytes, at + 1);
      if (bytes[at] !== first + 2) {
        if (first === OPEN_OBJECT) at = nameEnd(bytes, at);
        if (at === -1) return false;
        continue;
      }
    } else {
      at = scalarEnd(bytes, at);
      if (at === -1) return false;
      at = skipSpace(bytes, at);
    }
    // Behind a value, or at the end of what was opened last.
    while (level > 0 && bytes[at] === CLOSERS[level - 1]) {
      level--;
      at = skipSpace(bytes, at + 1);
    }
    if (level === 0) return at === bytes.length && (isAscii(bytes) || isUtf8(bytes));
    if (bytes[at] !== COMMA) return false;
    at = skipSpace(bytes, at + 1);
    if (CLOSERS[level - 1] === CLOSE_OBJECT) at = nameEnd(bytes, at);
    if (at === -1) return false;
  }
};

/** What ends each of the values that have begun. */
const CLOSERS = new Uint8Array(MOST_LEVELS);

const skipSpace = (bytes: Uint8Array, at: number): number => {
  while (
    bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09
  ) at++;
  return at;
};

/** Behind a member's name, its colon and the space around; -1: there is none. */
const nameEnd = (bytes: Uint8Array, at: number): number => {
  if (bytes[at] !== QUOTE) return -1;
  const end = stringEnd(bytes, at);
  if (end === -1) return -1;
  const colon = skipSpace(bytes, end);
  return bytes[colon] === COLON ? skipSpace(bytes, colon + 1) : -1;
};

/** Behind a string, number or word; -1: there is none. */
const scalarEnd = (bytes: Uint8Array, at: number): number => {
  const first = bytes[at];
  if (first === QUOTE) return stringEnd(bytes, at);
  for (const word of WORDS) if (first === word[0]) return wordEnd(bytes, at, word);
  return numberEnd(bytes, at);
};

/** RFC 8259 section 7. Whether it is UTF-8 is looked at for the whole text. */
const stringEnd = (bytes: Uint8Array, at: number): number => {
  for (at++; at < bytes.length; at++) {
    const byte = bytes[at]!; // at < length
    if (byte === QUOTE) return at + 1;
    if (byte < 0x20) return -1;
    if (byte !== BACKSLASH) continue;
    const escaped = bytes[++at];
    if (escaped === 0x75) { // \u and four hexadecimal digits
      for (let digits = 4; digits > 0; digits--) if (!isHex(bytes[++at])) return -1;
    } else if (escaped === undefined || !ESCAPES.includes(escaped)) return -1;
  }
  return -1;
};

/** RFC 8259 section 6 */
const numberEnd = (bytes: Uint8Array, at: number): number => {
  if (bytes[at] === MINUS) at++;
  const whole = at;
  at = digitsEnd(bytes, at);
  if (at === whole || (bytes[whole] === ZERO && at > whole + 1)) return -1;
  if (bytes[at] === DOT) {
    const fraction = at + 1;
    at = digitsEnd(bytes, fraction);
    if (at === fraction) return -1;
  }
  if (bytes[at] === 0x65 || bytes[at] === 0x45) { // e, E
    at++;
    if (bytes[at] === MINUS || bytes[at] === PLUS) at++;
    const exponent = at;
    at = digitsEnd(bytes, exponent);
    if (at === exponent) return -1;
  }
  return at;
};

const digitsEnd = (bytes: Uint8Array, at: number): number => {
  while (bytes[at]! >= ZERO && bytes[at]! <= NINE) at++; // beyond the end: false
  return at;
};

const wordEnd = (bytes: Uint8Array, at: number, word: Uint8Array): number => {
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return -1;
  return at + word.length;
};

const isHex = (byte: number | undefined): boolean =>
  byte !== undefined &&
  (byte >= ZERO && byte <= NINE || byte >= 0x41 && byte <= 0x46 || byte >= 0x61 && byte <= 0x66);

const isAscii = (bytes: Uint8Array): boolean => {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! > 0x7f) return false; // i < length
  return true;
};

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const WORDS = ["true", "false", "null"].map(bytesOf);
/** What may follow a backslash, but `u`. */
const ESCAPES = bytesOf('"\\/bfnrt');

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
