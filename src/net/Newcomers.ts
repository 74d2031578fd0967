/**
 * Sockets of one listener that are no client's yet, from accept to CONNACK: how many there may be, and how
 * many may come in a second. Who comes by one more socket than is allowed is refused at once.
 *
 * When there are too many, the newest of the source that has the most goes: who occupies all places
 * with sockets that say nothing keeps out nobody but himself.
 */

export interface NewcomerLimits {
  /** 0: no limit. */
  readonly maxHandshaking: number;
  /** A second; 0: no limit. */
  readonly maxConnRate: number;
}

/** A socket that is on its way in. */
export class Newcomer {
  /** Closes the socket: its place is wanted for another. */
  cut: () => void = () => {};

  readonly #since: number;

  constructor(readonly source: string, readonly owner: Newcomers) {
    this.#since = owner.now();
  }

  /** Milliseconds since it was accepted. */
  get age(): number {
    return this.owner.now() - this.#since;
  }

  /** It is a client's now, or closed. To be called again does nothing. */
  leave(): void {
    this.owner.left(this);
  }
}

export class Newcomers {
  readonly #bySource = new Map<string, Set<Newcomer>>();
  #size = 0;
  #refused = 0;
  /** How many may come at once. */
  #allowance: number;
  #allowedAt: number;

  /** @param now milliseconds, of a clock that only goes forward */
  constructor(readonly limits: NewcomerLimits, readonly now: () => number) {
    this.#allowance = limits.maxConnRate;
    this.#allowedAt = now();
  }

  get size(): number {
    return this.#size;
  }

  /** Sockets that were closed because there were too many of them. */
  get refused(): number {
    return this.#refused;
  }

  /**
   * A socket was accepted.
   *
   * @param source whose it is (`sourceOf`)
   * @returns undefined: it is to be closed
   */
  enter(source: string): Newcomer | undefined {
    if (!this.#isInTime() || !this.#hasPlaceFor(source)) {
      this.#refused++;
      return undefined;
    }
    const newcomer = new Newcomer(source, this);
    const there = this.#bySource.get(source);
    if (there === undefined) this.#bySource.set(source, new Set([newcomer]));
    else there.add(newcomer);
    this.#size++;
    return newcomer;
  }

  /** For newcomers. */
  left(newcomer: Newcomer): void {
    const there = this.#bySource.get(newcomer.source);
    if (!there?.delete(newcomer)) return;
    this.#size--;
    if (there.size === 0) this.#bySource.delete(newcomer.source);
  }

  #isInTime(): boolean {
    const { maxConnRate } = this.limits;
    if (maxConnRate === 0) return true;
    const now = this.now();
    const earned = (now - this.#allowedAt) * maxConnRate / 1000;
    this.#allowance = Math.min(maxConnRate, this.#allowance + earned);
    this.#allowedAt = now;
    if (this.#allowance < 1) return false;
    this.#allowance--;
    return true;
  }

  #hasPlaceFor(source: string): boolean {
    const { maxHandshaking } = this.limits;
    if (maxHandshaking === 0 || this.#size < maxHandshaking) return true;
    let most: ReadonlySet<Newcomer> | undefined;
    for (const there of this.#bySource.values()) {
      if (there.size > (most?.size ?? 0)) most = there;
    }
    const own = this.#bySource.get(source)?.size ?? 0;
    const newest = most !== undefined && most.size > own + 1 ? [...most].at(-1) : undefined;
    if (newest === undefined) return false;
    this.#refused++;
    newest.leave();
    newest.cut();
    return true;
  }
}
