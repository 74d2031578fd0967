/** The module of the store's Worker: it owns the file, does what it is asked, one after the other, and answers. */
import { isDamage, messageOf } from "./Damage.ts";
import type { Database } from "./Database.ts";
import { FileRefused, openFile } from "./openFile.ts";
import type { LetterBounds } from "./Store.ts";
import type { Answers, FromWorker, Request, ToWorker } from "./StoreProtocol.ts";

interface Port {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer?: Array<Transferable>): void;
}

// In a worker the global object is the port; its type here is that of a window.
const port = globalThis as unknown as Port;

/** Milliseconds between two looks at what other processes have done, and at what may be given back to the disk. */
const LOOK_EVERY = 1000;
/** Looks between two at the age of dead letters. */
const LOOKS_PER_TIDY = 60;

type Open = Extract<Request, { readonly _tag: "Open" }>;

interface Opened {
  readonly how: Open;
  /** Undefined: it was damaged, and could not be opened anew yet. */
  database: Database | undefined;
  bounds: LetterBounds;
  /** The database's `othersVersion` when it was looked at last. */
  othersVersion: number;
  purged: number;
  looks: number;
  readonly timer: ReturnType<typeof setInterval>;
}

let opened: Opened | undefined;

const open = (how: Open): Database => {
  const { database, notice } = openFile(how.path, how.options, Date.now());
  if (notice !== undefined) {
    port.postMessage({ _tag: "Notice", message: notice, isDamage: notice.includes(".corrupt-") });
  }
  return database;
};

const databaseOf = (store: Opened): Database => {
  if (store.database === undefined) {
    store.database = open(store.how);
    store.othersVersion = store.database.othersVersion;
  }
  return store.database;
};

/** Tells what there is of dead letters. */
const tellLetters = (store: Opened): void => {
  const { dead } = databaseOf(store);
  const letters = { ...dead.use(), purged: store.purged, marked: dead.marked() };
  port.postMessage({ _tag: "Letters", letters });
};

/** Keeps dead letters within their bounds, and tells of them. */
const tidy = (store: Opened): void => {
  store.purged += databaseOf(store).tidy(store.bounds, Date.now());
  tellLetters(store);
};

const look = (store: Opened): void => {
  try {
    const database = databaseOf(store);
    const version = database.othersVersion;
    const isDue = ++store.looks % LOOKS_PER_TIDY === 0;
    if (version !== store.othersVersion) database.dead.recount();
    if (isDue || version !== store.othersVersion) tidy(store);
    store.othersVersion = version;
    database.shrink();
  } catch (error) {
    if (isDamage(error)) setAside(store, error); // anything else is met, and told, by the next commit
  }
};

/** Closes the file, so that it is opened anew, which moves it aside if it is damaged. */
const setAside = (store: Opened, error: unknown): void => {
  store.database?.close();
  store.database = undefined;
  const message = `the file does not read as it was written (${messageOf(error)})`;
  port.postMessage({ _tag: "Notice", message, isDamage: false });
};

const begin = (how: Open): Opened => {
  const database = open(how);
  const store: Opened = {
    how,
    database,
    bounds: how.bounds,
    othersVersion: database.othersVersion,
    purged: 0,
    looks: 0,
    timer: setInterval(() => look(store), LOOK_EVERY),
  };
  tidy(store);
  return store;
};

const perform = (request: Exclude<Request, Open>, store: Opened): Answers[keyof Answers] => {
  const database = databaseOf(store);
  switch (request._tag) {
    case "Commit":
      database.commit(request.packed.commit, request.sync);
      if (request.packed.commit.dead.length > 0) tidy(store);
      return request.packed.bytes;
    case "Groups":
      return database.groups(request.after, request.bytes, request.url, Date.now());
    case "Urls":
      return database.urls();
    case "Replay": {
      const { url, reasons, firstRow, bytes } = request;
      const moved = database.replay(url, reasons, firstRow, bytes);
      tellLetters(store);
      return moved;
    }
    case "Letters":
      return database.letters(request.filter, request.after, request.bytes);
    case "ChangeLetters": {
      const changed = database.changeLetters(request.changes);
      tellLetters(store);
      return changed;
    }
    case "Online":
      return database.online(Date.now());
    case "State":
      return database.state(request.table, request.after, request.bytes, Date.now());
    case "Bound":
      store.bounds = request.bounds;
      tidy(store);
      return undefined;
    case "Close":
      clearInterval(store.timer);
      database.close();
      opened = undefined;
      return undefined;
  }
};

const answer = (request: Request): Answers[keyof Answers] => {
  if (request._tag === "Open") {
    opened = begin(request);
    return databaseOf(opened).identity;
  }
  if (opened === undefined) throw new Error("the file is not open");
  try {
    return perform(request, opened);
  } catch (error) {
    if (!isDamage(error)) throw error;
    setAside(opened, error);
    return perform(request, opened);
  }
};

/** What goes over without being copied: every blob of SQLite's has a buffer of its own. */
const transferOf = (answer: Answers[keyof Answers]): Array<Transferable> => {
  if (answer instanceof ArrayBuffer) return [answer];
  if (answer === undefined || !("rows" in answer)) return [];
  return answer.rows.flatMap((row) => {
    const bytes = "records" in row ? row.records : "value" in row ? row.value : undefined;
    return bytes?.buffer instanceof ArrayBuffer ? [bytes.buffer] : [];
  });
};

port.onmessage = ({ data: { id, request } }) => {
  try {
    const done = answer(request);
    port.postMessage({ _tag: "Answer", id, answer: done }, transferOf(done));
  } catch (error) {
    const bytes = request._tag === "Commit" ? request.packed.bytes : undefined;
    const [expected, message] = error instanceof FileRefused
      ? [error.expected, error.found]
      : [undefined, messageOf(error)];
    port.postMessage({ _tag: "Failure", id, message, expected, bytes }, bytes ? [bytes] : []);
  }
};
