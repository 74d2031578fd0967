/**
 * One URL: what waits for it is attempted, tried again, and brought to its end, and each is told to its account.
 * All of it is plain state on the broker's thread, so that counts and order are exact whoever makes the attempts.
 * Which goes next is Waiting's matter, whether the URL is sent to the Breaker's, whether one may go now the
 * AttemptGate's. It must never touch another endpoint's state, nor hold a permit while it waits for a retry.
 *
 * Over 400 lines, because what happens to one attempt and its deliveries moves all of these at once: queue, breaker, account,
 * permit and timer change together here or are wrong by one.
 */
import type * as Effect from "effect/Effect";
import type { EndpointSettings } from "../../domain/WebHookSettings.ts";
import { monotonicMillis } from "../../ops/monotonic.ts";
import { placesOf } from "../account/Backlog.ts";
import type { DropReason, EndpointCounters } from "../account/Metrics.ts";
import type { LiveGroup } from "../outbox/Outbox.ts";
import type { Attempt, Outcome } from "../attempt/Attempt.ts";
import { startBy } from "../attempt/Attempt.ts";
import type { Sending } from "../attempt/Batch.ts";
import { Batch, carriedBy } from "../attempt/Batch.ts";
import type { Seat } from "../attempt/ConcurrencyBudget.ts";
import type { Delivery } from "../attempt/Delivery.ts";
import type { DeliveryError } from "../attempt/DeliveryError.ts";
import { isOfContent } from "../attempt/DeliveryError.ts";
import type { Attempting } from "../attempt/Executor.ts";
import { AttemptGate } from "./AttemptGate.ts";
import * as Breaker from "./Breaker.ts";
import { EndpointAccount } from "./EndpointAccount.ts";
import type { EndpointContext, EndpointTransport } from "./EndpointContext.ts";
import type { EndpointInMemory } from "./EndpointOnDisk.ts";
import { EndpointOnDisk } from "./EndpointOnDisk.ts";
import { EndpointTimer } from "./EndpointTimer.ts";
import { Occupancy } from "./Occupancy.ts";
import { Pacing } from "./Pacing.ts";
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
  readonly #account: EndpointAccount;
  readonly #transport: EndpointTransport;
  readonly #waiting: Waiting;
  readonly #occupancy: Occupancy;
  readonly #seat: Seat | undefined;
  readonly #timer: EndpointTimer;
  /** Undefined: all that waits is in memory. */
  readonly #onDisk: EndpointOnDisk | undefined;

  readonly #pacing = new Pacing(() => this.#now());
  readonly #gate: AttemptGate;

  #settings: EndpointSettings;
  #retryTimes: RetryTimes;
  #breaker: Breaker.Breaker = Breaker.CLOSED;
  #pumping = false;
  #stopped = false;
  /** No settings name it. */
  #retired = false;
  #retiredAt = 0;

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
    this.#account = new EndpointAccount(settings.url, context, counters);
    this.#transport = transport;
    this.#waiting = new Waiting(transport.sequential, context.shares);
    this.#occupancy = new Occupancy(context.backlog, context.arrivals, context.slabs);
    this.#timer = new EndpointTimer(context.clock);
    if (context.disk !== undefined) {
      this.#onDisk = new EndpointOnDisk(settings.url, context, context.disk, this.#inMemory());
    }
    this.#settings = settings;
    this.#retryTimes = new RetryTimes(settings.retry, context.runSync);
    this.#gate = new AttemptGate(
      settings,
      context,
      transport.executor,
      this.#waiting,
      this.#occupancy,
      this.#pacing,
    );
    this.#pace();
    this.#seat = transport.budget?.join(() => this.pump());
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

  /** Counts an event that is dropped before it becomes a delivery. */
  refuse(event: number, reason: DropReason): void {
    this.#account.turnedAway(event, reason);
  }

  /** Takes a delivery. It is counted as matched here; the Backlog counted it before. */
  offer(delivery: Delivery): void {
    this.#account.matched(delivery);
    if (this.#onDisk?.offer(delivery, this.#gate.ahead(this.#breaker))) return;
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
  #inMemory(): EndpointInMemory {
    return {
      account: this.#account,
      occupancy: this.#occupancy,
      isLaneless: this.sequential,
      isStopped: () => this.#stopped,
      isGone: () => this.#breaker._tag === "Gone",
      find: (wanted) => this.held > MOST_LOOKED_THROUGH ? [] : this.#waiting.find(wanted),
      evict: () => this.#waiting.evict(this.held),
      take: (delivery) => {
        this.#context.backlog.add(placesOf(delivery.length));
        this.#take(delivery);
      },
      taken: () => this.#shedIfFailing(),
      hasMostOnDisk: (most) => this.#owner.mostOnDisk(most) === this,
    };
  }

  #take(delivery: Delivery): void {
    this.#context.pace.matched++;
    this.#occupancy.take(delivery);
    this.#pacing.came(delivery.id);
    if (this.#waiting.add(delivery)) this.pump();
  }

  complete(attempt: Attempt, outcome: Outcome, took?: number, status?: number): void {
    const sending = attempt as Sending; // what `pump` gave to the executor is what comes back
    if (took !== undefined && outcome._tag !== "Returned") this.#account.requestTook(took);
    this.#occupancy.addAttempts(-1);
    if (sending instanceof Batch) {
      sending.letGo();
      for (const delivery of sending.deliveries) this.#cameBack(delivery);
    } else this.#cameBack(sending);
    switch (outcome._tag) {
      case "Delivered":
        if (outcome.fault !== undefined) this.#account.faultyAnswer(outcome.fault);
        this.#attemptDelivered(sending, took, status);
        this.#answered();
        this.#account.works();
        break;
      case "Failed":
        if (outcome.fault !== undefined) this.#account.faultyAnswer(outcome.fault);
        this.#failed(sending, outcome.error, took);
        break;
      case "Returned":
        this.#notAttempted();
        // falls through: it waits again
      case "Lost":
        this.#account.waitsAgain(sending);
        this.#wait(sending);
        this.#step({ _tag: "Return", id: sending.id, at: this.#now() });
        break;
    }
    this.#seat?.release();
    this.pump();
    // What came back from the executor of a URL that is gone or paused settles it without an end.
    if (this.#isShut) this.#tellSettled();
  }

  #cameBack(delivery: Delivery): void {
    this.#occupancy.back(delivery);
    this.#account.cameBack(delivery);
  }

  #attemptDelivered(sending: Sending, took: number | undefined, status: number | undefined): void {
    const now = this.#context.now();
    this.#account.attemptDelivered(now);
    this.#waiting.leave(sending);
    if (sending instanceof Batch) {
      for (const delivery of sending.deliveries) this.#delivered(delivery, now, took, status);
    } else this.#delivered(sending, now, took, status);
  }

  #delivered(
    delivery: Delivery,
    now: number,
    took: number | undefined,
    status: number | undefined,
  ): void {
    this.#account.delivered(delivery, now, took, status);
    this.#context.pace.end();
    this.#end(delivery);
  }

  /** An attempt that was begun was not made. */
  #notAttempted(): void {
    this.#account.attemptNotMade();
    this.#pacing.notMade();
  }

  /**
   * Ends the delivery that has waited longest as dropped, or all of its batch, which can be sent again as a
   * whole only; returns false when none waits.
   */
  dropOldest(reason: DropReason): boolean {
    const sending = this.#waiting.takeOldest();
    if (sending === undefined) return false;
    for (const delivery of carriedBy(sending)) {
      this.#account.dropped(delivery, reason);
      this.#end(delivery);
    }
    return true;
  }

  /** Attempts what may be attempted now. */
  pump(): void {
    if (this.#pumping) return; // an attempt that ended at once; the loop below goes on by itself
    this.#pumping = true;
    try {
      while (!this.#stopped && this.#gate.mayAttempt(this.#breaker)) {
        if (this.#seat !== undefined && !this.#seat.tryAcquire()) break;
        const sending = this.#takeNext();
        if (sending === undefined) {
          this.#seat?.release();
          break;
        }
        this.#attempt(sending);
      }
    } finally {
      this.#pumping = false;
    }
    if (this.#gate.isPaced) this.#timer.wakeBy(this.#gate.nextMoment);
  }

  /** Takes over new settings and closes the breaker, which also forgets a 410. */
  reconfigure(settings: EndpointSettings): void {
    this.#retired = false;
    this.#settings = settings;
    this.#retryTimes = new RetryTimes(settings.retry, this.#context.runSync);
    this.#gate.configure(settings);
    this.#pace();
    this.#transport.executor.configure(this);
    this.#step({ _tag: "Reset" });
    this.pump();
  }

  /** From now on nothing is sent, until it is resumed; not where its URL is gone. */
  pause(): void {
    this.#step({ _tag: "Pause", at: this.#now() });
    this.#checkFailing();
    this.#timer.wake(); // it may have waited for its next probe
    if (this.#isShut) this.#tellSettled();
  }

  /** Sends again what waits, where it was paused. */
  resume(): void {
    this.#step({ _tag: "Resume" });
    this.pump();
  }

  /** Asks the executor anew how much it takes. */
  resize(): void {
    this.#gate.resize();
    this.pump();
  }

  /**
   * No settings name it any more: it leaves as soon as it has settled, unless `reconfigure` comes before.
   * Where its URL fails it waits no longer than a retry would.
   */
  retire(): void {
    if (!this.#retired) this.#retiredAt = this.#now();
    this.#retired = true;
    this.#timer.wake();
  }

  /** From now on nothing is attempted. */
  stop(): void {
    this.#stopped = true;
  }

  /** Leaves the budget and all that waits, which is kept on disk, or dropped; returns how many there were. */
  abandon(areKept: boolean): number {
    this.#seat?.leave();
    const { left } = this.#account;
    if (!areKept) { while (this.dropOldest("shutdown")); }
    this.#account.abandoned(areKept);
    return left;
  }

  /** Moves waiting bodies together where slabs are mostly unused. */
  compact(): void {
    this.#waiting.compact(this.#context.slabs);
  }

  /** The endpoint's clock: one fiber for all retries, probes and deadlines. It ends when the endpoint has left. */
  get timer(): Effect.Effect<void> {
    return this.#timer.run({
      leave: () => this.#leave(),
      nextDue: () => this.#nextDue(),
      tick: () => this.#tick(),
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
    this.#account.removed();
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

  /** Takes over by how many at a time, and how often, attempts are made. */
  #pace(): void {
    this.#waiting.setBatches(this.#settings.batch);
    this.#pacing.configure(this.#settings);
  }

  #now(): number {
    return monotonicMillis(this.#context.clock);
  }

  #end(delivery: Delivery): void {
    this.#account.ended(delivery);
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

  /** The next to be attempted; what is too late for it ends on the way, unless the rate limit has made it so. */
  #takeNext(): Sending | undefined {
    const probing = this.#breaker._tag === "Open";
    do {
      const sending = this.#waiting.next(probing);
      if (sending?.retry === undefined) return sending; // most, for which no clock is looked at
      const now = this.#now();
      if (now <= startBy(sending)) return sending;
      if (this.#pacing.isLimited) {
        sending.retry = { ...sending.retry, deadline: now };
        return sending;
      }
      this.#giveUp(sending);
    } while (this.#gate.hasNext(probing));
    return undefined;
  }

  /** To be attempted again; while the breaker is open, what was retried waits no longer than its deadline. */
  #wait(sending: Sending): void {
    if (this.#breaker._tag === "Closed" || sending.retry === undefined) {
      this.#waiting.again(sending);
    } else {
      this.#waiting.park(sending, sending.retry.deadline);
      this.#timer.wakeBy(sending.dueAt);
    }
  }

  #attempt(sending: Sending): void {
    if (this.#breaker._tag === "Open") this.#step({ _tag: "Attempt", id: sending.id });
    if (sending instanceof Batch) {
      for (const delivery of sending.deliveries) this.#leaves(delivery);
    } else this.#leaves(sending);
    this.#account.attemptBegins();
    this.#occupancy.addAttempts(1);
    this.#pacing.begin();
    this.#transport.executor.attempt(this, sending);
  }

  #leaves(delivery: Delivery): void {
    this.#account.leaves(delivery);
    this.#occupancy.sent(delivery);
  }

  #failed(sending: Sending, error: DeliveryError, took: number | undefined): void {
    if (error.reason === "local") return this.#notMade(sending, error);
    this.#account.attemptFailed(error);
    if (!error.retryable) return this.#refused(sending, error, took);
    this.#account.failedForNow(sending, error, took);
    const now = this.#now();
    const began = error.reason === "timeout" ? now - this.#settings.httpTimeout : now;
    this.#step({ _tag: "Failure", id: sending.id, at: now, began }, error);
    this.#checkFailing();
    const due = this.#retryTimes.afterFailure(sending, error, now);
    if (due === undefined) return this.#giveUp(sending);
    this.#waiting.retry(sending, due);
    this.#timer.wakeBy(sending.dueAt);
  }

  /** It is not to be sent again; the events of a batch are, each by itself: it may be wrong for one of them alone. */
  #refused(sending: Sending, error: DeliveryError, took: number | undefined): void {
    if (sending instanceof Batch && sending.deliveries.length > 1 && isOfContent(error)) {
      this.#account.failedForNow(sending, error, took);
      this.#waiting.split(sending);
      return this.#answered();
    }
    const deliveries = carriedBy(sending);
    for (const delivery of deliveries) {
      this.#context.pace.end();
      this.#account.refused(delivery, error, took);
    }
    if (error.gone) this.#step({ _tag: "Gone", at: this.#now() });
    this.#waiting.leave(sending);
    for (const delivery of deliveries) this.#end(delivery);
    if (error.gone) this.#checkFailing();
    else this.#answered(); // it answers; it does not want this event
  }

  /** We could not make the attempt: it counts against neither the receiver nor the event, which waits. */
  #notMade(sending: Sending, { detail }: DeliveryError): void {
    const due = this.#now() + SHORTAGE_REST_MS;
    const { retry } = sending;
    if (retry !== undefined) {
      sending.retry = { ...retry, deadline: retry.deadline + SHORTAGE_REST_MS };
    }
    this.#notAttempted();
    this.#account.waitsAgain(sending);
    this.#account.shortage(detail);
    this.#gate.rest(due);
    this.#step({ _tag: "Return", id: sending.id, at: due });
    this.#wait(sending);
    this.#timer.wakeBy(due);
    this.#context.onShortage();
  }

  /** Its retries are over. */
  #giveUp(sending: Sending): void {
    const { reason = "network" } = sending.retry ?? {};
    const deliveries = carriedBy(sending);
    for (const delivery of deliveries) {
      this.#account.givenUp(delivery, reason, this.failing);
    }
    this.#waiting.leave(sending);
    for (const delivery of deliveries) this.#end(delivery);
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
          this.#account.breakerIs(order.label, this.held);
          break;
        case "Warn":
          if (error !== undefined) this.#account.firstFailed(error);
          break;
        case "Recall":
          this.#transport.executor.recall(this);
          break;
        case "Resume":
          this.#resume();
          break;
        case "Wake":
          this.#timer.wakeBy(order.at);
          break;
      }
    }
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

  #nextDue(): number {
    return Math.min(
      this.#waiting.nextDue,
      this.#gate.nextDue(this.#breaker),
      this.failing ? Infinity : Breaker.countsAsFailingFrom(this.#breaker),
      this.#givesUpAt,
    );
  }

  #tick(): void {
    const now = this.#pacing.look();
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
    if (this.#retired) this.#timer.wake();
    this.#owner.onSettled();
  }
}
