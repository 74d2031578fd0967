/** The broker's time. The host gives it, so that tests can move it. */
export interface Clock {
  /** What the clock on the wall says, milliseconds since 1970: for events. It jumps when somebody sets it. */
  now(): number;
  /**
   * Milliseconds from any fixed point: for every keep-alive, time limit and expiry. It never jumps, whatever
   * becomes of the wall clock, and it may stand still while the machine sleeps: then its clients were not
   * served either, and a session that was to be kept for two hours of service is.
   */
  monotonic(): number;
}
