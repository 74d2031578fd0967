/**
 * The delivery engine as one piece: hook events go in by `sink`, requests come out, and closing the scope
 * delivers what is left within `shutdown_timeout`. Only composition: it must decide nothing about a
 * single event.
 */
import * as Effect from "effect/Effect";
import * as ExecutionStrategy from "effect/ExecutionStrategy";
import * as Fiber from "effect/Fiber";
import * as LogLevel from "effect/LogLevel";
import * as Option from "effect/Option";
import * as Runtime from "effect/Runtime";
import * as Scope from "effect/Scope";
import type { Compat } from "../domain/BodyForm.ts";
import type { WebHookSettings } from "../domain/WebHookSettings.ts";
import { Arrivals } from "./account/Arrivals.ts";
import { Backlog } from "./account/Backlog.ts";
import { ClientShares } from "./account/ClientShares.ts";
import { countdown } from "./account/countdown.ts";
import { DeliveryPace } from "./account/DeliveryPace.ts";
import { HeldTime } from "./account/HeldTime.ts";
import * as EventQueue from "./intake/EventQueue.ts";
import { FAIR, FAIR_WITH_WORKERS } from "./intake/IntakeTurn.ts";
import type { HookSink } from "../mqtt/ports/HookSink.ts";
import type { BreakerWord } from "./account/Metrics.ts";
import { Metrics } from "./account/Metrics.ts";
import { BodySlabs } from "./body/BodySlab.ts";
import { LimitedLog } from "../ops/LimitedLog.ts";
import { monotonicMillis } from "../ops/monotonic.ts";
import { onceATurn } from "../ops/onceATurn.ts";
import { Dispatcher } from "./dispatch/Dispatcher.ts";
import * as DispatchLoop from "./dispatch/DispatchLoop.ts";
import type { Endpoint } from "./endpoint/Endpoint.ts";
import * as DiskReader from "./endpoint/DiskReader.ts";
import { Endpoints } from "./endpoint/Endpoints.ts";
import { EndpointTransports } from "./endpoint/EndpointTransports.ts";
import type { DeliveryIds } from "./dispatch/DeliveryIds.ts";
import { idsOfProcess } from "./dispatch/DeliveryIds.ts";
import { diskSnapshot } from "./outbox/diskSnapshot.ts";
import { LetterBox } from "./outbox/LetterBox.ts";
import * as DurableParts from "./dispatch/DurableParts.ts";
import { recover } from "./dispatch/recover.ts";
import * as Replay from "./dispatch/Replay.ts";
import type { Durable } from "../store/Durable.ts";
import type { ReadError } from "../store/StoreError.ts";
import type { Executor, HttpExecutorContext } from "./attempt/Executor.ts";
import type { FileTargetError } from "./attempt/FileTargets.ts";
import type { WorkerStartError } from "./worker/WorkerExecutor.ts";
import * as FileTargets from "./attempt/FileTargets.ts";
import * as FileExecutor from "./attempt/FileExecutor.ts";
import * as Senders from "./attempt/Senders.ts";
import * as LocalExecutor from "./attempt/LocalExecutor.ts";
import { RuleTable } from "./dispatch/RuleTable.ts";
import { DeliveryTap } from "./tap/DeliveryTap.ts";
import * as DemandExecutor from "./worker/DemandExecutor.ts";
import { mostWorkers } from "./worker/mostWorkers.ts";
import * as WorkerExecutor from "./worker/WorkerExecutor.ts";

/** What can keep the engine from starting. */
export type WebHookError = FileTargetError | ReadError | WorkerStartError;

