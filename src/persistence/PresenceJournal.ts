/**
 * Who is connected, and which sessions receivers know of, as rows of the store: what a crash leaves
 * there is what receivers still believe. A client that comes and goes within one window costs nothing
 * more than its own row.
 */
import type { ClientInfo } from "../domain/ClientInfo.ts";
import type { PresenceStore } from "../mqtt/ports/PresenceStore.ts";
import type { Commit, OnlineRow } from "../store/Commit.ts";
import type { Journal, JournalOwner } from "../store/Journal.ts";

/** What is known of a client. */
interface Known {
  readonly info: ClientInfo;
  readonly connected: boolean;
  readonly isKept: boolean;
}

/** A row's bytes beside the identifiers in it, about. */
const ROW_BYTES = 200;

export class PresenceJournal implements PresenceStore, Journal {
  readonly #owner: JournalOwner;
  /** By client identifier, as the disk has it, or will have by the commit under way. */
  readonly #stored = new Map<string, Known>();
  /** What is to be another there; undefined: no more there. */
  #pending = new Map<string, Known | undefined>();
  /** Of the clients that wait for `#pending` and for the commit under way. */
  #waiting: Waiters | undefined;
  #writing: Waiters | undefined;
  #isFailing = false;

  constructor(owner: JournalOwner, stored: ReadonlyArray<OnlineRow>) {
    this.#owner = owner;
    for (const row of stored) this.#stored.set(row.clientid, knownOf(row));
  }

  /** Whoever must wait for a row does so by itself: no acknowledgement waits for this journal. */
  readonly oldest = Infinity;

  get pendingBytes(): number {
    return this.#pending.size * ROW_BYTES;
  }

  arriving(client: ClientInfo, isKept: boolean): Promise<void> | undefined {
    this.#set(client.clientid, { info: client, connected: true, isKept }, true);
    // While the disk takes nothing, clients come in all the same: better told late of their end than not let in.
    if (this.#isFailing) return undefined;
    return (this.#waiting ??= new Waiters()).stored;
  }

  arrived(client: ClientInfo, isKept: boolean): void {
    this.#set(client.clientid, { info: client, connected: true, isKept }, false);
  }

  away(client: ClientInfo, isKept: boolean): void {
    this.#set(client.clientid, { info: client, connected: false, isKept }, false);
  }

  gone(client: ClientInfo): void {
    this.#set(client.clientid, undefined, false);
  }

  write({ online, offline }: Commit): void {
    for (const [clientid, known] of this.#pending) {
      if (known === undefined) {
        this.#stored.delete(clientid);
        offline.push(clientid);
      } else {
        this.#stored.set(clientid, known);
        online.push(rowOf(clientid, known));
      }
    }
    this.#pending = new Map();
    this.#writing = this.#waiting;
    this.#waiting = undefined;
  }

  written(): void {
    this.#isFailing = false;
    this.#writing?.go();
    this.#writing = undefined;
  }

  failed(): void {
    this.#isFailing = true;
    this.#writing?.go();
    this.#writing = undefined;
    this.#waiting?.go();
    this.#waiting = undefined;
  }

  #set(clientid: string, known: Known | undefined, urgent: boolean): void {
    if (!urgent && isSame(this.#stored.get(clientid), known)) {
      this.#pending.delete(clientid);
      return;
    }
    this.#pending.set(clientid, known);
    this.#owner.pending(this, urgent);
  }
}

/** Those who wait for one window. */
class Waiters {
  #go = () => {};
  readonly stored = new Promise<void>((resolve) => this.#go = resolve);

  go(): void {
    this.#go();
  }
}

/** The same connection of the same client: what each knows of it is one object, or was read from a row. */
const isSame = (a: Known | undefined, b: Known | undefined): boolean =>
  a === b ||
  (a !== undefined && b !== undefined && a.connected === b.connected && a.isKept === b.isKept &&
    (a.info === b.info ||
      (a.info.ipaddress === b.info.ipaddress && a.info.username === b.info.username &&
        a.info.node === b.info.node)));

const rowOf = (clientid: string, { info, connected, isKept }: Known): OnlineRow => ({
  clientid,
  info: JSON.stringify(info),
  clean: !isKept,
  connected,
});

/** What receivers were told of, as a row has it. */
export const knownOf = ({ info, clean, connected }: OnlineRow): Known => ({
  info: JSON.parse(info) as ClientInfo, // written by `rowOf`; the store has checked its checksum
  connected,
  isKept: !clean,
});
