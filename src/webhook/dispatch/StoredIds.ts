/**
 * Ids that outlive the process: a store has their prefix, and where the next process may begin. A delivery that
 * is never written has used its id all the same, so that ids are reserved ahead and not written one by one. An
 * id given twice would have a receiver take a new event for a repeat: where the reserved ones are nearly used
 * up, because the disk fails, no event becomes a delivery until there are more.
 */
import type { Commit } from "../../store/Commit.ts";
import type { Journal, JournalOwner } from "../../store/Journal.ts";
import type { Store } from "../../store/Store.ts";
import type { DeliveryIds } from "./DeliveryIds.ts";

/** Ids that are reserved at a time: 20 s of all that this broker can deliver. */
const RESERVED = 2 ** 20;
/** With so many left it is time for more. */
const ASK_AT = RESERVED / 2;
/** With fewer left, none is to be used: a slice of events for 256 URLs takes no more. */
const SHORT_AT = RESERVED / 8;

/** Bytes of a reservation in a window. */
const BYTES = 16;

export class StoredIds implements DeliveryIds, Journal {
  readonly prefix: string;
  readonly sequenceFloor: number;
  readonly oldest = Infinity;
  readonly #owner: JournalOwner;
  readonly #first: number;
  #next: number;
  /** None from here on may be given. */
  #end: number;
  /** What is asked for; what is being written. */
  #asked: number | undefined;
  #writing: number | undefined;
  /** The id at which something is to be done. */
  #mark: number;
  #isShort = false;
  #onShort: (isShort: boolean) => void = () => {};

  /** `now`: the start of the process, in milliseconds since 1970. None may be given before what it asks for is written. */
  constructor(
    { prefix, reserved }: Pick<Store, "prefix" | "reserved">,
    owner: JournalOwner,
    now: number,
  ) {
    this.prefix = prefix;
    this.#owner = owner;
    this.#first =
      this.#next =
      this.#end =
      this.#mark =
        reserved.nextId;
    // They grow no faster than ids.
    this.sequenceFloor = Math.max(now * 1000, reserved.nextSeq);
    this.#ask();
  }

  /** Calls back when there are hardly any left, and when there are enough again. */
  onShort(listener: (isShort: boolean) => void): void {
    this.#onShort = listener;
  }

  next(): number {
    const id = this.#next++;
    if (id >= this.#mark) this.#reached();
    return id;
  }

  get pendingBytes(): number {
    return this.#asked === undefined ? 0 : BYTES;
  }

  write(commit: Commit): void {
    if (this.#asked === undefined) return;
    const nextId = this.#writing = this.#asked;
    this.#asked = undefined;
    commit.reserved = { nextId, nextSeq: this.sequenceFloor + (nextId - this.#first) };
  }

  written(): void {
    if (this.#writing === undefined) return;
    this.#end = this.#writing;
    this.#writing = undefined;
    this.#mark = this.#end - ASK_AT;
    if (this.#isShort) this.#onShort(this.#isShort = false);
  }

  #reached(): void {
    if (this.#asked === undefined && this.#writing === undefined) this.#ask();
    if (this.#next < this.#end - SHORT_AT) this.#mark = this.#end - SHORT_AT;
    else {
      this.#mark = Infinity;
      this.#onShort(this.#isShort = true);
    }
  }

  #ask(): void {
    this.#asked = this.#next + RESERVED;
    this.#owner.pending(this);
  }
}
