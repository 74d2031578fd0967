/**
 * What of one URL's deliveries is on disk alone: those that an earlier process has left, and those that come
 * while as many as may wait in memory. They come back in their order, as they are wanted, and meanwhile what is
 * new goes behind them: so a receiver that is down for hours costs disk, and nothing else.
 */
import type { Group } from "../../store/Commit.ts";
import type { Delivery } from "../attempt/Delivery.ts";
import type { Outbox, Restoring } from "../outbox/Outbox.ts";
import { OutboxUrl } from "../outbox/OutboxUrl.ts";

/** Reads groups of a URL behind a row; calls back in a turn of its own, unless all stops. */
export type ReadGroups = (
  url: string,
  after: number,
  then: (groups: ReadonlyArray<Group>) => void,
) => void;

/** Whose it is. */
export interface SpillOwner {
  /** Whether more should be in memory. */
  wantsMore(): boolean;
  /** Takes those of a group's deliveries that `restoring` says. */
  restore(group: Group, restoring: Restoring): void;
  /** Takes deliveries, by id, that were spilled and are not let go yet. */
  takeBack(deliveries: ReadonlyArray<Delivery>): void;
}

export class Spill {
  /** Where the deliveries go that are in memory. */
  readonly live: OutboxUrl;
  readonly #spilled: OutboxUrl;
  readonly #outbox: Outbox;
  readonly #read: ReadGroups;
  readonly #owner: SpillOwner;
  #isBehind = false;
  /** All rows up to this one are in memory, or at their end. */
  #cursor = 0;
  #isReading = false;
  /** A window is being written that has to be seen first. */
  #isWaiting = false;
  /** A row that is on its way to disk with what was taken out of memory. */
  #mustReach = 0;
  /** What was read before it grew may be without what has come back since. */
  #begun = 0;
  #isClosed = false;

  constructor(url: string, outbox: Outbox, read: ReadGroups, owner: SpillOwner) {
    this.live = new OutboxUrl(url, false);
    this.#spilled = new OutboxUrl(url, true);
    this.#outbox = outbox;
    this.#read = read;
    this.#owner = owner;
  }

  /** Whether something is on disk alone: then what is new has to go there too. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Takes a delivery that is new. */
  add(delivery: Delivery): void {
    this.#outbox.opened(delivery, this.#spilled, Infinity);
  }

  /** Rows behind `after`, up to `last`, are on disk alone. */
  begin(after: number, last: number): void {
    this.#cursor = this.#isBehind ? Math.min(this.#cursor, after) : after;
    this.#begun++;
    this.#isBehind = true;
    this.#isWaiting = false;
    this.#spilled.handOver = this.live.handOver = undefined;
    this.#spilled.writtenRow = Math.max(this.#spilled.writtenRow, last);
    this.more();
  }

  /** What was taken out of memory, never attempted, is on disk alone. */
  evict(deliveries: ReadonlyArray<Delivery>): void {
    let first = this.#outbox.lastRow + 1;
    for (const { id } of deliveries) {
      const row = this.#outbox.evict(id, this.#spilled);
      if (row === Infinity) continue; // of the window that gathers
      first = Math.min(first, row);
      this.#mustReach = Math.max(this.#mustReach, row);
    }
    this.begin(first - 1, 0);
  }

  /** Nothing is read any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** Reads on, where more is wanted. */
  more(): void {
    if (!this.#isBehind || this.#isReading || this.#isWaiting || this.#isClosed) return;
    if (!this.#owner.wantsMore()) return;
    this.#isReading = true;
    const upTo = this.#writtenRow;
    const begun = this.#begun;
    this.#read(this.live.url, this.#cursor, (groups) => {
      if (this.#isClosed) return;
      if (this.#begun === begun) this.#came(groups, upTo); // else it is read again
      this.#isReading = false;
      this.more();
    });
  }

  /** The last row on disk. */
  get #writtenRow(): number {
    return Math.max(this.#spilled.writtenRow, this.live.writtenRow);
  }

  /** @param upTo all that was written up to this row could be read */
  #came(groups: ReadonlyArray<Group>, upTo: number): void {
    for (const group of groups) {
      if (!this.#owner.wantsMore()) return; // the rest is read again when it is wanted
      this.#cursor = group.row;
      const restoring = this.#outbox.restoring(group);
      if (restoring !== undefined) this.#owner.restore(group, restoring);
    }
    if (groups.length === 0) this.#cursor = Math.max(this.#cursor, upTo);
    if (this.#cursor < this.#writtenRow) return;
    if (this.#cursor >= this.#mustReach) this.#catchUp();
    else this.#waitFor(this.live, () => this.more());
  }

  /** All that is on disk is in memory: what is on its way there follows. */
  #catchUp(): void {
    const takeRest = () => {
      this.#isBehind = false;
      this.#owner.takeBack(this.#outbox.takeOver(this.#spilled, this.live));
    };
    if (!this.#outbox.isWriting(this.#spilled)) return takeRest();
    this.#waitFor(this.#spilled, (deliveries) => {
      this.#owner.takeBack(deliveries);
      takeRest();
    });
  }

  /** Goes on when the window is written that is on its way. */
  #waitFor(url: OutboxUrl, then: (deliveries: Array<Delivery>) => void): void {
    this.#isWaiting = true;
    url.handOver = (deliveries) => {
      this.#isWaiting = false;
      then(deliveries);
    };
  }
}
