/**
 * Whether a URL is sent to. Failures in a row open the breaker, the answer to a probe closes it, and somebody
 * may hold it open by hand.
 *
 * A pure machine: what happened goes in, the next state and what is to be done about it come out. It has
 * no clock, logs nothing and sends nothing; the Endpoint does what it orders.
 */

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
  | { readonly _tag: "Gone"; readonly since: number }
  /** Somebody wants nothing to be sent until it is resumed. */
  | { readonly _tag: "Paused"; readonly since: number };

/** What happens; moments in monotonic milliseconds, `id` of the delivery. */
export type BreakerEvent =
  /** An attempt begins. */
  | { readonly _tag: "Attempt"; readonly id: number }
  /** The receiver has answered: it works, even where it did not want this one event. */
  | { readonly _tag: "Answer" }
  /** An attempt failed at `at`; the failing began at `began`, which for a time-out is when it was sent. */
  | {
    readonly _tag: "Failure";
    readonly id: number;
    readonly at: number;
    readonly began: number;
  }
  /** One came back: it was not sent, or nobody knows how it ended. */
  | { readonly _tag: "Return"; readonly id: number; readonly at: number }
  /** The receiver wants nothing more at this URL. */
  | { readonly _tag: "Gone"; readonly at: number }
  /** The settings are new: what was is forgotten, a 410 too, but not that it is paused. */
  | { readonly _tag: "Reset" }
  /** Somebody wants nothing to be sent; a URL that is gone stays gone. */
  | { readonly _tag: "Pause"; readonly at: number }
  /** Where it was paused, it is sent to again: what was before is forgotten. */
  | { readonly _tag: "Resume" };

/** What is to be done. */
export type BreakerOrder =
  /** Say so, in the log and the account. */
  | { readonly _tag: "Announce"; readonly label: BreakerLabel }
  /** Say that an attempt failed: it is the first in a row. */
  | { readonly _tag: "Warn" }
  /** Get back what was handed over and is not on its way: it would be more than the one probe. */
  | { readonly _tag: "Recall" }
  /** It works: what waited for that goes on, and it counts as failing no longer. */
  | { readonly _tag: "Resume" }
  /** Look again at this moment. */
  | { readonly _tag: "Wake"; readonly at: number };

/** A state as people are told it. */
export type BreakerLabel = "closed" | "open" | "gone" | "paused";

export interface BreakerRules {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** When to probe next, by the state of the probes' schedule; undefined: the first time. */
  readonly nextProbe: (
    schedule: unknown,
    now: number,
  ) => { readonly at: number; readonly schedule: unknown };
}

export interface BreakerStep {
  readonly state: Breaker;
  readonly orders: ReadonlyArray<BreakerOrder>;
}

export const CLOSED: Breaker = { _tag: "Closed", failures: 0, since: 0 };

/**
 * A URL counts as failing when its failures in a row began this long ago; from then on `endpoint_share`
 * bounds it. Long enough that a receiver's restart behind a full queue costs no event, short enough that
 * publishers are hardly held by a dead one.
 */
const FAILING_AFTER_MS = 3_000;

const NONE: ReadonlyArray<BreakerOrder> = [];
const RECALL: BreakerOrder = { _tag: "Recall" };
const RESUME: BreakerOrder = { _tag: "Resume" };
const WARN: BreakerOrder = { _tag: "Warn" };

/** Whether nothing has failed since the last answer: most events then change nothing. */
export const isHealthy = (state: Breaker): boolean =>
  state._tag === "Closed" && state.failures === 0;

/** When the failures in a row began that go on; Infinity: there are none, or the URL is gone. */
export const failingSince = (state: Breaker): number =>
  state._tag === "Gone" || isHealthy(state) ? Infinity : state.since;

/** From when on its URL counts as failing; Infinity: it does not fail. What waits for a paused one holds nobody either. */
export const countsAsFailingFrom = (state: Breaker): number =>
  state._tag === "Gone" || state._tag === "Paused"
    ? -Infinity
    : failingSince(state) + FAILING_AFTER_MS;

export const step = (state: Breaker, event: BreakerEvent, rules: BreakerRules): BreakerStep => {
  switch (event._tag) {
    case "Attempt": {
      if (state._tag !== "Open") return { state, orders: NONE };
      const { since, schedule } = state;
      return { state: { _tag: "Probing", since, probe: event.id, schedule }, orders: NONE };
    }
    case "Answer":
      return state._tag === "Gone" || state._tag === "Paused" || isHealthy(state)
        ? { state, orders: NONE }
        : { state: CLOSED, orders: [...announced(state, "closed"), RESUME] };
    case "Reset":
      if (state._tag === "Paused") return { state, orders: NONE };
      return { state: CLOSED, orders: [...announced(state, "closed"), RESUME] };
    case "Failure":
      return failed(state, event, rules);
    case "Return": {
      if (state._tag !== "Probing" || state.probe !== event.id) return { state, orders: NONE };
      const { since, schedule } = state;
      return { state: { _tag: "Open", since, probeAt: event.at, schedule }, orders: NONE };
    }
    case "Gone":
      return {
        state: { _tag: "Gone", since: event.at },
        orders: state._tag === "Gone" ? NONE : [RECALL, ...announced(state, "gone")],
      };
    case "Pause":
      return state._tag === "Gone" || state._tag === "Paused" ? { state, orders: NONE } : {
        state: { _tag: "Paused", since: event.at },
        orders: [RECALL, ...announced(state, "paused")],
      };
    case "Resume":
      return state._tag === "Paused"
        ? { state: CLOSED, orders: [...announced(state, "closed"), RESUME] }
        : { state, orders: NONE };
  }
};

const failed = (
  state: Breaker,
  { id, at, began }: Extract<BreakerEvent, { readonly _tag: "Failure" }>,
  rules: BreakerRules,
): BreakerStep => {
  // Others than the probe were sent before it opened, and tell nothing new.
  if (state._tag === "Probing" && state.probe === id) {
    const probe = rules.nextProbe(state.schedule, at);
    return {
      state: { _tag: "Open", since: state.since, probeAt: probe.at, schedule: probe.schedule },
      orders: [{ _tag: "Wake", at: probe.at }],
    };
  }
  if (state._tag !== "Closed") return { state, orders: NONE };
  const isFirst = state.failures === 0;
  const failures = state.failures + 1;
  const since = isFirst ? began : state.since;
  const first: ReadonlyArray<BreakerOrder> = isFirst
    ? [WARN, { _tag: "Wake", at: since + FAILING_AFTER_MS }]
    : NONE;
  if (failures < rules.failures) {
    return { state: { _tag: "Closed", failures, since }, orders: first };
  }
  const probe = rules.nextProbe(undefined, at);
  return {
    state: { _tag: "Open", since, probeAt: probe.at, schedule: probe.schedule },
    orders: [...first, RECALL, ...announced(state, "open"), { _tag: "Wake", at: probe.at }],
  };
};

const announced = (before: Breaker, label: BreakerLabel): ReadonlyArray<BreakerOrder> =>
  labelOf(before) === label ? NONE : [{ _tag: "Announce", label }];

const labelOf = ({ _tag }: Breaker): BreakerLabel => LABELS[_tag];

const LABELS: Readonly<Record<Breaker["_tag"], BreakerLabel>> = {
  Closed: "closed",
  Open: "open",
  Probing: "open",
  Gone: "gone",
  Paused: "paused",
};
