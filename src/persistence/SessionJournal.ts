/**
 * Retained messages and sessions as rows of the store. What changes is noted here and encoded when a window
 * closes, so that what was undone before (a message that its subscriber has acknowledged, in health all of
 * them) is never written. It must never hold an acknowledgement for a change that nobody is told of.
 *
 * A message is a row of its own, once for all sessions that have it outgoing, and goes with the last of
 * them. Rows are put and taken in the order of the changes, so that the end of a session takes what
 * came before and leaves what comes after to the next of the same name.
 */
import type {
  MessageState,
  OutgoingState,
  SessionState,
  SessionStore,
  SubscriptionState,
} from "../mqtt/ports/SessionStore.ts";
import type { Commit, StateChange, StateTable } from "../store/Commit.ts";
import type { Journal, JournalOwner } from "../store/Journal.ts";
import type { FoundState } from "./readState.ts";
import type { SessionCodec } from "./SessionCodec.ts";

/** One row that is to be another. */
type Change =
  & {
    /** Of the oldest change of this row that is not written; Infinity: nobody waits for it. */
    readonly mark: number;
    /** Whether the disk has an older state of it, or will have by the commit under way. */
    readonly isStored: boolean;
    readonly bytes: number;
    /** The client identifier, or the topic of a retained message. */
    readonly owner: string;
  }
  & (
    | {
      readonly _tag: "Row";
      readonly table: StateTable;
      /** Undefined: all of the owner's rows. */
      readonly key: string | number | undefined;
      /** Undefined: it is taken. */
      readonly encode: (() => Uint8Array) | undefined;
    }
    | { readonly _tag: "Outgoing"; readonly outgoing: OutgoingState }
    | { readonly _tag: "Done"; readonly message: MessageState; readonly order: number }
  );

/** A row's bytes beside what is in it, about. */
const ROW_BYTES = 150;

const NOTHING = new Uint8Array(0);

export class SessionJournal implements SessionStore, Journal {
  readonly #owner: JournalOwner;
  readonly #codec: SessionCodec;
  /** By row (an outgoing message's is itself), in the order of the changes: those that somebody waits for. */
  #held = new Map<unknown, Change>();
  /** Those that nobody waits for. A row is in one of the two at most, and these are written behind the others. */
  #free = new Map<unknown, Change>();
  /** What of `#held` is in the commit under way. */
  #writing = new Map<unknown, Change>();
  #pendingBytes = 0;
  /** The messages that have a row, and how many stored rows of outgoing ones refer to each. */
  readonly #messages = new Map<MessageState, { readonly id: number; references: number }>();
  #lastMessage: number;
  #lastOrder: number;
  /** Of the last outgoing one: a fan-out's count once. */
  #counted: MessageState | undefined;
  /** A session's rows are told from those of the next of the same name until they are written. */
  readonly #numbers = new WeakMap<SessionState, number>();
  #lastNumber = 0;

