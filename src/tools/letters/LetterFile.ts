/**
 * The dead letters in a store's file, beside a broker that runs or without one: SQLite keeps the two apart,
 * and what is changed here the broker sees within a second, or at its next start.
 */
import { DatabaseSync } from "node:sqlite";
import type { DeadRow } from "../../store/DeadRow.ts";
import { DeadTable } from "../../store/DeadTable.ts";
import { rowsIn } from "../../store/rowsIn.ts";
import { APPLICATION_ID, VERSION } from "../../store/schema.ts";
import { transaction } from "../../store/transaction.ts";
import { decode } from "../../webhook/outbox/GroupCodec.ts";
import type { Letter, LetterFilter } from "../../webhook/outbox/LetterFilter.ts";
import { isMeant } from "../../webhook/outbox/LetterFilter.ts";
import {
  isReadable,
  letterOf,
  lettersOf,
  meansGroups,
  split,
} from "../../webhook/outbox/lettersOf.ts";

/** There is no store here, or none that can be read. */
export class NoStore extends Error {}

/** A group whose records cannot be told apart: `damaged`. */
export interface DamagedGroup {
  readonly url: string;
  readonly reason: string;
  readonly detail: string;
  readonly at: number;
  readonly records: Uint8Array;
}

/** Groups that are changed in one transaction: the broker's commits wait for it. */
const AT_A_TIME = 32;

export class LetterFile {
  readonly #db: DatabaseSync;
  readonly #dead: DeadTable;
  readonly #prefix: string;

  /** @throws NoStore, or what SQLite throws */
  constructor(directory: string) {
    const path = `${directory}/outbox.db`;
    if (!isFile(path)) {
      throw new NoStore(
        `${path}: expected a broker's store, found nothing; --dir names the outbox_dir of web-hook.toml`,
      );
    }
    this.#db = new DatabaseSync(path);
    try {
      this.#db.exec("pragma busy_timeout = 10000");
      const application = numberOf(this.#db, "application_id");
      const version = numberOf(this.#db, "user_version");
      if (application !== APPLICATION_ID || version !== VERSION) {
        throw new NoStore(
          `${path}: expected a broker's store of version ${VERSION}, found ` +
            (application === APPLICATION_ID ? `version ${version}` : "another database"),
        );
      }
      this.#dead = new DeadTable(this.#db);
      this.#prefix = String(this.#db.prepare("select prefix from meta").get()?.prefix);
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** Letters that are meant, the first given up first. */
  *letters(filter: LetterFilter): Generator<Letter> {
    for (const group of this.#dead.rows(filter)) {
      for (const [letter] of lettersOf(group, this.#prefix)) {
        if (isMeant(filter, letter)) yield letter;
      }
    }
  }

  /** Groups that cannot be read, which no filter by client, event or id ever means. */
  *damaged(filter: LetterFilter): Generator<DamagedGroup> {
    if (!meansGroups(filter)) return;
    for (const group of this.#dead.rows(filter)) {
      if (!isReadable(group)) yield group;
    }
  }

  /** What waits for its delivery, as letters that nobody has given up. */
  *waiting(): Generator<Letter> {
    const next = this.#db.prepare(
      "select row, url, records from waiting where row > ? order by row limit ?",
    );
    for (const { url, records } of rowsIn({ next, after: [0], key: ["row"], atATime: AT_A_TIME })) {
      if (!(records instanceof Uint8Array)) continue;
      for (const record of decode(records)) {
        const head = { url: String(url), reason: "waiting", detail: "" };
        yield letterOf(record, { ...head, at: record.born, replay: false }, this.#prefix);
      }
    }
  }

  /**
   * Has letters be sent again, to another URL where one is named. What is damaged never is.
   *
   * Returns: how many.
   */
  replay(filter: LetterFilter, to: string | undefined): number {
    return this.#change(filter, (group, n, records) => {
      this.#dead.bury({ ...group, url: to ?? group.url, n, records }, true);
    }, (group) => !group.replay || to !== undefined && to !== group.url);
  }

  /** Deletes letters, and groups that cannot be read. Returns: how many letters. */
  purge(filter: LetterFilter): number {
    const purged = this.#change(filter, () => {}, () => true);
    if (!meansGroups(filter)) return purged;
    const damaged = [...this.#dead.rows(filter)].filter((group) => !isReadable(group));
    transaction(this.#db, () => {
      for (const { row, n, records } of damaged) this.#dead.take(row, n, records.length);
    });
    return purged + damaged.reduce((sum, { n }) => sum + n, 0);
  }

  close(): void {
    this.#db.close();
  }

  /** Takes what is meant out of its groups, a few groups at a time, and gives it to `moved`. */
  #change(
    filter: LetterFilter,
    moved: (group: DeadRow, n: number, records: Uint8Array) => void,
    concerns: (group: DeadRow) => boolean,
  ): number {
    const rows = [...this.#dead.rows(filter)]
      .filter((group) => isReadable(group) && concerns(group))
      .map(({ row }) => row);
    let changed = 0;
    for (let i = 0; i < rows.length; i += AT_A_TIME) {
      transaction(this.#db, () => {
        for (const row of rows.slice(i, i + AT_A_TIME)) {
          const group = this.#dead.find(row); // gone, where the broker has sent it meanwhile
          if (group !== undefined) changed += this.#split(group, filter, moved);
        }
      });
    }
    return changed;
  }

  #split(
    group: DeadRow,
    filter: LetterFilter,
    moved: (group: DeadRow, n: number, records: Uint8Array) => void,
  ): number {
    const { meant, others } = split(group, filter, this.#prefix);
    if (meant.n === 0) return 0;
    this.#dead.take(group.row, group.n, group.records.length);
    if (others.n > 0) this.#dead.bury({ ...group, ...others }, group.replay);
    moved(group, meant.n, meant.records);
    return meant.n;
  }
}

const isFile = (path: string): boolean => {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
};

const numberOf = (db: DatabaseSync, pragma: string): number =>
  Number(Object.values(db.prepare(`pragma ${pragma}`).get() ?? {})[0]);
