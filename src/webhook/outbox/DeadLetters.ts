/**
 * Deliveries that were given up, on their way to the table of dead letters: they get there by the very commit
 * that takes them out of what waits, so that they are never in both and never in none.
 *
 * While the disk fails they are kept in memory, as many as there is room for; beyond, they are lost, counted.
 */
import * as Effect from "effect/Effect";
import type { Commit, DeadGroup, Group } from "../../store/Commit.ts";
import type { Journal, JournalOwner } from "../../store/Journal.ts";
import type { Delivery } from "../attempt/Delivery.ts";
import type { BodyRef } from "../body/BodySlab.ts";
import { bytesOf } from "../body/BodySlab.ts";
import type { GroupRecord } from "./GroupCodec.ts";
import { recordBytes, RecordWriter } from "./GroupCodec.ts";

/** Why a delivery became a dead letter. docs/outbox.md says what each means. */
export type LetterReason =
  /** Its retries are over, although the URL answers others. */
  | "given_up"
  /** Its retries are over, and its URL failed as a whole. */
  | "url_failed"
  /** The receiver wants it not. */
  | "refused"
  | "queue_full"
  | "endpoint_share"
  | "gone"
  | "outbox_full"
  /** No rule names its URL any more. */
  | "unconfigured"
  /** It cannot be read. */
  | "damaged";

/** What of a delivery is kept. */
export type Letter = Pick<Delivery, "id" | "event" | "seq" | "born" | "lane"> & BodyRef;

/** What waits in memory for a disk that fails. */
const MOST_BYTES = 16 * 1024 * 1024;

interface Draft {
  readonly url: string;
  readonly reason: LetterReason;
  readonly detail: string;
  readonly writer: RecordWriter;
  n: number;
}

export class DeadLetters implements Journal {
  readonly #owner: JournalOwner;
  /** Milliseconds since 1970. */
  readonly #now: () => number;
  /** By URL, reason and detail. */
  #drafts = new Map<string, Draft>();
  #bytes = 0;
  #groups: Array<DeadGroup> = [];
  #oldest = Infinity;
  #writingOldest = Infinity;
  #count = 0;
  #lost = 0;

  constructor(owner: JournalOwner, now: () => number) {
    this.#owner = owner;
    this.#now = now;
  }

  /** Letters since the start. */
  get count(): number {
    return this.#count;
  }

  /** Letters that found no room while the disk failed. */
  get lost(): number {
    return this.#lost;
  }

  get oldest(): number {
    return Math.min(this.#oldest, this.#writingOldest);
  }

  get pendingBytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a delivery that was given up.
   *
   * @param mark what is not safe before the letter is on disk; Infinity: the delivery itself is on disk
   */
  add(
    url: string,
    delivery: Letter,
    reason: LetterReason,
    detail: string,
    mark = Infinity,
  ): void {
    const { id, seq, born, event, lane } = delivery;
    const body = bytesOf(delivery);
    this.addRecord(url, { id, seq, born, event, lane, body }, reason, detail, mark);
  }

  /** The same, of one that was read from disk. */
  addRecord(
    url: string,
    record: GroupRecord,
    reason: LetterReason,
    detail: string,
    mark = Infinity,
  ): void {
    const bytes = recordBytes(record.body.length);
    if (this.#bytes + bytes > MOST_BYTES) {
      this.#lost++;
      return;
    }
    const key = `${reason}\n${detail}\n${url}`;
    let draft = this.#drafts.get(key);
    if (draft === undefined) {
      draft = { url, reason, detail, writer: new RecordWriter(1024), n: 0 };
      this.#drafts.set(key, draft);
    }
    draft.writer.add(record);
    draft.n++;
    this.#count++;
    this.#took(bytes, mark);
  }

  /** Takes a group as it is on disk. */
  addGroup({ url, n, records }: Group, reason: LetterReason): void {
    this.#groups.push({ url, n, records, reason, at: this.#now(), detail: "" });
    this.#count += n;
    this.#took(records.length, Infinity);
  }

  #took(bytes: number, mark: number): void {
    const wasEmpty = this.#bytes === 0;
    this.#bytes += bytes;
    if (mark < this.#oldest) this.#oldest = mark;
    if (wasEmpty || mark !== Infinity) this.#owner.pending(this);
  }

  /** Done when no more than a little waits to be written. */
  get settled(): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.#bytes < MOST_BYTES / 4 ? Effect.void : Effect.zipRight(Effect.sleep(10), this.settled)
    );
  }

  write(commit: Commit): void {
    const at = this.#now();
    for (const { url, reason, detail, n, writer } of this.#drafts.values()) {
      commit.dead.push({ url, reason, detail, at, n, records: writer.records() });
    }
    commit.dead.push(...this.#groups);
    this.#drafts = new Map();
    this.#groups = [];
    this.#bytes = 0;
    this.#writingOldest = this.#oldest;
    this.#oldest = Infinity;
  }

  written(): void {
    this.#writingOldest = Infinity;
  }
}
