/**
 * What has to survive the process of the deliveries that are not at their end. Each is in the window that
 * gathers, in the one that is being written, or in a group on disk; one that ends in time leaves no trace.
 * Plain state: what is written when is the matter of Windows.
 *
 * All bookkeeping is by id: nothing may be kept on a Delivery, of which the queues make new ones.
 */
import type { Commit, Group } from "../../store/Commit.ts";
import type { Journal, JournalOwner } from "../../store/Journal.ts";
import { WINDOW_BYTES } from "../../store/Windows.ts";
import { Deque } from "../../collections/Deque.ts";
import type { Delivery } from "../attempt/Delivery.ts";
import type { BodySlabs } from "../body/BodySlab.ts";
import { bytesOf } from "../body/BodySlab.ts";
import { RecordWriter } from "./GroupCodec.ts";
import type { StoredGroup } from "./GroupIndex.ts";
import { GroupIndex } from "./GroupIndex.ts";
import { OpenWindow } from "./OpenWindow.ts";

/** A group on disk of which some deliveries are in memory. */
interface LiveGroup extends StoredGroup {
  readonly url: OutboxUrl;
  readonly bytes: number;
}

/** What goes to one URL's groups. */
export class OutboxUrl {
  /** Of the window that is being written. */
  draft: { readonly writer: RecordWriter; readonly row: number; n: number } | undefined;
  #writer: RecordWriter | undefined;

  /** @param isSpill its deliveries are not in memory: they are let go when they are written */
  constructor(readonly url: string, readonly isSpill: boolean) {}

  /** Begins its group of a window. */
  begin(row: number): { readonly writer: RecordWriter; readonly row: number; n: number } {
    this.#writer ??= new RecordWriter(1024);
    this.#writer.clear();
    return this.draft = { writer: this.#writer, row, n: 0 };
  }
}

/** What can be read of it. */
export interface OutboxFigures {
  /** On disk: groups, deliveries that wait in them, bytes. */
  readonly groups: number;
  readonly events: number;
  readonly bytes: number;
  /** Deliveries since the start that were written, and that ended before. */
  readonly written: number;
  readonly skipped: number;
}

export interface OutboxOptions {
  readonly owner: JournalOwner;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The largest row of a group that waits on disk. */
  readonly lastRow: number;
  readonly slabs: Pick<BodySlabs, "retain" | "release">;
  /** Bytes that may wait on disk. */
  readonly maxBytes: number;
}

/** What a delete of a row counts in a window. */
const DELETE_BYTES = 16;

/** A full disk is full until no more than this part of what may be there is. */
const FREE_AGAIN = 7 / 8;

export class Outbox implements Journal {
  readonly #owner: JournalOwner;
  readonly #monotonic: () => number;
  readonly #now: () => number;
  /** Marks of the events that are not dispatched yet, in their order. */
  readonly #undispatched = new Deque<number>();
  #gathering = new OpenWindow<OutboxUrl>();
  #writing = new OpenWindow<OutboxUrl>();
  /** Groups of the window that is being written. */
  #drafts: Array<OutboxUrl> = [];
  readonly #index = new GroupIndex<LiveGroup>();
  /** Rows of which nothing waits any more. */
  #ended: Array<number> = [];
  #lastRow: number;
  readonly #slabs: OutboxOptions["slabs"];
  readonly #maxBytes: number;
  #isFull = false;
  #onFull: (isFull: boolean) => void = () => {};
  // The time as the last slice of events has looked at it.
  #at = 0;
  #wall = 0;
  /** From so many pending bytes on the owner is told again. */
  #tellFrom = WINDOW_BYTES;
  #groups = 0;
  #events = 0;
  #bytes = 0;
  #written = 0;
  #skipped = 0;

  constructor({ owner, monotonic, now, lastRow, slabs, maxBytes }: OutboxOptions) {
    this.#owner = owner;
    this.#monotonic = monotonic;
    this.#now = now;
    this.#lastRow = lastRow;
    this.#slabs = slabs;
    this.#maxBytes = maxBytes;
  }

  /** Whether as much waits on disk as may; until an eighth of it is free again. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Calls back when `isFull` has changed. */
  onFull(listener: (isFull: boolean) => void): void {
    this.#onFull = listener;
  }

  /** The row that was given last. */
  get lastRow(): number {
    return this.#lastRow;
  }

  get oldest(): number {
    return Math.min(
      this.#undispatched.peek() ?? Infinity,
      this.#gathering.oldest,
      this.#writing.oldest,
    );
  }

  get pendingBytes(): number {
    return this.#gathering.bytes + DELETE_BYTES * this.#ended.length;
  }

  get since(): number {
    return this.#gathering.open > 0 ? this.#gathering.since : this.#at;
  }

