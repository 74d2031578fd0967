/**
 * Opens what lines are appended to, and sees that they begin on a line of their own. Opening must never
 * wait for somebody else: a FIFO without a reader is refused, not waited for. A call can hang all the same,
 * where a file system does; nothing ends it, and its thread is gone until it returns.
 */

import { fileURLToPath } from "node:url";

/** Something open for appending. Never two calls at a time. */
export interface AppendFile {
  /** What must be written before the first line, so that it is one. */
  readonly first: Uint8Array;
  /** Resolves to how many bytes were taken: 0 when there is no room now, and may be later. */
  write(bytes: Uint8Array): Promise<number>;
  /** Never fails. Writes back first what can be, off this thread: a close that has to would hold the broker. */
  close(): Promise<void>;
}

/** Opens, or makes, the file and its folders. `torn`: it may end within a line, should nobody be able to look. */
export type OpenFile = (path: URL, torn: boolean) => Promise<AppendFile>;

/**
 * Modes of what is made here: events hold what clients say to each other, and are for the broker's own
 * user. What is there already keeps the mode that it has.
 */
const OWN_FILE = 0o600;
const OWN_FOLDER = 0o700;

export const openFile: OpenFile = async (path, torn) => {
  const standard = standardStream(path);
  if (standard !== undefined) {
    return { first: NOTHING, write: (bytes) => standard.write(bytes), close: async () => {} };
  }
  const info = await Deno.stat(path).catch(() => undefined);
  if (info !== undefined && !info.isFile && !info.isDirectory) return await openStream(path);
  if (info === undefined) {
    const folder = new URL(".", path);
    // One that is there may be somebody else's to write to: opening tells.
    await Deno.mkdir(folder, { recursive: true, mode: OWN_FOLDER }).catch(ifForbidden);
  }
  const append = { append: true, create: true, mode: OWN_FILE };
  const readable = await Deno.open(path, { ...append, read: true }).catch(ifForbidden);
  const file = readable ?? await Deno.open(path, append);
  try {
    const { size } = await file.stat();
    const blind = torn && size > 0 ? LINE_END : NOTHING;
    return regular(file, readable === undefined ? blind : await mend(file, size));
  } catch (cause) {
    file.close();
    throw cause;
  }
};

/**
 * This process's own output, by the names that it has as a file: Deno opens none of these without
 * --allow-all. A write of it is whole before the log's next, which takes the same way.
 */
export const standardStream = (
  { pathname }: URL,
): { write(bytes: Uint8Array): Promise<number> } | undefined => {
  const [, name] = /^\/(?:dev|dev\/fd|proc\/self\/fd)\/(stdout|stderr|1|2)$/.exec(pathname) ?? [];
  if (name === undefined) return undefined;
  return name === "stdout" || name === "1" ? Deno.stdout : Deno.stderr;
};

/**
 * Whether lines can be appended to it, in words; nothing is written, and nothing is left that was not there.
 *
 * @throws what keeps it from being appended to
 */
export const tryAppending = async (path: URL): Promise<string> => {
  if (standardStream(path) !== undefined) return "is this process's own output";
  const info = await Deno.stat(path).catch(ifMissing);
  if (info === undefined) {
    const dir = fileURLToPath(await nearestFolder(path));
    const made = await Deno.makeTempFile({ dir, prefix: ".hookline-" });
    await Deno.remove(made);
    return "is not there yet, and can be made";
  }
  if (info.isFile || info.isDirectory) (await Deno.open(path, { append: true })).close();
  else await (await openStream(path)).close();
  return "can be appended to";
};

const nearestFolder = async (path: URL): Promise<URL> => {
  let folder = new URL(".", path);
  while (await Deno.stat(folder).catch(ifMissing) === undefined) folder = new URL("..", folder);
  return folder;
};

const ifMissing = (cause: unknown): undefined => {
  if (cause instanceof Deno.errors.NotFound) return undefined;
  throw cause;
};

