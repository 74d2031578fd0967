/** What an Endpoint and its Spill read of the store, from plain code: tried again until it succeeds. */
import * as Effect from "effect/Effect";
import * as LogLevel from "effect/LogLevel";
import * as Schedule from "effect/Schedule";
import type { Store } from "../../store/Store.ts";
import type { LimitedLog } from "../../ops/LimitedLog.ts";
import type { ReadGroups } from "./Spill.ts";

/** Bytes of records that are read at a time: some 10 ms of all that this broker can deliver. */
const PAGE_BYTES = 256 * 1024;

/** @param fork runs an effect until the engine stops */
export const make = (
  store: Pick<Store, "groups">,
  log: LimitedLog,
  fork: (effect: Effect.Effect<void>) => void,
): ReadGroups =>
(url, after, then) => {
  const reading = Effect.zipRight(Effect.yieldNow(), store.groups(after, PAGE_BYTES, url)).pipe(
    Effect.tapError(({ message }) =>
      Effect.sync(() =>
        log.limited(LogLevel.Error, "outbox", "cannot read what waits on disk", { error: message })
      )
    ),
    Effect.retry(Schedule.spaced(1000)),
    Effect.orDie, // an endless schedule lets no error through
  );
  fork(Effect.map(reading, then));
};
