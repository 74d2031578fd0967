/**
 * The `webhook-seq` of events: by it a receiver tells a client's newer presence from an older one. A
 * client's numbers must never go back, across reconnects, evictions and restarts.
 */

/** Numbers remembered; beyond, the oldest client identifiers are forgotten into the floor. */
const MOST_CLIENTS = 1_000_000;

/** Counts per client identifier, upwards from `start` (the process's start, milliseconds since 1970). */
export class SequenceNumbers {
  readonly #last = new Map<string, number>();
  /** No number at or below it is given again to a client that is not remembered. */
  #floor: number;

  readonly #mostClients: number;

  constructor(start: number, mostClients: number = MOST_CLIENTS) {
    this.#mostClients = mostClients;
    this.#floor = start;
  }

  /** The next number of this client. */
  next(clientid: string): number {
    const last = this.#last.get(clientid);
    const number = (last ?? this.#floor) + 1;
    this.#last.set(clientid, number);
    if (last === undefined && this.#last.size > this.#mostClients) this.#forgetOldest();
    return number;
  }

  #forgetOldest(): void {
    for (const [clientid, number] of this.#last) {
      this.#floor = Math.max(this.#floor, number);
      this.#last.delete(clientid);
      return;
    }
  }
}
