/**
 * Clients that were not let in or had to go, in the log: one line for each reason and listener at once, then
 * one in 10 s with how many there were, so that whoever knows a port can't fill a disk.
 */
import * as Effect from "effect/Effect";
import * as FiberRef from "effect/FiberRef";
import * as LogLevel from "effect/LogLevel";
import type * as Scope from "effect/Scope";
import type { ConnectionReports } from "../mqtt/ports/ConnectionReports.ts";
import { LimitedLog } from "../ops/LimitedLog.ts";

/** UTF-16 units of a client's identifier that a line shows: it may have 64 KB. */
const LONGEST = 128;

/** Until the scope closes, which says what was left out of the lines. */
export const makeConnectionLog: Effect.Effect<ConnectionReports, never, Scope.Scope> = Effect.gen(
  function* () {
    const log = new LimitedLog(yield* Effect.runtime<never>(), yield* Effect.clock);
    yield* Effect.addFinalizer(() => Effect.sync(() => log.flush()));
    yield* Effect.forkScoped(log.timer);
    const level = yield* FiberRef.get(FiberRef.currentMinimumLogLevel);
    return {
      connected: LogLevel.greaterThan(level, LogLevel.Debug)
        ? undefined
        : (listener, client) =>
          log.always(LogLevel.Debug, "connected", {
            clientid: shown(client.clientid),
            ip: client.ipaddress,
            listener,
          }),
      refused: (listener, { clientid, ipaddress }, reason) =>
        log.limited(LogLevel.Warning, listener, "connection refused", {
          clientid: shown(clientid),
          ip: ipaddress,
          listener,
          reason,
        }),
      broken: (listener, ipaddress, client, reason) =>
        log.limited(LogLevel.Info, listener, "connection ended", {
          ...(client === undefined ? {} : { clientid: shown(client.clientid) }),
          ip: ipaddress,
          listener,
          reason,
        }, kindOf(reason)),
    };
  },
);

const shown = (clientid: string): string =>
  clientid.length <= LONGEST ? clientid : `${clientid.slice(0, LONGEST)}…`;

/** A reason without the numbers that a client chose: else each would be a line of its own. */
const kindOf = (reason: string): string => reason.replaceAll(/\d+/g, "0");
