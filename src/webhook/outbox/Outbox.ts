/**
 * What has to survive the process of the deliveries that are not at their end. Each is in the window that
 * gathers, in the one that is being written, or in a group on disk; one that ends in time leaves no trace. What
 * is spilled is on disk alone, until it is read back.
 *
 * Plain state: what is written when is the matter of Windows. All bookkeeping is by id: nothing may be kept on a
 * Delivery, of which the queues make new ones. The rows of one URL are in the order of its deliveries.
 */
import type { Commit, Group } from "../../store/Commit.ts";
import type { Journal, JournalOwner } from "../../store/Journal.ts";
import { WINDOW_BYTES } from "../../store/Windows.ts";
import { Deque } from "../../collections/Deque.ts";
import type { Delivery } from "../attempt/Delivery.ts";
import type { BodySlabs } from "../body/BodySlab.ts";
import { bytesOf } from "../body/BodySlab.ts";
import { DiskUse } from "./DiskUse.ts";
import type { StoredGroup } from "./GroupIndex.ts";
import { RecordWriter } from "./GroupCodec.ts";
import { GroupIndex } from "./GroupIndex.ts";
import { OpenWindow } from "./OpenWindow.ts";
import type { OutboxUrl } from "./OutboxUrl.ts";

/** A group on disk that is known in memory. */
export interface LiveGroup extends StoredGroup {
  readonly url: string;
  bytes: number;
  /** Records in it. */
  n: number;
}

/** A group that is being read back. */
export interface Restoring {
  readonly group: LiveGroup;
  /** Whether it was known: then only some of it comes back. */
  readonly isKnown: boolean;
  /** Whether this process has counted what is in it. */
  readonly isCounted: boolean;
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
  /** `outbox_delay`, in milliseconds. */
  readonly delay: number;
  /** The largest row of a group that waits on disk. */
  readonly lastRow: number;
  readonly slabs: Pick<BodySlabs, "retain" | "release">;
  readonly use: DiskUse;
}

/**
 * Where a URL answers what waits for it within some multiple of `outbox_delay`, its deliveries are given twice
 * the time that they should take: at full load answers take longer than a window, and to write what is about to
 * be answered makes them later still.
 */
const MOST_DELAYS = 50;
/** Times what a delivery should take. */
const MARGIN = 2;
/** Bytes of what waits for its answer so, before it is written at once. */
const PATIENT_BYTES = 4 * 1024 * 1024;

/** What a delete of a row counts in a window. */
const DELETE_BYTES = 16;

export class Outbox implements Journal {
  readonly #owner: JournalOwner;
  readonly #monotonic: () => number;
  readonly #delay: number;
  readonly #slabs: OutboxOptions["slabs"];
  readonly use: DiskUse;
  /** Marks of the events that are not dispatched yet, in their order. */
  readonly #undispatched = new Deque<number>();
  #gathering = new OpenWindow<OutboxUrl>();
  #writing = new OpenWindow<OutboxUrl>();
  /** Who has a group of the window that is being written. */
  #drafts: Array<OutboxUrl> = [];
  /** In which group each delivery is that is on disk and in memory. */
  readonly #index = new GroupIndex<LiveGroup>();
  /** The same of those that were in memory, and whose group is known for others' sake. */
  readonly #away = new GroupIndex<LiveGroup>();
  /** Of the window that is being written: those that have left memory meanwhile. */
  readonly #evicted = new Set<number>();
  /** Groups that are known in memory. */
  readonly #rows = new Map<number, LiveGroup>();
  /** Rows of which nothing waits any more, until they are gone from disk: some wait for it, others are being deleted. */
  readonly #ended = new Set<number>();
  #endedPending: Array<number> = [];
  /** Groups of which half or less is left. */
  readonly #stragglers = new Set<LiveGroup>();
  #onStragglers: () => void = () => {};
  /** Groups to be written anew. */
  #rewritten: Array<Group> = [];
  #endedWriting: Array<number> = [];
  #lastRow: number;
  /** Rows that an earlier process has written, or that were dead letters: nobody has counted what is in them. */
  #uncounted: ReadonlyArray<readonly [from: number, to: number]>;
  /** The time as the last slice of events has looked at it. */
  #at = 0;
  /** How long what came in the last slice should take, in milliseconds: the longest of all that is not too long. */
  #wait = 0;
  /** From so many pending bytes on the owner is told again. */
  #tellFrom = WINDOW_BYTES;
  #written = 0;
  #skipped = 0;

  constructor({ owner, monotonic, delay, lastRow, slabs, use }: OutboxOptions) {
    this.#owner = owner;
    this.#monotonic = monotonic;
    this.#delay = delay;
    this.#lastRow = lastRow;
    this.#uncounted = [[0, lastRow]];
    this.#slabs = slabs;
    this.use = use;
  }

  /** The row that was given last. */
  get lastRow(): number {
    return this.#lastRow;
  }

