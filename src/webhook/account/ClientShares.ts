/**
 * What the ordered events of each client occupy while they wait behind one another, over all URLs that
 * work, and whose are more than a client's share: that client alone is held, and whoever fills its lane.
 * It must cost nothing for clients whose events do not wait, nor hold anybody for a URL that fails.
 */

/** What one client's events occupy. */
export interface ClientTally {
  readonly client: string;
  /** In the Backlog. */
  places: number;
  /** Lanes that count here: one for each URL at most. */
  lanes: number;
}

/** A client goes on when its events occupy no more than this part of its share. */
const AGAIN = 1 / 2;

export class ClientShares {
  #capacity: number;
  #share: number;
  #most = 0;
  /** By client; of those that have a lane with something in it. */
  readonly #tallies = new Map<string, ClientTally>();
  /** Clients beyond their share. */
  readonly #over = new Set<string>();
  /** Clients whose messages fill the lane of another that is beyond its share, by themselves. */
  readonly #filling = new Map<string, string>();
  readonly #onAgain: () => void;

  /** `onAgain` is called, in a microtask of its own, when clients that were held may go on. */
  constructor(capacity: number, share: number, onAgain: () => void) {
    this.#capacity = capacity;
    this.#share = share;
    this.#onAgain = onAgain;
    this.resize(capacity, share);
  }

  /** Places that one client's events may occupy. */
  get most(): number {
    return this.#most;
  }

  /** Whether any client is beyond its share. */
  get anyOver(): boolean {
    return this.#over.size > 0;
  }

  /** Whether this client's events are more than its share. */
  isOver(client: string): boolean {
    return this.#over.size > 0 && this.#over.has(client);
  }

  /** Whether this client has to wait. */
  holds(client: string): boolean {
    return this.#over.size > 0 && (this.#over.has(client) || this.#filling.has(client));
  }

  /** A client has caused an event in the lane of another, which is beyond its share: it waits with it. */
  fills(client: string, lane: string): void {
    if (client !== lane) this.#filling.set(client, lane);
  }

  resize(capacity: number, share: number): void {
    this.#capacity = capacity;
    this.#share = share;
    this.#most = Math.max(1, Math.floor(this.#capacity * this.#share));
    for (const tally of this.#tallies.values()) this.add(tally, 0);
  }

  /** One more lane counts here. */
  join(client: string): ClientTally {
    let tally = this.#tallies.get(client);
    if (tally === undefined) this.#tallies.set(client, tally = { client, places: 0, lanes: 0 });
    tally.lanes++;
    return tally;
  }

  /** A lane that is empty counts here no longer. */
  leave(tally: ClientTally): void {
    if (--tally.lanes === 0) this.#tallies.delete(tally.client);
  }

  /** Counts `n` places more, or fewer where negative. */
  add(tally: ClientTally, n: number): void {
    tally.places += n;
    if (tally.places > this.#most) this.#over.add(tally.client);
    else if (this.#over.size > 0 && tally.places <= this.#most * AGAIN) this.#again(tally.client);
  }

  #again(client: string): void {
    if (!this.#over.delete(client)) return;
    for (const [filler, lane] of this.#filling) if (lane === client) this.#filling.delete(filler);
    queueMicrotask(this.#onAgain);
  }
}
