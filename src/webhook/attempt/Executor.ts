/** Who makes the attempts: this thread's HTTP client, a worker, a file. It decides nothing about them. */
import type * as Effect from "effect/Effect";
import type { EndpointSettings, WebHookSettings } from "../../domain/WebHookSettings.ts";
import type { Metrics } from "../account/Metrics.ts";
import type { Attempt, Outcome } from "./Attempt.ts";
import type { LimitedLog } from "../../ops/LimitedLog.ts";

/** An endpoint as executors know it. */
export interface Attempting {
  /** The endpoint's number, never given twice in a process. */
  readonly key: number;
  readonly settings: EndpointSettings;
  /**
   * Takes the outcome of an attempt; exactly once per attempt, unless the executor was closed.
   *
   * @param took milliseconds from sending it to the end of its answer; undefined: it was not sent, or nobody knows
   * @param status of the answer that delivered it; undefined: it had none
   */
  complete(attempt: Attempt, outcome: Outcome, took?: number, status?: number): void;
}

export interface Executor {
  /** Makes ready what these endpoints need, their trusted certificates above all. */
  prepare(endpoints: ReadonlyMap<string, EndpointSettings>): Effect.Effect<void>;
  /** Must be called before the first attempt of an endpoint, and again when its settings have changed. */
  configure(endpoint: Attempting): void;
  /** Makes one attempt. Never refuses: how many there may be is the ConcurrencyBudget's matter. */
  attempt(endpoint: Attempting, attempt: Attempt): void;
  /** Gives back, later, what of this endpoint was to be attempted and is not on its way yet. */
  recall(endpoint: Attempting): void;
  /** Lets go of an endpoint that has no attempt under way and will have none. */
  forget(endpoint: Attempting): void;
  /** From now on so many requests may be in flight. */
  resize(limit: number): void;
  /**
   * How many attempts it takes at once when `limit` requests may be in flight and the Backlog has this
   * capacity, of the URLs prepared so far.
   */
  takes(limit: number, capacity: number): number;
}

/** What an HTTP executor is made from. */
export interface HttpExecutorContext {
  readonly settings: WebHookSettings;
  /** What every `webhook-id` of this process begins with. */
  readonly idPrefix: string;
  readonly metrics: Metrics;
  readonly log: LimitedLog;
  /** To be called when the executor takes another number of attempts than before. */
  readonly onTakes: () => void;
}
