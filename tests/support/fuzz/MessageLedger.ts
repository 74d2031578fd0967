/**
 * Books of every message on its way to a session: what comes in by `Session.deliver`, or is found
 * retained, leaves by exactly
 * one of sent (QoS 0), acknowledged, dropped, handed over to another member of its shared group, or, at
 * the session's end, received and not yet completed (QoS 2). Throws when a book does not balance.
 */
import assert from "node:assert/strict";
import type { HookEvent } from "../../../src/domain/HookEvent.ts";
import { PubSub } from "../../../src/mqtt/routing/PubSub.ts";
import { RetainedDelivery } from "../../../src/mqtt/session/RetainedDelivery.ts";
import { Session } from "../../../src/mqtt/session/Session.ts";

/** One message in one session; a message is told from others by its payload, which only it owns. */
interface Entry {
  in: number;
  sentQos0: number;
  sent: number;
  sentQos2: number;
  acked: number;
  dropped: number;
  moved: number;
}

export class MessageLedger {
  readonly #books = new Map<string, Map<Uint8Array, Entry>>();
  readonly #original = {
    deliver: Session.prototype.deliver,
    discard: Session.prototype.discard,
    unsubscribe: Session.prototype.unsubscribe,
  };
  readonly #originalToMember = PubSub.prototype.toMember;
  readonly #originalNext = RetainedDelivery.prototype.next;

  constructor() {
    const entry = (session: { readonly id: string }, payload: Uint8Array) =>
      this.#entry(session.id, payload);
    const moved = (session: Session, payload: Uint8Array) => {
      const moving = entry(session, payload);
      moving.moved++;
      this.#check(session.id, payload, moving);
    };
    /** Whose messages are being handed over. */
    let leaving: Session | undefined;
    const { deliver, discard, unsubscribe } = this.#original;
    const toMember = this.#originalToMember;
    const next = this.#originalNext;
    RetainedDelivery.prototype.next = function (now) {
      const outgoing = next.call(this, now);
      if (outgoing !== undefined) {
        entry(this.subscription.subscriber, outgoing.message.payload).in++;
      }
      return outgoing;
    };
    Session.prototype.deliver = function (message, ...rest) {
      entry(this, message.payload).in++;
      deliver.call(this, message, ...rest);
    };
    Session.prototype.discard = function (reason) {
      leaving = this;
      discard.call(this, reason);
    };
    Session.prototype.unsubscribe = function (topic) {
      leaving = this;
      return unsubscribe.call(this, topic);
    };
    PubSub.prototype.toMember = function (group, message, qos) {
      const isTaken = toMember.call(this, group, message, qos);
      if (isTaken && leaving !== undefined) moved(leaving, message.payload);
      return isTaken;
    };
  }

  /** Gives `Session` its own methods back. */
  close(): void {
    Object.assign(Session.prototype, this.#original);
    PubSub.prototype.toMember = this.#originalToMember;
    RetainedDelivery.prototype.next = this.#originalNext;
  }

  /** Messages that are on their way. */
  get open(): number {
    let open = 0;
    for (const book of this.#books.values()) open += book.size;
    return open;
  }

  see(event: HookEvent): void {
    switch (event._tag) {
      case "message_delivered": {
        const entry = this.#entry(event.clientid, event.payload);
        if (event.qos === 0) entry.sentQos0++;
        else {
          entry.sent++;
          if (event.qos === 2) entry.sentQos2++;
        }
        this.#check(event.clientid, event.payload, entry);
        return;
      }
      case "message_acked": {
        const entry = this.#entry(event.clientid, event.payload);
        entry.acked++;
        this.#check(event.clientid, event.payload, entry);
        return;
      }
      case "message_dropped": {
        if (event.clientid === undefined) return;
        const entry = this.#entry(event.clientid, event.payload);
        entry.dropped++;
        this.#check(event.clientid, event.payload, entry);
        return;
      }
      case "session_terminated":
        for (const entry of this.#books.get(event.clientid)?.values() ?? []) {
          const left = entry.in - ended(entry);
          assert.ok(
            left >= 0 && left <= entry.sentQos2,
            `lost without an event: ${JSON.stringify(entry)} of ${event.clientid}`,
          );
        }
        this.#books.delete(event.clientid);
        return;
      default:
        return;
    }
  }

  #entry(clientid: string, payload: Uint8Array): Entry {
    let book = this.#books.get(clientid);
    if (book === undefined) {
      book = new Map();
      this.#books.set(clientid, book);
    }
    let entry = book.get(payload);
    if (entry === undefined) {
      entry = { in: 0, sentQos0: 0, sent: 0, sentQos2: 0, acked: 0, dropped: 0, moved: 0 };
      book.set(payload, entry);
    }
    return entry;
  }

  #check(clientid: string, payload: Uint8Array, entry: Entry): void {
    const said = JSON.stringify(entry);
    assert.ok(ended(entry) <= entry.in, `ended more than once: ${said} of ${clientid}`);
    assert.ok(entry.acked <= entry.sent, `acknowledged, never sent: ${said} of ${clientid}`);
    if (ended(entry) === entry.in) this.#books.get(clientid)?.delete(payload);
  }
}

const ended = ({ sentQos0, acked, dropped, moved }: Entry): number =>
  sentQos0 + acked + dropped + moved;
