/** The buffer that a socket is read into: small while the client is idle, large while it sends much. */

/**
 * What it begins with and falls back to: an idle connection holds one all the time. Long enough for
 * nearly every CONNECT; with 1024 an idle connection cost 0.8 KB more.
 */
const SMALL = 256;
const LARGE = 64 * 1024;

/** Reads in a row that need less than a quarter of a larger buffer, before it is given back. */
const PATIENCE = 8;

export class ReadBuffer {
  bytes = new Uint8Array(SMALL);
  #smallReads = 0;

  /** To be told how much a read brought, when those bytes are no longer needed: fits `bytes` for the next. */
  used(length: number): void {
    const size = this.bytes.length;
    if (length === size && size < LARGE) {
      this.bytes = new Uint8Array(Math.min(LARGE, size * 8));
      this.#smallReads = 0;
    } else if (size > SMALL) {
      this.#smallReads = length < size / 4 ? this.#smallReads + 1 : 0;
      if (this.#smallReads < PATIENCE) return;
      this.#smallReads = 0;
      this.bytes = new Uint8Array(SMALL);
    }
  }
}
