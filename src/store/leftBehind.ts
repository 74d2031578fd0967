/** What a store holds that nobody opens, because the settings want everything in memory. */
import { DatabaseSync } from "node:sqlite";

/**
 * Looks into the file of a directory, which stays as it is.
 *
 * Returns: a warning, where deliveries wait in it; undefined: there is no file, or nothing waits.
 */
export const leftBehind = (directory: string): string | undefined => {
  const path = `${directory}/outbox.db`;
  const note = 'but `outbox` is "memory": it stays there until it is "disk" again';
  let db: DatabaseSync | undefined;
  try {
    if (!Deno.statSync(path).isFile) return undefined;
    db = new DatabaseSync(path, { readOnly: true });
    const events = Number(db.prepare("select total(n) as n from waiting").get()?.n);
    return events === 0 ? undefined : `${path}: events wait in it (${events}), ${note}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    const said = error instanceof Error ? error.message : String(error);
    return `${path}: it cannot be read (${said}), ${note}`;
  } finally {
    db?.close();
  }
};
