/** The module of a delivery worker (`worker_threads`): an Effect runtime of its own around WorkerServer. */
import * as Effect from "effect/Effect";
import type { WorkerPort } from "./WorkerServer.ts";
import { serve } from "./WorkerServer.ts";

// @effect/platform resolves every URL, absolute ones too, against `location`, whose origin is "null" for a
// worker's module on disk: "Invalid URL".
Reflect.deleteProperty(globalThis, "location");

// In a worker the global object is the port; its type here is that of a window. As a promise, because a
// rejected one ends the worker, and its end is noticed: a fiber's defect (a module that cannot be loaded)
// would leave a worker that never answers.
Effect.runPromise(serve(globalThis as unknown as WorkerPort));
