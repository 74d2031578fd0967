/**
 * One URL: what waits for it is attempted, tried again, and brought to its end, and each is counted. All of
 * it is plain state on the broker's thread, so that counts and order are exact whoever makes the attempts.
 * Which goes next is Waiting's matter, whether anything goes is the Breaker's. It must never touch another
 * endpoint's state, nor hold a permit while it waits for a retry.
 *
 * Over 400 lines, because what happens to one delivery moves all of these at once: queue, breaker, account,
 * permit and timer change together here or are wrong by one.
 */
import * as Effect from "effect/Effect";
import * as LogLevel from "effect/LogLevel";
import type { EndpointSettings } from "../../domain/WebHookSettings.ts";
import type { Fields } from "../../ops/LimitedLog.ts";
import { monotonicMillis } from "../../ops/monotonic.ts";
import type { AnswerFault } from "../../http/AnswerFault.ts";
import { placesOf } from "../account/Backlog.ts";
import type { AttemptOutcome, DropReason, EndpointCounters } from "../account/Metrics.ts";
import type { LetterReason } from "../outbox/DeadLetters.ts";
import type { LiveGroup } from "../outbox/Outbox.ts";
import type { Attempt, Outcome } from "../attempt/Attempt.ts";
import { startBy } from "../attempt/Attempt.ts";
import type { Seat } from "../attempt/ConcurrencyBudget.ts";
import type { Delivery } from "../attempt/Delivery.ts";
import type { DeliveryError, FailureReason } from "../attempt/DeliveryError.ts";
import type { Attempting } from "../attempt/Executor.ts";
import type { DeliveryTap } from "../tap/DeliveryTap.ts";
import * as Breaker from "./Breaker.ts";
import type { EndpointContext, EndpointTransport } from "./EndpointContext.ts";
import type { EndpointInMemory } from "./EndpointOnDisk.ts";
import { EndpointOnDisk } from "./EndpointOnDisk.ts";
import { lossAdvice } from "./lossAdvice.ts";
import { Occupancy } from "./Occupancy.ts";
import { RetryTimes } from "./RetryTimes.ts";
import { Waiting } from "./Waiting.ts";

/** Who has the endpoint, and others beside it. */
export interface EndpointOwner {
  /** Failing endpoints occupy more than they may together. */
  shedExcess(): void;
  /** The failing endpoint with the most on disk, where all of them have more than so many bytes. */
  mostOnDisk(most: number): unknown;
  /** This one has settled; told at times once more than that. */
  onSettled(): void;
  /** A retired endpoint has left its budget and its executor. */
  onLeft(endpoint: Endpoint): void;
}

/**
 * How long nothing is attempted after an attempt that this process could not make, being short of
 * descriptors or memory.
 */
const SHORTAGE_REST_MS = 250;

/** With more that wait, groups of which little is left are not looked for among them: it would take milliseconds. */
const MOST_LOOKED_THROUGH = 16_384;

export class Endpoint implements Attempting {
  readonly #context: EndpointContext;
  readonly #owner: EndpointOwner;
  readonly #counters: EndpointCounters;
  readonly #transport: EndpointTransport;
  readonly #waiting: Waiting;
  readonly #occupancy: Occupancy;
  readonly #seat: Seat | undefined;
  readonly #wake = Effect.unsafeMakeLatch(false);
  /** Undefined: all that waits is in memory. */
  readonly #onDisk: EndpointOnDisk | undefined;

  #settings: EndpointSettings;
  #retryTimes: RetryTimes;
  /** Attempts given to the executor at once. */
  #most: number;
  #breaker: Breaker.Breaker = Breaker.CLOSED;
  #pumping = false;
  #stopped = false;
  /** No settings name it. */
  #retired = false;
  #retiredAt = 0;
  #sleepsUntil = Infinity;
  /** Short of descriptors or memory: nothing is attempted before; 0: nothing is known of it. */
  #restsUntil = 0;
  /** Whether letters may have been written that are to be sent again once it answers. */
  #hasToReplay = true;

