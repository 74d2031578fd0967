/**
 * The order of clients: of one client's ordered deliveries only the first is on its way, or the first few in
 * one batch; the others wait behind until that has ended. A lane exists only while it has deliveries.
 */
import { Deque } from "../../collections/Deque.ts";
import { placesOf } from "../account/Backlog.ts";
import type { ClientShares, ClientTally } from "../account/ClientShares.ts";
import type { Delivery } from "../attempt/Delivery.ts";

/** What waits behind the first of one client. */
interface Lane {
  readonly waiting: Deque<Delivery>;
  readonly tally: ClientTally;
  /** Of the bodies in `waiting`. */
  bytes: number;
}

/** What waits behind the first of one lane. */
export interface Behind {
  readonly events: number;
  /** Of their bodies. */
  readonly bytes: number;
}

const NOBODY: Behind = { events: 0, bytes: 0 };

export class Lanes {
  /** By client; undefined while nothing has waited behind the one on its way. */
  readonly #lanes = new Map<string, Lane | undefined>();
  readonly #shares: ClientShares;
  #length = 0;
  #counts = true;

  /** What waits is counted by `shares`. */
  constructor(shares: ClientShares) {
    this.#shares = shares;
  }

  /** Deliveries that wait behind another. */
  get length(): number {
    return this.#length;
  }

  /** Whether this delivery may go at once; if not, it waits until `leave` answers it. */
  enter(client: string, delivery: Delivery): boolean {
    let lane = this.#lanes.get(client);
    if (lane === undefined) {
      if (!this.#lanes.has(client)) {
        this.#lanes.set(client, undefined);
        return true;
      }
      lane = { waiting: new Deque(), tally: this.#shares.join(client), bytes: 0 };
      this.#lanes.set(client, lane);
    }
    lane.waiting.push(delivery);
    this.#came(lane, delivery);
    return false;
  }

  /** The next behind the first, which stays where it is. */
  peek(client: string): Delivery | undefined {
    return this.#lanes.get(client)?.waiting.peek();
  }

  /** Takes out the next behind the first, to go with it. */
  take(client: string): Delivery | undefined {
    return this.#shift(this.#lanes.get(client));
  }

  /** What went with the first waits right behind it from now on. */
  putBack(client: string, delivery: Delivery): void {
    let lane = this.#lanes.get(client);
    if (lane === undefined) {
      lane = { waiting: new Deque(), tally: this.#shares.join(client), bytes: 0 };
      this.#lanes.set(client, lane);
    }
    lane.waiting.unshift(delivery);
    this.#came(lane, delivery);
  }

  /** What waits behind the first. */
  behind(client: string): Behind {
    const lane = this.#lanes.get(client);
    return lane === undefined ? NOBODY : { events: lane.waiting.length, bytes: lane.bytes };
  }

  /** The clients that have a lane. */
  get clients(): Iterable<string> {
    return this.#lanes.keys();
  }

  /** The one on its way has ended: answers the next, which now is. */
  leave(client: string): Delivery | undefined {
    const lane = this.#lanes.get(client);
    const next = this.#shift(lane);
    if (next === undefined) {
      this.#lanes.delete(client);
      if (lane !== undefined) this.#shares.leave(lane.tally);
    }
    return next;
  }

  /** Takes out the first that waits in the oldest lane that has one. */
  takeOldest(): Delivery | undefined {
    for (const lane of this.#lanes.values()) {
      const delivery = this.#shift(lane);
      if (delivery !== undefined) return delivery;
    }
    return undefined;
  }

  /** Takes out all that waits; what the first of each is in `gone` has left too. */
  drain(gone: Iterable<string>): Array<Delivery> {
    const all: Array<Delivery> = [];
    for (const lane of this.#lanes.values()) {
      for (let next = this.#shift(lane); next !== undefined; next = this.#shift(lane)) {
        all.push(next);
      }
    }
    for (const client of gone) {
      const lane = this.#lanes.get(client);
      this.#lanes.delete(client);
      if (lane !== undefined) this.#shares.leave(lane.tally);
    }
    return all;
  }

  /** Whether what waits counts as its clients': not while it waits for a URL that fails. */
  setCounting(counts: boolean): void {
    if (counts === this.#counts) return;
    this.#counts = counts;
    for (const lane of this.#lanes.values()) {
      if (lane === undefined) continue;
      let places = 0;
      for (const { length } of lane.waiting) places += placesOf(length);
      this.#shares.add(lane.tally, counts ? places : -places);
    }
  }

  /** All that wait behind another. */
  *[Symbol.iterator](): Generator<Delivery> {
    for (const lane of this.#lanes.values()) if (lane !== undefined) yield* lane.waiting;
  }

  #shift(lane: Lane | undefined): Delivery | undefined {
    const delivery = lane?.waiting.shift();
    if (lane === undefined || delivery === undefined) return undefined;
    this.#length--;
    lane.bytes -= delivery.length;
    this.#count(lane, -placesOf(delivery.length));
    return delivery;
  }

  #came(lane: Lane, { length }: Delivery): void {
    this.#length++;
    lane.bytes += length;
    this.#count(lane, placesOf(length));
  }

  #count({ tally }: Lane, places: number): void {
    if (this.#counts) this.#shares.add(tally, places);
  }
}