  figures(): OutboxFigures {
    return {
      groups: this.#groups,
      events: this.#events,
      bytes: this.#bytes,
      written: this.#written,
      skipped: this.#skipped,
    };
  }

  /** An event was taken from the broker: it is not safe until all of its deliveries are. */
  taken(): void {
    this.#undispatched.push(this.#owner.next());
  }

  /** The mark of the event that is being dispatched. */
  get mark(): number {
    return this.#undispatched.peek() ?? Infinity;
  }

  /** An event was refused: answers the mark that is safe when its dead letters are. */
  refused(): number {
    return this.#owner.next();
  }

  /** A slice of events is about to be dispatched. */
  look(): void {
    this.#at = this.#monotonic();
    this.#wall = this.#now();
  }

  /**
   * A delivery of the event that is being dispatched, before anything is done with it.
   *
   * @param pointless its URL will not answer within the window's time
   */
  opened(delivery: Delivery, url: OutboxUrl, pointless: boolean): void {
    const gathering = this.#gathering;
    const isFirst = gathering.open === 0;
    gathering.add(delivery, url, this.mark, this.#at, this.#wall);
    if (url.isSpill) this.#slabs.retain(delivery.slab, delivery.length);
    if (isFirst || pointless) this.#owner.pending(this, pointless);
    else if (gathering.bytes >= this.#tellFrom) {
      this.#tellFrom += WINDOW_BYTES;
      this.#owner.pending(this);
    }
  }

  /** All deliveries of the oldest event that was taken are opened, or it has none. */
  dispatched(): void {
    this.#undispatched.shift();
    this.#owner.moved();
  }

  /** The mark of a delivery that is not on disk; Infinity: it is. */
  markOf(id: number): number {
    return this.#gathering.markOf(id) ?? this.#writing.markOf(id) ?? Infinity;
  }

  /** A delivery is at its end. */
  ended(id: number): void {
    if (this.#gathering.end(id)) {
      this.#skipped++;
      return this.#owner.moved();
    }
    if (this.#writing.end(id)) return this.#owner.moved();
    const group = this.#index.take(id);
    if (group === undefined) return; // of a time without an outbox
    this.#events--;
    if (--group.open === 0) this.#endRow(group);
  }

  /** A group that was read from disk: `restored` is to be told of each delivery in it. */
  restoring({ row, n, records }: Group, url: OutboxUrl): LiveGroup {
    this.#count(1, records.length);
    this.#events += n;
    return { row, url, bytes: records.length, open: n };
  }

  /** A delivery that was read from disk, before anything is done with it. */
  restored(id: number, group: LiveGroup): void {
    this.#index.set(id, group);
  }

  write(commit: Commit): void {
    for (const row of this.#ended) commit.ended.push(row);
    this.#ended = [];
    [this.#gathering, this.#writing] = [this.#writing, this.#gathering];
    this.#tellFrom = WINDOW_BYTES;
    this.#drafts = [];
    this.#writing.forEach((delivery, url, born) => {
      const draft = url.draft ?? this.#begin(url);
      draft.n++;
      const { id, seq, event, lane } = delivery;
      draft.writer.add({ id, seq, born, event, lane, body: bytesOf(delivery) });
    });
    for (const { url, draft } of this.#drafts) {
      if (draft === undefined) continue; // begun for a record
      commit.groups.push({ row: draft.row, url, n: draft.n, records: draft.writer.records() });
    }
  }

  #begin(url: OutboxUrl) {
    this.#drafts.push(url);
    return url.begin(++this.#lastRow);
  }

  written(): void {
    const groups = new Map<OutboxUrl, LiveGroup>();
    for (const url of this.#drafts) {
      const { draft } = url;
      if (draft === undefined) continue;
      url.draft = undefined;
      this.#written += draft.n;
      const bytes = draft.writer.length;
      groups.set(url, { row: draft.row, url, bytes, open: 0 });
      this.#count(1, bytes);
    }
    this.#drafts = [];
    this.#writing.forEach(({ id, slab, length }, url) => {
      const group = groups.get(url)!; // of `write`, which has seen all that are still open
      group.open++;
      this.#events++;
      if (url.isSpill) this.#slabs.release(slab, length);
      else this.#index.set(id, group);
    });
    this.#writing.clear();
    for (const group of groups.values()) if (group.open === 0) this.#endRow(group);
  }

  #endRow({ row, bytes }: LiveGroup): void {
    this.#ended.push(row);
    this.#count(-1, -bytes);
    if (this.#ended.length === 1) {
      if (this.#gathering.open === 0) this.#at = this.#monotonic();
      this.#owner.pending(this);
    }
  }

  #count(groups: number, bytes: number): void {
    this.#groups += groups;
    this.#bytes += bytes;
    const isFull = this.#bytes >= (this.#isFull ? this.#maxBytes * FREE_AGAIN : this.#maxBytes);
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    this.#onFull(isFull);
  }
}
