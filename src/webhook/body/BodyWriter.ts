/**
 * Writes a body's JSON as UTF-8 where it will wait, without a string of the whole in between. It must
 * never write what `JSON.stringify` would not; what needs more than a look at each character is left to it.
 */
import { writeDecimal } from "../../http/writeAscii.ts";

export class BodyWriter {
  #buffer: Uint8Array = new Uint8Array(0);
  #from = 0;
  #at = 0;
  readonly #encoder = new TextEncoder();

  readonly #allocate: (bytes: number) => Uint8Array;

  /** `allocate` gives memory of at least so many bytes. */
  constructor(allocate: (bytes: number) => Uint8Array) {
    this.#allocate = allocate;
  }

  /** Where the body begins, in the buffer that `begin` was given or in the one allocated last. */
  get from(): number {
    return this.#from;
  }

  /** Where it ends so far. */
  get at(): number {
    return this.#at;
  }

  /** Begins a body. */
  begin(buffer: Uint8Array, at: number): void {
    this.#buffer = buffer;
    this.#from = this.#at = at;
  }

  /** Writes JSON as it is. */
  json(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    const buffer = this.#buffer;
    let at = this.#at;
    for (let i = 0; i < bytes.length; i++) buffer[at++] = bytes[i]!; // i < length
    this.#at = at;
  }

  /** Writes a string with its quotes. */
  string(value: string): void {
    if (value.length > MOST_BY_CHARACTER) return this.#text(JSON.stringify(value));
    this.#reserve(value.length + 2);
    const buffer = this.#buffer;
    let at = this.#at;
    buffer[at++] = QUOTE;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (IS_PLAIN[code] !== 1) return this.#text(JSON.stringify(value));
      buffer[at++] = code;
    }
    buffer[at++] = QUOTE;
    this.#at = at;
  }

  /** Writes bytes as a string of base64 (RFC 4648 4). */
  base64(value: Uint8Array): void {
    const { length } = value;
    if (length > MOST_BY_CHARACTER) return this.#text(`"${value.toBase64()}"`);
    this.#reserve(Math.ceil(length / 3) * 4 + 2);
    const buffer = this.#buffer;
    let at = this.#at;
    buffer[at++] = QUOTE;
    for (let i = 0; i < length; i += 3) {
      // Beyond the end: undefined, which counts as no bits.
      const bits = (value[i]! << 16) | (value[i + 1]! << 8) | value[i + 2]!;
      buffer[at] = BASE64[bits >> 18]!;
      buffer[at + 1] = BASE64[(bits >> 12) & 63]!;
      buffer[at + 2] = i + 1 < length ? BASE64[(bits >> 6) & 63]! : PADDING;
      buffer[at + 3] = i + 2 < length ? BASE64[bits & 63]! : PADDING;
      at += 4;
    }
    buffer[at++] = QUOTE;
    this.#at = at;
  }

  /** Writes UTF-8 as a string; answers false, and has written nothing, where it is none. */
  utf8(value: Uint8Array): boolean {
    const { length } = value;
    if (length > MOST_BY_CHARACTER) return this.#decoded(value);
    this.#reserve(2 * length + 2);
    const buffer = this.#buffer;
    let at = this.#at;
    buffer[at++] = QUOTE;
    for (let i = 0; i < length; i++) {
      const byte = value[i]!; // i < length
      if (IS_PLAIN[byte] !== 1) {
        if (byte !== QUOTE && byte !== BACKSLASH) return this.#decoded(value);
        buffer[at++] = BACKSLASH; // as JSON in a string has them
      }
      buffer[at++] = byte;
    }
    buffer[at++] = QUOTE;
    this.#at = at;
    return true;
  }

  #decoded(value: Uint8Array): boolean {
    let text: string;
    try {
      text = STRICT.decode(value);
    } catch {
      return false; // fatal decoding throws for ill-formed input and for nothing else
    }
    this.#text(JSON.stringify(text));
    return true;
  }

  /** Writes a JSON text as it stands; only its line ends become spaces, so that a body is one line. */
  oneLine(json: Uint8Array): void {
    this.#reserve(json.length);
    const end = this.#at + json.length;
    const buffer = this.#buffer;
    buffer.set(json, this.#at);
    for (let at = this.#at; at < end; at++) {
      // Within a string they are escaped.
      if (buffer[at] === LINE_FEED || buffer[at] === CARRIAGE_RETURN) buffer[at] = SPACE;
    }
    this.#at = end;
  }

  integer(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) return this.#text(JSON.stringify(value));
    this.#reserve(MOST_DIGITS);
    this.#at = writeDecimal(this.#buffer, this.#at, value);
  }

  #text(json: string): void {
    // Most is ASCII: room for one byte a character is enough, and tried first.
    for (let room = json.length;; room = json.length * 3) {
      this.#reserve(room);
      const { read, written } = this.#encoder.encodeInto(json, this.#buffer.subarray(this.#at));
      if (read < json.length) continue;
      this.#at += written;
      return;
    }
  }

  /** Makes sure of so many bytes more; what there is of the body moves where they are. */
  #reserve(bytes: number): void {
    if (this.#buffer.length - this.#at >= bytes) return;
    const begun = this.#buffer.subarray(this.#from, this.#at);
    this.#buffer = this.#allocate(begun.length + bytes + SPARE);
    this.#buffer.set(begun);
    this.#from = 0;
    this.#at = begun.length;
  }
}

/** From here on a native function is faster. */
const MOST_BY_CHARACTER = 256;
/** Of 2^53. */
const MOST_DIGITS = 16;
/** For the rest of a body whose payload needs memory of its own. */
const SPARE = 1024;

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const PADDING = 0x3d;

/** By UTF-16 unit, or byte of UTF-8: ASCII that JSON has as it is. */
const IS_PLAIN = new Uint8Array(128).map((_, code) =>
  code >= 0x20 && code !== QUOTE && code !== BACKSLASH ? 1 : 0
);

const BASE64 = new TextEncoder().encode(
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
);
