/**
 * What an earlier process has left on disk: each URL's endpoint is told of it, and reads it back in the order in
 * which it came, before anything new. What no rule names any more becomes dead letters.
 */
import * as Effect from "effect/Effect";
import type { Store } from "../../store/Store.ts";
import type { ReadError } from "../../store/StoreError.ts";
import type { Endpoints } from "../endpoint/Endpoints.ts";
import type { DeadLetters } from "../outbox/DeadLetters.ts";
import type { Outbox } from "../outbox/Outbox.ts";

/** What was found. */
export interface Recovered {
  readonly events: number;
  readonly bytes: number;
  /** Of these, events whose URL no rule names any more. */
  readonly unconfigured: number;
}

/** Bytes that are read at a time. */
const PAGE_BYTES = 1024 * 1024;

/** `letters` undefined: what no rule names stays where it is. */
export const recover = (
  store: Pick<Store, "urls" | "groups" | "lastRow">,
  endpoints: Endpoints,
  outbox: Outbox,
  letters: DeadLetters | undefined,
): Effect.Effect<Recovered, ReadError> =>
  Effect.gen(function* () {
    const found = { events: 0, bytes: 0, unconfigured: 0 };
    for (const { url, groups, n, bytes } of yield* store.urls()) {
      outbox.use.add(url, groups, bytes);
      outbox.use.addEvents(n);
      found.events += n;
      found.bytes += bytes;
      const endpoint = endpoints.find(url);
      if (endpoint !== undefined) endpoint.isBehind(0, store.lastRow);
      else {
        found.unconfigured += n;
        if (letters !== undefined) yield* bury(store, url, outbox, letters);
      }
    }
    return found;
  });

const bury = (
  store: Pick<Store, "groups">,
  url: string,
  outbox: Outbox,
  letters: DeadLetters,
): Effect.Effect<void, ReadError> =>
  Effect.gen(function* () {
    for (let after = 0;;) {
      const groups = yield* store.groups(after, PAGE_BYTES, url);
      if (groups.length === 0) return;
      for (const group of groups) {
        after = group.row;
        letters.addGroup(group, "unconfigured");
        outbox.buried(group);
      }
      yield* letters.settled;
    }
  });
