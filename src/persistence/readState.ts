/** What a store has of retained messages and sessions, read at the start. */
import * as Effect from "effect/Effect";
import type {
  RestoredMessage,
  RestoredOutgoing,
  RestoredSession,
  RestoredState,
  SubscriptionState,
} from "../mqtt/ports/SessionStore.ts";
import type { StateChange, StateTable } from "../store/Commit.ts";
import type { StateRow, Store } from "../store/Store.ts";
import type { ReadError } from "../store/StoreError.ts";
import type { SessionCodec } from "./SessionCodec.ts";

/** Bytes of rows that are read at a time. */
const PAGE_BYTES = 4 * 1024 * 1024;

/** What was found, and where numbers go on. */
export interface FoundState extends RestoredState {
  readonly last: { readonly message: number; readonly order: number };
  /** Rows that are nobody's any more, because another one was damaged; to be taken. */
  readonly orphans: ReadonlyArray<StateChange>;
  /** Outgoing messages that had to be given up for it. */
  readonly lost: number;
}

/** A session while its rows are read. */
type Growing = Pick<RestoredSession, "subscriptions" | "received" | "outgoing"> & {
  readonly subscriptions: Array<SubscriptionState>;
  readonly received: Array<number>;
  readonly outgoing: Array<RestoredOutgoing>;
};

export const readState = (
  store: Store,
  codec: SessionCodec,
): Effect.Effect<FoundState, ReadError> =>
  Effect.gen(function* () {
    const retained: Array<RestoredMessage> = [];
    const messages = new Map<number, RestoredMessage>();
    const sessions = new Map<string, RestoredSession & Growing>();
    const last = { message: 0, order: 0 };
    const orphans: Array<StateChange> = [];
    const sessionOf = (table: StateTable, { owner, key }: StateRow) => {
      const session = sessions.get(owner);
      if (session === undefined) orphans.push({ table, owner, key, value: undefined });
      return session;
    };
    const unused = new Set<number>();
    let lost = 0;
    yield* rows(store, "retained", ({ value }) => retained.push(codec.readMessage(value, 0)));
    yield* rows(store, "message", ({ key, value }) => {
      const id = Number(key);
      messages.set(id, codec.readMessage(value, id));
      unused.add(id);
      last.message = Math.max(last.message, id);
    });
    yield* rows(store, "session", ({ owner, value }) => {
      const own: Growing = { subscriptions: [], received: [], outgoing: [] };
      sessions.set(owner, { ...codec.readSession(value), ...own });
    });
    yield* rows(store, "subscription", (row) => {
      const subscription = { topic: String(row.key), ...codec.readSubscription(row.value) };
      sessionOf("subscription", row)?.subscriptions.push(subscription);
    });
    yield* rows(store, "received", (row) => {
      sessionOf("received", row)?.received.push(Number(row.key));
    });
    yield* rows(store, "queued", (row) => {
      const order = Number(row.key);
      last.order = Math.max(last.order, order);
      const session = sessionOf("queued", row);
      const outgoing = codec.readOutgoing(row.value, order);
      const message = messages.get(outgoing.message);
      if (session === undefined || message === undefined) {
        lost++;
        if (session !== undefined) orphans.push({ ...row, table: "queued", value: undefined });
        return;
      }
      unused.delete(outgoing.message);
      session.outgoing.push({ ...outgoing, message });
    });
    for (const key of unused) orphans.push({ table: "message", owner: "", key, value: undefined });
    for (const { outgoing } of sessions.values()) outgoing.sort((a, b) => a.order - b.order);
    return { retained, sessions: [...sessions.values()], last, orphans, lost };
  });

const rows = (
  store: Store,
  table: StateTable,
  read: (row: StateRow) => void,
): Effect.Effect<void, ReadError> =>
  Effect.gen(function* () {
    let last: StateRow | undefined;
    for (;;) {
      const page = yield* store.state(table, last, PAGE_BYTES);
      if (page.length === 0) return;
      page.forEach(read);
      last = page.at(-1);
    }
  });
