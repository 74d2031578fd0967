/** How much waits on disk, over all and of each URL, and whether that is as much as may. It must never be wrong by one. */

/** A full disk is full until no more than this part of what may be there is. */
const FREE_AGAIN = 7 / 8;

export class DiskUse {
  #maxBytes: number;
  readonly #onFull: (isFull: boolean) => void;
  readonly #byUrl = new Map<string, number>();
  #isFull = false;
  #groups = 0;
  #events = 0;
  #bytes = 0;

  /** `onFull` is called when `isFull` has changed. */
  constructor(maxBytes: number, onFull: (isFull: boolean) => void) {
    this.#maxBytes = maxBytes;
    this.#onFull = onFull;
  }

  /** Whether as much waits as may; until an eighth of it is free again. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** What may wait. */
  get maxBytes(): number {
    return this.#maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes of one URL's deliveries. */
  of(url: string): number {
    return this.#byUrl.get(url) ?? 0;
  }

  figures(): { groups: number; events: number; bytes: number } {
    return { groups: this.#groups, events: this.#events, bytes: this.#bytes };
  }

  /** Counts so many more groups of a URL with so many bytes, or fewer where negative. */
  add(url: string, groups: number, bytes: number): void {
    this.#groups += groups;
    this.#bytes += bytes;
    const of = this.of(url) + bytes;
    if (of === 0) this.#byUrl.delete(url);
    else this.#byUrl.set(url, of);
    this.#look();
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#look();
  }

  #look(): void {
    const most = this.#isFull ? this.#maxBytes * FREE_AGAIN : this.#maxBytes;
    const isFull = this.#bytes >= most;
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    this.#onFull(isFull);
  }

  /** Counts so many more deliveries that wait in them. */
  addEvents(events: number): void {
    this.#events += events;
  }
}
