/**
 * What becomes of the events at one URL, told to all who want to know: the counters, whoever looks at deliveries
 * (the tap), the log, and the dead letters. The Endpoint says each thing that happens to a delivery once, here.
 *
 * It is told, and tells on: it must never decide what becomes of a delivery, nor hold one. Each way that a delivery
 * goes is told exactly once, or `matched` is no longer the sum of the others. An event that is delivered costs
 * no more here than the counts.
 */
import * as LogLevel from "effect/LogLevel";
import type { AnswerFault } from "../../http/AnswerFault.ts";
import type { Fields } from "../../ops/LimitedLog.ts";
import type { AttemptOutcome, DropReason, EndpointCounters } from "../account/Metrics.ts";
import type { Sending } from "../attempt/Batch.ts";
import { carriedBy } from "../attempt/Batch.ts";
import type { Delivery } from "../attempt/Delivery.ts";
import type { DeliveryError, FailureReason } from "../attempt/DeliveryError.ts";
import type { LetterReason } from "../outbox/DeadLetters.ts";
import type { GroupRecord } from "../outbox/GroupCodec.ts";
import type { DeliveryTap } from "../tap/DeliveryTap.ts";
import type { BreakerLabel } from "./Breaker.ts";
import type { EndpointContext } from "./EndpointContext.ts";
import { lossAdvice } from "./lossAdvice.ts";

export class EndpointAccount {
  readonly #url: string;
  readonly #context: EndpointContext;
  readonly #counters: EndpointCounters;
  readonly #tap: DeliveryTap;
  /** Whether letters may have been written that are to be sent again once it answers. */
  #hasToReplay = true;

  constructor(url: string, context: EndpointContext, counters: EndpointCounters) {
    this.#url = url;
    this.#context = context;
    this.#counters = counters;
    this.#tap = context.tap;
    counters.breakerIs("closed", context.now()); // they may be those of an endpoint that has left
  }

  /** What the log and the figures call the URL. */
  get name(): string {
    return this.#counters.name;
  }

  /** How many wait or are in flight, those on disk included. */
  get left(): number {
    return this.#counters.left;
  }

  /** An event is dropped before it becomes a delivery. */
  turnedAway(event: number, reason: DropReason): void {
    this.#counters.matched[event]!++; // an event's place is always within
    this.#counters.dropped(event, reason);
    this.#sayLost(reason);
  }

  /** A delivery came, and waits. */
  matched({ event, born }: Pick<Delivery, "event" | "born">): void {
    this.#counters.matched[event]!++; // an event's place is always within
    this.#counters.queued[event]!++;
    this.#counters.ages.add(born);
  }

  /** An attempt begins; the deliveries that it carries are told of by themselves. */
  attemptBegins(): void {
    this.#counters.attempts++;
  }

  /** A delivery that waited leaves for its attempt. */
  leaves({ event }: Delivery): void {
    this.#counters.queued[event]!--; // an event's place is always within
    this.#counters.inFlight[event]!++;
  }

  /** Its attempt is over: what has become of it is told next. */
  cameBack({ event }: Delivery): void {
    this.#counters.inFlight[event]!--; // an event's place is always within
  }

  /** A request took so many milliseconds, to the end of its answer. */
  requestTook(ms: number): void {
    this.#counters.requests.add(ms);
  }

  /** What came back waits again. */
  waitsAgain(sending: Sending): void {
    for (const { event } of carriedBy(sending)) this.#counters.queued[event]!++; // an event's place is always within
  }

  /** An attempt that was begun was not made. */
  attemptNotMade(): void {
    this.#counters.attempts--;
  }

  /** There was no descriptor or memory for an attempt. */
  shortage(detail: string): void {
    this.#say("short of descriptors or memory, attempts wait", { detail });
  }

  /** @param now milliseconds since 1970 */
  attemptDelivered(now: number): void {
    this.#counters.attempted("ok");
    this.#counters.lastSuccess = now;
  }

  /** An attempt has failed; what becomes of what it carried is told next. */
  attemptFailed(error: DeliveryError): void {
    const { reason, status, detail } = error;
    this.#counters.attempted(attemptOutcome(error));
    this.#counters.lastError = { at: this.#context.now(), reason, status, detail };
  }

  /** It was the first that failed in a row. */
  firstFailed({ reason, detail }: DeliveryError): void {
    this.#say("attempt failed", { reason, detail });
  }

  /** Said once for each kind; how many there were is in the figures. */
  faultyAnswer({ kind, detail }: AnswerFault): void {
    if (this.#counters.answerFault(kind) > 1) return;
    this.#context.log.always(
      LogLevel.Warning,
      "a faulty answer: its status counts, its connection is closed; more of this kind are only counted",
      { url: this.name, kind, detail },
    );
  }

