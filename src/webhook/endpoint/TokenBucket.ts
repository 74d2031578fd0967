/**
 * `rate_limit`: a bucket that holds as many tokens as attempts may be made in the period, full at first, and
 * is filled evenly. It must never give more tokens than that in any time. It is one number: when it will be
 * full again (the "virtual scheduling" form of the leaky bucket, ITU-T I.371 annex A).
 */
import type { RateLimit } from "../../domain/WebHookSettings.ts";

export class TokenBucket {
  /** In which one token comes. */
  readonly #interval: number;
  #fullAt = -Infinity;

  constructor(readonly limit: RateLimit) {
    this.#interval = limit.period / limit.count;
  }

  /** When there is a token, in monotonic milliseconds; in the past: there is one. */
  get nextAt(): number {
    return this.#fullAt - this.limit.period + this.#interval;
  }

  /** Takes a token; there must be one. */
  take(now: number): void {
    this.#fullAt = Math.max(now, this.#fullAt) + this.#interval;
  }

  /** What it was taken for did not happen. */
  giveBack(): void {
    this.#fullAt -= this.#interval;
  }
}
