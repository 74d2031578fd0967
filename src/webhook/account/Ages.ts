/**
 * How old the oldest is of what waits at a URL: how many came in each second, and are not at their end. To the
 * second, because the oldest itself may be in any of five queues, or on disk.
 */

const SECOND = 1000;

export class Ages {
  /** The newest second of all, since 1970: events that end within theirs need no entry. */
  #newest = -Infinity;
  #inNewest = 0;
  /** By second, the newest left out. */
  readonly #older = new Map<number, number>();

  /** One waits that came at `born`, in milliseconds since 1970. */
  add(born: number): void {
    const second = Math.floor(born / SECOND);
    if (second > this.#newest) {
      if (this.#inNewest > 0) this.#older.set(this.#newest, this.#inNewest);
      this.#newest = second;
      this.#inNewest = 0;
    }
    if (second === this.#newest) this.#inNewest++;
    else this.#older.set(second, (this.#older.get(second) ?? 0) + 1);
  }

  /** One that was added is at its end. */
  take(born: number): void {
    const second = Math.floor(born / SECOND);
    if (second === this.#newest) {
      if (this.#inNewest > 0) this.#inNewest--; // what was cleared may come to its end later
      return;
    }
    const left = (this.#older.get(second) ?? 0) - 1;
    if (left > 0) this.#older.set(second, left);
    else this.#older.delete(second);
  }

  /** None waits any more. */
  clear(): void {
    this.#inNewest = 0;
    this.#older.clear();
  }

  /** How long the oldest has waited at `now`, in milliseconds, and up to a second less; 0: none waits. */
  oldest(now: number): number {
    let first = this.#inNewest > 0 ? this.#newest : Infinity;
    for (const second of this.#older.keys()) first = Math.min(first, second);
    return first === Infinity ? 0 : Math.max(0, now - (first + 1) * SECOND);
  }
}
