/** What tells a file that is damaged from a disk that does not do what it should. */

/** Something is not as it was written, which SQLite itself has not noticed. */
export class Damage extends Error {}

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Errors that say something of the disk, not of the file. Damage has no such list: it may look like anything. */
const NOT_DAMAGE =
  /unable to open database file|database is locked|database table is locked|disk I\/O error|disk is full|readonly|out of memory/;

/** Whether an error says that the file is damaged. */
export const isDamage = (error: unknown): boolean =>
  error instanceof Error && Reflect.get(error, "code") === "ERR_SQLITE_ERROR" // node:sqlite tells no more
    ? !NOT_DAMAGE.test(error.message)
    : error instanceof Damage;
