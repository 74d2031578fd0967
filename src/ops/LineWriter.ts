/**
 * Lines for a stream whose reader may be slow or stand still: standard output into a pipe that nobody
 * reads. `console.log` waits for such a reader, and with it the whole thread. Here only the writer
 * waits: what it keeps is bounded, and what finds no room is counted, and told when there is some again.
 */

/** What may wait for the reader, in UTF-16 units: of ASCII, a megabyte. */
const CAPACITY = 1024 * 1024;

/** Lines that were left out are told, and new ones taken, from this much on. */
const ROOM_AGAIN = CAPACITY / 2;

/** About what one write takes: a pipe holds 64 KB. */
const MOST_PER_WRITE = 64 * 1024;

/** Where the bytes go. */
export interface LineSink {
  /** Writes the first bytes of these; resolves with how many. */
  write(bytes: Uint8Array): Promise<number>;
}

export class LineWriter {
  readonly #sink: LineSink;
  readonly #noticeOf: (leftOut: number) => string;
  #waiting: Array<string> = [];
  /** Of what waits and of what is being written. */
  #length = 0;
  #leftOut = 0;
  #writing: Promise<void> | undefined;

  /** @param noticeOf the line that says how many were left out in its place */
  constructor(sink: LineSink, noticeOf: (leftOut: number) => string) {
    this.#sink = sink;
    this.#noticeOf = noticeOf;
  }

  /** Takes a line, given without its end. Never waits, never throws. */
  write(line: string): void {
    // The first that finds no room closes the door for shorter ones too: else the gap had no one place.
    // Where nothing waits there is room for any line, and nothing left out that had still to be told.
    if (this.#length > 0 && (this.#leftOut > 0 || this.#length + line.length >= CAPACITY)) {
      this.#leftOut++;
    } else this.#take(line);
  }

  /** Resolves when all that was taken is written, or after so many milliseconds. Never rejects. */
  async flush(within: number): Promise<void> {
    let deadline: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => deadline = setTimeout(resolve, within));
    await Promise.race([this.#writing, late]);
    clearTimeout(deadline);
  }

  #take(line: string): void {
    this.#waiting.push(line);
    this.#length += line.length + 1;
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    await undefined; // the lines of this turn go out by one write
    while (this.#waiting.length > 0) {
      const text = this.#nextText();
      try {
        await this.#send(new TextEncoder().encode(text));
      } catch {
        // Nobody is there to read them, nor to be told: the broker goes on all the same.
      }
      this.#length -= text.length;
      if (this.#leftOut > 0 && this.#length <= ROOM_AGAIN) {
        this.#take(this.#noticeOf(this.#leftOut));
        this.#leftOut = 0;
      }
    }
    this.#writing = undefined;
  }

  #nextText(): string {
    let count = 0;
    for (let length = 0; count < this.#waiting.length && length < MOST_PER_WRITE; count++) {
      length += this.#waiting[count]!.length; // count < length
    }
    return this.#waiting.splice(0, count).join("\n") + "\n";
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await this.#sink.write(bytes.subarray(sent));
  }
}
