/**
 * When what waits at one URL goes as a batch: when there is enough for one, when nothing is on its way to the
 * URL, or when the first of it has waited for as long as it may.
 */
import type { BatchSettings } from "../../domain/WebHookSettings.ts";

/** Events that came within this part of the delay are taken for as old as the first of them. */
const PART_OF_DELAY = 1 / 64;

/** Or within this, in milliseconds. */
const LEAST_MS = 1;

/** Those with this id and later ones came at this moment or later. */
interface Moment {
  readonly id: number;
  readonly at: number;
}

export class Batching {
  /** Of as much time as an event may wait. */
  #moments: Array<Moment> = [];
  // What `dueAt` was asked last.
  #id = -1;
  #dueAt = Infinity;

  constructor(readonly settings: BatchSettings) {}

  /** A delivery has come; `now` in monotonic milliseconds. */
  came(id: number, now: number): void {
    const last = this.#moments.at(-1);
    const { maxDelay } = this.settings;
    if (last !== undefined && now < last.at + Math.max(LEAST_MS, maxDelay * PART_OF_DELAY)) return;
    const old = this.#moments.findIndex(({ at }) => at >= now - maxDelay);
    this.#moments.splice(0, old === -1 ? this.#moments.length - 1 : old - 1);
    this.#moments.push({ id, at: now });
  }

  /** When the delivery with this id, which waits, has waited for long enough. */
  dueAt(id: number): number {
    if (id !== this.#id) {
      const moment = this.#moments.findLast((moment) => moment.id <= id);
      this.#id = id;
      // Without one it is older than all that is known of.
      this.#dueAt = (moment?.at ?? -Infinity) + this.settings.maxDelay;
    }
    return this.#dueAt;
  }
}
