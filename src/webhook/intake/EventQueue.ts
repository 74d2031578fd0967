/**
 * The one crossing from the broker's synchronous code to Effect: hook events go in by a plain call
 * and come out as a Stream. It must never block, throw, or lose an event without counting it.
 */
import * as Effect from "effect/Effect";
import * as Mailbox from "effect/Mailbox";
import type * as Scope from "effect/Scope";
import type * as Stream from "effect/Stream";
import type { HookEvent, HookEventName } from "../../domain/HookEvent.ts";
import type { DropReason } from "../account/Metrics.ts";
import type { HookSink, Pressure } from "../../mqtt/ports/HookSink.ts";
import type { Arrivals } from "../account/Arrivals.ts";
import { isArrivalEvent } from "../account/Arrivals.ts";
import type { Backlog } from "../account/Backlog.ts";
import { eventPlaces } from "../account/Backlog.ts";
import type { DeliveryPace } from "../account/DeliveryPace.ts";
import { IntakeTurn } from "./IntakeTurn.ts";

/** What the queue asks of those behind it. */
export interface EventQueueOptions {
  readonly backlog: Backlog;
  readonly arrivals: Arrivals;
  readonly pace: DeliveryPace;
  /** As IntakeTurn has it. */
  readonly fair: number;
  /** Read at each event, so that a reload changes it. */
  readonly whenFull: () => "backpressure" | "drop_newest" | "drop_oldest";
  readonly wants: (event: HookEventName, subject?: string) => boolean;
  /** Told of an event that will not come out. */
  readonly onDropped: (event: HookEvent, reason: DropReason) => void;
}

/**
 * A HookSink whose events come out of `events`. With `backpressure` nothing is refused: the bound is
 * kept by the broker, which asks for `pressure` before each packet, so that the excess is at most the
 * events of one packet. With `drop_newest` an event that finds no room is dropped and counted here;
 * with `drop_oldest` the Dispatcher makes the room. After `end` every event is dropped and counted.
 */
export interface EventQueue extends HookSink {
  readonly events: Stream.Stream<HookEvent>;
  readonly end: Effect.Effect<void>;
}

/** Delivery is behind when more than this could be delivered: from here on intake leaves it its turns. */
const BEHIND = 1024;

export const make = (
  options: EventQueueOptions,
): Effect.Effect<EventQueue, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { backlog, arrivals, whenFull, wants, onDropped } = options;
    // Without a capacity of its own: the Backlog is its bound, over this and all that comes behind it.
    const mailbox = yield* Effect.acquireRelease(
      Mailbox.make<HookEvent>(),
      (mailbox) => mailbox.shutdown,
    );
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
      wants,
      emit(event) {
        if (backlog.deliverable > BEHIND) turn.take();
        const full = backlog.count >= backlog.capacity && whenFull() === "drop_newest";
        if (full) return onDropped(event, "queue_full");
        if (!mailbox.unsafeOffer(event)) return onDropped(event, "shutdown");
        const places = eventPlaces(event);
        backlog.add(places);
        if (isArrivalEvent(event._tag)) arrivals.add(places);
      },
      get pressure(): Pressure {
        const pressure = whenFull() === "backpressure" ? backlog.pressure : "open";
        return pressure === "open" && turn.over ? "brief" : pressure;
      },
      get admits(): boolean {
        return whenFull() !== "backpressure" || !(arrivals.isOver || backlog.isCrowded);
      },
      events: Mailbox.toStream(mailbox),
      end: mailbox.end,
    };
  });
