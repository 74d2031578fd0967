/** Pseudo-random choices that one seed repeats exactly (mulberry32). For tests only: predictable by design. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer in [0, below). */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<A>(from: ReadonlyArray<A>): A {
    return from[this.below(from.length)] as A; // callers' lists are not empty
  }

  bytes(length: number): Uint8Array {
    return new Uint8Array(length).map(() => this.byte());
  }

  /** Any byte but `overwritten`, which marks read buffers that were used again. */
  byte(): number {
    const byte = this.below(256);
    return byte === OVERWRITTEN ? 0 : byte;
  }
}

/** What fills a read buffer after the broker was given it: seen anywhere later, bytes were kept that were not owned. */
export const OVERWRITTEN = 0xaa;