  /** @param found what was read at the start, which goes on from there */
  constructor(
    owner: JournalOwner,
    codec: SessionCodec,
    { last, orphans }: Pick<FoundState, "last" | "orphans">,
  ) {
    this.#owner = owner;
    this.#codec = codec;
    this.#lastMessage = last.message;
    this.#lastOrder = last.order;
    for (const orphan of orphans) {
      this.#note(this.#free, orphan, {
        _tag: "Row",
        table: orphan.table,
        owner: orphan.owner,
        key: orphan.key,
        encode: undefined,
        isStored: true,
        mark: Infinity,
        bytes: 0,
      });
    }
  }

  get oldest(): number {
    return Math.min(oldestOf(this.#writing), oldestOf(this.#held));
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** A row of an outgoing message was found at the start that refers to this message. */
  adopt(message: MessageState, id: number): void {
    const known = this.#messages.get(message);
    if (known === undefined) this.#messages.set(message, { id, references: 1 });
    else known.references++;
  }

  retained(topic: string, message: MessageState | undefined, isNew: boolean): void {
    const encode = message && (() => this.#codec.message(message));
    this.#put(`r${topic}`, "retained", topic, "", encode, message?.size ?? topic.length, isNew);
  }

  opened(session: SessionState): void {
    this.#put(this.#row(session, ""), "session", session.id, "", this.#encoder(session), 0, true);
  }

  changed(session: SessionState): void {
    const row = this.#row(session, "");
    if (this.#held.has(row) || this.#free.has(row)) return; // it is looked at when it is written
    this.#note(this.#free, row, {
      _tag: "Row",
      table: "session",
      owner: session.id,
      key: "",
      encode: this.#encoder(session),
      isStored: true,
      mark: Infinity, // nobody is told of it
      bytes: 0,
    });
  }

  ended(session: SessionState): void {
    const { id } = session;
    this.#put(this.#row(session, ""), "session", id, "", undefined, 0, false);
    for (const table of ["subscription", "received"] as const) {
      this.#put(this.#row(session, table), table, id, undefined, undefined, 0, false);
    }
  }

  subscribed(session: SessionState, subscription: SubscriptionState, isNew: boolean): void {
    const { topic } = subscription;
    const encode = () => this.#codec.subscription(subscription);
    const row = this.#row(session, `s${topic}`);
    this.#put(row, "subscription", session.id, topic, encode, topic.length, isNew);
  }

  unsubscribed(session: SessionState, topic: string): void {
    const row = this.#row(session, `s${topic}`);
    this.#put(row, "subscription", session.id, topic, undefined, topic.length, false);
  }

  received(session: SessionState, packetId: number): void {
    const row = this.#row(session, `p${packetId}`);
    this.#put(row, "received", session.id, packetId, () => NOTHING, 0, true);
  }

  released(session: SessionState, packetId: number): boolean {
    const row = this.#row(session, `p${packetId}`);
    const isStored = this.#held.get(row)?.isStored ?? true;
    this.#put(row, "received", session.id, packetId, undefined, 0, false);
    return isStored;
  }

  outgoing(session: SessionState, outgoing: OutgoingState): boolean {
    const before = this.#held.get(outgoing);
    if (before !== undefined) return before.isStored; // it is looked at when it is written
    const isStored = outgoing.order > 0;
    if (!isStored) outgoing.order = ++this.#lastOrder;
    const { message } = outgoing;
    const bytes = this.#counted === message ? 0 : message.size;
    this.#counted = message;
    this.#note(this.#held, outgoing, {
      _tag: "Outgoing",
      owner: session.id,
      outgoing,
      isStored,
      mark: this.#owner.next(),
      bytes,
    });
    return isStored;
  }

  done(session: SessionState, outgoing: OutgoingState): void {
    const { message, order } = outgoing;
    outgoing.order = 0;
    const isStored = this.#forget(this.#held, outgoing)?.isStored ?? true;
    this.#writing.delete(outgoing);
    if (isStored) {
      this.#note(this.#free, outgoing, {
        _tag: "Done",
        owner: session.id,
        message,
        order,
        isStored,
        mark: Infinity, // nobody waits for it: lost, the message would be sent once more
        bytes: 0,
      });
    }
    this.#owner.moved();
  }

  write({ state }: Commit): void {
    for (const change of this.#held.values()) this.#write(change, state);
    for (const change of this.#free.values()) this.#write(change, state);
    this.#writing = this.#held;
    this.#held = new Map();
    this.#free = new Map();
    this.#pendingBytes = 0;
    this.#counted = undefined;
  }

  written(): void {
    this.#writing = new Map();
  }

  /** The commit is made again until it is done: whoever waits for it goes on waiting. */
  failed(): void {}

  #write(change: Change, state: Array<StateChange>): void {
    const { owner } = change;
    switch (change._tag) {
      case "Row": {
        const { table, key, encode } = change;
        state.push({ table, owner, key, value: encode?.() });
        return;
      }
      case "Outgoing": {
        const { outgoing, isStored } = change;
        const { message, order } = outgoing;
        let kept = this.#messages.get(message);
        if (kept === undefined) {
          kept = { id: ++this.#lastMessage, references: 0 };
          this.#messages.set(message, kept);
          const value = this.#codec.message(message);
          state.push({ table: "message", owner: "", key: kept.id, value });
        }
        if (!isStored) kept.references++;
        const value = this.#codec.outgoing(outgoing, kept.id);
        state.push({ table: "queued", owner, key: order, value });
        return;
      }
      case "Done": {
        const { message, order } = change;
        state.push({ table: "queued", owner, key: order, value: undefined });
        const kept = this.#messages.get(message);
        if (kept === undefined || --kept.references > 0) return;
        this.#messages.delete(message);
        state.push({ table: "message", owner: "", key: kept.id, value: undefined });
      }
    }
  }

  /** @param encode undefined: the row is taken. @param isNew whether the disk can have no older state of it */
  #put(
    row: string,
    table: StateTable,
    owner: string,
    key: string | number | undefined,
    encode: (() => Uint8Array) | undefined,
    bytes: number,
    isNew: boolean,
  ): void {
    this.#forget(this.#free, row);
    const before = this.#held.get(row);
    const isStored = before?.isStored ?? (!isNew || this.#writing.has(row));
    if (encode === undefined && !isStored) {
      if (this.#forget(this.#held, row) !== undefined) this.#owner.moved();
      return;
    }
    if (before !== undefined) this.#pendingBytes -= before.bytes + ROW_BYTES;
    // In its old place, by its old mark: who waits for what was there before waits for what takes its place.
    const mark = before?.mark ?? this.#owner.next();
    this.#note(this.#held, row, { _tag: "Row", table, owner, key, encode, isStored, mark, bytes });
  }

  #note(changes: Map<unknown, Change>, row: unknown, change: Change): void {
    changes.set(row, change);
    this.#pendingBytes += change.bytes + ROW_BYTES;
    this.#owner.pending(this);
  }

  #forget(changes: Map<unknown, Change>, row: unknown): Change | undefined {
    const change = changes.get(row);
    if (change === undefined) return undefined;
    changes.delete(row);
    this.#pendingBytes -= change.bytes + ROW_BYTES;
    return change;
  }

  #encoder(session: SessionState): () => Uint8Array {
    return () => this.#codec.session(session);
  }

  #row(session: SessionState, what: string): string {
    let number = this.#numbers.get(session);
    if (number === undefined) this.#numbers.set(session, number = ++this.#lastNumber);
    return `${number} ${what}`;
  }
}

/** In the order of the changes, marks only rise. */
const oldestOf = (changes: ReadonlyMap<unknown, Change>): number => {
  for (const { mark } of changes.values()) return mark;
  return Infinity;
};
