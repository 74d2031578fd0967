/**
 * How fast one URL's deliveries come to their end, to tell how long one that comes now will take. Counts alone:
 * nothing is kept of a single delivery, and time is what its caller has looked at.
 */

/** Milliseconds over which ends are counted. */
const PERIOD_MS = 10;

/** After so many milliseconds without a question nobody knows how fast it is now. */
const STALE_MS = 1000;

export class EndPace {
  /** Ends since `#since`, in monotonic milliseconds. */
  #ended = 0;
  #since = -Infinity;
  /** Ends in a millisecond; 0: unknown, or none. */
  #pace = 0;

  /** A delivery has come to its end. */
  end(): void {
    this.#ended++;
  }

  /**
   * How long it takes until so many have ended.
   *
   * @param now monotonic milliseconds
   * Returns: milliseconds; Infinity: unknown, or for ever
   */
  until(ends: number, now: number): number {
    const elapsed = now - this.#since;
    if (elapsed >= PERIOD_MS) {
      const pace = elapsed < STALE_MS ? this.#ended / elapsed : 0;
      // Half of it is what it was before: one period alone may be that of a collection of garbage.
      this.#pace = this.#pace === 0 ? pace : (this.#pace + pace) / 2;
      this.#ended = 0;
      this.#since = now;
    }
    return this.#pace === 0 ? Infinity : ends / this.#pace;
  }
}
