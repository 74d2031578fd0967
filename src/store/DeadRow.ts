/** Groups of dead letters in the store, and what is asked of them. */
import type { DeadGroup } from "./Commit.ts";

/** A group as it is in the table. */
export interface DeadRow extends DeadGroup {
  readonly row: number;
  /** Whether it is to be sent again. */
  readonly replay: boolean;
  /** Its checksum as the table has it: a row's number may come again, with another group. */
  readonly crc: number;
  /** False: it is not as it was written. */
  readonly isIntact: boolean;
}

/** A place in the table, which is in the order in which groups were given up. */
export interface DeadPlace {
  readonly at: number;
  readonly row: number;
}

/** What takes the place of a group. */
export interface DeadChange extends Pick<DeadRow, "row" | "crc"> {
  /** `replay`: to be sent again. */
  readonly put: ReadonlyArray<DeadGroup & { readonly replay: boolean }>;
}

/** Which groups are meant; all where nothing is said. */
export interface DeadFilter {
  readonly url?: string | undefined;
  readonly reason?: string | undefined;
  /** Given up then or later, and before; milliseconds since 1970. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}
