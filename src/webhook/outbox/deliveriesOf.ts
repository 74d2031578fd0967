import type { Group } from "../../store/Commit.ts";
import type { Delivery } from "../attempt/Delivery.ts";
import type { BodySlabs } from "../body/BodySlab.ts";
import { decode } from "./GroupCodec.ts";

/**
 * The deliveries of a group, by id, with their bodies copied into slabs, where each is to be counted before the
 * next is asked for.
 *
 * @param laneless its URL keeps every order by itself
 * @throws RangeError as `decode`
 */
export function* deliveriesOf(
  { records }: Group,
  slabs: BodySlabs,
  laneless: boolean,
): Generator<Delivery> {
  for (const { id, seq, event, lane, body } of decode(records)) {
    const { slab, offset, length } = slabs.copy(body);
    yield {
      id,
      event,
      seq,
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
