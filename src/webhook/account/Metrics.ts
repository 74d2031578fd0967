/**
 * Every counter of the delivery engine, by name: what was matched, and what became of it. It only
 * counts: it must never decide anything, wait, or keep more than a few numbers per URL and event.
 */
import type { AnswerFaultKind } from "../../http/AnswerFault.ts";
import type { StoreFigures } from "../../store/Store.ts";
import type { WindowsFigures } from "../../store/Windows.ts";
import { hookEventNames } from "../../domain/HookEvent.ts";
import type { HookEventName } from "../../domain/HookEvent.ts";
import { Ages } from "./Ages.ts";
import type { HistogramSnapshot } from "./Histogram.ts";
import { Histogram } from "./Histogram.ts";

/** What became of one event at one URL; `matched` is always the sum of the others. */
export interface EventCounts {
  readonly matched: number;
  readonly delivered: number;
  /** Ended by the receiver's answer, or given up at the elapsed limit. By `DeliveryError.reason`. */
  readonly failed: Readonly<Record<string, number>>;
  /** Ended without an answer, by `DropReason`. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Waiting: for its turn, for a permit, or for its next attempt. */
  readonly queued: number;
  readonly in_flight: number;
  /** Left on disk by a stop, for the next start. */
  readonly kept: number;
}

/** Why an event ended at a URL without that URL having had its attempts. */
export type DropReason = "endpoint_share" | "gone" | "outbox_full" | "queue_full" | "shutdown";

/** A breaker's state, in the words of the log. */
export const BREAKER_WORDS = ["closed", "open", "gone", "paused", "removed"] as const;
export type BreakerWord = (typeof BREAKER_WORDS)[number];

/** Why an attempt failed; `at` in milliseconds since 1970. */
export interface LastError {
  readonly at: number;
  readonly reason: string;
  /** Of the answer; undefined: there was none that could be read. */
  readonly status: number | undefined;
  readonly detail: string;
}

/** How attempts end: `refused` for good, `retry`: by an answer that says later. */
export const ATTEMPT_OUTCOMES = ["ok", "retry", "refused", "timeout", "network"] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** Milliseconds, as are those below. */
const REQUEST_ENDS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];
const DELAY_ENDS = [5, 25, 100, 500, 1000, 5000, 15_000, 60_000, 300_000];

/** One URL's figures. */
export interface EndpointSnapshot {
  /** What it is called. */
  readonly url: string;
  /** `closed`, `open`, `gone`, `paused`; `removed` when no settings name the URL and nothing is left to do there. */
  readonly breaker: BreakerWord;
  /** For how long, in milliseconds. */
  readonly since_ms: number;
  /** Of the attempt that failed last. */
  readonly last_error: LastError | undefined;
  /** When an event was delivered last, milliseconds since 1970. */
  readonly last_success: number | undefined;
  /** How long the oldest has waited that is not at its end, to the second; 0: none waits. */
  readonly oldest_ms: number;
  /** Requests (or, for a file, lines) that were started, repeats included. */
  readonly attempts: number;
  /** Of these: those that have ended, by how. */
  readonly attempts_by_outcome: Readonly<Record<AttemptOutcome, number>>;
  /** From sending a request to the end of its answer, in milliseconds. */
  readonly requests: HistogramSnapshot;
  /** From the event to its delivery, waiting and retries included, in milliseconds. */
  readonly delays: HistogramSnapshot;
  /** Answers that broke off or broke a rule behind their status, which decided all the same. */
  readonly answer_faults: Readonly<Partial<Record<AnswerFaultKind, number>>>;
  readonly total: EventCounts;
  /** Events that no rule has ever sent here are left out. */
  readonly events: Readonly<Partial<Record<HookEventName, EventCounts>>>;
}

/** All figures at one moment. */
export interface MetricsSnapshot {
  /** Events and deliveries that wait or are in flight, against `capacity`. */
  readonly backlog: number;
  readonly capacity: number;
  /** The `backlog` from which on publishers are held. */
  readonly high_water: number;
  /** Seconds since the start in which publishers were held. */
  readonly held_seconds: number;
  /** Bytes of waiting bodies, and of the slabs that hold them. */
  readonly body_bytes: number;
  readonly slab_bytes: number;
  /** Events that wait as events, for room or for their turn: no URL has them, none is matched yet. */
  readonly waiting_events: number;
  readonly workers_lost: number;
  /** Undefined: nothing of this process survives it. */
  readonly disk: DiskSnapshot | undefined;
  readonly endpoints: ReadonlyArray<EndpointSnapshot>;
}