  constructor(
    readonly key: number,
    settings: EndpointSettings,
    context: EndpointContext,
    owner: EndpointOwner,
    counters: EndpointCounters,
    transport: EndpointTransport,
  ) {
    this.#context = context;
    this.#owner = owner;
    this.#counters = counters;
    this.#transport = transport;
    this.#waiting = new Waiting(transport.sequential, context.shares);
    this.#occupancy = new Occupancy(context.backlog, context.arrivals, context.slabs);
    if (context.disk !== undefined) {
      this.#onDisk = new EndpointOnDisk(settings.url, context, context.disk, this.#inMemory);
    }
    this.#settings = settings;
    this.#retryTimes = new RetryTimes(settings.retry, context.runSync);
    this.#most = this.#takes();
    this.#seat = transport.budget?.join(() => this.pump());
    counters.breakerIs("closed", context.now()); // they may be those of an endpoint that has left
    transport.executor.configure(this);
  }

  /** Its URL as settings have it. */
  get url(): string {
    return this.#settings.url;
  }

  get settings(): EndpointSettings {
    return this.#settings;
  }

  /** Deliveries that wait or are in flight. */
  get held(): number {
    return this.#occupancy.held;
  }

  /** Whether `endpoint_share` bounds it now. */
  get failing(): boolean {
    return this.#occupancy.isFailing;
  }

  get breaker(): Breaker.Breaker {
    return this.#breaker;
  }

  /** Whether waiting any longer would bring nothing to an end: all is done, or the rest is for a URL that is gone or paused. */
  get settled(): boolean {
    return this.#isEmpty || this.#isShut;
  }

  /** Whether it keeps the order of all events by itself, and needs no lanes. */
  get sequential(): boolean {
    return this.#transport.sequential;
  }

  /** How many have to end before one that comes now is at its end; 0: it goes at once; Infinity: nobody knows. */
  get #ahead(): number {
    if (this.#breaker._tag !== "Closed") return Infinity;
    return this.held > this.#settings.concurrencyLimit ? this.held : 0;
  }

  /** Counts an event that is dropped before it becomes a delivery. */
  refuse(event: number, reason: DropReason): void {
    this.#counters.matched[event]!++; // an event's place is always within
    this.#counters.dropped(event, reason);
    this.#sayLost(reason);
  }

  /** Takes a delivery. It is counted as matched here; the Backlog counted it before. */
  offer(delivery: Delivery): void {
    this.#count(delivery);
    if (this.#onDisk?.offer(delivery, this.#ahead)) return;
    this.#take(delivery);
    this.#shedIfFailing();
    if (this.failing) this.#onDisk?.boundIt();
  }

  /** Some of its rows are on disk, behind `after` and up to `last`: they come before what is new. */
  isBehind(after: number, last: number): void {
    this.#onDisk?.spill.begin(after, last);
  }

  /** Lets what was never attempted wait on disk alone. */
  putAside(): void {
    this.#onDisk?.putAside();
  }

  /** Writes those of these groups anew of which all that is left waits. */
  rewrite(groups: ReadonlySet<LiveGroup>): void {
    this.#onDisk?.rewrite(groups);
  }

  /** What EndpointOnDisk asks of it. */
  readonly #inMemory: EndpointInMemory = {
    name: () => this.#counters.name,
    isStopped: () => this.#stopped,
    isLaneless: () => this.sequential,
    isFailing: () => this.failing,
    isGone: () => this.#breaker._tag === "Gone",
    places: () => this.#occupancy.places,
    find: (wanted) => this.held > MOST_LOOKED_THROUGH ? [] : this.#waiting.find(wanted),
    evict: () => this.#waiting.evict(this.held),
    letGo: (delivery) => this.#occupancy.letGo(delivery),
    take: (delivery) => {
      this.#context.backlog.add(placesOf(delivery.length));
      this.#take(delivery);
    },
    taken: () => this.#shedIfFailing(),
    shed: (record, isCounted, reason) => {
      if (!isCounted) this.#count(record);
      if (this.#tap.isOn) {
        const { body } = record;
        const told = { ...record, slab: { bytes: body }, offset: 0, length: body.length };
        this.#tap.lost(this.#counters.name, told, this.#context.now(), "dropped", reason);
      }
      this.#counters.queued[record.event]!--; // an event's place is always within
      this.#counters.ages.take(record.born);
      this.#counters.dropped(record.event, reason);
      this.#hasToReplay = true;
      this.#sayLost(reason);
    },
    count: (record) => this.#count(record),
    hasMostOnDisk: (most) => this.#owner.mostOnDisk(most) === this,
  };

