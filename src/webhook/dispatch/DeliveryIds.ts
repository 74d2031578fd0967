/**
 * Where deliveries get their identity from: `webhook-id` is `prefix` and the id in base 36, and
 * `webhook-seq` counts up from a floor. One source for all of it, so that what outlives the process can
 * be that source.
 */
export interface DeliveryIds {
  /** What every `webhook-id` begins with. */
  readonly prefix: string;
  /**
   * No `webhook-seq` at or below it is given again. The process's start in microseconds since 1970, or more: they
   * grow by one an event, and so the next process begins above all of them, if there were fewer than a million
   * a second.
   */
  readonly sequenceFloor: number;
  /** A number larger than all before, never given twice under this prefix. */
  next(): number;
}

/** Ids of this process alone: their prefix is its own. `now`: its start, in milliseconds since 1970. */
export const idsOfProcess = (now: number): DeliveryIds => {
  let last = 0;
  return {
    prefix: `${crypto.randomUUID().slice(0, 13)}-`,
    sequenceFloor: now * 1000,
    next: () => ++last,
  };
};
