/**
 * Where deliveries can be looked at as they end: the last ones are kept, and who watches is told at once. It
 * must never cost a delivery anything while it is off, nor keep more than a fixed number of them, of which
 * every text is cut.
 *
 * Memory: 1,000 slots of 1 KB, 200 for each of the 64 URLs that failed last, and the failures of 5,000
 * deliveries: some 20 MB where all 64 fail, twice as much where payloads are shown.
 */
import type { AttemptRecord, DeliveryOutcome, DeliveryRecord } from "./DeliveryRecord.ts";
import { MOST_ATTEMPTS, MOST_TEXT } from "./DeliveryRecord.ts";
import type { DeliveryFilter } from "./DeliveryFilter.ts";
import { isWanted } from "./DeliveryFilter.ts";
import { DeliveryRing } from "./DeliveryRing.ts";
import type { Told } from "./Slot.ts";
import { Slot } from "./Slot.ts";
import { CUT } from "./textsOf.ts";

/** Told of a delivery that ended, or failed for the first time. The slot is another's soon. */
export type Watcher = (slot: Slot) => void;

/** Why an attempt failed. */
export interface AttemptFailure {
  readonly reason: string;
  /** Of the answer; undefined: there was none that could be read. */
  readonly status?: number | undefined;
  readonly detail: string;
}

const MOST_FINISHED = 1000;
const MOST_FAILED = 200;
/** URLs whose failed deliveries are kept. */
const MOST_URLS = 64;
/** Deliveries on their way whose failures are remembered. */
const MOST_RETRYING = 5000;

/** A delivery that has failed, and is tried again. */
interface Retrying {
  readonly failures: Array<AttemptRecord>;
  /** Where it is shown; another's, once `id` is another. */
  readonly slot: Slot;
}

export class DeliveryTap {
  /** Asked before anything else here is called. */
  isOn = false;
  readonly #idPrefix: string;
  #hasPayload = false;
  #finished = new DeliveryRing(MOST_FINISHED, false);
  /** By URL, the one that failed last at the end. */
  readonly #failed = new Map<string, DeliveryRing>();
  /** By id, the oldest first. */
  readonly #retrying = new Map<number, Retrying>();
  readonly #watchers = new Set<Watcher>();

  /** @param idPrefix what every `webhook-id` begins with */
  constructor(idPrefix: string) {
    this.#idPrefix = idPrefix;
  }

  /** Whether payloads are kept. */
  get hasPayload(): boolean {
    return this.#hasPayload;
  }

  /** What every `webhook-id` begins with. */
  get idPrefix(): string {
    return this.#idPrefix;
  }

  /** From now on deliveries are kept. */
  turnOn(hasPayload: boolean): void {
    this.isOn = true;
    this.#hasPayload = hasPayload;
    this.#finished = new DeliveryRing(MOST_FINISHED, hasPayload);
  }

  /** Tells `watcher` of each until the answer is called. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /**
   * It is with its receiver.
   *
   * @param at milliseconds since 1970, here and below
   * @param took milliseconds of the attempt; undefined: nobody knows
   * @param status of the answer; undefined: it had none
   */
  delivered(
    url: string,
    told: Told,
    at: number,
    took: number | undefined,
    status?: number,
  ): void {
    this.#tell(this.#end(url, told, at, "delivered", null, took, status));
  }

  /** An attempt has failed, and there may be another one. */
  failed(
    url: string,
    told: Told,
    at: number,
    failure: AttemptFailure,
    took: number | undefined,
  ): void {
    const known = this.#retrying.get(told.id);
    if (known !== undefined) {
      remember(known.failures, at, failure, took);
      if (known.slot.id === told.id) known.slot.reason = failure.reason;
      return;
    }
    const slot = this.#fill(this.#ringOf(url), url, told, at, "retrying", failure.reason);
    const failures: Array<AttemptRecord> = [];
    remember(failures, at, failure, took);
    slot.failures = failures;
    if (this.#retrying.size === MOST_RETRYING) {
      for (const [oldest] of this.#retrying) {
        this.#retrying.delete(oldest);
        break;
      }
    }
    this.#retrying.set(told.id, { failures, slot });
    this.#tell(slot);
  }

