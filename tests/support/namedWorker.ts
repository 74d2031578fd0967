/**
 * A delivery worker that sends nothing: it refuses every attempt for good and says its own name as the
 * detail, so that a test sees who had which. At an attempt whose body is "die" it dies with its whole parcel.
 */
import * as AttemptParcel from "../../src/webhook/worker/AttemptParcel.ts";
import { bytesOf } from "../../src/webhook/body/BodySlab.ts";
import type { WorkerFailure } from "../../src/webhook/worker/WorkerProtocol.ts";
import type { WorkerPort } from "../../src/webhook/worker/WorkerServer.ts";

const port = globalThis as unknown as WorkerPort; // in a worker the global object is the port
const name = crypto.randomUUID();
const TEXT = new TextDecoder();

port.onmessage = ({ data }) => {
  if (data._tag === "Start") port.postMessage({ _tag: "Ready" });
  if (data._tag !== "Attempts") return;
  const ended: Array<WorkerFailure> = [];
  AttemptParcel.forEach(data.parcel, 0, (attempt) => {
    const { id } = attempt;
    if (TEXT.decode(bytesOf(attempt)) === "die") throw "this worker dies"; // not an Error: its stack would be printed
    ended.push({
      _tag: "Failed",
      fault: undefined,
      id,
      reason: "refused",
      status: undefined,
      detail: name,
      retryable: false,
      retryAfter: undefined,
      gone: false,
    });
  });
  port.postMessage({
    _tag: "Outcomes",
    ended,
    took: new Float32Array(ended.length),
    statuses: new Uint16Array(ended.length),
    returned: [],
  });
};
