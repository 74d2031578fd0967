/**
 * From an event to its deliveries: rules matched, body encoded once per action, one Delivery for each
 * URL. The event itself is let go here. It must never wait for anything: when to encode is its caller's
 * matter.
 */
import { isOfSessionEnd } from "../../domain/DropReason.ts";
import { clientOf, hookEventNames } from "../../domain/HookEvent.ts";
import type { HookEvent, HookEventName } from "../../domain/HookEvent.ts";
import type { WebHookSettings } from "../../domain/WebHookSettings.ts";
import type { Arrivals } from "../account/Arrivals.ts";
import { isArrival, isArrivalEvent } from "../account/Arrivals.ts";
import type { Backlog } from "../account/Backlog.ts";
import { eventPlaces, placesOf } from "../account/Backlog.ts";
import type { DropReason } from "../account/Metrics.ts";
import type { BodyRef, BodySlabs } from "../body/BodySlab.ts";
import type { Endpoint } from "../endpoint/Endpoint.ts";
import type { DeadLetters } from "../outbox/DeadLetters.ts";
import type { Outbox } from "../outbox/Outbox.ts";
import type { Action, RuleTable } from "./RuleTable.ts";
import type { DeliveryIds } from "./DeliveryIds.ts";

/** What the rules and settings say at this moment; a reload replaces it. */
export interface Routing {
  readonly rules: RuleTable<Endpoint>;
  readonly ordering: WebHookSettings["ordering"];
}

export interface DispatcherOptions {
  readonly backlog: Backlog;
  readonly arrivals: Arrivals;
  readonly slabs: BodySlabs;
  readonly ids: DeliveryIds;
  /** Undefined: deliveries wait in memory alone. */
  readonly outbox: Outbox | undefined;
  /** Undefined: what is dropped is gone. */
  readonly letters: DeadLetters | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class Dispatcher {
  routing: Routing;
  readonly #backlog: Backlog;
  readonly #arrivals: Arrivals;
  readonly #slabs: BodySlabs;
  readonly #ids: DeliveryIds;
  /**
   * The `webhook-seq` given last. One count over all clients: that of each grows, from connection to connection,
   * and nobody has to be remembered for it.
   */
  #seq: number;
  readonly #outbox: Outbox | undefined;
  readonly #letters: DeadLetters | undefined;
  readonly #now: () => number;
  // The body encoded last, so that several URLs of one action share it.
  #action: Action<Endpoint> | undefined;
  #body: BodyRef | undefined;

  constructor(routing: Routing, options: DispatcherOptions) {
    this.routing = routing;
    this.#backlog = options.backlog;
    this.#arrivals = options.arrivals;
    this.#slabs = options.slabs;
    this.#ids = options.ids;
    this.#seq = options.ids.sequenceFloor;
    this.#outbox = options.outbox;
    this.#letters = options.letters;
    this.#now = options.now;
  }

  /**
   * Turns an event of the queue into deliveries.
   *
   * @param born when it came, milliseconds since 1970
   * Returns: the bytes of the bodies that it has written
   */
  dispatch(event: HookEvent, born: number): number {
    const { rules } = this.routing;
    const place = PLACE_OF[event._tag];
    const lane = this.laneOf(event);
    let places = eventPlaces(event);
    if (isArrival(place)) this.#arrivals.add(-places); // from here on its endpoints count it
    this.#backlog.encode(places);
    let bytes = 0;
    let seq = 0;
    rules.forEachMatch(event, (action, endpoint) => {
      seq ||= ++this.#seq;
      if (this.#action !== action || this.#body === undefined) {
        this.#action = action;
        this.#body = this.#slabs.write(event, action.encode);
        bytes += this.#body.length;
      }
      const { slab, offset, length } = this.#body;
      // The first delivery takes over the event's places.
      this.#backlog.add(placesOf(length) - places);
      places = 0;
      endpoint.offer({
        id: this.#ids.next(),
        event: place,
        seq,
        born,
        lane: endpoint.sequential ? undefined : lane,
        slab,
        offset,
        length,
        retry: undefined,
        dueAt: 0,
        schedule: undefined,
      });
    });
    this.#action = undefined;
    if (seq === 0) this.#backlog.add(-places);
    if (this.#outbox !== undefined) this.#outbox.dispatched();
    return bytes;
  }

  /** The client whose order this event keeps, where it keeps one. */
  laneOf(event: HookEvent): string | undefined {
    return this.#isOrdered(event) ? clientOf(event) : undefined;
  }

  #isOrdered(event: HookEvent): boolean {
    const { ordering } = this.routing;
    return ordering === "client" || (ordering === "lifecycle" && isLifecycle(event));
  }

  /** Drops an event of the queue, which came at `born`. */
  discard(event: HookEvent, born: number, reason: DropReason): void {
    const places = eventPlaces(event);
    if (isArrivalEvent(event._tag)) this.#arrivals.add(-places);
    this.#backlog.encode(places);
    this.#backlog.add(-places);
    this.#lose(event, born, reason, this.#outbox?.mark);
    this.#outbox?.dispatched();
  }

  /** Drops an event that was not in the queue. */
  drop(event: HookEvent, reason: DropReason): void {
    this.#lose(event, this.#now(), reason, this.#letters && this.#outbox?.refused());
  }

  /** Counts an event as lost at each URL that would have had it; where dead letters are kept, it is one for each. */
  #lose(event: HookEvent, born: number, reason: DropReason, mark: number | undefined): void {
    const place = PLACE_OF[event._tag];
    this.routing.rules.forEachMatch(event, (_, endpoint) => endpoint.refuse(place, reason));
    if (this.#letters === undefined || reason === "shutdown") return;
    const lane = this.laneOf(event);
    let seq = 0;
    this.routing.rules.forEachMatch(event, ({ encode }, endpoint) => {
      seq ||= ++this.#seq;
      const body = this.#slabs.write(event, encode);
      const letter = { id: this.#ids.next(), event: place, seq, born, lane, ...body };
      this.#letters?.add(endpoint.url, letter, reason, "", mark);
    });
  }
}

const byName = <A>(of: (name: HookEventName, place: number) => A): Record<HookEventName, A> =>
  // Every name is there.
  Object.fromEntries(hookEventNames.map((name, place) => [name, of(name, place)])) as never;

const PLACE_OF = byName((_, place) => place);

/**
 * What `ordering = "lifecycle"` keeps in order: presence and subscriptions, and of messages those alone that a
 * session's end loses, so that they come before its session_terminated.
 */
const isLifecycle = (event: HookEvent): boolean =>
  IS_LIFECYCLE[event._tag] || event._tag === "message_dropped" && isOfSessionEnd(event.reason);

const IS_LIFECYCLE = byName((name) => name.startsWith("session_") || name.startsWith("client_"));
