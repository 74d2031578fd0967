/**
 * A few texts out of an encoded body, without decoding the rest of it. It must never make a text that is longer
 * than asked for: what clients choose may be 64 KB each, and a payload as large as a packet may be.
 */

/** What is cut ends in this. */
export const CUT = "…";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const BRACE = 0x7b;
const BRACE_END = 0x7d;
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;
const U = 0x75;

const DECODER = new TextDecoder();

/** A key whose value is wanted. */
export interface WantedText<Key extends string> {
  readonly key: Key;
  /** As it is written, without its quotes. */
  readonly bytes: Uint8Array;
  /** Characters at which its value is cut. */
  readonly most: number;
}

/** Which texts are wanted, and how much of each. Keys are ASCII, and none needs an escape. */
export const wantedTexts = <Key extends string>(
  most: Readonly<Record<Key, number>>,
): ReadonlyArray<WantedText<Key>> =>
  (Object.keys(most) as Array<Key>).map((key) => ({ // Object.keys forgets the literal keys
    key,
    bytes: new TextEncoder().encode(key),
    most: most[key],
  }));

/**
 * The values of the outermost keys that are wanted: strings as what they mean, all else as it is written. It is
 * done for each delivery while somebody watches one client or topic: 3 µs of a message_publish.
 *
 * @param json an object without white space between its outermost parts, as EventEncoder writes it
 */
export const textsOf = <Key extends string>(
  json: Uint8Array,
  wanted: ReadonlyArray<WantedText<Key>>,
): Partial<Record<Key, string>> => {
  const texts: Partial<Record<Key, string>> = {};
  let at = 1; // behind the brace
  while (json[at] === QUOTE) {
    const keyEnd = stringEnd(json, at);
    const one = keyAt(json, at + 1, keyEnd - 1, wanted);
    const from = keyEnd + 1; // behind the colon
    at = valueEnd(json, from);
    if (one !== undefined) texts[one.key] = textOf(json, from, at, one.most);
    at++; // behind the comma
  }
  return texts;
};

/** Which of these a key is, compared as bytes: to decode each would take most of the time. */
const keyAt = <Key extends string>(
  json: Uint8Array,
  from: number,
  to: number,
  wanted: ReadonlyArray<WantedText<Key>>,
): WantedText<Key> | undefined => {
  next: for (const one of wanted) {
    const { bytes } = one;
    if (bytes.length !== to - from) continue;
    for (let i = 0; i < bytes.length; i++) if (json[from + i] !== bytes[i]) continue next;
    return one;
  }
  return undefined;
};

const NEAR = 128;

/** Where the string ends that begins at `at`, its quotes included. */
const stringEnd = (json: Uint8Array, at: number): number => {
  // Most are short: by hand, which is quicker than a call until there are some hundred bytes.
  const near = Math.min(json.length, at + NEAR);
  for (let end = at + 1; end < near; end++) {
    const byte = json[end];
    if (byte === QUOTE) return end + 1;
    if (byte === BACKSLASH) end++;
  }
  for (let end = json.indexOf(QUOTE, at + 1); end >= 0; end = json.indexOf(QUOTE, end + 1)) {
    let escapes = end;
    while (json[escapes - 1] === BACKSLASH) escapes--;
    if ((end - escapes) % 2 === 0) return end + 1;
  }
  return json.length;
};

const valueEnd = (json: Uint8Array, at: number): number => {
  if (json[at] === QUOTE) return stringEnd(json, at);
  let depth = 0;
  for (; at < json.length; at++) {
    switch (json[at]) {
      case QUOTE:
        at = stringEnd(json, at) - 1;
        break;
      case BRACE:
      case BRACKET:
        depth++;
        break;
      case COMMA:
        if (depth === 0) return at;
        break;
      case BRACE_END:
      case BRACKET_END:
        if (depth === 0) return at;
        depth--;
        break;
    }
  }
  return at;
};

const textOf = (json: Uint8Array, from: number, to: number, most: number): string => {
  const isString = json[from] === QUOTE;
  const end = cutAt(json, isString ? from + 1 : from, isString ? to - 1 : to, most);
  const isCut = end < (isString ? to - 1 : to);
  if (isString && !isCut) {
    const plain = plainText(json, from + 1, end);
    if (plain !== undefined) return plain;
  }
  const text = DECODER.decode(json.subarray(from, end));
  return (isString ? JSON.parse(`${text}"`) as string : text) + (isCut ? CUT : "");
};

/** A text of ASCII without an escape; undefined: it is another, or long. */
const plainText = (json: Uint8Array, from: number, to: number): string | undefined => {
  if (to - from > NEAR) return undefined;
  let text = "";
  for (let at = from; at < to; at++) {
    const byte = json[at]!; // within
    if (byte >= 0x80 || byte === BACKSLASH) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
};

/** Where so many characters end, none of them cut in two. */
const cutAt = (json: Uint8Array, from: number, to: number, most: number): number => {
  let at = from;
  for (let characters = 0; at < to && characters < most; characters++) at += lengthAt(json, at);
  return Math.min(at, to);
};

/** Bytes of the character at `at`: an escape, or by the first byte of its UTF-8 (RFC 3629 3). */
const lengthAt = (json: Uint8Array, at: number): number => {
  const byte = json[at]!; // within
  if (byte === BACKSLASH) return json[at + 1] === U ? 6 : 2;
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
};
