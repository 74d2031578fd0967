/** When a failed delivery is tried again. The Effect Schedule made of it is `webhook/endpoint/RetrySchedule.ts`. */
export interface RetryPolicy {
  /** The first back-off, in milliseconds. */
  readonly initialInterval: number;
  /** Each back-off is this many times the one before. */
  readonly multiplier: number;
  /** No back-off is longer, in milliseconds, before jitter. */
  readonly maxInterval: number;
  /** j in 0..1: each back-off is uniform in interval x [1-j, 1+j]. */
  readonly jitter: number;
  /** No attempt starts later than this many milliseconds after the first attempt failed. */
  readonly maxElapsedTime: number;
  /** `transient`: network errors, time-outs, 408, 425, 429 and 5xx. `all`: every non-2xx as well. */
  readonly status: "transient" | "all";
}
