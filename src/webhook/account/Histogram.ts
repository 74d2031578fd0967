/** How many values fell into each of a few ranges, as Prometheus has them: an addition per value, no object. */

export class Histogram {
  /** The upper ends of the ranges, each belonging to its own; beyond the last there is one more. */
  readonly ends: ReadonlyArray<number>;
  readonly #counts: Float64Array;
  #sum = 0;

  /** @param ends rising */
  constructor(ends: ReadonlyArray<number>) {
    this.ends = ends;
    this.#counts = new Float64Array(ends.length + 1);
  }

  add(value: number): void {
    const { ends } = this;
    let place = 0;
    while (place < ends.length && value > ends[place]!) place++; // below the length
    this.#counts[place]!++; // one longer than `ends`
    this.#sum += value;
  }

  /** As it is now. */
  snapshot(): HistogramSnapshot {
    return { ends: this.ends, counts: this.#counts.slice(), sum: this.#sum };
  }
}

export interface HistogramSnapshot {
  readonly ends: ReadonlyArray<number>;
  /** Values by range, one longer than `ends`: what is beyond the last is there. */
  readonly counts: Float64Array;
  readonly sum: number;
}
