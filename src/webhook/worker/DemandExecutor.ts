/**
 * Attempts on the broker's thread while that has the time, and by workers while it has not: a lone event costs no
 * hop to another thread and back, and an idle broker has no worker. It must never change the order of a
 * client's events, which its Endpoint keeps whoever makes the attempts, nor have more in flight than
 * `concurrency_limit`: while both have some it takes no more attempts than that.
 */
import * as Effect from "effect/Effect";
import * as LogLevel from "effect/LogLevel";
import * as Runtime from "effect/Runtime";
import type * as Scope from "effect/Scope";
import type { EndpointSettings } from "../../domain/WebHookSettings.ts";
import type { Timer } from "../../http/Timer.ts";
import { timerFromClock } from "../../http/Timer.ts";
import { cpuUse } from "../../ops/cpuUse.ts";
import type { Attempt, Outcome } from "../attempt/Attempt.ts";
import type { Attempting, Executor, HttpExecutorContext } from "../attempt/Executor.ts";
import type { CpuUse } from "./WorkerDemand.ts";
import { LOOK_MS, WorkerDemand } from "./WorkerDemand.ts";
import type { WorkerStartError } from "./WorkerExecutor.ts";

/** Where workers did not start, they are not tried again sooner. */
const START_AGAIN_MS = 60_000;

/** Workers that are running. */
interface Workers {
  readonly executor: Executor;
  /** Ends them. */
  readonly end: () => void;
}

type State =
  | { readonly _tag: "Local" }
  /** They load what they need; this thread makes the attempts. */
  | { readonly _tag: "Starting" }
  | { readonly _tag: "Workers"; readonly workers: Workers }
  /** This thread makes the attempts again, and they end when what they have has ended. */
  | { readonly _tag: "Ending"; readonly workers: Workers };

export interface DemandExecutorOptions {
  readonly context: Pick<HttpExecutorContext, "log">;
  /** This thread's; when its scope closes, it must be closed after the DemandExecutor. */
  readonly local: Executor;
  /** Starts the workers; they end with the scope. */
  readonly startWorkers: Effect.Effect<Executor, WorkerStartError, Scope.Scope>;
  /** It takes another number of attempts from now on. */
  readonly onTakes: () => void;
  /** Absent: what the system says. */
  readonly used?: () => CpuUse;
  /** As WorkerDemand has it. */
  readonly calmLooks?: number;
}

export const make = (
  options: DemandExecutorOptions,
): Effect.Effect<Executor, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope;
    const runFork = Runtime.runFork(yield* Effect.runtime<never>());
    const timer = timerFromClock(yield* Effect.clock);
    return yield* Effect.acquireRelease(
      Effect.sync(() =>
        new DemandExecutor(options, timer, (effect) => void runFork(effect, { scope }))
      ),
      (executor) => Effect.sync(() => executor.close()),
    );
  });

class DemandExecutor implements Executor {
  readonly #options: DemandExecutorOptions;
  readonly #timer: Timer;
  readonly #fork: (effect: Effect.Effect<void>) => void;
  readonly #demand: WorkerDemand;
  readonly #ways = new Map<number, Ways>();
  readonly #byThread = new Tally(() => this.#threadEmptied());
  readonly #byWorkers = new Tally(() => this.#workersEmptied());
  #named: ReadonlyMap<string, EndpointSettings> = new Map();
  /** Requests that may be in flight since a reload; undefined: as many as at the start. */
  #limit: number | undefined;
  #state: State = { _tag: "Local" };
  #startAgainAt = -Infinity;
  #cancelLook: (() => void) | undefined;
  /** Since the last look. */
  #hasAttempted = false;

  constructor(
    options: DemandExecutorOptions,
    timer: Timer,
    fork: (effect: Effect.Effect<void>) => void,
  ) {
    this.#options = options;
    this.#demand = new WorkerDemand(options.calmLooks);
    this.#timer = timer;
    this.#fork = fork;
  }

