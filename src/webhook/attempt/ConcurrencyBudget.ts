/**
 * Who may have a request in flight: `concurrency_limit` over all URLs, shared so that one that hangs
 * cannot take it all. Half of the limit is reserved in equal shares, of one permit at least while there
 * are more permits than URLs; the rest goes to who asks first. It must never let more than the limit be
 * taken. Effect's Semaphore has no shares, and costs 10 µs an attempt.
 */
import { Deque } from "../../collections/Deque.ts";

/** One URL's place at the budget. */
export interface Seat {
  /** Takes a permit if there is one; if not, `wake` is called when there may be one again. */
  tryAcquire(): boolean;
  /** Gives a permit back. */
  release(): void;
  /** Leaves the budget; what it holds still counts until it is released. */
  leave(): void;
}

export class ConcurrencyBudget {
  #limit: number;
  #used = 0;
  /** Permits above the reserved shares that are taken. */
  #common = 0;
  #reserved = 0;
  readonly #seats = new Set<BudgetSeat>();
  readonly #hungry = new Deque<BudgetSeat>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Permits taken. */
  get used(): number {
    return this.#used;
  }

  join(wake: () => void): Seat {
    const seat = new BudgetSeat(this, wake);
    this.#seats.add(seat);
    this.#share();
    return seat;
  }

  resize(limit: number): void {
    this.#limit = limit;
    this.#share();
    this.#feed();
  }

  /** @internal */
  leave(seat: BudgetSeat): void {
    this.#seats.delete(seat);
    this.#share();
    this.#feed();
  }

  /** @internal */
  tryAcquire(seat: BudgetSeat): boolean {
    const own = this.#seats.has(seat) && seat.used < this.#reserved;
    // The second test matters after the limit or the number of URLs has changed only.
    if ((own || this.#common < this.#commonLimit) && this.#used < this.#limit) {
      seat.used++;
      this.#used++;
      if (!own) this.#common++;
      return true;
    }
    if (!seat.hungry) {
      seat.hungry = true;
      this.#hungry.push(seat);
    }
    return false;
  }

  /** @internal */
  release(seat: BudgetSeat): void {
    if (seat.used > this.#reserved || !this.#seats.has(seat)) this.#common--;
    seat.used--;
    this.#used--;
    this.#feed();
  }

  get #commonLimit(): number {
    return this.#limit - this.#reserved * this.#seats.size;
  }

  /** Deals the reserved shares out again. */
  #share(): void {
    const seats = this.#seats.size;
    const least = this.#limit > seats ? 1 : 0;
    this.#reserved = seats === 0 ? 0 : Math.max(least, Math.floor(this.#limit / 2 / seats));
    let reservedUsed = 0;
    for (const seat of this.#seats) reservedUsed += Math.min(seat.used, this.#reserved);
    this.#common = this.#used - reservedUsed;
  }

  /** Wakes those who were refused, first come first, as long as there is something to take. */
  #feed(): void {
    for (let turns = this.#hungry.length; turns > 0; turns--) {
      if (this.#used >= this.#limit) return;
      const seat = this.#hungry.shift();
      if (seat === undefined) return;
      seat.hungry = false;
      seat.wake();
    }
  }
}

class BudgetSeat implements Seat {
  used = 0;
  hungry = false;

  readonly #budget: ConcurrencyBudget;

  constructor(budget: ConcurrencyBudget, readonly wake: () => void) {
    this.#budget = budget;
  }

  tryAcquire(): boolean {
    return this.#budget.tryAcquire(this);
  }

  release(): void {
    this.#budget.release(this);
  }

  leave(): void {
    this.#budget.leave(this);
  }
}
