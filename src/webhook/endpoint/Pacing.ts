/**
 * When the next attempt at one URL may be made that has to wait for a moment: by `rate_limit`, and as a batch
 * by `batch_max_delay`. Where the settings ask for neither it is asked for nothing, and looks at no clock.
 */
import type { EndpointSettings } from "../../domain/WebHookSettings.ts";
import { Batching } from "./Batching.ts";
import { onGrid } from "./RetrySchedule.ts";
import { TokenBucket } from "./TokenBucket.ts";

export class Pacing {
  /** Monotonic milliseconds. */
  readonly #now: () => number;
  #batching: Batching | undefined;
  #bucket: TokenBucket | undefined;
  #turnAt: number | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes over new settings; what was taken of a rate that stays is taken. */
  configure({ batch, rateLimit }: EndpointSettings): void {
    this.#batching = batch && new Batching(batch);
    const before = this.#bucket?.limit;
    if (before?.count === rateLimit?.count && before?.period === rateLimit?.period) return;
    this.#bucket = rateLimit && new TokenBucket(rateLimit);
  }

  /** Whether the rate allows only so many attempts. */
  get isLimited(): boolean {
    return this.#bucket !== undefined;
  }

  /** Whether the rate allows no attempt now. */
  get isOver(): boolean {
    return this.#bucket !== undefined && this.#turnNow() < this.#bucket.nextAt;
  }

  /** A delivery has come. */
  came(id: number): void {
    if (this.#batching !== undefined) this.#batching.came(id, this.#turnNow());
  }

  /** Whether the delivery with this id, the first that waits for a batch, has waited for long enough. */
  isDue(id: number): boolean {
    return this.#batching !== undefined && this.#turnNow() >= this.#batching.dueAt(id);
  }

  /** An attempt begins. */
  begin(): void {
    this.#bucket?.take(this.#turnNow());
  }

  /** One that was begun was not made. */
  notMade(): void {
    this.#bucket?.giveBack();
  }

  /**
   * When to look again, because no longer `isOver` or `isDue`; Infinity: there is no such moment.
   *
   * @param waits whether anything does
   * @param freshId as `isDue`; Infinity: there is none
   */
  nextMoment(waits: boolean, freshId: number): number {
    if (this.#bucket !== undefined && this.isOver) {
      return waits ? onGrid(this.#bucket.nextAt) : Infinity;
    }
    if (this.#batching === undefined || freshId === Infinity || this.isDue(freshId)) {
      return Infinity;
    }
    return onGrid(this.#batching.dueAt(freshId));
  }

  /** Looks at the clock, which answers this turn from then on. */
  look(): number {
    if (this.#turnAt === undefined) queueMicrotask(this.#endTurn);
    return this.#turnAt = this.#now();
  }

  /**
   * The time as this turn has seen it last: looked at once for the hundreds of events that it may bring, and one
   * for whether an attempt may be made as for when to look again, or what is due in between were forgotten.
   */
  #turnNow(): number {
    return this.#turnAt ?? this.look();
  }

  readonly #endTurn = (): void => {
    this.#turnAt = undefined;
  };
}
