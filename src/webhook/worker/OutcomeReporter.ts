/**
 * Collects outcomes into messages to the broker's thread, because each costs the two sides 5 µs
 * together however much it carries, and more where one must be woken. It must never keep an outcome
 * for longer than `MOST_MS`, nor so many that the worker could run out of attempts before the answer comes.
 */
import type { FromWorker, WorkerFailure, WorkerFaultyDelivery } from "./WorkerProtocol.ts";

/** A message with so many need not wait for more. With 32, three workers had 5 % fewer events/s (bench/README.md). */
export const ENOUGH = 128;
/** By a timer of the platform, since an Effect fiber for it costs more than the message that it saves. */
const MOST_MS = 4;

export interface OutcomeReporterOptions {
  /** At the start. With more attempts than this, some wait for a permit, and the worker goes on with those meanwhile. */
  readonly permits: number;
  readonly send: (message: FromWorker) => void;
}

export class OutcomeReporter {
  #ended: Array<number | WorkerFaultyDelivery | WorkerFailure> = [];
  /** Milliseconds that each of these took. */
  #took: Array<number> = [];
  /** Of the answers that delivered them; 0: there was none. */
  #statuses: Array<number> = [];
  #returned: Array<number> = [];
  /** Attempts taken that have not ended. */
  #open = 0;
  #turnEnds = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly #options: OutcomeReporterOptions;
  /** Requests that may be in flight. */
  permits: number;

  constructor(options: OutcomeReporterOptions) {
    this.#options = options;
    this.permits = options.permits;
  }

  /** An attempt was taken; its outcome will be told. */
  taken(): void {
    this.#open++;
  }

  delivered(id: number, took: number, status = 0): void {
    this.#end(id, took, status);
  }

  /** An attempt ended with more to tell than that it was delivered. */
  told(end: WorkerFaultyDelivery | WorkerFailure, took: number, status = 0): void {
    this.#end(end, took, status);
  }

  #end(end: number | WorkerFaultyDelivery | WorkerFailure, took: number, status: number): void {
    this.#ended.push(end);
    this.#took.push(took);
    this.#statuses.push(status);
    this.#over();
  }

  returned(id: number): void {
    this.#returned.push(id);
    this.#over();
  }

  #over(): void {
    this.#open--;
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    // The callbacks of all sockets that were ready are queued before it.
    queueMicrotask(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    this.#turnEnds = false;
    const waiting = this.#open - this.permits;
    if (this.#gathered >= Math.min(ENOUGH, waiting)) this.#flush();
    else this.#timer ??= setTimeout(this.#late, MOST_MS);
  };

  get #gathered(): number {
    return this.#ended.length + this.#returned.length;
  }

  readonly #late = (): void => {
    this.#timer = undefined;
    if (this.#gathered > 0) this.#flush();
  };

  #flush(): void {
    const message: FromWorker = {
      _tag: "Outcomes",
      ended: this.#ended,
      took: Float32Array.from(this.#took),
      statuses: Uint16Array.from(this.#statuses),
      returned: this.#returned,
    };
    this.#ended = [];
    this.#took = [];
    this.#statuses = [];
    this.#returned = [];
    this.#options.send(message);
  }
}
