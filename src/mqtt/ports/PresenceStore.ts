/**
 * What receivers have been told of clients and their sessions, for a process to come: after a crash it says
 * what this one could not say any more. `persistence/PresenceJournal.ts` implements it over a disk.
 */
import type { ClientInfo } from "../../domain/ClientInfo.ts";

/** What receivers were told of a client before the process that told them ended. */
export interface Told {
  readonly info: ClientInfo;
  /** Whether it was connected; else its session waited for it. */
  readonly connected: boolean;
}

export interface PresenceStore {
  /**
   * A client is about to be let in: nobody is told so before this is stored, or a crash would leave it
   * online for ever. Undefined: it is stored already.
   *
   * @param isKept whether its session outlives its connection, and the process
   */
  arriving(client: ClientInfo, isKept: boolean): Promise<void> | undefined;
  /** It is in. */
  arrived(client: ClientInfo, isKept: boolean): void;
  /** It is connected no longer, and its session waits for it. */
  away(client: ClientInfo, isKept: boolean): void;
  /** There is neither connection nor session of it. */
  gone(client: ClientInfo): void;
}
