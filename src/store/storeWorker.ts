/** The module of the store's Worker: it owns the file, does what it is asked, one after the other, and answers. */
import { Database } from "./Database.ts";
import type { Answers, FromWorker, Request, ToWorker } from "./StoreProtocol.ts";

interface Port {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer: Array<Transferable>): void;
}

// In a worker the global object is the port; its type here is that of a window.
const port = globalThis as unknown as Port;

let opened: Database | undefined;

const database = (): Database => {
  if (opened === undefined) throw new Error("the file is not open");
  return opened;
};

const perform = (request: Request): Answers[keyof Answers] => {
  switch (request._tag) {
    case "Open":
      opened = new Database(request.path, request.options);
      return opened.identity();
    case "Commit":
      database().commit(request.packed.commit, request.sync);
      return request.packed.bytes;
    case "Groups":
      return database().groups(request.after, request.bytes, request.url, Date.now());
    case "Urls":
      return database().urls();
    case "Replay":
      return database().replay(request.url, request.reasons, request.firstRow, request.bytes);
    case "Online":
      return database().online(Date.now());
    case "State":
      return database().state(request.table, request.after, request.bytes, Date.now());
    case "Close":
      opened?.close();
      opened = undefined;
      return undefined;
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
    const answer = perform(request);
    port.postMessage({ _tag: "Answer", id, answer }, transferOf(answer));
  } catch (error) {
    const bytes = request._tag === "Commit" ? request.packed.bytes : undefined;
    const message = error instanceof Error ? error.message : String(error);
    port.postMessage({ _tag: "Failure", id, message, bytes }, bytes ? [bytes] : []);
  }
};
