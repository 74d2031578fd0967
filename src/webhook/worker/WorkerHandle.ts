/**
 * One delivery worker seen from the broker's thread: what it was given and has not reported yet, and its
 * replacement when it dies. It must never lose an attempt: what a dead worker held is reported as lost,
 * and so sent again.
 */
import { IdMap } from "../../collections/IdMap.ts";
import type { Attempt, Outcome } from "../attempt/Attempt.ts";
import { DELIVERED, LOST, RETURNED } from "../attempt/Attempt.ts";
import * as AttemptParcel from "./AttemptParcel.ts";
import { DeliveryError } from "../attempt/DeliveryError.ts";
import type { Attempting } from "../attempt/Executor.ts";
import type { FromWorker, ToWorker, WorkerEndpoint, WorkerFailure } from "./WorkerProtocol.ts";

type State =
  /** It loads what it needs; attempts and endpoints wait. */
  | { readonly _tag: "Starting"; readonly worker: Worker }
  | { readonly _tag: "Running"; readonly worker: Worker }
  /** Dead, until `start` is called again; attempts wait. */
  | { readonly _tag: "Down" };

export interface WorkerHandleOptions {
  readonly module: URL;
  readonly start: Extract<ToWorker, { readonly _tag: "Start" }>;
  /** What a fresh worker must be told, read each time that one is ready. */
  readonly endpoints: () => Iterable<WorkerEndpoint>;
  /** Monotonic milliseconds, as the attempts have them. */
  readonly now: () => number;
  readonly onReady: () => void;
  /** Called once per death, when what it held has been reported. */
  readonly onDeath: (reason: string, held: number) => void;
}

/** Bytes of bodies that a parcel has hardly more of: the worker keeps all of it until its last attempt has ended. */
const PARCEL_BYTES = 1024 * 1024;

export class WorkerHandle {
  #permits: number;
  #state: State = { _tag: "Down" };
  readonly #held = new IdMap<readonly [Attempting, Attempt]>();
  // The next parcel.
  #attempts: Array<Attempt> = [];
  #endpoints: Array<number> = [];
  /** Of their bodies. */
  #bytes = 0;

  readonly #options: WorkerHandleOptions;

  constructor(options: WorkerHandleOptions) {
    this.#options = options;
    this.#permits = options.start.permits;
  }

  /** The requests that it may have in flight. */
  get permits(): number {
    return this.#permits;
  }

  /** Gives it another share of the limit. */
  resize(permits: number): void {
    if (permits === this.#permits) return;
    this.#permits = permits;
    if (this.#state._tag === "Running") post(this.#state.worker, { _tag: "Permits", permits });
  }

  /** Attempts given and not reported. */
  get held(): number {
    return this.#held.size;
  }

  /** Of those, what the next parcel has. */
  get gathered(): number {
    return this.#attempts.length;
  }

  get running(): boolean {
    return this.#state._tag === "Running";
  }

  start(): void {
    const { module, start } = this.#options;
    const worker = new Worker(module, { type: "module", name: "delivery" });
    this.#state = { _tag: "Starting", worker };
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(worker, data);
    worker.onerror = (event) => {
      event.preventDefault(); // or the broker's own thread ends with it
      this.#die(worker, event.message);
    };
    worker.onmessageerror = () => this.#die(worker, "a message could not be read");
    post(worker, start);
  }

  configure(endpoint: WorkerEndpoint): void {
    if (this.#state._tag === "Running") post(this.#state.worker, { _tag: "Endpoint", endpoint });
  }

  /** Wants back what of this endpoint is not on its way yet. */
  recall(endpoint: number): void {
    this.#takeBack(endpoint);
    if (this.#state._tag === "Running") post(this.#state.worker, { _tag: "Recall", endpoint });
  }

  /** Lets the worker forget an endpoint that has no attempt under way. */
  forget(endpoint: number): void {
    if (this.#state._tag === "Running") post(this.#state.worker, { _tag: "Forget", endpoint });
  }

  /** Gives back, later, what of this endpoint the worker has not got yet: where it starts, that may be much. */
  #takeBack(endpoint: number): void {
    const attempts = this.#attempts;
    const endpoints = this.#endpoints;
    this.#attempts = [];
    this.#endpoints = [];
    for (const [i, attempt] of attempts.entries()) {
      const of = endpoints[i]!; // one for each attempt
      if (of === endpoint) queueMicrotask(() => this.#end(attempt.id, RETURNED));
      else {
        this.#attempts.push(attempt);
        this.#endpoints.push(of);
      }
    }
  }

  /** Takes an attempt into the parcel that is sent at the end of this turn. */
  attempt(endpoint: Attempting, attempt: Attempt): void {
    this.#held.add(attempt.id, [endpoint, attempt]);
    this.#endpoints.push(endpoint.key);
    this.#bytes += attempt.length;
    if (this.#attempts.push(attempt) === 1) queueMicrotask(this.#flush);
    else if (this.#bytes > PARCEL_BYTES) this.#flush();
  }

  /** Ends the worker; requests in flight are cut, and all that it held is reported as lost. */
  stop(): void {
    if (this.#state._tag !== "Down") this.#state.worker.terminate();
    this.#lose();
  }

  readonly #flush = (): void => {
    if (this.#state._tag !== "Running" || this.#attempts.length === 0) return;
    const parcel = AttemptParcel.encode(
      this.#attempts,
      this.#endpoints,
      this.#options.now(),
    );
    this.#attempts = [];
    this.#endpoints = [];
    this.#bytes = 0;
    this.#state.worker.postMessage({ _tag: "Attempts", parcel } satisfies ToWorker, [parcel]);
  };

  #receive(from: Worker, message: FromWorker): void {
    if (this.#state._tag === "Down" || this.#state.worker !== from) return; // from a dead one
    if (message._tag === "Ready") {
      this.#state = { _tag: "Running", worker: from };
      const permits = this.#permits;
      if (permits !== this.#options.start.permits) post(from, { _tag: "Permits", permits });
      for (const endpoint of this.#options.endpoints()) this.configure(endpoint);
      this.#flush();
      this.#options.onReady();
      return;
    }
    const { ended, took, statuses } = message;
    for (let i = 0; i < ended.length; i++) {
      const one = ended[i]!; // below the length
      const status = statuses[i] || undefined;
      if (typeof one === "number") this.#end(one, DELIVERED, took[i], status);
      else if (one._tag === "Delivered") this.#end(one.id, one, took[i], status);
      else this.#fail(one, took[i]);
    }
    for (const id of message.returned) this.#end(id, RETURNED);
  }

  #fail({ _tag, id, fault, ...failure }: WorkerFailure, took?: number): void {
    this.#end(id, { _tag, error: new DeliveryError(failure), fault }, took);
  }

  #end(id: number, outcome: Outcome, took?: number, status?: number): void {
    const held = this.#held.take(id);
    if (held === undefined) return; // reported as lost before
    held[0].complete(held[1], outcome, took, status);
  }

  #die(worker: Worker, reason: string): void {
    if (this.#state._tag === "Down" || this.#state.worker !== worker) return;
    worker.terminate();
    const held = this.#lose();
    this.#options.onDeath(reason, held);
  }

  #lose(): number {
    this.#state = { _tag: "Down" };
    const held = this.#held.takeAll();
    this.#attempts = [];
    this.#endpoints = [];
    for (const [endpoint, attempt] of held) endpoint.complete(attempt, LOST);
    return held.length;
  }
}

const post = (worker: Worker, message: ToWorker): void => worker.postMessage(message);
