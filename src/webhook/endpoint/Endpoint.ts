/**
 * One URL: what waits for it is attempted, tried again, and brought to its end, and each is counted. All of
 * it is plain state on the broker's thread, so that counts and order are exact whoever makes the attempts.
 * Which goes next is Waiting's matter, whether anything goes is the Breaker's. It must never touch another
 * endpoint's state, nor hold a permit while it waits for a retry.
 *
 * Over 400 lines, because what happens to one attempt and its deliveries moves all of these at once: queue, breaker, account,
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
import type { Sending } from "../attempt/Batch.ts";
import { Batch, carriedBy } from "../attempt/Batch.ts";
import type { Seat } from "../attempt/ConcurrencyBudget.ts";
import type { Delivery } from "../attempt/Delivery.ts";
import type { DeliveryError, FailureReason } from "../attempt/DeliveryError.ts";
import { isOfContent } from "../attempt/DeliveryError.ts";
import type { Attempting } from "../attempt/Executor.ts";
import type { DeliveryTap } from "../tap/DeliveryTap.ts";
import * as Breaker from "./Breaker.ts";
import type { EndpointContext, EndpointTransport } from "./EndpointContext.ts";
import type { EndpointInMemory } from "./EndpointOnDisk.ts";
import { EndpointOnDisk } from "./EndpointOnDisk.ts";
import { lossAdvice } from "./lossAdvice.ts";
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
  readonly #counters: EndpointCounters;
  readonly #transport: EndpointTransport;
  readonly #waiting: Waiting;
  readonly #occupancy: Occupancy;
  readonly #seat: Seat | undefined;
  readonly #wake = Effect.unsafeMakeLatch(false);
  /** Undefined: all that waits is in memory. */
  readonly #onDisk: EndpointOnDisk | undefined;

  readonly #pacing = new Pacing(() => this.#now());

  #settings: EndpointSettings;
  #retryTimes: RetryTimes;
  /** Attempts given to the executor at once. */
  #most: number;
  #breaker: Breaker.Breaker = Breaker.CLOSED;
  /** Whether attempts wait for moments of Pacing. */
  #isPaced = false;
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
    this.#pace();
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
    if (this.#breaker._tag !== "Closed" || this.#pacing.isOver) return Infinity;
    const { concurrencyLimit, batch } = this.#settings;
    return this.held > concurrencyLimit * (batch?.maxEvents ?? 1) ? this.held : 0;
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
    this.#pacing.came(delivery.id);
    if (this.#waiting.add(delivery)) this.pump();
  }

  complete(attempt: Attempt, outcome: Outcome, took?: number): void {
    const sending = attempt as Sending; // what `pump` gave to the executor is what comes back
    if (took !== undefined && outcome._tag !== "Returned") this.#counters.requests.add(took);
    this.#occupancy.addAttempts(-1);
    if (sending instanceof Batch) {
      sending.letGo();
      for (const delivery of sending.deliveries) this.#cameBack(delivery);
    } else this.#cameBack(sending);
    switch (outcome._tag) {
      case "Delivered":
        if (outcome.fault !== undefined) this.#tellFault(outcome.fault);
        this.#attemptDelivered(sending, took);
        this.#answered();
        if (this.#hasToReplay) this.#replay();
        break;
      case "Failed":
        if (outcome.fault !== undefined) this.#tellFault(outcome.fault);
        this.#failed(sending, outcome.error, took);
        break;
      case "Returned":
        this.#notAttempted();
        // falls through: it waits again
      case "Lost":
        this.#queue(sending);
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
    this.#counters.inFlight[delivery.event]!--; // an event's place is always within
  }

  #attemptDelivered(sending: Sending, took: number | undefined): void {
    const now = this.#context.now();
    this.#counters.attempted("ok");
    this.#counters.lastSuccess = now;
    this.#waiting.leave(sending);
    if (sending instanceof Batch) {
      for (const delivery of sending.deliveries) this.#delivered(delivery, now, took);
    } else this.#delivered(sending, now, took);
  }

  #delivered(delivery: Delivery, now: number, took: number | undefined): void {
    if (this.#tap.isOn) this.#tap.delivered(this.#counters.name, delivery, now, took);
    this.#counters.delivered[delivery.event]!++; // an event's place is always within
    this.#counters.delays.add(Math.max(0, now - delivery.born)); // the wall clock may have been set
    this.#context.pace.end();
    this.#end(delivery);
  }

  /** What was in flight waits again. */
  #queue(sending: Sending): void {
    for (const { event } of carriedBy(sending)) this.#counters.queued[event]!++; // as above
  }

  /** An attempt that was begun was not made. */
  #notAttempted(): void {
    this.#counters.attempts--;
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
      this.#counters.queued[delivery.event]!--; // an event's place is always within
      this.#counters.dropped(delivery.event, reason);
      if (this.#tap.isOn) this.#tapLost(delivery, "dropped", reason);
      if (reason !== "shutdown") {
        this.#sayLost(reason); // a stop counts them all in one line
        this.#bury(delivery, reason);
      }
      this.#end(delivery);
    }
    return true;
  }

  /** Attempts what may be attempted now. */
  pump(): void {
    if (this.#pumping) return; // an attempt that ended at once; the loop below goes on by itself
    this.#pumping = true;
    try {
      while (this.#mayAttempt()) {
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
    if (this.#isPaced) this.#alarm(this.#nextMoment);
  }

  /** Takes over new settings and closes the breaker, which also forgets a 410. */
  reconfigure(settings: EndpointSettings): void {
    this.#retired = false;
    this.#settings = settings;
    this.#retryTimes = new RetryTimes(settings.retry, this.#context.runSync);
    this.#most = this.#takes();
    this.#pace();
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
    const { concurrencyLimit, rateLimit } = this.#settings;
    // What an executor has ahead it would send all at once.
    if (rateLimit !== undefined) return concurrencyLimit;
    return executor.takes(concurrencyLimit, this.#context.backlog.capacity);
  }

  /** Takes over by how many at a time, and how often, attempts are made. */
  #pace(): void {
    const { batch, rateLimit } = this.#settings;
    this.#isPaced = batch !== undefined || rateLimit !== undefined;
    this.#waiting.setBatches(batch);
    this.#pacing.configure(this.#settings);
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
    const { attempts, placesInFlight } = this.#occupancy;
    if (attempts >= this.#settings.concurrencyLimit && placesInFlight >= this.#most) return false;
    if (this.#pacing.isOver) return false;
    switch (this.#breaker._tag) {
      case "Closed":
        return this.#hasNext(false);
      case "Open":
        return this.#now() >= this.#breaker.probeAt && this.#hasNext(true);
      case "Probing":
      case "Gone":
      case "Paused":
        return false;
    }
  }

  #hasNext(probing: boolean): boolean {
    if (this.#waiting.hasNext(probing)) return true;
    const { freshId } = this.#waiting;
    if (this.#settings.batch === undefined || freshId === Infinity) return false;
    return this.#occupancy.attempts === 0 || this.#waiting.fillsBatch ||
      this.#pacing.isDue(freshId);
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
    } while (this.#hasNext(probing));
    return undefined;
  }

  /** To be attempted again; while the breaker is open, what was retried waits no longer than its deadline. */
  #wait(sending: Sending): void {
    if (this.#breaker._tag === "Closed" || sending.retry === undefined) {
      this.#waiting.again(sending);
    } else {
      this.#waiting.park(sending, sending.retry.deadline);
      this.#alarm(sending.dueAt);
    }
  }

  #attempt(sending: Sending): void {
    if (this.#breaker._tag === "Open") this.#step({ _tag: "Attempt", id: sending.id });
    if (sending instanceof Batch) {
      for (const delivery of sending.deliveries) this.#leaves(delivery);
    } else this.#leaves(sending);
    this.#counters.attempts++;
    this.#occupancy.addAttempts(1);
    this.#pacing.begin();
    this.#transport.executor.attempt(this, sending);
  }

  #leaves(delivery: Delivery): void {
    this.#counters.queued[delivery.event]!--; // an event's place is always within
    this.#counters.inFlight[delivery.event]!++;
    this.#occupancy.sent(delivery);
  }

  #failed(sending: Sending, error: DeliveryError, took: number | undefined): void {
    if (error.reason === "local") return this.#notMade(sending, error);
    const { reason, status, detail } = error;
    this.#counters.attempted(attemptOutcome(error));
    this.#counters.lastError = { at: this.#context.now(), reason, status, detail };
    if (!error.retryable) return this.#refused(sending, error, took);
    this.#tapFailed(sending, error, took);
    const now = this.#now();
    this.#queue(sending);
    const began = error.reason === "timeout" ? now - this.#settings.httpTimeout : now;
    this.#step({ _tag: "Failure", id: sending.id, at: now, began }, error);
    this.#checkFailing();
    const due = this.#retryTimes.afterFailure(sending, error, now);
    if (due === undefined) return this.#giveUp(sending);
    this.#waiting.retry(sending, due);
    this.#alarm(sending.dueAt);
  }

  /** It may be attempted again. */
  #tapFailed(sending: Sending, error: DeliveryError, took: number | undefined): void {
    if (!this.#tap.isOn) return;
    for (const delivery of carriedBy(sending)) {
      this.#tap.failed(this.#counters.name, delivery, this.#context.now(), error, took);
    }
  }

  /** It is not to be sent again; the events of a batch are, each by itself: it may be wrong for one of them alone. */
  #refused(sending: Sending, error: DeliveryError, took: number | undefined): void {
    if (sending instanceof Batch && sending.deliveries.length > 1 && isOfContent(error)) {
      this.#tapFailed(sending, error, took);
      this.#queue(sending);
      this.#waiting.split(sending);
      return this.#answered();
    }
    const deliveries = carriedBy(sending);
    for (const delivery of deliveries) {
      this.#context.pace.end();
      this.#counters.failed(delivery.event, error.reason);
      if (this.#tap.isOn) this.#tapLost(delivery, "failed", error.reason, error, took);
      this.#sayLost(error.reason);
      this.#bury(delivery, "refused", error.detail);
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
    this.#queue(sending);
    this.#say("short of descriptors or memory, attempts wait", { detail });
    this.#restsUntil = due;
    this.#step({ _tag: "Return", id: sending.id, at: due });
    this.#wait(sending);
    this.#alarm(due);
    this.#context.onShortage();
  }

  /** Its retries are over. */
  #giveUp(sending: Sending): void {
    const { reason = "network" } = sending.retry ?? {};
    const deliveries = carriedBy(sending);
    for (const delivery of deliveries) {
      this.#counters.queued[delivery.event]!--; // an event's place is always within
      this.#counters.failed(delivery.event, reason);
      if (this.#tap.isOn) this.#tapLost(delivery, "failed", reason);
      this.#sayLost(reason);
      this.#bury(delivery, this.failing ? "url_failed" : "given_up", reason);
    }
    this.#waiting.leave(sending);
    for (const delivery of deliveries) this.#end(delivery);
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
      this.#nextMoment,
    );
  }

  get #nextMoment(): number {
    return this.#pacing.nextMoment(this.held > this.#occupancy.inFlight, this.#waiting.freshId);
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
    if (this.#retired) this.#wake.unsafeOpen();
    this.#owner.onSettled();
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
