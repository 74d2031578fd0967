/**
 * Attempts over HTTP on threads of their own: so many workers, each with its share of
 * `concurrency_limit`. A worker that dies is replaced. It must never have the workers together exceed the
 * limit: the shares add up to it, and each worker keeps its own.
 */
import * as Data from "effect/Data";
import * as Deferred from "effect/Deferred";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as LogLevel from "effect/LogLevel";
import * as Redacted from "effect/Redacted";
import * as Runtime from "effect/Runtime";
import type * as Scope from "effect/Scope";
import type { EndpointSettings } from "../../domain/WebHookSettings.ts";
import { monotonicMillis } from "../../ops/monotonic.ts";
import { WorkerHandle } from "./WorkerHandle.ts";
import type { Executor, HttpExecutorContext } from "../attempt/Executor.ts";
import { certificatesOf } from "../attempt/Senders.ts";
import type { WorkerEndpoint } from "./WorkerProtocol.ts";

const DELIVERY_WORKER = new URL("./deliveryWorker.ts", import.meta.url);

/**
 * How many times its permits a worker has at hand. With 2 it had nothing to do for a fifth of a burst
 * (bench/README.md). Beyond its permits an eighth of the queue at most, since what is there can't be
 * dropped for other events.
 */
const AHEAD = 8;

/** Loading the module and its libraries takes 0.3 s on an idle machine. */
const START_TIMEOUT_MS = 30_000;

/** A worker that dies sooner than this after its start is started again only this much later. */
const RESTART_AFTER_MS = 1_000;

/** A delivery worker that did not start. */
export class WorkerStartError extends Data.TaggedError("WorkerStartError")<{
  readonly detail: string;
}> {
  override get message(): string {
    return `a delivery worker did not start: ${this.detail}`;
  }
}

/** Workers and their permits: not more workers than permits, and the permits' sum is the limit. */
export const shares = (workers: number, limit: number): ReadonlyArray<number> => {
  const count = Math.max(1, Math.min(workers, limit));
  return Array.from(
    { length: count },
    (_, i) => Math.floor(limit / count) + (i < limit % count ? 1 : 0),
  );
};