  #count({ event, born }: Pick<Delivery, "event" | "born">): void {
    this.#counters.matched[event]!++; // an event's place is always within
    this.#counters.queued[event]!++;
    this.#counters.ages.add(born);
  }

  #take(delivery: Delivery): void {
    this.#context.pace.matched++;
    this.#occupancy.take(delivery);
    if (this.#waiting.add(delivery)) this.pump();
  }

  complete(attempt: Attempt, outcome: Outcome, took?: number): void {
    const delivery = attempt as Delivery; // what `pump` gave to the executor is what comes back
    const { event } = delivery;
    if (took !== undefined && outcome._tag !== "Returned") this.#counters.requests.add(took);
    this.#occupancy.back(delivery);
    this.#counters.inFlight[event]!--;
    switch (outcome._tag) {
      case "Delivered":
        if (outcome.fault !== undefined) this.#tellFault(outcome.fault);
        if (this.#tap.isOn) {
          this.#tap.delivered(this.#counters.name, delivery, this.#context.now(), took);
        }
        this.#counters.delivered[event]!++;
        this.#tellDelivered(delivery);
        this.#context.pace.end();
        this.#leaveAndEnd(delivery);
        this.#answered();
        if (this.#hasToReplay) this.#replay();
        break;
      case "Failed":
        if (outcome.fault !== undefined) this.#tellFault(outcome.fault);
        this.#failed(delivery, outcome.error, took);
        break;
      case "Returned":
        this.#counters.attempts--;
        // falls through: it waits again
      case "Lost":
        this.#counters.queued[event]!++;
        this.#wait(delivery);
        this.#step({ _tag: "Return", id: delivery.id, at: this.#now() });
        break;
    }
    this.#seat?.release();
    this.pump();
    // What came back from the executor of a URL that is gone or paused settles it without an end.
    if (this.#isShut) this.#tellSettled();
  }

  /** Ends the delivery that has waited longest as dropped; returns false when none waits. */
  dropOldest(reason: DropReason): boolean {
    const delivery = this.#waiting.takeOldest();
    if (delivery === undefined) return false;
    this.#counters.queued[delivery.event]!--;
    this.#counters.dropped(delivery.event, reason);
    if (this.#tap.isOn) this.#tapLost(delivery, "dropped", reason);
    if (reason !== "shutdown") {
      this.#sayLost(reason); // a stop counts them all in one line
      this.#bury(delivery, reason);
    }
    this.#end(delivery);
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
    this.#retryTimes = new RetryTimes(settings.retry, this.#context.runSync);
    this.#most = this.#takes();
    this.#transport.executor.configure(this);
    this.#step({ _tag: "Reset" });
    this.pump();
  }

  /** From now on nothing is sent, until it is resumed; not where its URL is gone. */
  pause(): void {
    this.#step({ _tag: "Pause", at: this.#now() });
    this.#checkFailing();
    this.#wake.unsafeOpen(); // it may have waited for its next probe
    if (this.#isShut) this.#tellSettled();
  }

  /** Sends again what waits, where it was paused. */
  resume(): void {
    this.#step({ _tag: "Resume" });
    this.pump();
  }

  /** Asks the executor anew how much it takes. */
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

  /** Leaves the budget and all that waits, which is kept on disk, or dropped; returns how many there were. */
  abandon(areKept: boolean): number {
    this.#seat?.leave();
    const left = this.#counters.left;
    if (!areKept) { while (this.dropOldest("shutdown")); }
    this.#counters.leaveQueued(areKept);
    return left;
  }

  /** Moves waiting bodies together where slabs are mostly unused. */
  compact(): void {
    this.#waiting.compact(this.#context.slabs);
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
    const isOver = this.#isEmpty || this.#isShut && this.#breaker._tag === "Gone";
    if (!this.#retired || !isOver) return false;
    while (this.dropOldest("gone"));
    this.#onDisk?.spill.close(); // what is on disk waits for the URL to be named again
    this.#seat?.leave();
    this.#transport.executor.forget(this);
    this.#counters.breakerIs("removed", this.#context.now());
    this.#context.log.flush(this.#counters.name);
    this.#owner.onLeft(this);
    return true;
  }

  /**
   * When a retired endpoint gives up what waits, because what was never attempted has no other end: when
   * its URL has failed for as long as a retry would have waited.
   */
  get #givesUpAt(): number {
    const since = Breaker.failingSince(this.#breaker);
    if (!this.#retired || since === Infinity || this.held === this.#occupancy.inFlight) {
      return Infinity;
    }
    return Math.max(since, this.#retiredAt) + this.#settings.retry.maxElapsedTime;
  }

  #takes(): number {
    const { executor } = this.#transport;
    return executor.takes(this.#settings.concurrencyLimit, this.#context.backlog.capacity);
  }

  #now(): number {
    return monotonicMillis(this.#context.clock);
  }

  get #tap(): DeliveryTap {
    return this.#context.tap;
  }

  #tapLost(
    delivery: Delivery,
    outcome: "failed" | "dropped",
    reason: FailureReason | DropReason,
    error?: DeliveryError,
    took?: number,
  ): void {
    const { name: url } = this.#counters;
    this.#tap.lost(url, delivery, this.#context.now(), outcome, reason, error, took);
  }

  /** One that was on its way is at its end; what waited behind it goes next. */
  #leaveAndEnd(delivery: Delivery): void {
    this.#waiting.leave(delivery);
    this.#end(delivery);
  }

  #end(delivery: Delivery): void {
    this.#counters.ages.take(delivery.born);
    this.#context.disk?.outbox.ended(delivery.id);
    this.#occupancy.letGo(delivery);
    this.#onDisk?.ended();
    if (this.#isEmpty) this.#tellSettled();
  }

  /** Whether nothing waits, neither in memory nor on disk. */
  get #isEmpty(): boolean {
    return this.held === 0 && this.#onDisk?.spill.isBehind !== true;
  }

  /** The receiver wants nothing more, or is not to have it now, and nothing is on its way. */
  get #isShut(): boolean {
    const { _tag } = this.#breaker;
    return (_tag === "Gone" || _tag === "Paused") && this.#occupancy.inFlight === 0;
  }

  #mayAttempt(): boolean {
    if (this.#stopped) return false;
    if (this.#restsUntil > 0) {
      if (this.#now() < this.#restsUntil) return false;
      this.#restsUntil = 0;
    }
    // Ahead of what may be sent an executor takes small bodies only: it has a copy of each.
    const { inFlight, placesInFlight } = this.#occupancy;
    if (inFlight >= this.#settings.concurrencyLimit && placesInFlight >= this.#most) return false;
    switch (this.#breaker._tag) {
      case "Closed":
        return this.#waiting.hasNext(false);
      case "Open":
        return this.#now() >= this.#breaker.probeAt && this.#waiting.hasNext(true);
      case "Probing":
      case "Gone":
      case "Paused":
        return false;
    }
  }

  /** The next to be attempted; those that are too late for it end on the way. */
  #takeNext(): Delivery | undefined {
    for (;;) {
      const delivery = this.#waiting.next(this.#breaker._tag === "Open");
      if (delivery?.retry === undefined || this.#now() <= startBy(delivery)) return delivery;
      this.#giveUp(delivery);
    }
  }

  /** To be attempted again; while the breaker is open, what was retried waits no longer than its deadline. */
  #wait(delivery: Delivery): void {
    if (this.#breaker._tag === "Closed" || delivery.retry === undefined) {
      this.#waiting.again(delivery);
    } else {
      this.#waiting.park(delivery, delivery.retry.deadline);
      this.#alarm(delivery.dueAt);
    }
  }

  #attempt(delivery: Delivery): void {
    if (this.#breaker._tag === "Open") this.#step({ _tag: "Attempt", id: delivery.id });
    this.#counters.queued[delivery.event]!--;
    this.#counters.inFlight[delivery.event]!++;
    this.#counters.attempts++;
    this.#occupancy.sent(delivery);
    this.#transport.executor.attempt(this, delivery);
  }

  #failed(delivery: Delivery, error: DeliveryError, took: number | undefined): void {
    const { event } = delivery;
    if (error.reason === "local") return this.#notMade(delivery, error);
    const { reason, status, detail } = error;
    this.#counters.attempted(attemptOutcome(error));
    this.#counters.lastError = { at: this.#context.now(), reason, status, detail };
    if (!error.retryable) {
      this.#context.pace.end();
      this.#counters.failed(event, error.reason);
      if (this.#tap.isOn) this.#tapLost(delivery, "failed", error.reason, error, took);
      this.#sayLost(error.reason);
      this.#bury(delivery, "refused", error.detail);
      if (error.gone) this.#step({ _tag: "Gone", at: this.#now() });
      this.#leaveAndEnd(delivery);
      if (error.gone) this.#checkFailing();
      else this.#answered(); // it answers; it does not want this event
      return;
    }
    if (this.#tap.isOn) {
      this.#tap.failed(this.#counters.name, delivery, this.#context.now(), error, took);
    }
    const now = this.#now();
    this.#counters.queued[event]!++;
    const began = error.reason === "timeout" ? now - this.#settings.httpTimeout : now;
    this.#step({ _tag: "Failure", id: delivery.id, at: now, began }, error);
    this.#checkFailing();
    const due = this.#retryTimes.afterFailure(delivery, error, now);
    if (due === undefined) return this.#giveUp(delivery);
    this.#waiting.retry(delivery, due);
    this.#alarm(delivery.dueAt);
  }

  /** We could not make the attempt: it counts against neither the receiver nor the event, which waits. */
  #notMade(delivery: Delivery, { detail }: DeliveryError): void {
    const due = this.#now() + SHORTAGE_REST_MS;
    const { retry } = delivery;
    if (retry !== undefined) {
      delivery.retry = { ...retry, deadline: retry.deadline + SHORTAGE_REST_MS };
    }
    this.#counters.attempts--;
    this.#counters.queued[delivery.event]!++;
    this.#say("short of descriptors or memory, attempts wait", { detail });
    this.#restsUntil = due;
    this.#step({ _tag: "Return", id: delivery.id, at: due });
    this.#wait(delivery);
    this.#alarm(due);
    this.#context.onShortage();
  }

  /** Its retries are over. */
  #giveUp(delivery: Delivery): void {
    const { reason = "network" } = delivery.retry ?? {};
    this.#counters.queued[delivery.event]!--;
    this.#counters.failed(delivery.event, reason);
    if (this.#tap.isOn) this.#tapLost(delivery, "failed", reason);
    this.#sayLost(reason);
    this.#bury(delivery, this.failing ? "url_failed" : "given_up", reason);
    this.#leaveAndEnd(delivery);
  }

  /** It is about to end without having been delivered: a dead letter, where such are kept. */
  #bury(delivery: Delivery, reason: LetterReason, detail = ""): void {
    const { letters, disk } = this.#context;
    if (reason === "url_failed" || reason === "endpoint_share") this.#hasToReplay = true;
    letters?.add(this.url, delivery, reason, detail, disk?.outbox.markOf(delivery.id));
  }

  /** It works, for the first time since the start or since it failed. */
  #replay(): void {
    this.#hasToReplay = false;
    this.#context.disk?.replay(this.url);
  }

  #answered(): void {
    if (!Breaker.isHealthy(this.#breaker)) this.#step({ _tag: "Answer" });
  }

  /** Tells the breaker what happened, and does what it orders. `error`: of the attempt that failed. */
  #step(event: Breaker.BreakerEvent, error?: DeliveryError): void {
    const { state, orders } = Breaker.step(this.#breaker, event, {
      failures: this.#context.breakerFailures(),
      nextProbe: this.#retryTimes.nextProbe,
    });
    this.#breaker = state;
    for (const order of orders) {
      switch (order._tag) {
        case "Announce":
          this.#announce(order.label);
          break;
        case "Warn":
          if (error === undefined) break;
          this.#say("attempt failed", {
            reason: error.reason,
            detail: error.detail,
          });
          break;
        case "Recall":
          this.#transport.executor.recall(this);
          break;
        case "Resume":
          this.#resume();
          break;
        case "Wake":
          this.#alarm(order.at);
          break;
      }
    }
  }

  #announce(label: Breaker.BreakerLabel): void {
    this.#counters.breakerIs(label, this.#context.now());
    this.#context.log.always(
      label === "closed" || label === "paused" ? LogLevel.Info : LogLevel.Warning,
      `breaker ${label}`,
      { url: this.#counters.name, waiting: this.held },
    );
  }

  #resume(): void {
    this.#setFailing(false);
    this.#waiting.resume();
    this.#onDisk?.spill.more(); // while it failed it wanted none
  }

  /** Failing from now on: what waits here no longer counts as pressure, and is bounded instead. */
  #checkFailing(): void {
    if (this.failing || this.#now() < Breaker.countsAsFailingFrom(this.#breaker)) return;
    this.#setFailing(true);
    this.#shedIfFailing();
  }

  /** What waits for a URL that fails holds nobody: neither all publishers nor the clients whose it is. */
  #setFailing(isFailing: boolean): void {
    this.#occupancy.setFailing(isFailing);
    this.#waiting.setCounting(!isFailing);
  }

  #shedIfFailing(): void {
    if (this.failing && this.#context.backlog.failingExcess > 0) this.#owner.shedExcess();
  }

  #alarm(due: number): void {
    if (due < this.#sleepsUntil) this.#wake.unsafeOpen();
  }

  #nextDue(): number {
    const breaker = this.#breaker;
    const now = this.#now();
    return Math.min(
      this.#waiting.nextDue,
      this.#restsUntil > now ? this.#restsUntil : Infinity,
      // A probe that found nothing to send is sent by the next `offer`.
      breaker._tag === "Open" && breaker.probeAt > now ? breaker.probeAt : Infinity,
      this.failing ? Infinity : Breaker.countsAsFailingFrom(breaker),
      this.#givesUpAt,
    );
  }

  #tick(): void {
    const now = this.#now();
    this.#checkFailing();
    for (;;) {
      const due = this.#waiting.takeDueRetry(now);
      if (due === undefined) break;
      this.#wait(due);
    }
    this.pump(); // before the deadlines below: a probe may save one
    for (;;) {
      const overdue = this.#waiting.takeOverdue(now);
      if (overdue === undefined) break;
      this.#giveUp(overdue);
    }
  }

  #tellSettled(): void {
    if (this.#retired) this.#wake.unsafeOpen();
    this.#owner.onSettled();
  }

  #tellDelivered({ born }: Delivery): void {
    const now = this.#context.now();
    this.#counters.attempted("ok");
    this.#counters.lastSuccess = now;
    this.#counters.delays.add(Math.max(0, now - born)); // the wall clock may have been set
  }

  /** Said once for each kind; how many there were is in the figures. */
  #tellFault({ kind, detail }: AnswerFault): void {
    if (this.#counters.answerFault(kind) > 1) return;
    this.#context.log.always(
      LogLevel.Warning,
      "a faulty answer: its status counts, its connection is closed; more of this kind are only counted",
      { url: this.#counters.name, kind, detail },
    );
  }

  /** An event has come to an end here that is none of being delivered. */
  #sayLost(reason: FailureReason | DropReason): void {
    const message = this.#context.letters === undefined
      ? "event lost"
      : "event given up, kept as a dead letter";
    this.#say(message, { reason, advice: lossAdvice(reason) });
  }

  #say(message: string, fields: Fields): void {
    const { name: url } = this.#counters;
    this.#context.log.limited(LogLevel.Warning, url, message, { url, ...fields });
  }
}

const attemptOutcome = ({ reason, status, retryable }: DeliveryError): AttemptOutcome => {
  if (reason === "timeout") return "timeout";
  if (status === undefined) return "network";
  return retryable ? "retry" : "refused";
};
