/** The letters of a group of dead letters, and a group in two by which of them are meant. */
import { hookEventNames } from "../../domain/HookEvent.ts";
import type { DeadRow } from "../../store/DeadRow.ts";
import type { GroupRecord } from "./GroupCodec.ts";
import { decode, RecordWriter } from "./GroupCodec.ts";
import type { Letter, LetterFilter } from "./LetterFilter.ts";
import { isMeant } from "./LetterFilter.ts";

/** Why a group can never be sent again: nobody knows what was in it. */
const DAMAGED = "damaged";

/** Whether its letters can be told apart. */
export const isReadable = ({ reason, isIntact }: DeadRow): boolean =>
  reason !== DAMAGED && isIntact;

/**
 * None of a group that cannot be read.
 *
 * @param prefix that of the store
 */
export function* lettersOf(
  group: DeadRow,
  prefix: string,
): Generator<readonly [Letter, GroupRecord]> {
  if (!isReadable(group)) return;
  for (const record of decode(group.records)) yield [letterOf(record, group, prefix), record];
}

export const letterOf = (
  { id, seq, born, event, lane, body }: GroupRecord,
  { url, reason, detail, at, replay }: Pick<
    DeadRow,
    "url" | "reason" | "detail" | "at" | "replay"
  >,
  prefix: string,
): Letter => ({
  id: prefix + id.toString(36),
  seq,
  url,
  event: hookEventNames[event]!, // a record's event is a place in it
  reason,
  detail,
  born,
  at,
  lane,
  body,
  replay,
});

/** Letters of a group, as a group has them. */
export interface Part {
  readonly n: number;
  readonly records: Uint8Array;
}

/** Those of a group that a filter means, and the others. */
export const split = (
  group: DeadRow,
  filter: LetterFilter,
  prefix: string,
): { readonly meant: Part; readonly others: Part } => {
  const meant = { n: 0, records: new RecordWriter(1024) };
  const others = { n: 0, records: new RecordWriter(1024) };
  for (const [letter, record] of lettersOf(group, prefix)) {
    const part = isMeant(filter, letter) ? meant : others;
    part.records.add(record);
    part.n++;
  }
  return {
    meant: { n: meant.n, records: meant.records.records() },
    others: { n: others.n, records: others.records.records() },
  };
};

/** Whether a filter means groups as a whole: what cannot be read has no client, event or id. */
export const meansGroups = ({ client, event, id }: LetterFilter): boolean =>
  client === undefined && event === undefined && id === undefined;
