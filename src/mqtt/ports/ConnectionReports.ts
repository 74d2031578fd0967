/**
 * What the broker's host is told of clients that were not let in or had to go, for its log: who asks why a
 * device does not connect finds it there. Nothing is asked of, or made for, a client that is served.
 */
import type { ClientInfo } from "../../domain/ClientInfo.ts";

export interface ConnectionReports {
  /** A client is in; undefined: nobody wants to know. */
  readonly connected: ((listener: string, client: ClientInfo) => void) | undefined;
  /** A CONNECT was refused. `reason`: the name of the reason code, `not_authorized`. */
  refused(listener: string, client: ClientInfo, reason: string): void;
  /**
   * A connection was ended for what came by it.
   *
   * @param client undefined: it was none yet
   * @param reason as client_disconnected says it, or in words where what came was no MQTT
   */
  broken(
    listener: string,
    ipaddress: string,
    client: ClientInfo | undefined,
    reason: string,
  ): void;
}

/** Tells nobody. */
export const NO_REPORTS: ConnectionReports = {
  connected: undefined,
  refused: () => {},
  broken: () => {},
};