  /**
   * It has ended without being delivered.
   *
   * @param failure of the attempt that ended it; undefined: none did
   */
  lost(
    url: string,
    told: Told,
    at: number,
    outcome: "failed" | "dropped",
    reason: string,
    failure?: AttemptFailure,
    took?: number,
  ): void {
    const retrying = this.#retrying.get(told.id);
    const failures = retrying?.failures ?? [];
    if (failure !== undefined) remember(failures, at, failure, took);
    const slot = this.#end(url, told, at, outcome, reason);
    slot.failures = failures;
    if (outcome === "failed" && retrying?.slot.id !== told.id) {
      this.#fill(this.#ringOf(url), url, told, at, outcome, reason).failures = failures;
    }
    this.#tell(slot);
  }

  /** Those that are kept and wanted, newest first. */
  find(filter: DeliveryFilter, limit: number): ReadonlyArray<Slot> {
    const found = new Map<number, Slot>();
    for (const ring of [this.#finished, ...this.#failed.values()]) {
      for (const slot of ring) {
        // One that failed and has ended is in two rings, and the same in both.
        if (!found.has(slot.id) && isWanted(filter, slot)) found.set(slot.id, slot);
      }
    }
    return [...found.values()].sort((a, b) => b.at - a.at || b.id - a.id).slice(0, limit);
  }

  /** Shows a slot. */
  record(slot: Slot): DeliveryRecord {
    return slot.record(this.#idPrefix);
  }

  #end(
    url: string,
    told: Told,
    at: number,
    outcome: DeliveryOutcome,
    reason: string | null,
    took = NaN,
    status = 0,
  ): Slot {
    const slot = this.#fill(this.#finished, url, told, at, outcome, reason);
    slot.ms = took;
    slot.status = status;
    const retrying = this.#retrying.size === 0 ? undefined : this.#retrying.get(told.id);
    if (retrying === undefined) return slot;
    this.#retrying.delete(told.id);
    slot.failures = retrying.failures;
    if (retrying.slot.id === told.id) retrying.slot.endAs(slot);
    return slot;
  }

  #fill(
    ring: DeliveryRing,
    url: string,
    told: Told,
    at: number,
    outcome: DeliveryOutcome,
    reason: string | null,
  ): Slot {
    const slot = ring.next();
    slot.fill(url, told);
    slot.at = at;
    slot.outcome = outcome;
    slot.reason = reason;
    slot.failures = NO_FAILURES;
    return slot;
  }

  #ringOf(url: string): DeliveryRing {
    const ring = this.#failed.get(url) ?? new DeliveryRing(MOST_FAILED, this.#hasPayload);
    this.#failed.delete(url);
    if (this.#failed.size === MOST_URLS) {
      for (const [longestAgo] of this.#failed) {
        this.#failed.delete(longestAgo);
        break;
      }
    }
    this.#failed.set(url, ring);
    return ring;
  }

  #tell(slot: Slot): void {
    for (const watcher of this.#watchers) watcher(slot);
  }
}

/** To three digits behind the point. */
const rounded = (ms: number): number => Math.round(ms * 1000) / 1000;

const NO_FAILURES: ReadonlyArray<AttemptRecord> = [];

const remember = (
  failures: Array<AttemptRecord>,
  at: number,
  { status, reason, detail }: AttemptFailure,
  took: number | undefined,
): void => {
  const error = reason.startsWith("status_") ? detail : `${reason}: ${detail}`;
  if (failures.length === MOST_ATTEMPTS) failures.shift();
  failures.push({
    at,
    status: status ?? null,
    ms: took === undefined ? null : rounded(took),
    error: error.length > MOST_TEXT ? error.slice(0, MOST_TEXT) + CUT : error,
  });
};
