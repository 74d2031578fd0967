/**
 * What an earlier process has left on disk, brought back in the order in which it came: before anything new is
 * dispatched, so that each client's order is kept. Nothing is dropped for want of room: the pressure is full
 * until there is some.
 */
import * as Effect from "effect/Effect";
import type { Group } from "../../store/Commit.ts";
import type { Store } from "../../store/Store.ts";
import type { ReadError } from "../../store/StoreError.ts";
import type { Endpoints } from "../endpoint/Endpoints.ts";
import type { DeadLetters } from "../outbox/DeadLetters.ts";
import { decode } from "../outbox/GroupCodec.ts";

/** What was found. */
export interface Recovered {
  readonly events: number;
  readonly bytes: number;
  /** Events whose URL no rule names any more. */
  readonly unconfigured: number;
  /** When the oldest came, milliseconds since 1970; undefined: there was none. */
  readonly oldest: number | undefined;
}

/** Bytes that are read at a time. */
const PAGE_BYTES = 1024 * 1024;

/** `letters` undefined: what no rule names stays where it is. */
export const recover = (
  store: Pick<Store, "groups">,
  endpoints: Endpoints,
  letters: DeadLetters | undefined,
): Effect.Effect<Recovered, ReadError> =>
  Effect.gen(function* () {
    let events = 0;
    let bytes = 0;
    let unconfigured = 0;
    let oldest: number | undefined;
    for (let after = 0;;) {
      const groups = yield* store.groups(after, PAGE_BYTES);
      if (groups.length === 0) return { events, bytes, unconfigured, oldest };
      for (const group of groups) {
        const { row, url, n, records } = group;
        after = row;
        const endpoint = endpoints.find(url);
        if (endpoint === undefined) {
          unconfigured += n;
          letters?.addGroup({ url, reason: "unconfigured", n, records }, row);
        } else if (isReadable(group)) {
          oldest ??= firstBorn(group);
          events += n;
          bytes += records.length;
          endpoint.restore(group);
        } else letters?.addGroup({ url, reason: "damaged", n, records }, row);
      }
    }
  });

const firstBorn = ({ records }: Group): number | undefined => decode(records).next().value?.born;

/** Whether all of its records are such: its checksum has held, so that they are unless another version wrote them. */
const isReadable = ({ records, n }: Group): boolean => {
  try {
    return [...decode(records)].length === n;
  } catch {
    return false;
  }
};
