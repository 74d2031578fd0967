/** What of the broker's own state outlives the process: found at the start, and journals of all that changes. */
import * as Effect from "effect/Effect";
import type { Clock } from "../mqtt/ports/Clock.ts";
import type { Told } from "../mqtt/ports/PresenceStore.ts";
import type { RestoredState } from "../mqtt/ports/SessionStore.ts";
import type { Durable } from "../store/Durable.ts";
import type { ReadError } from "../store/StoreError.ts";
import { knownOf, PresenceJournal } from "./PresenceJournal.ts";
import { readState } from "./readState.ts";
import { SessionCodec } from "./SessionCodec.ts";
import { SessionJournal } from "./SessionJournal.ts";

export interface Persistence {
  readonly presence: PresenceJournal;
  /** Undefined: sessions and retained messages end with the process. */
  readonly sessionStore: SessionJournal | undefined;
  /** For `Broker.restore`, as are the next. */
  readonly state: RestoredState;
  readonly told: ReadonlyArray<Told>;
}

const NOTHING: RestoredState = { retained: [], sessions: [] };

/**
 * Reads what an earlier process has left. What has changed when the process stops is written by the engine's
 * last flush, which a disk that fails cannot hold up for ever.
 *
 * @param keepsSessions whether sessions and retained messages are to outlive the process, and not only what
 * receivers were told of clients
 */
export const make = (
  { store, windows }: Durable,
  clock: Clock,
  keepsSessions: boolean,
): Effect.Effect<Persistence, ReadError> =>
  Effect.gen(function* () {
    const online = yield* store.online();
    const presence = new PresenceJournal(windows, online);
    windows.join(presence);
    const told = online.map(knownOf);
    if (!keepsSessions) return { presence, sessionStore: undefined, state: NOTHING, told };
    const codec = new SessionCodec(clock);
    const found = yield* readState(store, codec);
    const sessionStore = new SessionJournal(windows, codec, found);
    windows.join(sessionStore);
    const { retained, sessions, lost } = found;
    if (retained.length + sessions.length > 0) {
      yield* Effect.logInfo("found what was kept", {
        sessions: sessions.length,
        retained: retained.length,
        queued: sessions.reduce((sum, { outgoing }) => sum + outgoing.length, 0),
      });
    }
    if (lost > 0) {
      yield* Effect.logError("messages of sessions are lost: their rows are damaged", { lost });
    }
    return { presence, sessionStore, state: found, told };
  });