const size = hookEventNames.length;

/** The counters of one URL: plain arrays by the event's place in `hookEventNames`. */
export class EndpointCounters {
  readonly matched = new Float64Array(size);
  readonly delivered = new Float64Array(size);
  readonly queued = new Float64Array(size);
  readonly inFlight = new Float64Array(size);
  readonly kept = new Float64Array(size);
  readonly #failed = new Map<string, Float64Array>();
  readonly #dropped = new Map<DropReason, Float64Array>();
  readonly #answerFaults = new Map<AnswerFaultKind, number>();
  attempts = 0;
  readonly requests = new Histogram(REQUEST_ENDS);
  readonly delays = new Histogram(DELAY_ENDS);
  readonly ages = new Ages();
  readonly #outcomes = new Float64Array(ATTEMPT_OUTCOMES.length);
  #breaker: BreakerWord = "closed";
  #breakerSince = 0;
  lastError: LastError | undefined;
  /** Milliseconds since 1970. */
  lastSuccess: number | undefined;

  constructor(
    /** What the URL is called. */
    public name: string,
  ) {}

  get breaker(): BreakerWord {
    return this.#breaker;
  }

  /** @param now milliseconds since 1970 */
  breakerIs(word: BreakerWord, now: number): void {
    this.#breaker = word;
    this.#breakerSince = now;
  }

  /** An attempt has ended. */
  attempted(outcome: AttemptOutcome): void {
    this.#outcomes[ATTEMPT_OUTCOMES.indexOf(outcome)]!++; // one for each
  }

