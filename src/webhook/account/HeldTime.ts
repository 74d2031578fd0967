/** For how long, all in all, publishers were held back. */
export class HeldTime {
  /** Monotonic milliseconds. */
  readonly #now: () => number;
  #total = 0;
  /** Undefined: nobody is held. */
  #since: number | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** From now on they are held, or not. */
  is(isHeld: boolean): void {
    if (isHeld === (this.#since !== undefined)) return;
    this.#total += this.#running;
    this.#since = isHeld ? this.#now() : undefined;
  }

  get seconds(): number {
    return (this.#total + this.#running) / 1000;
  }

  get #running(): number {
    return this.#since === undefined ? 0 : this.#now() - this.#since;
  }
}
