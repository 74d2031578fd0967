/**
 * How old the oldest is of what waits at a URL: how many came in each second, and are not at their end. To the
 * second, because the oldest itself may be in any of five queues, or on disk.
 */

const SECOND = 1000;

export class Ages {
  /** By second since 1970. */
  readonly #open = new Map<number, number>();

  /** One waits that came at `born`, in milliseconds since 1970. */
  add(born: number): void {
    const second = Math.floor(born / SECOND);
    this.#open.set(second, (this.#open.get(second) ?? 0) + 1);
  }

  /** One that was added is at its end. */
  take(born: number): void {
    const second = Math.floor(born / SECOND);
    const left = (this.#open.get(second) ?? 0) - 1;
    if (left > 0) this.#open.set(second, left);
    else this.#open.delete(second);
  }

  /** None waits any more. */
  clear(): void {
    this.#open.clear();
  }

  /** How long the oldest has waited at `now`, in milliseconds, and up to a second less; 0: none waits. */
  oldest(now: number): number {
    let first = Infinity;
    for (const second of this.#open.keys()) first = Math.min(first, second);
    return first === Infinity ? 0 : Math.max(0, now - (first + 1) * SECOND);
  }
}