  /**
   * A delivery is with its receiver.
   *
   * @param now milliseconds since 1970
   * @param took milliseconds of the attempt; undefined: nobody knows, here and below
   * @param status of the answer; undefined: it had none
   */
  delivered(
    delivery: Delivery,
    now: number,
    took: number | undefined,
    status?: number,
  ): void {
    if (this.#tap.isOn) this.#tap.delivered(this.name, delivery, now, took, status);
    this.#counters.delivered[delivery.event]!++; // an event's place is always within
    this.#counters.delays.add(Math.max(0, now - delivery.born)); // the wall clock may have been set
  }

  /** The attempt at what is sent has failed: it waits again, for another. */
  failedForNow(sending: Sending, error: DeliveryError, took: number | undefined): void {
    if (this.#tap.isOn) {
      for (const delivery of carriedBy(sending)) {
        this.#tap.failed(this.name, delivery, this.#context.now(), error, took);
      }
    }
    this.waitsAgain(sending);
  }

  /** The receiver does not want a delivery that came back. */
  refused(delivery: Delivery, error: DeliveryError, took: number | undefined): void {
    this.#counters.failed(delivery.event, error.reason);
    if (this.#tap.isOn) this.#tapLost(delivery, "failed", error.reason, error, took);
    this.#sayLost(error.reason);
    this.#bury(delivery, "refused", error.detail);
  }

  /** The retries of a delivery that waited are over. `isOfUrl`: because its URL fails as a whole. */
  givenUp(delivery: Delivery, reason: FailureReason, isOfUrl: boolean): void {
    this.#counters.queued[delivery.event]!--; // an event's place is always within
    this.#counters.failed(delivery.event, reason);
    if (this.#tap.isOn) this.#tapLost(delivery, "failed", reason);
    this.#sayLost(reason);
    this.#bury(delivery, isOfUrl ? "url_failed" : "given_up", reason);
  }

  /** A delivery that waited is dropped. */
  dropped(delivery: Delivery, reason: DropReason): void {
    this.#counters.queued[delivery.event]!--; // an event's place is always within
    this.#counters.dropped(delivery.event, reason);
    if (this.#tap.isOn) this.#tapLost(delivery, "dropped", reason);
    if (reason === "shutdown") return; // a stop counts them all in one line
    this.#sayLost(reason);
    this.#bury(delivery, reason, "");
  }

  /** One that waited on disk alone is dropped there. `isCounted`: it was told of as matched. */
  droppedOnDisk(record: GroupRecord, isCounted: boolean, reason: "endpoint_share" | "gone"): void {
    if (!isCounted) this.matched(record);
    if (this.#tap.isOn) {
      const { body } = record;
      const told = { ...record, slab: { bytes: body }, offset: 0, length: body.length };
      this.#tap.lost(this.name, told, this.#context.now(), "dropped", reason);
    }
    this.#counters.queued[record.event]!--; // an event's place is always within
    this.#counters.ages.take(record.born);
    this.#counters.dropped(record.event, reason);
    this.#hasToReplay = true;
    this.#sayLost(reason);
    this.#context.letters?.addRecord(this.#url, record, reason, "");
  }

  /** A delivery that was in memory is at its end, which was told before. */
  ended({ born }: Delivery): void {
    this.#counters.ages.take(born);
  }

  /**
   * The URL answers: where it does so for the first time since the start, or since it failed, what was given up
   * because it failed as a whole is sent again.
   */
  works(): void {
    if (!this.#hasToReplay) return;
    this.#hasToReplay = false;
    this.#context.disk?.replay(this.#url);
  }

  /** Its breaker's state is another; so many wait or are in flight. */
  breakerIs(label: BreakerLabel, waiting: number): void {
    this.#counters.breakerIs(label, this.#context.now());
    this.#context.log.always(
      label === "closed" || label === "paused" ? LogLevel.Info : LogLevel.Warning,
      `breaker ${label}`,
      { url: this.name, waiting },
    );
  }

  /** Its endpoint has left: nothing more is told here. */
  removed(): void {
    this.#counters.breakerIs("removed", this.#context.now());
    this.#context.log.flush(this.name);
  }

  /** A stop leaves what waits, which is kept on disk, or dropped. */
  abandoned(areKept: boolean): void {
    this.#counters.leaveQueued(areKept);
  }

  #tapLost(
    delivery: Delivery,
    outcome: "failed" | "dropped",
    reason: FailureReason | DropReason,
    error?: DeliveryError,
    took?: number,
  ): void {
    this.#tap.lost(this.name, delivery, this.#context.now(), outcome, reason, error, took);
  }

  /** It is about to end without having been delivered: a dead letter, where such are kept. */
  #bury(delivery: Delivery, reason: LetterReason, detail: string): void {
    const { letters, disk } = this.#context;
    if (reason === "url_failed" || reason === "endpoint_share") this.#hasToReplay = true;
    letters?.add(this.#url, delivery, reason, detail, disk?.outbox.markOf(delivery.id));
  }

  /** An event has come to an end here that is none of being delivered. */
  #sayLost(reason: FailureReason | DropReason): void {
    const message = this.#context.letters === undefined
      ? "event lost"
      : "event given up, kept as a dead letter";
    this.#say(message, { reason, advice: lossAdvice(reason) });
  }

  #say(message: string, fields: Fields): void {
    const { name: url } = this;
    this.#context.log.limited(LogLevel.Warning, url, message, { url, ...fields });
  }
}

const attemptOutcome = ({ reason, status, retryable }: DeliveryError): AttemptOutcome => {
  if (reason === "timeout") return "timeout";
  if (status === undefined) return "network";
  return retryable ? "retry" : "refused";
};
