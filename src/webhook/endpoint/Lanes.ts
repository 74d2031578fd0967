/**
 * The order of clients: of one client's ordered deliveries only the first is on its way, the others wait
 * behind it until it has ended. A lane exists only while it has deliveries.
 */
import { Deque } from "../../collections/Deque.ts";
import type { Delivery } from "../attempt/Delivery.ts";

export class Lanes {
  /** By client; undefined while nothing waits behind the one on its way. */
  readonly #waiting = new Map<string, Deque<Delivery> | undefined>();
  #length = 0;

  /** Deliveries that wait behind another. */
  get length(): number {
    return this.#length;
  }

  /** Whether this delivery may go at once; if not, it waits until `leave` answers it. */
  enter(lane: string, delivery: Delivery): boolean {
    const waiting = this.#waiting.get(lane);
    if (waiting === undefined) {
      if (!this.#waiting.has(lane)) {
        this.#waiting.set(lane, undefined);
        return true;
      }
      const first = new Deque<Delivery>();
      first.push(delivery);
      this.#waiting.set(lane, first);
    } else waiting.push(delivery);
    this.#length++;
    return false;
  }

  /** The one on its way has ended: answers the next, which now is. */
  leave(lane: string): Delivery | undefined {
    const next = this.#waiting.get(lane)?.shift();
    if (next === undefined) this.#waiting.delete(lane);
    else this.#length--;
    return next;
  }

  /** Takes out the first that waits in the oldest lane that has one. */
  takeOldest(): Delivery | undefined {
    for (const waiting of this.#waiting.values()) {
      const delivery = waiting?.shift();
      if (delivery === undefined) continue;
      this.#length--;
      return delivery;
    }
    return undefined;
  }

  /** All that wait behind another. */
  *[Symbol.iterator](): Generator<Delivery> {
    for (const waiting of this.#waiting.values()) if (waiting !== undefined) yield* waiting;
  }
}
