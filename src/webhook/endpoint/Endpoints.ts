/** All endpoints by URL: those that settings name, and those that a reload has left to drain. */
import * as Effect from "effect/Effect";
import type { EndpointSettings } from "../../domain/WebHookSettings.ts";
import type { Metrics } from "../account/Metrics.ts";
import type { EndpointOwner } from "./Endpoint.ts";
import { Endpoint } from "./Endpoint.ts";
import type { EndpointContext } from "./EndpointContext.ts";
import type { EndpointTransports } from "./EndpointTransports.ts";

export interface EndpointsOptions {
  readonly metrics: Metrics;
  readonly transports: EndpointTransports;
  /** Runs an endpoint's timer until it ends. */
  readonly startTimer: (endpoint: Endpoint) => void;
}

export class Endpoints implements EndpointOwner {
  readonly #context: EndpointContext;
  readonly #byUrl = new Map<string, Endpoint>();
  #nextKey = 0;
  #transports: EndpointTransports | undefined;
  /** A stop that waits for all to settle. */
  #waiting: (() => void) | undefined;

  constructor(context: EndpointContext) {
    this.#context = context;
  }

  /** The endpoint of a URL, where there is one. */
  find(url: string): Endpoint | undefined {
    return this.#byUrl.get(url);
  }

  /** The endpoint of a URL that was configured. */
  get(url: string): Endpoint {
    return this.#byUrl.get(url)!; // settings name every rule's URL
  }

  /** Deliveries that wait or are in flight, over all URLs. */
  get held(): number {
    let held = 0;
    for (const endpoint of this.#byUrl.values()) held += endpoint.held;
    return held;
  }

  /** Makes the endpoints that are new, and tells the others their settings; what waits at those not named drains before they leave. */
  configure(
    settings: ReadonlyMap<string, EndpointSettings>,
    { metrics, transports, startTimer }: EndpointsOptions,
  ): void {
    this.#transports = transports;
    for (const [url, endpoint] of this.#byUrl) if (!settings.has(url)) endpoint.retire();
    for (const [url, of] of settings) {
      const counters = metrics.endpoint(url, of.name);
      const known = this.#byUrl.get(url);
      if (known !== undefined) {
        known.reconfigure(of);
        continue;
      }
      const endpoint = new Endpoint(
        this.#nextKey++,
        of,
        this.#context,
        this,
        counters,
        transports.of(url),
      );
      this.#byUrl.set(url, endpoint);
      startTimer(endpoint);
      const { disk } = this.#context;
      if (disk?.isRunning()) endpoint.isBehind(0, disk.outbox.lastRow);
    }
  }

  /** For a retired endpoint to call when it has left: its part of what may be attempted is the others'. */
  onLeft(endpoint: Endpoint): void {
    this.#byUrl.delete(endpoint.settings.url);
    this.resize();
  }

  /** Asks the executors anew how much they take. */
  resize(): void {
    this.#transports?.resize();
    for (const endpoint of this.#byUrl.values()) endpoint.resize();
  }

  /** Lets the failing endpoints occupy no more than they may: the rest waits on disk alone, or the oldest is dropped. */
  shedExcess(): void {
    const failing = [...this.#byUrl.values()].filter((endpoint) => endpoint.failing);
    while (this.#context.backlog.failingExcess > 0) {
      const largest = fullest(failing);
      if (largest === undefined) return;
      if (this.#context.disk !== undefined) {
        largest.putAside();
        failing.splice(failing.indexOf(largest), 1);
        continue;
      }
      const reason = largest.breaker._tag === "Gone" ? "gone" : "endpoint_share";
      if (!largest.dropOldest(reason)) failing.splice(failing.indexOf(largest), 1);
    }
  }

  mostOnDisk(most: number): Endpoint | undefined {
    const use = this.#context.disk?.outbox.use;
    if (use === undefined) return undefined;
    let bytes = 0;
    let largest: Endpoint | undefined;
    for (const endpoint of this.#byUrl.values()) {
      if (!endpoint.failing) continue;
      bytes += use.of(endpoint.url);
      if (largest === undefined || use.of(endpoint.url) > use.of(largest.url)) largest = endpoint;
    }
    return bytes > most ? largest : undefined;
  }

  /** Writes groups on disk anew of which little is left, so that they do not keep it. */
  rewriteStragglers(): void {
    const outbox = this.#context.disk?.outbox;
    if (outbox === undefined) return;
    for (const [url, groups] of Map.groupBy(outbox.takeStragglers(), ({ url }) => url)) {
      this.#byUrl.get(url)?.rewrite(new Set(groups));
    }
  }

  /** `drop_oldest`: drops what has waited longest at the fullest endpoint until the capacity is kept. */
  makeRoom(): void {
    const { backlog } = this.#context;
    const endpoints = [...this.#byUrl.values()];
    while (backlog.count > backlog.capacity) {
      const largest = fullest(endpoints);
      if (largest === undefined) return; // all of it is in flight, or still in the queue
      if (!largest.dropOldest("queue_full")) endpoints.splice(endpoints.indexOf(largest), 1);
    }
  }

  compact(): void {
    for (const endpoint of this.#byUrl.values()) endpoint.compact();
  }

  /** Done when waiting longer would bring nothing to an end. */
  get settled(): Effect.Effect<void> {
    return Effect.async((resume) => {
      this.#waiting = () => resume(Effect.void);
      this.onSettled();
      return Effect.sync(() => void (this.#waiting = undefined));
    });
  }

  /** For endpoints to call when they have settled. */
  onSettled(): void {
    if (this.#waiting === undefined) return;
    for (const endpoint of this.#byUrl.values()) if (!endpoint.settled) return;
    this.#waiting();
    this.#waiting = undefined;
  }

  stop(): void {
    for (const endpoint of this.#byUrl.values()) endpoint.stop();
  }

  /** Leaves all that waits, which is kept on disk, or dropped; answers how many there were. */
  abandon(areKept: boolean): number {
    let left = 0;
    for (const endpoint of this.#byUrl.values()) left += endpoint.abandon(areKept);
    return left;
  }
}

const fullest = (endpoints: ReadonlyArray<Endpoint>): Endpoint | undefined => {
  let largest: Endpoint | undefined;
  for (const endpoint of endpoints) {
    if (largest === undefined || endpoint.held > largest.held) largest = endpoint;
  }
  return largest;
};
