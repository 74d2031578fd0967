/** The broker's time: milliseconds since 1970. The host gives it, so that tests can move it. */
export interface Clock {
  now(): number;
}