/** A running delivery engine. */
export interface WebHook {
  /** Where the broker puts its events. */
  readonly sink: HookSink;
  /** Calls back, outside of any `emit`, each time the pressure has fallen: held clients may go on. */
  readonly onRelief: (listener: () => void) => void;
  /** Calls back, from within, when an attempt could not be made for want of descriptors or memory. */
  readonly onShortage: (listener: () => void) => void;
  readonly metrics: Metrics;
  /** Where deliveries can be looked at. Off until somebody turns it on. */
  readonly tap: DeliveryTap;
  /** Those in force. */
  readonly settings: () => WebHookSettings;
  /**
   * Takes over other rules, URLs and limits. What waits is kept: a URL no longer named is still
   * delivered what it was given.
   *
   * Returns: the keys that change at a restart only, and stay as they were
   */
  readonly reload: (
    settings: WebHookSettings,
  ) => Effect.Effect<ReadonlyArray<string>, FileTargetError>;
  /**
   * Sends nothing to a URL that the settings name until it is resumed; what comes for it waits as it would for one
   * that fails. A reload changes nothing of it, a restart forgets it.
   *
   * Returns: the state of its breaker, which may be `gone` all the same
   */
  readonly pause: (url: string) => BreakerWord;
  /** Sends again what waits for a URL that the settings name, where it was paused. Returns: the state of its breaker. */
  readonly resume: (url: string) => BreakerWord;
  /** What could not be delivered; undefined: nothing of it is kept. */
  readonly deadLetters: LetterBox | undefined;
  /** Opens `file://` targets anew before their next line, for log rotation. */
  readonly reopenFiles: Effect.Effect<void>;
  /** A stop that waits for deliveries waits no longer: what is left is dropped, and counted. */
  readonly giveUp: Effect.Effect<void>;
  /** Events that the stop has left undelivered; known when the scope is closed. */
  readonly undelivered: () => number;
  /** Logs one line per URL with its figures. */
  readonly logSummary: Effect.Effect<void>;
}

/**
 * The engine with the HTTP executor that the settings ask for.
 *
 * @param durable what the settings want to survive goes there; undefined: they want nothing to
 */
export const make = (
  settings: WebHookSettings,
  durable?: Durable,
): Effect.Effect<WebHook, WebHookError, Scope.Scope> =>
  makeWith(settings, httpExecutor, { durable });

const httpExecutor = (
  context: HttpExecutorContext,
): Effect.Effect<Executor, never, Scope.Scope> => {
  const { settings, idPrefix, onTakes } = context;
  const workerThreads = mostWorkers(settings.workerThreads);
  const onThread = Effect.flatMap(
    Senders.make(settings.httpClient, idPrefix),
    LocalExecutor.make,
  );
  if (workerThreads === 0) return onThread;
  const startWorkers = WorkerExecutor.make({
    ...context,
    settings: { ...settings, workerThreads },
  });
  return Effect.flatMap(
    onThread,
    (local) => DemandExecutor.make({ context, local, startWorkers, onTakes }),
  );
};

/** What an engine may be given from elsewhere. */
export interface WebHookParts {
  readonly durable?: Durable | undefined;
  /** Ids, where there is no store to have them. `now`: the start of the process, in milliseconds since 1970. */
  readonly idsFrom?: (now: number) => DeliveryIds;
}