  failed(event: number, reason: string): void {
    count(this.#failed, reason, event);
  }

  dropped(event: number, reason: DropReason): void {
    count(this.#dropped, reason, event);
  }

  /** Returns how many of this kind there were, this one included. */
  answerFault(kind: AnswerFaultKind): number {
    const faults = 1 + (this.#answerFaults.get(kind) ?? 0);
    this.#answerFaults.set(kind, faults);
    return faults;
  }

  /** How many wait or are in flight, over all events. */
  get left(): number {
    return this.queued.reduce((sum, n, event) => sum + n + this.inFlight[event]!, 0); // as long
  }

  /** A stop leaves what waits, which is kept on disk or dropped. */
  leaveQueued(areKept: boolean): void {
    for (const [event, n] of this.queued.entries()) {
      if (areKept) this.kept[event]! += n; // as long
      else if (n > 0) count(this.#dropped, "shutdown", event, n);
    }
    this.queued.fill(0);
    this.ages.clear();
  }

  /** @param now milliseconds since 1970 */
  snapshot(now: number): EndpointSnapshot {
    const events: Partial<Record<HookEventName, EventCounts>> = {};
    hookEventNames.forEach((name, event) => {
      if (this.matched[event] !== 0) events[name] = this.#counts((of) => of[event]!); // arrays are `size` long
    });
    return {
      url: this.name,
      breaker: this.#breaker,
      since_ms: Math.max(0, now - this.#breakerSince),
      last_error: this.lastError,
      last_success: this.lastSuccess,
      oldest_ms: this.ages.oldest(now),
      attempts: this.attempts,
      attempts_by_outcome: this.#byOutcome(),
      requests: this.requests.snapshot(),
      delays: this.delays.snapshot(),
      answer_faults: Object.fromEntries(this.#answerFaults),
      total: this.#counts((of) => of.reduce((sum, n) => sum + n, 0)),
      events,
    };
  }

  #byOutcome(): Record<AttemptOutcome, number> {
    const [ok = 0, retry = 0, refused = 0, timeout = 0, network = 0] = this.#outcomes;
    return { ok, retry, refused, timeout, network };
  }

  #counts(read: (of: Float64Array) => number): EventCounts {
    return {
      matched: read(this.matched),
      delivered: read(this.delivered),
      failed: byReason(this.#failed, read),
      dropped: byReason(this.#dropped, read),
      queued: read(this.queued),
      in_flight: read(this.inFlight),
      kept: read(this.kept),
    };
  }
}

const count = <R extends string>(
  by: Map<R, Float64Array>,
  reason: R,
  event: number,
  n = 1,
): void => {
  let of = by.get(reason);
  if (of === undefined) by.set(reason, of = new Float64Array(size));
  of[event]! += n; // event < size
};

const byReason = (
  by: ReadonlyMap<string, Float64Array>,
  read: (of: Float64Array) => number,
): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const [reason, of] of by) {
    const n = read(of);
    if (n !== 0) counts[reason] = n;
  }
  return counts;
};

/** What is on disk, and how writing it goes. */
export interface DiskSnapshot extends WindowsFigures, StoreFigures {
  /** What waits there: groups, deliveries in them, bytes. */
  readonly groups: number;
  readonly events: number;
  readonly bytes: number;
  /** Deliveries since the start that were written, and that ended before they had to be. */
  readonly written: number;
  readonly skipped: number;
  /** Dead letters that found no room in memory while the disk failed. */
  readonly letters_lost: number;
}

/** The gauges that others own and the snapshot reads. */
export interface Gauges {
  readonly backlog: () => number;
  readonly capacity: () => number;
  readonly highWater: () => number;
  readonly heldSeconds: () => number;
  readonly bodyBytes: () => number;
  readonly slabBytes: () => number;
  readonly waitingEvents: () => number;
  /** Undefined: nothing of this process survives it. */
  readonly disk: () => DiskSnapshot | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * The counters of all URLs. They outlive rules and endpoints, at 1 KB a URL: so no sum ever goes back, what
 * became of a removed URL's events can still be read, and one that comes back counts on.
 */
export class Metrics {
  readonly #endpoints = new Map<string, EndpointCounters>();
  workersLost = 0;

  readonly #gauges: Gauges;

  constructor(gauges: Gauges) {
    this.#gauges = gauges;
  }

  /**
   * The counters of `url`, made at the first call. From now on they go by this name, which is its alone: those
   * of a URL that settings name no more, and that went by it, are told apart by a word behind it.
   */
  endpoint(url: string, name: string): EndpointCounters {
    let counters = this.#endpoints.get(url);
    if (counters?.name === name) return counters;
    const names = new Map(this.#endpoints.values().map((of) => [of.name, of]));
    const former = names.get(name);
    if (former !== undefined) {
      for (let n = 1; names.has(former.name); n++) {
        former.name = `${name} (former${n === 1 ? "" : ` ${n}`})`;
      }
    }
    if (counters === undefined) {
      this.#endpoints.set(url, counters = new EndpointCounters(name));
      counters.breakerIs("closed", this.#gauges.now());
    }
    counters.name = name;
    return counters;
  }

  snapshot(): MetricsSnapshot {
    const now = this.#gauges.now();
    return {
      backlog: this.#gauges.backlog(),
      capacity: this.#gauges.capacity(),
      high_water: this.#gauges.highWater(),
      held_seconds: this.#gauges.heldSeconds(),
      body_bytes: this.#gauges.bodyBytes(),
      slab_bytes: this.#gauges.slabBytes(),
      waiting_events: this.#gauges.waitingEvents(),
      workers_lost: this.workersLost,
      disk: this.#gauges.disk(),
      endpoints: [...this.#endpoints.values()].map((counters) => counters.snapshot(now)),
    };
  }

  /** What the log says of each URL: its account first, and of each event that had any what is not zero. */
  summary(): ReadonlyArray<Readonly<Record<string, string | number | ReadonlyArray<string>>>> {
    const { endpoints } = this.snapshot();
    return endpoints.map(({ url, breaker, attempts, answer_faults, total, events }) => ({
      url,
      matched: total.matched,
      delivered: total.delivered,
      failed: sum(total.failed),
      dropped: sum(total.dropped),
      queued: total.queued,
      in_flight: total.in_flight,
      ...(total.kept > 0 ? { kept: total.kept } : {}),
      ...prefixed("failed_", total.failed),
      ...prefixed("dropped_", total.dropped),
      attempts,
      answer_faults: sum(answer_faults),
      ...prefixed("answer_faults_", answer_faults),
      breaker,
      events: Object.entries(events).map(([event, counts]) => `${event}: ${inWords(counts)}`),
    }));
  }
}

/** How many there are over all reasons. */
export const sum = (byReason: Readonly<Record<string, number>>): number =>
  Object.values(byReason).reduce((all, n) => all + n, 0);

const inWords = ({ failed, dropped, ...counts }: EventCounts): string =>
  Object.entries({
    matched: counts.matched,
    delivered: counts.delivered,
    ...prefixed("failed_", failed),
    ...prefixed("dropped_", dropped),
    queued: counts.queued,
    in_flight: counts.in_flight,
    kept: counts.kept,
  }).filter(([, n]) => n !== 0).map(([name, n]) => `${name}=${n}`).join(" ");

const prefixed = (prefix: string, counts: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(counts).map(([reason, n]) => [prefix + reason, n]));
