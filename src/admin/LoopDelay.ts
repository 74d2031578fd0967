/**
 * How much later than asked for timers are called: what keeps the event loop busy keeps clients waiting. Of the
 * last minute or half of it, in two windows of which the older one is forgotten.
 *
 * Own code: monitorEventLoopDelay of node:perf_hooks does not see a loop that is blocked for 200 ms (Deno 2.9).
 */

/** Upper ends of the buckets, in milliseconds: from 0.25 on each half as much again, up to some minutes. */
const ENDS: ReadonlyArray<number> = Array.from({ length: 36 }, (_, i) => 0.25 * 1.5 ** i);

/** How long a window gathers, in milliseconds. */
const WINDOW_MS = 30_000;

class Window {
  readonly counts = new Uint32Array(ENDS.length + 1);
  max = 0;
}

/** Seconds. */
export interface DelayFigures {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Since the start. */
  readonly sum: number;
  readonly count: number;
}

export class LoopDelay {
  #now = new Window();
  #before = new Window();
  #endsAt: number | undefined;
  #sum = 0;
  #count = 0;

  /** A timer was called `late` milliseconds after its time, at `at`. */
  add(late: number, at: number): void {
    this.#endsAt ??= at + WINDOW_MS;
    if (at >= this.#endsAt) {
      this.#before = this.#now;
      this.#now = new Window();
      this.#endsAt = at + WINDOW_MS;
    }
    const place = ENDS.findIndex((end) => late <= end);
    this.#now.counts[place < 0 ? ENDS.length : place]!++; // one longer than ENDS
    this.#now.max = Math.max(this.#now.max, late);
    this.#sum += late;
    this.#count++;
  }

  figures(): DelayFigures {
    const max = Math.max(this.#now.max, this.#before.max);
    const counts = this.#now.counts.map((n, i) => n + this.#before.counts[i]!); // as long
    const total = counts.reduce((sum, n) => sum + n, 0);
    const quantile = (part: number) => {
      let left = total * part;
      const place = counts.findIndex((n) => (left -= n) <= 0);
      return Math.min(max, ENDS[place] ?? max) / 1000;
    };
    return {
      p50: total === 0 ? 0 : quantile(0.5),
      p99: total === 0 ? 0 : quantile(0.99),
      max: max / 1000,
      sum: this.#sum / 1000,
      count: this.#count,
    };
  }
}
