import type { DatabaseSync } from "node:sqlite";

/** Does all that `body` writes, or nothing of it where that or the commit throws. */
export const transaction = (db: DatabaseSync, body: () => void): void => {
  db.exec("begin immediate");
  try {
    body();
    db.exec("commit");
  } catch (error) {
    // SQLite has rolled back by itself where the disk is full: then there is nothing to roll back.
    if (db.isTransaction) db.exec("rollback");
    throw error;
  }
};