/** An executor over workers, all running when it is made. When the scope closes, requests in flight are cut and reported as lost. */
export const make = (
  { settings, idPrefix, metrics, log }: Omit<HttpExecutorContext, "onTakes">,
  module: URL = DELIVERY_WORKER,
): Effect.Effect<Executor, WorkerStartError, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock;
    const now = () => monotonicMillis(clock);
    const scope = yield* Effect.scope;
    const runFork = Runtime.runFork(yield* Effect.runtime<never>());
    const allReady = yield* Deferred.make<void, WorkerStartError>();
    const endpoints = new Map<number, WorkerEndpoint>();
    /** The URLs of the settings prepared last. */
    let named: ReadonlySet<string> = new Set();
    /** Those and the ones that still drain: all that workers were told of, or soon will be. */
    let urls = new Set<string>();
    let ready = 0;
    /** What the workers' shares add up to. */
    let shared = settings.concurrencyLimit;

    const workers = shares(settings.workerThreads, settings.concurrencyLimit).map((permits, n) => {
      let startedAt = 0;
      const start = () => {
        startedAt = now();
        worker.start();
      };
      const worker: WorkerHandle = new WorkerHandle({
        module,
        start: { _tag: "Start", httpClient: settings.httpClient, permits, idPrefix },
        endpoints: () => endpoints.values(),
        now,
        onReady: () => {
          if (++ready === workers.length) Deferred.unsafeDone(allReady, Effect.void);
          else workers[ready]?.start();
        },
        onDeath: (reason, held) => {
          if (ready < workers.length) {
            Deferred.unsafeDone(allReady, Effect.fail(new WorkerStartError({ detail: reason })));
            return;
          }
          metrics.workersLost++;
          log.always(LogLevel.Error, "delivery worker died, is replaced", {
            worker: n,
            reason,
            sent_again: held,
          });
          // At once, unless it dies as it starts: then not in a hot loop.
          const wait = Math.max(0, startedAt + RESTART_AFTER_MS - now());
          runFork(Effect.delay(Effect.sync(start), Duration.millis(wait)), { scope });
        },
      });
      return { worker, start };
    });

    yield* Effect.acquireRelease(
      // One after the other, since each compiles all that it needs: together they would take the broker's time.
      Effect.sync(() => workers[0]!.start()), // there is at least one
      () =>
        Effect.sync(() => {
          for (const { worker } of workers) worker.stop();
        }),
    );
    yield* Effect.timeoutFail(Deferred.await(allReady), {
      duration: START_TIMEOUT_MS,
      onTimeout: () => new WorkerStartError({ detail: "it did not answer" }),
    });

    let chosen = workers[0]!.worker; // there is at least one
    /**
     * The one with the most room for its share; a dead one only when all are. It gets all of a turn up to
     * its share, because a message costs its sides 5 µs and more however many attempts it has.
     */
    const leastBusy = (): WorkerHandle => {
      const { running, gathered, permits } = chosen;
      if (running && gathered > 0 && gathered < permits) return chosen;
      let best = workers[0]!.worker; // there is at least one
      for (const { worker } of workers) {
        if (busy(worker) < busy(best)) best = worker;
      }
      return chosen = best;
    };

    return {
      prepare: (of) =>
        Effect.sync(() => {
          named = new Set([...of.keys()].filter((url) => !url.startsWith("file:")));
          urls = new Set([...named, ...Array.from(endpoints.values(), ({ url }) => url)]);
        }),
      configure({ key, settings }) {
        const endpoint = workerEndpoint(key, settings);
        endpoints.set(key, endpoint);
        for (const { worker } of workers) worker.configure(endpoint);
      },
      attempt(endpoint, delivery) {
        // A client's ordered events stay on one worker; its permits make them wait there when it is busy.
        const worker = delivery.lane === undefined
          ? leastBusy()
          : workers[hash(delivery.lane) % workers.length]!.worker; // below the length
        worker.attempt(endpoint, delivery);
      },
      recall({ key }) {
        for (const { worker } of workers) worker.recall(key);
      },
      forget({ key, settings }) {
        endpoints.delete(key);
        for (const { worker } of workers) worker.forget(key);
        if (!named.has(settings.url)) urls.delete(settings.url); // else it is about to come back
      },
      // Each worker keeps a permit at least, since a client's ordered events wait for that very worker.
      resize(limit) {
        shared = Math.max(limit, workers.length);
        for (const [n, permits] of shares(workers.length, shared).entries()) {
          workers[n]!.worker.resize(permits); // as many
        }
      },
      // Each worker has more at hand than it may send, so that it need not wait for this thread, which may
      // take 10 ms to come back to it while clients publish. Then it is the worker that keeps a permit for
      // each URL; with fewer permits than that takes, this thread does, and hands over no more than can be
      // sent. Fewer than there are workers are this thread's to count too.
      takes(limit, capacity) {
        if (limit < shared) return limit;
        const share = workers.at(-1)!.worker.permits; // the last has the smallest
        if (share <= urls.size) return limit;
        return Math.max(limit, Math.min(AHEAD * limit, Math.floor(capacity / 8)));
      },
    };
  });

const busy = (worker: WorkerHandle): number =>
  worker.running ? worker.held / worker.permits : Infinity;

const workerEndpoint = (key: number, settings: EndpointSettings): WorkerEndpoint => ({
  key,
  url: settings.url,
  headers: settings.headers.map(([name, value]) => [name, Redacted.value(value)]),
  signingKeys: settings.signingKeys.map((key) => Redacted.value(key)),
  certificates: certificatesOf(settings),
  httpTimeout: settings.httpTimeout,
  retryStatus: settings.retry.status,
  batchForm: settings.batch?.form,
  compression: settings.compression,
});

/** FNV-1a over UTF-16 units. */
const hash = (text: string): number => {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
};
