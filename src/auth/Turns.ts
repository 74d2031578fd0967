/**
 * Lets few tasks run at the same time and few wait for it: what is expensive and can be asked for by
 * anybody. Who waits takes turns, once by the address it comes from and once by the name it gives, so that a
 * flood from one address or about one name is one among the others. It must never hold more than it was told
 * to, whoever asks.
 */

/** Who asks for a task. */
export interface Turn {
  readonly address: string;
  readonly name: string;
  /** False: it takes no other's place. When it has to wait, its task runs beside the others at its turn. */
  readonly takesPlace: boolean;
  /** Asked at its turn: one that nobody wants any more is passed over. */
  readonly isWanted: () => boolean;
}

/** How a task runs: in one of the places, or beside them, where it must cost nothing. */
export type Place = "own" | "beside";

/** Those who wait under one address or name. */
interface Lane {
  /** Whose is smallest is next. */
  turn: number;
  waiting: number;
}

/** Whoever waits under an address or name for which nothing waited goes before those that had turns already. */
const NEW = Number.MAX_SAFE_INTEGER;

interface Waiting {
  readonly turn: Turn;
  readonly lanes: { readonly address: Lane; readonly name: Lane };
  readonly start: (place: Place | undefined) => void;
}

export class Turns {
  #running = 0;
  /** In the order they came. Few enough to be looked through for each task, which takes far longer. */
  readonly #waiting: Array<Waiting> = [];
  /** Of `#waiting`: those that want a place. */
  #wanting = 0;
  readonly #addresses = new Map<string, Lane>();
  readonly #names = new Map<string, Lane>();
  /** Whose turn it is next. */
  #by: "address" | "name" = "address";
  #lastTurn = 0;

  constructor(
    /** Tasks that run at the same time. */
    readonly atOnce: number,
    /** Tasks that may wait for a place; and eight times as many that take none. */
    readonly mayWait: number,
  ) {}

  /**
   * Runs a task when it is its turn. When more wait than may, the youngest of the address or name that most
   * wait for is refused.
   *
   * @returns the task's result; undefined: passed over, or refused
   */
  async run<A>(turn: Turn, task: (place: Place) => Promise<A>): Promise<A | undefined> {
    const place = this.#running < this.atOnce ? this.#enter() : await this.#wait(turn);
    if (place === undefined) return undefined;
    try {
      return await task(place);
    } finally {
      if (place === "own") this.#leave();
    }
  }

  #enter(): Place {
    this.#running++;
    return "own";
  }

  /** A place is free: it is the next one's, and who takes none goes on the way there. */
  #leave(): void {
    this.#running--;
    while (this.#running < this.atOnce) {
      const next = this.#next();
      if (next === undefined) return;
      this.#remove(next);
      if (!next.turn.isWanted()) next.start(undefined);
      else if (next.turn.takesPlace) next.start(this.#enter());
      else next.start("beside");
    }
  }

  #wait(turn: Turn): Promise<Place | undefined> {
    return new Promise((start) => {
      const lanes = {
        address: this.#laneOf(this.#addresses, turn.address),
        name: this.#laneOf(this.#names, turn.name),
      };
      lanes.address.waiting++;
      lanes.name.waiting++;
      this.#waiting.push({ turn, lanes, start });
      if (turn.takesPlace) {
        if (++this.#wanting > this.mayWait) this.#refuseOne();
      } else if (this.#waiting.length - this.#wanting > 8 * this.mayWait) {
        const eldest = this.#waiting.find(({ turn }) => !turn.takesPlace)!; // there is this one at least
        this.#remove(eldest);
        eldest.start("beside");
      }
    });
  }

  #laneOf(lanes: Map<string, Lane>, key: string): Lane {
    let lane = lanes.get(key);
    if (lane === undefined) lanes.set(key, lane = { turn: ++this.#lastTurn - NEW, waiting: 0 });
    return lane;
  }

  /** The eldest of the address, or name, whose turn it is. */
  #next(): Waiting | undefined {
    let next: Waiting | undefined;
    const by = this.#by;
    for (const one of this.#waiting) {
      if (next === undefined || one.lanes[by].turn < next.lanes[by].turn) next = one;
    }
    if (next?.turn.takesPlace) this.#by = by === "address" ? "name" : "address";
    if (next !== undefined) {
      next.lanes.address.turn = ++this.#lastTurn;
      next.lanes.name.turn = ++this.#lastTurn;
    }
    return next;
  }

  /** Refuses the youngest of those that most others wait beside, by address and by name. */
  #refuseOne(): void {
    let worst: Waiting | undefined;
    const crowd = ({ lanes }: Waiting) => lanes.name.waiting * lanes.address.waiting;
    for (const one of this.#waiting) {
      if (one.turn.takesPlace && (worst === undefined || crowd(one) >= crowd(worst))) worst = one;
    }
    if (worst === undefined) return;
    this.#remove(worst);
    worst.start(undefined);
  }

  #remove(one: Waiting): void {
    const { turn, lanes } = one;
    this.#waiting.splice(this.#waiting.indexOf(one), 1);
    if (turn.takesPlace) this.#wanting--;
    if (--lanes.address.waiting === 0) this.#addresses.delete(turn.address);
    if (--lanes.name.waiting === 0) this.#names.delete(turn.name);
  }
}
