/**
 * Collects outcomes into messages to the broker's thread: each costs the two sides 5 µs together, and more
 * where one must be woken, however many outcomes it has. It must never keep one for longer than `MOST_MS`, nor at all while no attempt waits
 * for a permit here.
 */
import type { FromWorker, WorkerFailure } from "./WorkerProtocol.ts";

/** A message with so many need not wait for more. */
export const ENOUGH = 32;
/** By a timer of the platform, since an Effect fiber for it costs more than the message that it saves. */
const MOST_MS = 1;

export interface OutcomeReporterOptions {
  /** With more attempts than this, some wait, and the worker goes on without an answer to its message. */
  readonly permits: number;
  readonly send: (message: FromWorker) => void;
}

export class OutcomeReporter {
  #delivered: Array<number> = [];
  #failed: Array<WorkerFailure> = [];
  #returned: Array<number> = [];
  /** Attempts taken that have not ended. */
  #open = 0;
  #turnEnds = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: OutcomeReporterOptions) {}

  /** An attempt was taken; its outcome will be told. */
  taken(): void {
    this.#open++;
  }

  delivered(id: number): void {
    this.#delivered.push(id);
    this.#ended();
  }

  failed(failure: WorkerFailure): void {
    this.#failed.push(failure);
    this.#ended();
  }

  returned(id: number): void {
    this.#returned.push(id);
    this.#ended();
  }

  #ended(): void {
    this.#open--;
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    // The callbacks of all sockets that were ready are queued before it.
    queueMicrotask(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    this.#turnEnds = false;
    const { permits } = this.options;
    if (this.#open <= permits || this.#gathered >= ENOUGH) this.#flush();
    else this.#timer ??= setTimeout(this.#late, MOST_MS);
  };

  get #gathered(): number {
    return this.#delivered.length + this.#failed.length + this.#returned.length;
  }

  readonly #late = (): void => {
    this.#timer = undefined;
    if (this.#gathered > 0) this.#flush();
  };

  #flush(): void {
    const message: FromWorker = {
      _tag: "Outcomes",
      delivered: this.#delivered,
      failed: this.#failed,
      returned: this.#returned,
    };
    this.#delivered = [];
    this.#failed = [];
    this.#returned = [];
    this.options.send(message);
  }
}
