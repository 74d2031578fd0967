/**
 * Lets few tasks run at the same time and few wait for it: what is expensive and can be asked for by
 * anybody. It must never hold more than it was told to, whoever asks.
 */
import { Deque } from "../collections/Deque.ts";

interface Waiting {
  readonly isWanted: () => boolean;
  readonly start: (isWanted: boolean) => void;
}

export class Turns {
  #running = 0;
  readonly #waiting = new Deque<Waiting>();

  constructor(
    /** Tasks that run at the same time. */
    readonly atOnce: number,
    /** Tasks that may wait; more are refused. */
    readonly mayWait: number,
  ) {}

  /** Whether `run` would refuse. */
  get isFull(): boolean {
    return this.#running === this.atOnce && this.#waiting.length >= this.mayWait;
  }

  /**
   * Runs a task when it is its turn, first come first served.
   *
   * @param isWanted asked at its turn: one that nobody wants any more is passed over
   * @returns the task's result; undefined: passed over, or refused because `isFull`
   */
  async run<A>(task: () => Promise<A>, isWanted: () => boolean): Promise<A | undefined> {
    if (this.isFull) return undefined;
    if (this.#running < this.atOnce) this.#running++;
    else if (!await new Promise<boolean>((start) => this.#waiting.push({ isWanted, start }))) {
      return undefined;
    }
    try {
      return await task();
    } finally {
      this.#next();
    }
  }

  /** Gives the place of a finished task to the first in line that is still wanted. */
  #next(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const isWanted = next.isWanted();
      next.start(isWanted);
      if (isWanted) return;
    }
    this.#running--;
  }
}
