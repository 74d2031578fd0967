/**
 * What tokens, field values and digits are made of, for requests and responses alike. Works on bytes where
 * they lie; must never be more lenient than the RFCs, for both sides take what passes here for safe.
 *
 * Source: RFC 9110 (semantics) 5.5, 5.6, RFC 9112 (HTTP/1.1) 5.
 */

/** Where the token that begins at `from` ends; `from` when there is none (RFC 9110 5.6.2). */
export const tokenEnd = (block: Uint8Array, from: number, to: number): number => {
  let at = from;
  while (at < to && IS_TOKEN[block[at] as number] === 1) at++; // at < to: inside
  return at;
};

/** No control character but tab (RFC 9110 5.5), so that nothing can end the line; a bare CR is one. */
export const isFieldText = (block: Uint8Array, from: number, to: number): boolean => {
  for (let i = from; i < to; i++) {
    const c = block[i] as number; // i < to: inside
    if ((c < SPACE && c !== TAB) || c === DEL) return false;
  }
  return true;
};

/** Header text is ISO 8859-1 as far as it is not ASCII (RFC 9110 5.5). */
export const latin1 = (block: Uint8Array, from: number, to: number): string => {
  let text = "";
  for (let i = from; i < to; i++) text += String.fromCharCode(block[i] as number); // i < to: inside
  return text;
};

/** A text's bytes in ISO 8859-1. Other characters become NUL, which is in no token and no field text. */
export const encodeLatin1 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(text, (c) => {
    const code = c.charCodeAt(0);
    return code > 0xff ? 0 : code;
  });

/** Without the optional white space around (RFC 9110 5.6.3); CR is there only before a line's LF. */
export const trim = (text: string): string => {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (from < to && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
};

const isBlank = (c: number): boolean => c === SPACE || c === TAB || c === CR;

/** The value of a decimal digit's character code; -1 for others. */
export const digit = (c: number | undefined): number =>
  c !== undefined && c >= 0x30 && c <= 0x39 ? c - 0x30 : -1;

/** The value of a hexadecimal digit's character code; -1 for others. */
export const hexDigit = (c: number): number => {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
};

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const DOT = 0x2e;
export const ONE = 0x31;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
const DEL = 0x7f;

/** The characters of a token (RFC 9110 5.6.2), by code. */
const IS_TOKEN = (() => {
  const table = new Uint8Array(256);
  for (const c of "!#$%&'*+-.^_`|~0123456789") table[c.charCodeAt(0)] = 1;
  for (let c = 0x41; c <= 0x5a; c++) table[c] = table[c | 0x20] = 1;
  return table;
})();
