/**
 * What one URL's deliveries occupy of the Backlog, whether they count as pressure there, and which slabs
 * they keep. What is taken in must be let go exactly once.
 */
import type { Arrivals } from "../account/Arrivals.ts";
import { isArrival } from "../account/Arrivals.ts";
import type { Backlog } from "../account/Backlog.ts";
import { placesOf } from "../account/Backlog.ts";
import type { Delivery } from "../attempt/Delivery.ts";
import type { BodySlabs } from "../body/BodySlab.ts";

/** Of a body in flight: a worker's parcel has one, and so has the request that is being written. */
const COPIES = 2;

export class Occupancy {
  readonly #backlog: Backlog;
  readonly #arrivals: Arrivals;
  readonly #slabs: BodySlabs;
  #held = 0;
  #places = 0;
  /** Of `#places`: what Arrivals count. */
  #arriving = 0;
  #attempts = 0;
  #inFlight = 0;
  #placesInFlight = 0;
  #isFailing = false;

  constructor(backlog: Backlog, arrivals: Arrivals, slabs: BodySlabs) {
    this.#backlog = backlog;
    this.#arrivals = arrivals;
    this.#slabs = slabs;
  }

  /** Deliveries that wait or are in flight. */
  get held(): number {
    return this.#held;
  }

  /** What they take of the Backlog. */
  get places(): number {
    return this.#places;
  }

  /** Deliveries in flight. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Attempts under way: of one delivery each, or of a batch. */
  get attempts(): number {
    return this.#attempts;
  }

  /** What those in flight take of the Backlog: one each where bodies are small. */
  get placesInFlight(): number {
    return this.#placesInFlight;
  }

  /** Whether `endpoint_share` bounds it now, and it is no pressure on publishers. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** A delivery comes; the Backlog has counted it. */
  take({ event, slab, length }: Delivery): void {
    const places = placesOf(length);
    this.#change(1, places);
    if (isArrival(event)) this.#arrive(places);
    this.#slabs.retain(slab, length);
  }

  /** It is at its end. */
  letGo({ event, slab, length }: Delivery): void {
    const places = placesOf(length);
    this.#change(-1, -places);
    if (isArrival(event)) this.#arrive(-places);
    this.#slabs.release(slab, length);
    this.#backlog.add(-places);
  }

  /** An attempt begins, or is over; the deliveries that it carries are told of by themselves. */
  addAttempts(n: 1 | -1): void {
    this.#attempts += n;
  }

  /** Its attempt begins. */
  sent({ length }: Delivery): void {
    const places = placesOf(length);
    this.#inFlight++;
    this.#placesInFlight += places;
    if (places > 1) this.#copied(COPIES * (places - 1));
  }

  /** Its attempt is over. */
  back({ length }: Delivery): void {
    const places = placesOf(length);
    this.#inFlight--;
    this.#placesInFlight -= places;
    if (places > 1) this.#copied(COPIES * (1 - places));
  }

  /** Copies come or go: they count but for the first KB, so that small events count once. */
  #copied(places: number): void {
    this.#change(0, places);
    this.#backlog.add(places);
  }

  /** From now on it counts as failing, or no longer. */
  setFailing(isFailing: boolean): void {
    if (isFailing === this.#isFailing) return;
    this.#isFailing = isFailing;
    this.#backlog.addFailing(isFailing ? this.#places : -this.#places);
    this.#arrivals.add(isFailing ? -this.#arriving : this.#arriving);
  }

  #arrive(places: number): void {
    this.#arriving += places;
    if (!this.#isFailing) this.#arrivals.add(places);
  }

  #change(held: number, places: number): void {
    this.#held += held;
    this.#places += places;
    if (this.#isFailing) this.#backlog.addFailing(places);
  }
}