const regular = (file: Deno.FsFile, first: Uint8Array): AppendFile => ({
  first,
  write: (bytes) => file.write(bytes),
  close: async () => {
    await file.syncData().catch(() => {}); // what it could not write was told by write
    file.close();
  },
});

/**
 * Opened without waiting, now and in each write. (POSIX open: O_NONBLOCK; what POSIX write says of pipes)
 * node:fs knows the flag and Deno.open does not.
 */
const openStream = async (path: URL): Promise<AppendFile> => {
  const { constants, promises } = await import("node:fs");
  const flags = constants.O_WRONLY | constants.O_NONBLOCK;
  const file = await promises.open(path, flags).catch((cause) => {
    throw codeOf(cause) === "ENXIO" ? new Error("nobody reads from it") : cause;
  });
  return {
    first: NOTHING,
    // So few at once are taken whole or not at all; of more, nobody is told how many were.
    write: async (bytes) => {
      const piece = bytes.subarray(0, PIPE_BUF);
      try {
        await file.write(piece);
        return piece.length;
      } catch (cause) {
        if (codeOf(cause) === "EAGAIN") return 0;
        throw cause;
      }
    },
    close: () => file.close().catch(() => {}),
  };
};

/**
 * What a file needs whose last line has no end. Half a line of ours, which a fault or a crash has left, is
 * cut off; a whole one is completed. Anything else is not ours to delete: it is ended.
 */
const mend = async (file: Deno.FsFile, size: number): Promise<Uint8Array> => {
  const tail = await readTail(file, size);
  if (tail?.length === 0) return NOTHING;
  if (tail === undefined || !isOurs(tail) || isJson(tail)) return LINE_END;
  await file.truncate(size - tail.length);
  return NOTHING;
};

/** What follows the last line's end; undefined: too much of it. */
const readTail = async (file: Deno.FsFile, size: number): Promise<Uint8Array | undefined> => {
  let tail = NOTHING;
  for (let from = size; from > 0;) {
    const step = Math.min(from, Math.max(1, tail.length), MOST_TAIL - tail.length);
    if (step === 0) return undefined;
    from -= step;
    const read = new Uint8Array(step + tail.length);
    await readFully(file, from, read.subarray(0, step));
    read.set(tail, step);
    const end = read.lastIndexOf(NEWLINE);
    if (end !== -1) return read.subarray(end + 1);
    tail = read;
  }
  return tail;
};

const readFully = async (file: Deno.FsFile, from: number, into: Uint8Array): Promise<void> => {
  await file.seek(from, Deno.SeekMode.Start); // does not matter to appending
  for (let at = 0; at < into.length;) {
    const count = await file.read(into.subarray(at));
    if (count === null) throw new Error("it became shorter while it was read");
    at += count;
  }
};

const isOurs = (tail: Uint8Array): boolean => {
  const start = DECODER.decode(tail.subarray(0, BODY_START.length));
  return BODY_START.startsWith(start);
};

const isJson = (tail: Uint8Array): boolean => {
  try {
    JSON.parse(DECODER.decode(tail));
    return true;
  } catch {
    return false;
  }
};

/** Who may not read can write all the same; who may not make a folder finds one. */
const ifForbidden = (cause: unknown): undefined => {
  if (cause instanceof Deno.errors.PermissionDenied || cause instanceof Deno.errors.NotCapable) {
    return undefined;
  }
  throw cause;
};

const codeOf = (cause: unknown): unknown =>
  cause instanceof Error && "code" in cause ? cause.code : undefined;

const DECODER = new TextDecoder();
const NOTHING: Uint8Array = new Uint8Array(0);
const NEWLINE = 0x0a;
const LINE_END: Uint8Array = Uint8Array.of(NEWLINE);

/** How every body begins. */
const BODY_START = '{"action":"';

/** Bytes; a line that is longer is ended, not cut off. */
const MOST_TAIL = 16 * 1024 * 1024;

/** Linux's; 512 is the least there is. */
const PIPE_BUF = Deno.build.os === "linux" ? 4096 : 512;