/** The engine with another HTTP executor, or other ids. */
export const makeWith = (
  initial: WebHookSettings,
  makeExecutor: (
    context: HttpExecutorContext,
  ) => Effect.Effect<Executor, WebHookError, Scope.Scope>,
  { durable, idsFrom = idsOfProcess }: WebHookParts = {},
): Effect.Effect<WebHook, WebHookError, Scope.Scope> =>
  Effect.gen(function* () {
    yield* FileTargets.check(initial.endpoints);
    let settings = initial;
    let onShortage = () => {};
    const clock = yield* Effect.clock;
    const runtime = yield* Effect.runtime<never>();
    const scope = yield* Effect.scope;
    const fork = (effect: Effect.Effect<void>) => Runtime.runFork(runtime)(effect, { scope });
    /** Events that a stop found in the queue when its time was over. */
    let undispatched = 0;
    let isRunning = false;
    let undelivered = 0;
    const givenUp = yield* Effect.makeLatch(false);

    // What is shared by all that follows.
    const log = new LimitedLog(runtime, clock);
    yield* Effect.forkScoped(log.timer);
    const now = onceATurn(() => clock.unsafeCurrentTimeMillis());
    const held = new HeldTime(() => monotonicMillis(clock));
    const backlog = new Backlog(
      settings.queueCapacity,
      settings.endpointShare,
      (pressure) => held.is(pressure !== "open" && settings.whenFull === "backpressure"),
    );
    const arrivals = new Arrivals(settings.queueCapacity, backlog.relieve);
    const shares = new ClientShares(settings.queueCapacity, settings.clientShare, backlog.relieve);
    const pace = new DeliveryPace();
    const slabs = new BodySlabs();
    const { ids, outbox, letters } = durable === undefined
      ? { ...WITHOUT_DISK, ids: idsFrom(clock.unsafeCurrentTimeMillis()) }
      : yield* DurableParts.make(durable, { settings: settings.outbox, clock, slabs, backlog });
    const tap = new DeliveryTap(ids.prefix);
    /** All that is pending goes to disk, or it is said that it does not. */
    const flushed = durable === undefined
      ? Effect.succeedNone
      : Effect.interruptible(Effect.timeoutOption(durable.windows.flush, MOST_FLUSH_MS));
    // Before the metrics, which count what waits in it even where a later step of the start fails.
    const queue = yield* EventQueue.make({
      backlog,
      arrivals,
      shares,
      laneOf: (event) => dispatcher.laneOf(event),
      pace,
      fair: mostWorkers(settings.workerThreads) > 0 ? FAIR_WITH_WORKERS : FAIR,
      whenFull: () => settings.whenFull,
      isDetailed: initial.compat !== "",
      wants: (event, subject) => dispatcher.routing.rules.wants(event, subject),
      onDropped: (event, reason) => dispatcher.drop(event, reason),
      outbox,
      safety: durable?.windows,
      now,
    });
    const metrics = new Metrics({
      backlog: () => backlog.count,
      capacity: () => backlog.capacity,
      highWater: () => backlog.highWater,
      heldSeconds: () => held.seconds,
      bodyBytes: () => slabs.liveBytes,
      slabBytes: () => slabs.allocatedBytes,
      waitingEvents: () => queue.length,
      disk: () => durable && diskSnapshot(durable, outbox, letters),
      now,
    });
    const logSummary = Effect.sync(() => {
      const { disk } = metrics.snapshot();
      if (disk !== undefined) {
        const { letters, ...others } = disk;
        const line = { ...others, failing: String(disk.failing), dead_letters: letters.n };
        log.always(LogLevel.Info, "disk figures", line);
      }
      for (const line of metrics.summary()) log.always(LogLevel.Info, "delivery figures", line);
    });

    // Finalizers run last to first: the drain at the end of this function, then the fibers, the
    // executors (which report what they cut as lost), and this at last.
    const endpoints = yield* Effect.acquireRelease(
      Effect.sync(() =>
        new Endpoints({
          clock,
          now,
          runSync: Runtime.runSync(runtime),
          log,
          backlog,
          arrivals,
          shares,
          pace,
          slabs,
          tap,
          disk: durable && outbox && {
            outbox,
            read: DiskReader.make(durable.store, log, fork),
            replay: (url) => {
              if (settings.outbox.deadLetterReplay === "manual" || letters === undefined) return;
              fork(
                Replay.replayed(
                  url,
                  Replay.FAILED_AS_A_WHOLE,
                  durable,
                  outbox,
                  endpoints,
                  log,
                ),
              );
            },
            isRunning: () => isRunning,
          },
          letters,
          onShortage: () => onShortage(),
          breakerFailures: () => settings.breakerFailures,
        })
      ),
      (endpoints) =>
        Effect.suspend(() => {
          const leave = (done: Option.Option<void>) => {
            const areKept = outbox !== undefined && Option.isSome(done);
            const left = undispatched + endpoints.abandon(areKept);
            if (!areKept) undelivered = left;
            const events = areKept ? outbox.figures().events : left;
            if (events > 0) tellLeft(log, events, areKept);
            log.flush();
          };
          return Effect.zipRight(Effect.map(flushed, leave), logSummary);
        }),
    );

    // A scope of their own, still open during the drain: an executor may open its first connection then.
    const executors = yield* Scope.fork(scope, ExecutionStrategy.sequential);
    const http = yield* Scope.extend(
      makeExecutor({
        settings,
        idPrefix: ids.prefix,
        metrics,
        log,
        onTakes: () => endpoints.resize(),
      }),
      executors,
    );
    const files = yield* Scope.extend(FileExecutor.make, executors);
    yield* http.prepare(settings.endpoints);
    const transports = new EndpointTransports(http, files, settings);

    // Of their own too: those of endpoints that a reload brings retry during the drain like the others.
    const timers = yield* Scope.fork(scope, ExecutionStrategy.sequential);
    const startTimer = (endpoint: Endpoint) =>
      Runtime.runFork(runtime)(supervised(endpoint.timer, "endpoint timer"), { scope: timers });
    endpoints.configure(settings.endpoints, { metrics, transports, startTimer });

    const dispatcher = new Dispatcher(
      routingOf(settings, endpoints, initial.compat),
      { backlog, arrivals, slabs, ids, outbox, letters, now },
    );
    if (durable !== undefined && outbox !== undefined) {
      const found = yield* recover(durable.store, endpoints, outbox, letters);
      isRunning = true;
      // Where there are none, nothing wakes up.
      outbox.onStragglers(() =>
        fork(Effect.delay(Effect.sync(() => endpoints.rewriteStragglers()), STRAGGLING_MS))
      );
      durable.store.onMarked((urls) => {
        // Of a URL that no rule names they stay where they are.
        for (const url of urls.filter((url) => endpoints.find(url) !== undefined)) {
          fork(Replay.replayed(url, [], durable, outbox, endpoints, log));
        }
      });
      if (found.events > 0) log.always(LogLevel.Info, "found what was left on disk", { ...found });
    }
    const loop = yield* Effect.forkScoped(
      supervised(
        DispatchLoop.run({
          source: queue,
          dispatcher,
          backlog,
          dropsOldest: () => settings.whenFull === "drop_oldest",
          makeRoom: () => endpoints.makeRoom(),
          beforeSlice: () => outbox?.look(),
          afterSlice: () => {
            if (slabs.sparse) endpoints.compact();
          },
        }),
        "dispatcher",
      ),
    );

    yield* Effect.addFinalizer(() =>
      Effect.gen(function* () {
        queue.end();
        yield* Effect.interruptible(
          Effect.raceFirst(
            Effect.zipRight(Fiber.await(loop), endpoints.settled),
            Effect.raceFirst(
              givenUp.await,
              countdown(settings.shutdownTimeout, () => queue.length + endpoints.held),
            ),
          ),
        );
        yield* Fiber.interrupt(loop); // it may wait for room
        endpoints.stop();
        outbox?.look();
        let bytes = 0;
        for (let event = queue.take(); event !== undefined; event = queue.take()) {
          if (outbox === undefined) {
            dispatcher.discard(event, queue.born, "shutdown");
            undispatched++;
          } else bytes += dispatcher.dispatch(event, queue.born);
          if (bytes < STOP_BYTES) continue;
          bytes = 0;
          yield* flushed;
        }
      })
    );

    const breakerOf = (url: string) =>
      metrics.endpoint(url, endpoints.get(url).settings.name).breaker;
    return {
      sink: queue,
      onRelief: (listener) => backlog.onRelief(listener),
      onShortage: (listener) => void (onShortage = listener),
      metrics,
      tap,
      settings: () => settings,
      reload: (next) =>
        Effect.gen(function* () {
          yield* FileTargets.check(next.endpoints);
          yield* http.prepare(next.endpoints);
          settings = inForce(initial, next);
          http.resize(next.concurrencyLimit);
          backlog.resize(next.queueCapacity, next.endpointShare);
          arrivals.resize(next.queueCapacity);
          shares.resize(next.queueCapacity, next.clientShare);
          transports.resize(next);
          outbox?.use.resize(next.outbox.maxBytes);
          const { deadLetterMaxAge: maxAge, deadLetterMaxBytes: maxBytes } = next.outbox;
          if (durable !== undefined) {
            yield* durable.store.bound({ maxAge, maxBytes }).pipe(
              Effect.catchAll(({ message }) =>
                Effect.logWarning("dead letters keep the bounds that they had", { error: message })
              ),
            );
          }
          endpoints.configure(next.endpoints, { metrics, transports, startTimer });
          dispatcher.routing = routingOf(next, endpoints, initial.compat);
          return atRestartOnly(initial, next);
        }),
      pause: (url) => {
        endpoints.get(url).pause();
        return breakerOf(url);
      },
      resume: (url) => {
        endpoints.get(url).resume();
        return breakerOf(url);
      },
      deadLetters: durable && new LetterBox(durable.store),
      reopenFiles: files.reopen,
      giveUp: givenUp.open,
      undelivered: () => undelivered,
      logSummary,
    };
  });

