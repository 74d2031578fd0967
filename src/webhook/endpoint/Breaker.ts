/** Whether an endpoint is sent to: the state that failures in a row open and an answer closes. */

export type Breaker =
  /** Everything is sent. `failures` in a row, the first at `since`. */
  | { readonly _tag: "Closed"; readonly failures: number; readonly since: number }
  /** Nothing is sent before `probeAt`, then one delivery. */
  | {
    readonly _tag: "Open";
    readonly since: number;
    readonly probeAt: number;
    /** The state of the probes' schedule. */
    readonly schedule: unknown;
  }
  /** That one delivery is in flight. */
  | {
    readonly _tag: "Probing";
    readonly since: number;
    readonly probe: number;
    readonly schedule: unknown;
  }
  /** 410: nothing is sent until a restart or a reload. */
  | { readonly _tag: "Gone"; readonly since: number };

export const closed: Breaker = { _tag: "Closed", failures: 0, since: 0 };
