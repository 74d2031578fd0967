/**
 * The one crossing from the broker's synchronous code to Effect: hook events go in by a plain call and
 * wait as they are until the DispatchLoop takes them. It must never block, throw, or lose an event
 * without counting it.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { Deque } from "../../collections/Deque.ts";
import { isOfSessionEnd } from "../../domain/DropReason.ts";
import type { HookEvent, HookEventName } from "../../domain/HookEvent.ts";
import type { DropReason } from "../account/Metrics.ts";
import type { HookSink, Pressure } from "../../mqtt/ports/HookSink.ts";
import type { Safety } from "../../mqtt/ports/Safety.ts";
import type { Arrivals } from "../account/Arrivals.ts";
import { isArrivalEvent } from "../account/Arrivals.ts";
import type { Backlog } from "../account/Backlog.ts";
import { eventPlaces } from "../account/Backlog.ts";
import type { ClientShares } from "../account/ClientShares.ts";
import type { DeliveryPace } from "../account/DeliveryPace.ts";
import { IntakeTurn } from "./IntakeTurn.ts";

/** What the queue asks of those behind it. */
export interface EventQueueOptions {
  readonly backlog: Backlog;
  readonly arrivals: Arrivals;
  readonly shares: ClientShares;
  /** The client whose order an event keeps, where it keeps one. */
  readonly laneOf: (event: HookEvent) => string | undefined;
  readonly pace: DeliveryPace;
  /** As IntakeTurn has it. */
  readonly fair: number;
  /** Read at each event, so that a reload changes it. */
  readonly whenFull: () => "backpressure" | "drop_newest" | "drop_oldest";
  readonly isDetailed: boolean;
  readonly wants: (event: HookEventName, subject?: string) => boolean;
  /** Told of an event that will not come out. */
  readonly onDropped: (event: HookEvent, reason: DropReason) => void;
  /** Told of each event that will; undefined: events wait in memory alone. */
  readonly outbox: { taken(): void; readonly use: { readonly isFull: boolean } } | undefined;
  /** Undefined: nothing is ever waited for. */
  readonly safety: Safety | undefined;
  /** Milliseconds since 1970; asked at each event. */
  readonly now: () => number;
}

/** Of events that nobody keeps beyond the process. */
const ALWAYS_SAFE: Safety = { mark: 0, safe: 0, whenSafe: () => Promise.resolve() };

/**
 * A HookSink whose events come out of `take`. With `backpressure` nothing is refused: the bound is
 * kept by the broker, which asks for `pressure` before each packet and within one of many parts, so that
 * the excess is at most the events of one, as events. With `drop_newest` an event that finds no room is dropped and counted here;
 * with `drop_oldest` the Dispatcher makes the room. After `end` every event is dropped and counted.
 */
export interface EventQueue extends HookSink {
  /** Events that wait. */
  readonly length: number;
  /** Whether `end` was called. */
  readonly isEnded: boolean;
  /** Takes the oldest out. */
  take(): HookEvent | undefined;
  /** When that one came, milliseconds since 1970. */
  readonly born: number;
  /** Calls back, once and from outside, when there is one, or when no more will come. It must be empty. */
  onArrival(then: () => void): void;
  end(): void;
}

/** Delivery is behind when more than this could be delivered: from here on intake leaves it its turns. */
const BEHIND = 1024;

export const make = (
  options: EventQueueOptions,
): Effect.Effect<EventQueue, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { backlog, arrivals, shares, laneOf, whenFull, wants, onDropped, outbox } = options;
    const { safety = ALWAYS_SAFE } = options;
    /** One of a client beyond its share is dropped where nobody is held; answers whether it was. */
    const isBeyondShare = (event: HookEvent): boolean => {
      const lane = laneOf(event);
      if (lane === undefined || !shares.isOver(lane)) return false;
      if (whenFull() === "backpressure") {
        // A session's end is not the doing of whoever has published what it loses.
        if ("from_clientid" in event && !("reason" in event && isOfSessionEnd(event.reason))) {
          shares.fills(event.from_clientid, lane);
        }
        return false;
      }
      onDropped(event, "queue_full");
      return true;
    };
    // Without a capacity of its own: the Backlog is its bound, over this and all that comes behind it.
    const waiting = new Deque<HookEvent>();
    /** When each came. */
    const borns = new Deque<number>();
    let born = 0;
    let onArrival: (() => void) | undefined;
    // Behind the callbacks of all sockets that were ready, which may bring more.
    const tellArrival = () => {
      if (onArrival !== undefined) queueMicrotask(onArrival);
      onArrival = undefined;
    };
    let isEnded = false;
    const turn = yield* Effect.acquireRelease(
      Effect.sync(() =>
        new IntakeTurn({
          pace: options.pace,
          fair: options.fair,
          onNext: () => backlog.relieve(),
        })
      ),
      (turn) => Effect.sync(() => turn.close()),
    );
    return {
      isDetailed: options.isDetailed,
      wants,
      emit(event) {
        if (backlog.deliverable > BEHIND) turn.take();
        const full = backlog.count >= backlog.capacity && whenFull() === "drop_newest";
        if (full) return onDropped(event, "queue_full");
        if (shares.anyOver && isBeyondShare(event)) return;
        if (isEnded) return onDropped(event, "shutdown");
        if (outbox !== undefined) {
          if (outbox.use.isFull && whenFull() !== "backpressure") {
            return onDropped(event, "outbox_full");
          }
          outbox.taken();
        }
        waiting.push(event);
        borns.push(options.now());
        const places = eventPlaces(event);
        backlog.addEvent(places);
        if (isArrivalEvent(event._tag)) {
          arrivals.add(places);
        }
        if (waiting.length === 1) tellArrival();
      },
      get pressure(): Pressure {
        const pressure = whenFull() === "backpressure" ? backlog.pressure : "open";
        return pressure === "open" && turn.over ? "brief" : pressure;
      },
      get admits(): boolean {
        return whenFull() !== "backpressure" || !(arrivals.isOver || backlog.isCrowded);
      },
      get mark() {
        return safety.mark;
      },
      get safe() {
        return safety.safe;
      },
      whenSafe: (mark) => safety.whenSafe(mark),
      holds: (client) => shares.holds(client) && whenFull() === "backpressure",
      get length() {
        return waiting.length;
      },
      get born() {
        return born;
      },
      get isEnded() {
        return isEnded;
      },
      take() {
        const event = waiting.shift();
        born = borns.shift() ?? born;
        return event;
      },
      onArrival(then) {
        onArrival = then;
      },
      end() {
        isEnded = true;
        tellArrival();
      },
    };
  });