/** What becomes of events that a stop leaves, in the words of the log: said here and nowhere else. */
const tellLeft = (log: LimitedLog, events: number, areKept: boolean): void => {
  if (areKept) {
    log.always(LogLevel.Info, "stopped, the rest is kept for the next start", { kept: events });
  } else log.always(LogLevel.Error, "stopped with events undelivered", { dropped: events });
};

const WITHOUT_DISK = { outbox: undefined, letters: undefined };

/** How old a group is of which little is left before it is written anew. */
const STRAGGLING_MS = 1000;

/** How long a stop waits for a disk that fails. */
const MOST_FLUSH_MS = 5000;

/** Bodies that a stop has in memory on their way to disk. */
const STOP_BYTES = 4 * 1024 * 1024;

const OUTBOX_AT_RESTART = [
  ["kind", "outbox"],
  ["directory", "outbox_dir"],
  ["sync", "outbox_sync"],
  ["syncInterval", "outbox_sync_interval"],
  ["delay", "outbox_delay"],
  ["deadLetters", "dead_letters"],
] as const;

/** What of `next` has no effect in a process that was started with `initial`. */
const atRestartOnly = (initial: WebHookSettings, next: WebHookSettings): ReadonlyArray<string> => [
  ...OUTBOX_AT_RESTART.filter(([of]) => next.outbox[of] !== initial.outbox[of]).map(([, key]) =>
    key
  ),
  ...(next.workerThreads === initial.workerThreads ? [] : ["worker_threads"]),
  ...(next.httpClient === initial.httpClient ? [] : ["http_client"]),
  ...(next.compat === initial.compat ? [] : ["compat"]), // events that wait have been made for it
];

/** What of `next` has effect in a process that was started with `initial`. */
const inForce = (initial: WebHookSettings, next: WebHookSettings): WebHookSettings => {
  const { kind, directory, sync, syncInterval, delay, deadLetters } = initial.outbox;
  return {
    ...next,
    workerThreads: initial.workerThreads,
    httpClient: initial.httpClient,
    compat: initial.compat,
    outbox: { ...next.outbox, kind, directory, sync, syncInterval, delay, deadLetters },
  };
};

const routingOf = (settings: WebHookSettings, endpoints: Endpoints, compat: Compat) => ({
  rules: new RuleTable<Endpoint>(
    settings.rules,
    (url) => endpoints.get(url),
    (url) => settings.endpoints.get(url)!.payload, // there is one for every rule's URL
    compat,
  ),
  ordering: settings.ordering,
});

/** A fiber that must not end by a defect unseen. */
const supervised = <A>(effect: Effect.Effect<A>, fiber: string): Effect.Effect<A> =>
  Effect.tapErrorCause(
    effect,
    (cause) =>
      Effect.annotateLogs(Effect.logFatal("fiber died", cause), { module: "webhook", fiber }),
  );
