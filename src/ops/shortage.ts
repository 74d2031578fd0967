/** What this process or machine has run out of: descriptors, memory, buffers. Nobody else's fault. */

const CODES: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"]);

/** The same, as `fetch` tells it: in words only, and by number (ENOBUFS is another one on each system). */
const TOLD = /\(os error (?:12|23|24|55|105)\)/;

/** Whether a call failed because of it; looks through the error's causes. */
export const isShortage = (cause: unknown): boolean => {
  for (let error = cause; error instanceof Error; error = error.cause) {
    if ("code" in error && CODES.has(error.code)) return true;
    if (TOLD.test(error.message)) return true;
  }
  return false;
};
