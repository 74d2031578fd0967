/**
 * One URL: everything that waits for it, in which order it is attempted, when it is tried again, and
 * what became of it. All of it is plain state on the broker's thread, so that counts and order are
 * exact whoever makes the attempts. It must never touch another endpoint's state, nor hold a permit
 * while it waits for a retry.
 */
import type * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as LogLevel from "effect/LogLevel";
import type { EndpointSettings } from "../../domain/WebHookSettings.ts";
import { type Backlog, placesOf } from "../account/Backlog.ts";
import type { DeliveryPace } from "../account/DeliveryPace.ts";
import { Deque } from "../../collections/Deque.ts";
import type { DropReason, EndpointCounters } from "../account/Metrics.ts";
import type { BodySlabs } from "../body/BodySlab.ts";
import type { Breaker } from "./Breaker.ts";
import { closed } from "./Breaker.ts";
import type { ConcurrencyBudget, Seat } from "../attempt/ConcurrencyBudget.ts";
import type { Delivery, Outcome } from "../attempt/Delivery.ts";
import { startBy } from "../attempt/Delivery.ts";
import type { DeliveryError } from "../attempt/DeliveryError.ts";
import type { DeliveryLog } from "../account/DeliveryLog.ts";
import type { Attempting, Executor } from "../attempt/Executor.ts";
import { Lanes } from "./Lanes.ts";
import { ReadyQueue } from "./ReadyQueue.ts";
import { RetryHeap } from "./RetryHeap.ts";
import * as RetrySchedule from "./RetrySchedule.ts";

/**
 * An endpoint counts as failing when its failures in a row began this long ago; from then on
 * `endpoint_share` bounds it. Long enough that a receiver's restart behind a full queue costs no event,
 * short enough that publishers are hardly held by a dead one.
 */
const FAILING_AFTER_MS = 3_000;

/** What endpoints share. */
export interface EndpointContext {
  readonly clock: Clock.Clock;
  /** Runs an effect that never waits. */
  readonly runSync: <A>(effect: Effect.Effect<A>) => A;
  readonly log: DeliveryLog;
  readonly backlog: Backlog;
  readonly pace: DeliveryPace;
  readonly slabs: BodySlabs;
  readonly breakerFailures: () => number;
  /** Called when failing endpoints occupy more than they may together. */
  readonly shedExcess: () => void;
  /** Called when an endpoint has settled; at times once more than that. */
  readonly onSettled: () => void;
  /** Called when a retired endpoint has left its budget and its executor. */
  readonly onLeft: (endpoint: Endpoint) => void;
}

/** How this endpoint's attempts are made. */
export interface EndpointTransport {
  readonly executor: Executor;
  /** Undefined: attempts need no permit. */
  readonly budget: ConcurrencyBudget | undefined;
  /** Attempts are made in the order of events, retries included: nothing overtakes one that waits. */
  readonly sequential: boolean;
}

export class Endpoint implements Attempting {
  /** Not attempted yet, in the order of events. */
  readonly #ready = new ReadyQueue();
  /** To be attempted before those: retries that are due, and what waited behind another in its lane. */
  readonly #urgent = new Deque<Delivery>();
  /** Wait for their next attempt. */
  readonly #retries = new RetryHeap();
  /** Were due while the breaker was open; wait for it to close, or for their deadline. */
  readonly #parked = new RetryHeap();
  readonly #lanes = new Lanes();
  readonly #seat: Seat | undefined;
  readonly #wake = Effect.unsafeMakeLatch(false);

  #settings: EndpointSettings;
  #retrySchedule: ReturnType<typeof RetrySchedule.make>;
  #probeSchedule: ReturnType<typeof RetrySchedule.backoff>;
  /** Attempts given to the executor at once. */
  #most: number;
  #breaker: Breaker = closed;
  #inFlight = 0;
  /** What those in flight take of the Backlog: one each where bodies are small. */
  #placesInFlight = 0;
  #held = 0;
  /** What they take of the Backlog. */
  #places = 0;
  #failing = false;
  #pumping = false;
  #stopped = false;
  /** No settings name it. */
  #retired = false;
  #retiredAt = 0;
  /** Sequential: the latest moment that one of `#retries` waits for. */
  #latestDue = 0;
  #sleepsUntil = Infinity;

