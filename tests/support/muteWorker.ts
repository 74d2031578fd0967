/** A delivery worker that cannot say that it is ready: what goes wrong is a defect in its own fiber. */
import "../../src/webhook/worker/deliveryWorker.ts";

// Found when the worker's first message comes: after this module.
Reflect.set(globalThis, "postMessage", () => {
  throw new Error("this worker cannot speak");
});
