/**
 * A delivery worker that dies at its fifth parcel, or at that of its URL's `?parcel=`: by an exception that
 * nobody catches, with requests in flight.
 */
import * as Effect from "effect/Effect";
import type { WorkerPort } from "../../src/webhook/worker/WorkerServer.ts";
import { serve } from "../../src/webhook/worker/WorkerServer.ts";
import type { ToWorker } from "../../src/webhook/worker/WorkerProtocol.ts";

Reflect.deleteProperty(globalThis, "location"); // as in deliveryWorker.ts

const scope = globalThis as unknown as WorkerPort; // in a worker the global object is the port
const last = Number(new URL(import.meta.url).searchParams.get("parcel") ?? 5);
let parcels = 0;
let handler: WorkerPort["onmessage"] = null;
scope.onmessage = (event: MessageEvent<ToWorker>) => {
  handler?.call(scope, event);
  if (event.data._tag === "Attempts" && ++parcels === last) {
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