  constructor(
    readonly key: number,
    settings: EndpointSettings,
    private readonly context: EndpointContext,
    private readonly counters: EndpointCounters,
    private readonly transport: EndpointTransport,
  ) {
    this.#settings = settings;
    this.#retrySchedule = RetrySchedule.make(settings.retry);
    this.#probeSchedule = RetrySchedule.backoff(settings.retry);
    this.#most = this.#takes();
    this.#seat = transport.budget?.join(() => this.pump());
    counters.breaker = "closed"; // they may be those of an endpoint that has left
    transport.executor.configure(this);
  }

  get settings(): EndpointSettings {
    return this.#settings;
  }

  /** Deliveries that wait or are in flight. */
  get held(): number {
    return this.#held;
  }

  /** Whether `endpoint_share` bounds it now. */
  get failing(): boolean {
    return this.#failing;
  }

  get breaker(): Breaker {
    return this.#breaker;
  }

  /** Whether waiting any longer would bring nothing to an end: all is done, or the rest is for a URL that is gone. */
  get settled(): boolean {
    return this.#held === 0 || (this.#breaker._tag === "Gone" && this.#inFlight === 0);
  }

  /** Whether it keeps the order of all events by itself, and needs no lanes. */
  get sequential(): boolean {
    return this.transport.sequential;
  }

  /** Counts an event that is dropped before it becomes a delivery. */
  refuse(event: number, reason: DropReason): void {
    this.counters.matched[event]!++; // an event's place is always within
    this.counters.dropped(event, reason);
    this.#say(LogLevel.Warning, `dropped (${reason})`);
  }