  prepare(endpoints: ReadonlyMap<string, EndpointSettings>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#named = endpoints;
      return Effect.andThen(
        this.#options.local.prepare(endpoints),
        () => this.#workers?.executor.prepare(endpoints) ?? Effect.void,
      );
    });
  }

  configure(endpoint: Attempting): void {
    const ways = new Ways(endpoint, this.#byThread, this.#byWorkers);
    this.#ways.set(endpoint.key, ways);
    this.#options.local.configure(ways.byThread);
    this.#workers?.executor.configure(ways.byWorkers);
  }

  attempt({ key }: Attempting, attempt: Attempt): void {
    const ways = this.#ways.get(key)!; // configured before its first attempt
    this.#hasAttempted = true;
    if (this.#cancelLook === undefined) this.#lookLater();
    if (this.#state._tag === "Workers") {
      this.#byWorkers.held++;
      this.#state.workers.executor.attempt(ways.byWorkers, attempt);
    } else {
      this.#byThread.held++;
      this.#options.local.attempt(ways.byThread, attempt);
    }
  }

  recall({ key }: Attempting): void {
    const ways = this.#ways.get(key);
    if (ways === undefined) return;
    this.#options.local.recall(ways.byThread);
    this.#workers?.executor.recall(ways.byWorkers);
  }

  forget({ key }: Attempting): void {
    const ways = this.#ways.get(key);
    if (ways === undefined) return;
    this.#ways.delete(key);
    this.#options.local.forget(ways.byThread);
    this.#workers?.executor.forget(ways.byWorkers);
  }

  resize(limit: number): void {
    this.#limit = limit;
    this.#options.local.resize(limit);
    this.#workers?.executor.resize(limit);
  }

  takes(limit: number, capacity: number): number {
    const { local } = this.#options;
    return this.#state._tag === "Workers" && this.#byThread.held === 0
      ? this.#state.workers.executor.takes(limit, capacity)
      : local.takes(limit, capacity);
  }

  close(): void {
    this.#cancelLook?.();
  }

  get #workers(): Workers | undefined {
    return "workers" in this.#state ? this.#state.workers : undefined;
  }

  #lookLater(): void {
    this.#cancelLook = this.#timer.schedule(LOOK_MS, this.#look);
  }

  readonly #look = (): void => {
    this.#cancelLook = undefined;
    const areThere = this.#state._tag === "Workers";
    const now = this.#timer.now();
    const order = this.#demand.look(now, (this.#options.used ?? cpuUse)(), areThere);
    if (order === "start") this.#start(now);
    else if (order === "end") this.#end();
    // Where nothing happens on this thread nothing is to be looked at.
    if (this.#hasAttempted || areThere) this.#lookLater();
    this.#hasAttempted = false;
  };

  #start(now: number): void {
    switch (this.#state._tag) {
      case "Local":
        if (now < this.#startAgainAt) return;
        this.#state = { _tag: "Starting" };
        return this.#fork(this.#run);
      case "Ending":
        this.#state = { _tag: "Workers", workers: this.#state.workers };
        return this.#options.onTakes();
      case "Starting":
      case "Workers":
        return;
    }
  }

  /** From the start of the workers to their end. */
  get #run(): Effect.Effect<void> {
    const { startWorkers, onTakes } = this.#options;
    const { log } = this.#options.context;
    const ended = Effect.unsafeMakeLatch(false);
    return Effect.gen(this, function* () {
      const executor = yield* startWorkers;
      yield* executor.prepare(this.#named);
      if (this.#limit !== undefined) executor.resize(this.#limit);
      for (const { byWorkers } of this.#ways.values()) executor.configure(byWorkers);
      const end = () => {
        this.#state = { _tag: "Local" };
        ended.unsafeOpen();
      };
      this.#state = { _tag: "Workers", workers: { executor, end } };
      log.always(LogLevel.Info, "deliveries go by workers, the broker's thread is busy", {});
      onTakes();
      yield* ended.await;
    }).pipe(
      Effect.scoped,
      Effect.catchAll(({ message }) =>
        Effect.sync(() => {
          this.#state = { _tag: "Local" };
          this.#startAgainAt = this.#timer.now() + START_AGAIN_MS;
          log.always(LogLevel.Error, message, {});
        })
      ),
    );
  }

  #end(): void {
    if (this.#state._tag !== "Workers") return;
    this.#state = { _tag: "Ending", workers: this.#state.workers };
    this.#options.context.log.always(
      LogLevel.Info,
      "workers end, the broker's thread has time",
      {},
    );
    this.#options.onTakes();
    this.#workersEmptied();
  }

  #workersEmptied(): void {
    if (this.#state._tag === "Ending" && this.#byWorkers.held === 0) this.#state.workers.end();
  }

  #threadEmptied(): void {
    if (this.#state._tag === "Workers") this.#options.onTakes();
  }
}

/** How many attempts one side has. */
class Tally {
  held = 0;

  constructor(readonly onEmpty: () => void) {}
}

/** An endpoint as the two sides know it. */
class Ways {
  readonly byThread: Attempting;
  readonly byWorkers: Attempting;

  constructor(endpoint: Attempting, byThread: Tally, byWorkers: Tally) {
    this.byThread = new Counted(endpoint, byThread);
    this.byWorkers = new Counted(endpoint, byWorkers);
  }
}

/** An endpoint whose attempts by one side are counted. */
class Counted implements Attempting {
  readonly #endpoint: Attempting;
  readonly #tally: Tally;

  constructor(endpoint: Attempting, tally: Tally) {
    this.#endpoint = endpoint;
    this.#tally = tally;
  }

  get key(): number {
    return this.#endpoint.key;
  }

  get settings(): EndpointSettings {
    return this.#endpoint.settings;
  }

  complete(attempt: Attempt, outcome: Outcome, took?: number, status?: number): void {
    this.#tally.held--;
    this.#endpoint.complete(attempt, outcome, took, status);
    if (this.#tally.held === 0) this.#tally.onEmpty();
  }
}
