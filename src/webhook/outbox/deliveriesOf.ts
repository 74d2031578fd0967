import type { Group } from "../../store/Commit.ts";
import type { Delivery } from "../attempt/Delivery.ts";
import type { BodySlabs } from "../body/BodySlab.ts";
import { decode } from "./GroupCodec.ts";

/**
 * The deliveries of a group, by id, with their bodies copied into slabs, where each is to be counted before the
 * next is asked for.
 *
 * @param laneless its URL keeps every order by itself
 * @param wants asked of each id, by which some may be left out
 * @throws RangeError as `decode`
 */
export function* deliveriesOf(
  { records }: Group,
  slabs: BodySlabs,
  laneless: boolean,
  wants: (id: number) => boolean,
): Generator<Delivery> {
  for (const { id, seq, born, event, lane, body } of decode(records)) {
    if (!wants(id)) continue;
    const { slab, offset, length } = slabs.copy(body);
    yield {
      id,
      event,
      seq,
      born,
      lane: laneless ? undefined : lane,
      slab,
      offset,
      length,
      retry: undefined,
      dueAt: 0,
      schedule: undefined,
    };
  }
}

/** Whether all of a group's records are such: its checksum has held, so that they are unless another version wrote them. */
export const isReadable = ({ records, n }: Group): boolean => {
  try {
    return [...decode(records)].length === n;
  } catch {
    return false;
  }
};
