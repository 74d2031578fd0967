/**
 * A delivery worker that dies at its fifth batch, or at that of its URL's `?batch=`: by an exception that
 * nobody catches, with requests in flight.
 */
import * as Effect from "effect/Effect";
import { serve, type WorkerPort } from "../../src/webhook/WorkerServer.ts";
import type { ToWorker } from "../../src/webhook/WorkerProtocol.ts";

Reflect.deleteProperty(globalThis, "location"); // as in deliveryWorker.ts

const scope = globalThis as unknown as WorkerPort; // in a worker the global object is the port
const last = Number(new URL(import.meta.url).searchParams.get("batch") ?? 5);
let batches = 0;
let handler: WorkerPort["onmessage"] = null;
scope.onmessage = (event: MessageEvent<ToWorker>) => {
  handler?.call(scope, event);
  if (event.data._tag === "Attempts" && ++batches === last) {
    throw "this worker dies"; // not an Error: its stack would be printed
  }
};

Effect.runFork(serve({
  postMessage: (message) => scope.postMessage(message),
  get onmessage() {
    return handler;
  },
  set onmessage(next) {
    handler = next;
  },
}));