  get oldest(): number {
    return Math.min(this.mark, this.#gathering.oldest, this.#writing.oldest);
  }

  get pendingBytes(): number {
    return this.#gathering.bytes +
      DELETE_BYTES * (this.#endedPending.length + this.#rewritten.length);
  }

  get since(): number {
    return this.#gathering.open > 0 ? this.#gathering.since : this.#at;
  }

  get delay(): number {
    return this.#delay === 0 ? 0 : Math.max(this.#delay, MARGIN * this.#wait);
  }

  get largest(): number {
    return this.#wait === 0 ? WINDOW_BYTES : PATIENT_BYTES;
  }

  /** The time as the last slice of events has looked at it, in monotonic milliseconds. */
  get at(): number {
    return this.#at;
  }

  figures(): OutboxFigures {
    return { ...this.use.figures(), written: this.#written, skipped: this.#skipped };
  }

  // Events and their deliveries.

  /** An event was taken from the broker: it is not safe until all of its deliveries are. */
  taken(): void {
    this.#undispatched.push(this.#owner.next());
  }

  /** The mark of the event that is being dispatched; Infinity: there is none. */
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
    this.#wait = 0;
  }

  /**
   * A delivery of the event that is being dispatched, before anything is done with it.
   *
   * @param wait how long it should take, in milliseconds; 0: not longer than others of its URL
   */
  opened(delivery: Delivery, url: OutboxUrl, wait: number): void {
    const pointless = MARGIN * wait > MOST_DELAYS * this.#delay;
    if (!pointless && wait > this.#wait) this.#wait = wait;
    const gathering = this.#gathering;
    const isFirst = gathering.open === 0;
    gathering.add(delivery, url, this.mark, this.#at);
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
    if (group !== undefined) this.#endIn(group);
  }

  #endIn(group: LiveGroup): void {
    this.use.addEvents(-1);
    if (--group.open === 0) this.#endRow(group);
    else if (group.open === Math.floor(group.n / 2)) this.#straggles(group);
  }

  #straggles(group: LiveGroup): void {
    this.#stragglers.add(group);
    if (this.#stragglers.size === 1) this.#onStragglers();
  }

  // Between memory and disk.

  /**
   * A delivery that was never attempted leaves memory; its body may be let go.
   *
   * @param spill where it goes if it is not on its way to disk yet
   * Returns: the row that it is in; Infinity: one to come
   */
  evict(id: number, spill: OutboxUrl): number {
    const open = this.#gathering.retarget(id, spill);
    if (open !== undefined) {
      this.#slabs.retain(open.slab, open.length);
      return Infinity;
    }
    const writing = this.#writing.urlOf(id);
    if (writing !== undefined) {
      this.#evicted.add(id);
      return writing.draft?.row ?? Infinity; // it has a group there
    }
    const group = this.#index.take(id);
    if (group === undefined) return Infinity; // all that are in memory are in one of these
    this.#away.set(id, group);
    return group.row;
  }

  /** A group that was read; undefined: none of it is to be taken. Of its deliveries those are that `restored` says. */
  restoring({ row, url, n, records }: Group): Restoring | undefined {
    if (this.#ended.has(row)) return undefined;
    const known = this.#rows.get(row);
    if (known !== undefined) return { group: known, isKnown: true, isCounted: true };
    const group: LiveGroup = { row, url, bytes: records.length, n, open: n };
    this.#rows.set(row, group);
    return { group, isKnown: false, isCounted: this.#isCounted(row) };
  }

  /** Whether this process has counted what is in a row. */
  #isCounted(row: number): boolean {
    return !this.#uncounted.some(([from, to]) => from <= row && row <= to);
  }

  /** Whether a delivery of such a group comes to memory now; to be asked once, before anything is done with it. */
  restored(id: number, { group, isKnown }: Restoring): boolean {
    if (isKnown && this.#away.take(id) === undefined) return false;
    this.#index.set(id, group);
    return true;
  }

  /** Whether some of these are on their way to disk. */
  isWriting(spill: OutboxUrl): boolean {
    return spill.draft !== undefined;
  }

  /**
   * What was spilled into the window that gathers is in memory from now on; answers it, by id. Whoever takes it
   * lets its bodies go.
   */
  takeOver(spill: OutboxUrl, live: OutboxUrl): Array<Delivery> {
    return this.#gathering.retargetAll(spill, live);
  }

  /** Rows for dead letters that are to wait again: at most so many. Returns: the first. */
  reserveRows(most: number): number {
    const first = this.#lastRow + 1;
    this.#lastRow += most;
    return first;
  }

  /** These rows wait now, and nobody has counted what is in them. */
  found(from: number, to: number): void {
    this.#uncounted = [...this.#uncounted, [from, to]];
  }

  /** A group that was read, and of which nothing is in memory, has become a dead letter: its row ends. */
  buried({ row, url, n, records }: Group): void {
    this.use.addEvents(-n);
    this.#endRow({ row, url, bytes: records.length });
  }

  // Groups of which little is left.

  /** Calls back when there are some again. */
  onStragglers(listener: () => void): void {
    this.#onStragglers = listener;
  }

  /** Takes the groups out of which half or less is left. */
  takeStragglers(): ReadonlyArray<LiveGroup> {
    const found = [...this.#stragglers].filter(({ row }) => this.#rows.has(row));
    this.#stragglers.clear();
    return found;
  }

  /** In which group on disk a delivery is that is in memory. */
  groupOf(id: number): LiveGroup | undefined {
    return this.#index.get(id);
  }

  /**
   * Writes a group anew, with what is left of it: at its own row, so that rows stay in order.
   *
   * @param deliveries all that are left, by id; fewer: it is looked at again later
   */
  rewrite(group: LiveGroup, deliveries: ReadonlyArray<Delivery>): void {
    if (deliveries.length < group.open) {
      this.#straggles(group);
      return;
    }
    const { row, url } = group;
    const writer = new RecordWriter(group.bytes);
    for (const delivery of deliveries) {
      const { id, seq, born, event, lane } = delivery;
      writer.add({ id, seq, born, event, lane, body: bytesOf(delivery) });
    }
    const records = writer.records();
    this.#rewritten.push({ row, url, n: deliveries.length, records });
    this.use.add(url, 0, records.length - group.bytes);
    group.bytes = records.length;
    group.n = deliveries.length;
    this.#owner.pending(this);
  }

  // As a journal.

  write(commit: Commit): void {
    this.#endedWriting = this.#endedPending;
    this.#endedPending = [];
    for (const row of this.#endedWriting) commit.ended.push(row);
    commit.groups.push(...this.#rewritten);
    this.#rewritten = [];
    [this.#gathering, this.#writing] = [this.#writing, this.#gathering];
    this.#tellFrom = WINDOW_BYTES;
    this.#drafts = [];
    // What is in memory first: of one client it is older than what was spilled.
    const spills = this.#draw(false);
    if (spills) this.#draw(true);
    for (const { url, draft } of this.#drafts) {
      if (draft === undefined) continue; // begun by `#draw`
      commit.groups.push({ row: draft.row, url, n: draft.n, records: draft.writer.records() });
    }
  }

  /** Writes the records of what is spilled, or of what is not; answers whether there are others. */
  #draw(isSpill: boolean): boolean {
    let others = false;
    this.#writing.forEach((delivery, url) => {
      if (url.isSpill !== isSpill) {
        others = true;
        return;
      }
      const draft = url.draft ?? this.#begin(url);
      draft.n++;
      const { id, seq, born, event, lane } = delivery;
      draft.writer.add({ id, seq, born, event, lane, body: bytesOf(delivery) });
    });
    return others;
  }

  #begin(url: OutboxUrl) {
    this.#drafts.push(url);
    return url.begin(++this.#lastRow);
  }

  written(): void {
    for (const row of this.#endedWriting) this.#ended.delete(row);
    this.#endedWriting = [];
    const drafts = this.#drafts;
    if (drafts.length === 0) return;
    this.#drafts = [];
    const groups = new Map<OutboxUrl, LiveGroup>();
    const handed = new Map<OutboxUrl, Array<Delivery>>();
    for (const url of drafts) {
      const { draft } = url;
      if (draft === undefined) continue;
      url.draft = undefined;
      url.writtenRow = draft.row;
      this.#written += draft.n;
      const bytes = draft.writer.length;
      const { row, n } = draft;
      groups.set(url, { row, url: url.url, bytes, n, open: 0 });
      this.use.add(url.url, 1, bytes);
      if (url.handOver !== undefined) handed.set(url, []);
    }
    this.#writing.forEach((delivery, url) => {
      const { id, slab, length } = delivery;
      const group = groups.get(url)!; // of `write`, which has seen all that are still open
      group.open++;
      this.use.addEvents(1);
      const isHanded = handed.get(url)?.push(delivery) !== undefined;
      if (url.isSpill && !isHanded) this.#slabs.release(slab, length);
      if (this.#evicted.has(id)) this.#away.set(id, group);
      else if (!url.isSpill || isHanded) this.#index.set(id, group);
    });
    this.#writing.clear();
    this.#evicted.clear();
    for (const [url, group] of groups) {
      if (group.open === 0) this.#endRow(group);
      else if (!url.isSpill || handed.has(url)) this.#rows.set(group.row, group);
    }
    for (const [url, deliveries] of handed) {
      const { handOver } = url;
      url.handOver = undefined;
      handOver?.(deliveries);
    }
  }

  #endRow({ row, url, bytes }: Pick<LiveGroup, "row" | "url" | "bytes">): void {
    this.#rows.delete(row);
    this.#ended.add(row);
    this.#endedPending.push(row);
    this.use.add(url, -1, -bytes);
    if (this.#endedPending.length > 1) return;
    if (this.#gathering.open === 0) this.#at = this.#monotonic();
    this.#owner.pending(this);
  }
}
