/** How URLs are reached: files by an executor of their own, all others over HTTP within one budget of requests. */
import { ConcurrencyBudget } from "../attempt/ConcurrencyBudget.ts";
import type { Executor } from "../attempt/Executor.ts";
import type { EndpointTransport } from "./EndpointContext.ts";

/** What bounds the requests in flight. */
export interface TransportLimits {
  readonly concurrencyLimit: number;
  readonly queueCapacity: number;
}

export class EndpointTransports {
  readonly #http: Executor;
  readonly #files: Executor;
  readonly #budget: ConcurrencyBudget;
  #limits: TransportLimits;

  constructor(http: Executor, files: Executor, limits: TransportLimits) {
    this.#http = http;
    this.#files = files;
    this.#limits = limits;
    this.#budget = new ConcurrencyBudget(this.#takes());
  }

  of(url: string): EndpointTransport {
    return url.startsWith("file:")
      ? { executor: this.#files, budget: undefined, sequential: true }
      : { executor: this.#http, budget: this.#budget, sequential: false };
  }

  /** Takes over other limits, or asks the executor anew what it takes by the same. */
  resize(limits: TransportLimits = this.#limits): void {
    this.#limits = limits;
    this.#budget.resize(this.#takes());
  }

  #takes(): number {
    return this.#http.takes(this.#limits.concurrencyLimit, this.#limits.queueCapacity);
  }
}
