/** How long the last commits took. */
const KEPT = 512;

export class CommitTimes {
  readonly #millis = new Float64Array(KEPT);
  #commits = 0;

  /** A commit has taken so many milliseconds. */
  add(millis: number): void {
    this.#millis[this.#commits++ % KEPT] = millis;
  }

  /** Milliseconds, to a hundredth. */
  figures(): { commits: number; commit_p50: number; commit_p99: number } {
    const sorted = this.#millis.slice(0, Math.min(this.#commits, KEPT)).sort();
    const at = (part: number) =>
      Math.round((sorted[Math.floor((sorted.length - 1) * part)] ?? 0) * 100) / 100;
    return { commits: this.#commits, commit_p50: at(0.5), commit_p99: at(0.99) };
  }
}