  /** Takes a delivery. It is counted as matched here; the Backlog counted it before. */
  offer(delivery: Delivery): void {
    const { counters, context } = this;
    counters.matched[delivery.event]!++; // an event's place is always within
    counters.queued[delivery.event]!++;
    context.pace.matched++;
    this.#hold(1, placesOf(delivery.length));
    context.slabs.retain(delivery.slab, delivery.length);
    if (delivery.lane === undefined || this.#lanes.enter(delivery.lane, delivery)) {
      this.#ready.push(delivery);
      this.pump();
    }
    if (this.#failing && context.backlog.failingExcess > 0) context.shedExcess();
  }

  complete(delivery: Delivery, outcome: Outcome): void {
    const { event } = delivery;
    this.#inFlight--;
    this.#placesInFlight -= placesOf(delivery.length);
    this.counters.inFlight[event]!--;
    switch (outcome._tag) {
      case "Delivered":
        this.counters.delivered[event]!++;
        this.context.pace.end();
        this.#end(delivery);
        this.#answered();
        break;
      case "Failed":
        this.#failed(delivery, outcome.error);
        break;
      case "Returned":
        this.counters.attempts--;
        // falls through: it waits again
      case "Lost":
        this.counters.queued[event]!++;
        this.#wait(delivery);
        if (this.#breaker._tag === "Probing" && this.#breaker.probe === delivery.id) {
          this.#become({ ...this.#breaker, _tag: "Open", probeAt: this.#now() });
        }
        break;
    }
    this.#seat?.release();
    this.pump();
    // What came back from the executor of a URL that is gone settles it without an end.
    if (this.#breaker._tag === "Gone" && this.#inFlight === 0) this.#tellSettled();
  }

  /** Ends the delivery that has waited longest as dropped; answers false when none waits. */
  dropOldest(reason: DropReason): boolean {
    const behind = (delivery: Delivery | undefined) => {
      if (delivery !== undefined) this.#drop(delivery, reason, false);
      return delivery !== undefined;
    };
    const first = this.#urgent.shift() ?? this.#ready.shift();
    if (first === undefined && behind(this.#lanes.takeOldest())) return true;
    const oldest = first ?? this.#parked.pop() ?? this.#retries.pop();
    if (oldest === undefined) return false;
    this.#drop(oldest, reason, true);
    return true;
  }

  /** Attempts what may be attempted now. */
  pump(): void {
    if (this.#pumping) return; // an attempt that ended at once; the loop below goes on by itself
    this.#pumping = true;
    try {
      while (this.#mayAttempt()) {
        if (this.#seat !== undefined && !this.#seat.tryAcquire()) break;
        const delivery = this.#takeNext();
        if (delivery === undefined) {
          this.#seat?.release();
          break;
        }
        this.#attempt(delivery);
      }
    } finally {
      this.#pumping = false;
    }
  }

  /** Takes over new settings and closes the breaker, which also forgets a 410. */
  reconfigure(settings: EndpointSettings): void {
    this.#retired = false;
    this.#settings = settings;
    this.#retrySchedule = RetrySchedule.make(settings.retry);
    this.#probeSchedule = RetrySchedule.backoff(settings.retry);
    this.#most = this.#takes();
    this.transport.executor.configure(this);
    this.#close();
    this.pump();
  }

  /** Asks the executor anew how much it takes: another URL has left. */
  resize(): void {
    this.#most = this.#takes();
    this.pump();
  }

  /**
   * No settings name it any more: it leaves as soon as it has settled, unless `reconfigure` comes before.
   * Where its URL fails it waits no longer than a retry would.
   */
  retire(): void {
    if (!this.#retired) this.#retiredAt = this.#now();
    this.#retired = true;
    this.#wake.unsafeOpen();
  }

  /** From now on nothing is attempted. */
  stop(): void {
    this.#stopped = true;
  }

  /** Ends all that waits as dropped and leaves the budget; answers how many there were. */
  abandon(): number {
    const left = this.#held;
    while (this.dropOldest("shutdown"));
    this.#seat?.leave();
    return left;
  }

  /** Moves waiting bodies together where slabs are mostly unused. */
  compact(): void {
    const { slabs } = this.context;
    this.#ready.compact(slabs);
    for (const waiting of [this.#urgent, this.#retries, this.#parked, this.#lanes]) {
      for (const delivery of waiting) slabs.compact(delivery);
    }
  }

  /** The endpoint's clock: one fiber for all retries, probes and deadlines. It ends when the endpoint has left. */
  get timer(): Effect.Effect<void> {
    return Effect.whileLoop({
      while: () => !this.#leave(),
      body: () => {
        this.#wake.unsafeClose();
        const due = this.#nextDue();
        this.#sleepsUntil = due;
        if (due === Infinity) return this.#wake.await;
        // Past an hour it looks again: timers of the platform end at 2^31 ms.
        const wait = Math.min(due - this.#now(), 3_600_000);
        const rest = wait <= 0
          ? Effect.void
          : Effect.raceFirst(Effect.sleep(wait), this.#wake.await);
        return Effect.andThen(rest, () => this.#tick());
      },
      step: () => {},
    });
  }

  /**
   * A retired endpoint that has settled lets go of all that it has: called by the timer alone, so never
   * in the midst of something. What waits for a URL that is gone as well would wait for ever: it is dropped.
   */
  #leave(): boolean {
    if (this.#now() >= this.#givesUpAt) { while (this.dropOldest("gone")); }
    if (!this.#retired || !this.settled) return false;
    while (this.dropOldest("gone"));
    this.#seat?.leave();
    this.transport.executor.forget(this);
    this.counters.breaker = "removed";
    this.context.log.forget(this.counters.url);
    this.context.onLeft(this);
    return true;
  }

  /**
   * When a retired endpoint gives up what waits, because what was never attempted has no other end: when
   * its URL has failed for as long as a retry would have waited.
   */
  get #givesUpAt(): number {
    const since = this.#illSince;
    if (!this.#retired || since === Infinity || this.#held === this.#inFlight) return Infinity;
    return Math.max(since, this.#retiredAt) + this.#settings.retry.maxElapsedTime;
  }

  /** When the failures in a row began that go on; Infinity: there are none. */
  get #illSince(): number {
    const breaker = this.#breaker;
    if (breaker._tag === "Gone" || (breaker._tag === "Closed" && breaker.failures === 0)) {
      return Infinity;
    }
    return breaker.since;
  }

  #takes(): number {
    const { executor } = this.transport;
    return executor.takes(this.#settings.concurrencyLimit, this.context.backlog.capacity);
  }

  #now(): number {
    return this.context.clock.unsafeCurrentTimeMillis();
  }

  #hold(n: number, places: number): void {
    this.#held += n;
    this.#places += places;
    if (this.#failing) this.context.backlog.addFailing(places);
  }

  /** The delivery is at its end; what waited behind it goes next. */
  #end(delivery: Delivery, leavesLane = true): void {
    const places = placesOf(delivery.length);
    this.#hold(-1, -places);
    this.context.slabs.release(delivery.slab, delivery.length);
    if (leavesLane && delivery.lane !== undefined) {
      const next = this.#lanes.leave(delivery.lane);
      if (next !== undefined) this.#urgent.push(next);
    }
    this.context.backlog.add(-places);
    if (this.#held === 0) this.#tellSettled();
  }

  #drop(delivery: Delivery, reason: DropReason, leavesLane: boolean): void {
    this.counters.queued[delivery.event]!--;
    this.counters.dropped(delivery.event, reason);
    this.#end(delivery, leavesLane);
    if (reason !== "shutdown") this.#say(LogLevel.Warning, `dropped (${reason})`);
  }

  #mayAttempt(): boolean {
    if (this.#stopped) return false;
    // Ahead of what may be sent an executor takes small bodies only: it has a copy of each.
    if (this.#inFlight >= this.#settings.concurrencyLimit && this.#placesInFlight >= this.#most) {
      return false;
    }
    switch (this.#breaker._tag) {
      case "Closed":
        return this.#urgent.length > 0 || (this.#ready.length > 0 && !this.#behindRetries);
      case "Open":
        return this.#now() >= this.#breaker.probeAt && !this.#behindRetries &&
          this.#urgent.length + this.#ready.length + this.#parked.length > 0;
      case "Probing":
      case "Gone":
        return false;
    }
  }

  /** Sequential: whether everything else has to wait for a retry. */
  get #behindRetries(): boolean {
    return this.transport.sequential && this.#retries.length > 0;
  }

  /** The next to be attempted; those that are too late for it end on the way. */
  #takeNext(): Delivery | undefined {
    for (;;) {
      const parked = this.#breaker._tag === "Open" ? this.#parked.pop() : undefined;
      const delivery = parked ?? this.#urgent.shift() ??
        (this.#behindRetries ? undefined : this.#ready.shift());
      if (delivery?.retry === undefined || this.#now() <= startBy(delivery)) return delivery;
      this.#giveUp(delivery, delivery.retry.reason);
    }
  }

  /** To be attempted again; while the breaker is open, what was retried waits no longer than its deadline. */
  #wait(delivery: Delivery): void {
    if (this.#breaker._tag === "Closed" || delivery.retry === undefined) {
      this.#urgent.push(delivery);
    } else {
      delivery.dueAt = delivery.retry.deadline;
      this.#parked.push(delivery);
      this.#alarm(delivery.dueAt);
    }
  }

  #attempt(delivery: Delivery): void {
    if (this.#breaker._tag === "Open") {
      this.#become({ ...this.#breaker, _tag: "Probing", probe: delivery.id });
    }
    this.counters.queued[delivery.event]!--;
    this.counters.inFlight[delivery.event]!++;
    this.counters.attempts++;
    this.#inFlight++;
    this.#placesInFlight += placesOf(delivery.length);
    this.transport.executor.attempt(this, delivery);
  }

  #failed(delivery: Delivery, error: DeliveryError): void {
    const { event } = delivery;
    if (!error.retryable) {
      this.context.pace.end();
      this.counters.failed(event, error.reason);
      this.#say(LogLevel.Warning, "refused by the receiver", { reason: error.reason });
      if (error.gone) this.#become({ _tag: "Gone", since: this.#now() });
      this.#end(delivery);
      if (error.gone) this.#checkFailing();
      else this.#answered(); // it answers; it does not want this event
      return;
    }
    const now = this.#now();
    this.counters.queued[event]!++;
    this.#countFailure(delivery, error, now);
    const { state, due } = this.context.runSync(
      RetrySchedule.step(
        this.#retrySchedule,
        delivery.retry?.state ?? this.#retrySchedule.initial,
        now,
        error,
      ),
    );
    if (due === undefined) return this.#giveUp(delivery, error.reason);
    delivery.retry = {
      state,
      reason: error.reason,
      deadline: delivery.retry?.deadline ?? RetrySchedule.deadline(this.#settings.retry, now),
    };
    delivery.dueAt = due;
    // Outcomes come in the order of events. All retries are due together, at the latest of their
    // moments: a younger one that was due first would overtake.
    if (this.transport.sequential) {
      if (this.#retries.length > 0) delivery.dueAt = Math.max(due, this.#latestDue);
      this.#latestDue = delivery.dueAt;
    }
    this.#retries.push(delivery);
    this.#alarm(delivery.dueAt);
  }

  #giveUp(delivery: Delivery, reason: string): void {
    this.counters.queued[delivery.event]!--;
    this.counters.failed(delivery.event, reason);
    this.#say(LogLevel.Error, "given up after its retries", { reason });
    this.#end(delivery);
  }

  #countFailure(delivery: Delivery, error: DeliveryError, now: number): void {
    const breaker = this.#breaker;
    if (breaker._tag === "Probing" && breaker.probe === delivery.id) {
      this.#open(breaker.since, breaker.schedule, now);
    } else if (breaker._tag === "Closed") {
      const failures = breaker.failures + 1;
      const began = error.reason === "timeout" ? now - this.#settings.httpTimeout : now;
      const since = breaker.failures === 0 ? began : breaker.since;
      if (breaker.failures === 0) {
        this.#say(LogLevel.Warning, "attempt failed", {
          reason: error.reason,
          detail: error.detail,
        });
      }
      if (failures >= this.context.breakerFailures()) {
        this.#open(since, this.#probeSchedule.initial, now);
      } else this.#breaker = { _tag: "Closed", failures, since };
      if (breaker.failures === 0) this.#alarm(since + FAILING_AFTER_MS);
    }
    this.#checkFailing();
  }

  #open(since: number, schedule: unknown, now: number): void {
    const { state, due } = this.context.runSync(
      RetrySchedule.step(this.#probeSchedule, schedule, now, undefined),
    );
    // The back-off has no end.
    const probeAt = due ?? now + this.#settings.retry.maxInterval;
    this.#become({ _tag: "Open", since, probeAt, schedule: state });
    this.#alarm(probeAt);
  }

  #answered(): void {
    const breaker = this.#breaker;
    if (breaker._tag === "Gone" || (breaker._tag === "Closed" && breaker.failures === 0)) return;
    this.#close();
  }

  #close(): void {
    this.#become(closed);
    if (this.#failing) {
      this.#failing = false;
      this.context.backlog.addFailing(-this.#places);
    }
    for (const delivery of this.#parked.takeWhere(() => true)) this.#urgent.push(delivery);
  }

  /** Changes the breaker's state, and says so where it opens or closes. */
  #become(breaker: Breaker): void {
    const before = this.counters.breaker;
    this.#breaker = breaker;
    const now = breaker._tag === "Closed" ? "closed" : breaker._tag === "Gone" ? "gone" : "open";
    if (now === before) return;
    this.counters.breaker = now;
    // What was handed over and is not on its way yet would be more than the one probe.
    if (now !== "closed") this.transport.executor.recall(this);
    this.context.log.always(
      now === "closed" ? LogLevel.Info : LogLevel.Warning,
      `breaker ${now}`,
      { url: this.counters.url, waiting: this.#held },
    );
  }

  /** Failing from now on: what waits here no longer counts as pressure, and is bounded instead. */
  #checkFailing(): void {
    if (this.#failing) return;
    const since = this.#breaker._tag === "Gone" ? -Infinity : this.#illSince;
    if (this.#now() < since + FAILING_AFTER_MS) return;
    this.#failing = true;
    this.context.backlog.addFailing(this.#places);
    if (this.context.backlog.failingExcess > 0) this.context.shedExcess();
  }

  #alarm(due: number): void {
    if (due < this.#sleepsUntil) this.#wake.unsafeOpen();
  }

  #nextDue(): number {
    const breaker = this.#breaker;
    return Math.min(
      this.#behindRetries ? this.#latestDue : this.#retries.peek()?.dueAt ?? Infinity,
      this.#parked.peek()?.dueAt ?? Infinity,
      // A probe that found nothing to send is sent by the next `offer`.
      breaker._tag === "Open" && breaker.probeAt > this.#now() ? breaker.probeAt : Infinity,
      this.#failing ? Infinity : this.#illSince + FAILING_AFTER_MS,
      this.#givesUpAt,
    );
  }

  #tick(): void {
    const now = this.#now();
    this.#checkFailing();
    const due = this.#behindRetries && this.#latestDue > now ? -Infinity : now;
    for (let next = this.#retries.peek(); next && next.dueAt <= due; next = this.#retries.peek()) {
      this.#retries.pop();
      this.#wait(next);
    }
    this.pump(); // before the deadlines below: a probe may save one
    for (let next = this.#parked.peek(); next && next.dueAt <= now; next = this.#parked.peek()) {
      this.#parked.pop();
      this.#giveUp(next, next.retry?.reason ?? "network");
    }
  }

  #tellSettled(): void {
    if (this.#retired) this.#wake.unsafeOpen();
    this.context.onSettled();
  }

  #say(level: LogLevel.LogLevel, message: string, fields: Record<string, string> = {}): void {
    this.context.log.limited(level, this.counters.url, message, fields);
  }
}
