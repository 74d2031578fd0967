/**
 * Cuts what one HTTP/1.1 connection sends into requests. It reads no more of a head than its end and
 * the content-length, so that a receiver costs little, and must miss and invent no request.
 */

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;

const CONTENT_LENGTH = "content-length";

export class RequestCutter {
  #buffer = new Uint8Array(16 * 1024);
  #filled = 0;
  /** Where the body of the request found by `next` begins, and where it ends. */
  #bodyFrom = 0;
  #end = 0;

  /** Where the next bytes are to be read to; call `filled` then. */
  get room(): Uint8Array {
    return this.#buffer.subarray(this.#filled);
  }

  filled(count: number): void {
    this.#filled += count;
  }

  /** Whether a whole request is there. It stays until `take`. */
  next(): boolean {
    const bytes = this.#buffer;
    let length = 0;
    for (let line = 0;;) {
      const end = bytes.indexOf(LF, line);
      if (end === -1 || end >= this.#filled) return this.#more();
      if (end - line <= 1) { // the empty line
        this.#bodyFrom = end + 1;
        this.#end = this.#bodyFrom + length;
        return this.#end <= this.#filled || this.#more();
      }
      if (isContentLength(bytes, line)) length = number(bytes, line + CONTENT_LENGTH.length + 1);
      line = end + 1;
    }
  }

  /** The first letter of the method. */
  get method(): number {
    return this.#buffer[0]!; // a whole request is there
  }

  /** The request line's target. */
  get target(): string {
    const line = this.#buffer.subarray(0, this.#buffer.indexOf(CR));
    return new TextDecoder().decode(line).split(" ")[1] ?? "";
  }

  get body(): Uint8Array {
    return this.#buffer.subarray(this.#bodyFrom, this.#end);
  }

  /** Lets the request go that `next` has found. */
  take(): void {
    if (this.#end < this.#filled) this.#buffer.copyWithin(0, this.#end, this.#filled);
    this.#filled -= this.#end;
  }

  #more(): false {
    if (this.#filled < this.#buffer.length) return false;
    const larger = new Uint8Array(this.#buffer.length * 2);
    larger.set(this.#buffer);
    this.#buffer = larger;
    return false;
  }
}

const isContentLength = (bytes: Uint8Array, from: number): boolean => {
  if (bytes[from + CONTENT_LENGTH.length] !== COLON) return false;
  for (let i = 0; i < CONTENT_LENGTH.length; i++) {
    if ((bytes[from + i]! | 0x20) !== (CONTENT_LENGTH.charCodeAt(i) | 0x20)) return false; // within the buffer
  }
  return true;
};

const number = (bytes: Uint8Array, from: number): number => {
  let n = 0;
  for (let i = from;; i++) {
    const c = bytes[i]!; // a line ends
    if (c >= 0x30 && c <= 0x39) n = n * 10 + c - 0x30;
    else if (c === LF || c === CR) return n;
  }
};
