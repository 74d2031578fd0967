/** The composition root: reads the settings, builds the pieces, runs until a signal. The only file that runs anything. */
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import { LiveAccess } from "./auth/LiveAccess.ts";
import type { CommandLine } from "./config/CommandLine.ts";
import { EX_USAGE, parseCommandLine, USAGE } from "./config/CommandLine.ts";
import type { ConfigError } from "./config/ConfigError.ts";
import { EX_CONFIG } from "./config/ConfigError.ts";
import { ConfigSource } from "./config/ConfigSource.ts";
import type { ConfigFiles, Settings } from "./config/loadSettings.ts";
import { loadSettings, loadWebHookSettings } from "./config/loadSettings.ts";
import { renderSettings } from "./config/renderSettings.ts";
import type { ListenerSettings } from "./domain/BrokerSettings.ts";
import { nameOf } from "./domain/endpointNames.ts";
import type { WebHookSettings } from "./domain/WebHookSettings.ts";
import { isDurable } from "./domain/isDurable.ts";
import { VERSION } from "./domain/version.ts";
import type { Descriptors } from "./net/Descriptors.ts";
import { makeDescriptors } from "./net/Descriptors.ts";
import type { ListenError } from "./net/listen.ts";
import { makeConnectionLog } from "./net/connectionLog.ts";
import { listen } from "./net/listen.ts";
import { brokerClock, makeBroker } from "./makeBroker.ts";
import { makeSockets } from "./net/Sockets.ts";
import { makeIsMemoryShort } from "./ops/memory.ts";
import { collectGarbage } from "./ops/collectGarbage.ts";
import * as logger from "./ops/logger.ts";
import { giveUp } from "./ops/permissions.ts";
import { monotonicMillis } from "./ops/monotonic.ts";
import { listenFor } from "./ops/signals.ts";
import { fileTarget, makeReloads } from "./reload.ts";
import type { PermissionMissing } from "./webhook/attempt/permitted.ts";
import { mustBePermitted } from "./webhook/attempt/permitted.ts";
import * as FileTargets from "./webhook/attempt/FileTargets.ts";
import * as Durable from "./store/Durable.ts";
import { leftBehind } from "./store/leftBehind.ts";
import * as StoreDirectory from "./store/StoreDirectory.ts";
import type { StoreError } from "./store/StoreError.ts";
import * as Persistence from "./persistence/Persistence.ts";
import * as WebHook from "./webhook/WebHook.ts";

/** Runs the broker until SIGTERM or SIGINT. The scope's finalizers, last to first, are the shutdown. */
const run = (files: ConfigFiles) =>
  Effect.scoped(Effect.gen(function* () {
    // Before anything starts and until all has stopped, so that no signal kills.
    const stop = yield* listenFor("SIGTERM", "SIGINT");
    const hangUp = yield* listenFor("SIGHUP");
    const figures = yield* listenFor("SIGUSR2"); // on SIGUSR1 Deno opens a debugger's port, listened for or not
    const settings = yield* loadSettings(files);
    const serving = serve(files, settings, { stop, hangUp, figures });
    return yield* Effect.provide(serving, logger.layer(settings.broker.log));
  }));

/** What the process is told by signals, each as the next one. */
interface Signals {
  readonly stop: Effect.Effect<Deno.Signal>;
  readonly hangUp: Effect.Effect<Deno.Signal>;
  readonly figures: Effect.Effect<Deno.Signal>;
}

/** Serves until it is told to stop; answers the exit status. */
const serve = (files: ConfigFiles, settings: Settings, signals: Signals) =>
  Effect.gen(function* () {
    const stopping: Stopping = { isGivenUp: false };
    const webHook = yield* Effect.scoped(untilStopped(files, settings, signals, stopping));
    yield* Effect.logInfo("stopped");
    return stopping.isGivenUp && webHook.undelivered() > 0 ? 1 : 0;
  });

/** Whether somebody was not patient enough for what a stop waits for. */
interface Stopping {
  isGivenUp: boolean;
}

/** Of the signals to stop that come within so many milliseconds of the first, all are that one. */
const ONE_SIGNAL_MS = 1_000;

const untilStopped = (
  files: ConfigFiles,
  settings: Settings,
  { stop, hangUp, figures }: Signals,
  stopping: Stopping,
) =>
  Effect.gen(function* () {
    collectGarbage();
    yield* mustBePermitted(settings.webHook.endpoints.values());
    for (const warning of settings.warnings) yield* Effect.logWarning(warning);
    for (const note of settings.notes) yield* Effect.logDebug(note);
    const { outbox } = settings.webHook;
    const { persistence } = settings.broker;
    const left = outbox.kind === "memory" ? leftBehind(outbox.directory) : undefined;
    if (left !== undefined) yield* Effect.logWarning(left);
    const durable = isDurable(settings)
      ? yield* Durable.open(outbox) // last of all: all the others write there
      : undefined;
    const { httpApi } = settings.broker;
    // Last but for the disk: it tells of the stop, too. Nothing of it is loaded where there is none.
    const admin = httpApi === undefined ? undefined : yield* Effect.flatMap(
      Effect.promise(loadAdminServer),
      (AdminServer) => AdminServer.make(httpApi),
    );
    const webHook = yield* WebHook.make(settings.webHook, durable); // then: drains
    const sockets = yield* makeSockets; // then: sockets send what they were given
    const access = new LiveAccess(settings.broker);
    const descriptors = yield* makeDescriptors(descriptorsBeside(settings.webHook));
    descriptors.count(() => sockets.size);
    webHook.onShortage(() => descriptors.exhausted());
    // Where dead letters alone are kept, a crash forgets events: of who was there receivers know nothing sure.
    const kept = durable !== undefined && (outbox.kind === "disk" || persistence)
      ? yield* Persistence.make(durable, yield* brokerClock, persistence)
      : undefined;
    const broker = yield* makeBroker({ // then: clients are disconnected, with their events
      nodeId: settings.broker.node.id,
      sink: webHook.sink,
      limits: settings.broker.limits,
      listeners: settings.broker.listeners.map(({ limits }) => limits),
      isMemoryShort: makeIsMemoryShort(settings.broker.limits.maxMemory),
      access,
      reports: yield* makeConnectionLog,
      newClientId: () => `auto-${crypto.randomUUID()}`,
      ...(kept === undefined ? {} : { presence: kept.presence }),
      ...(kept?.sessionStore === undefined ? {} : { sessionStore: kept.sessionStore }),
    });
    if (kept !== undefined) broker.restore(kept.state, kept.told);
    webHook.onRelief(() => broker.resume());
    for (const listener of settings.broker.listeners) { // first: no new clients
      yield* listen(yield* within(descriptors, listener), broker, sockets, descriptors);
    }
    // Reloads read files, and files alone: variables that were read before are remembered.
    const writes = durable !== undefined || fileTarget(settings.webHook) !== undefined;
    giveUp("env", ...(writes ? [] : ["write"] as const));
    yield* tellTargets(settings.webHook);
    yield* Effect.logInfo("started", { version: VERSION, pid: Deno.pid });
    const running = { settings: settings.broker, access, broker, webHook };
    const { reload, last: lastReload } = yield* makeReloads(files, running);
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(hangUp, Effect.promise(reload))));
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(figures, webHook.logSummary)));
    admin?.started({ broker, webHook, reload, lastReload });
    const signal = yield* stop;
    admin?.stopping();
    yield* Effect.logInfo("stopping", { signal });
    yield* Effect.forkDaemon(giveUpAtNext(stop, webHook, stopping)); // it outlives this scope: it is for its end
    return webHook;
  });

/** Ctrl-C sends one SIGINT from the terminal and one from `deno task`; one that comes later is meant. */
const giveUpAtNext = (stop: Signals["stop"], webHook: WebHook.WebHook, stopping: Stopping) =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock;
    const first = monotonicMillis(clock);
    const signal = yield* Effect.repeat(stop, {
      until: () => monotonicMillis(clock) - first > ONE_SIGNAL_MS,
    });
    stopping.isGivenUp = true;
    yield* Effect.logWarning("stopping at once", { signal });
    yield* webHook.giveUp;
  });

/**
 * Not by a literal: what one names Deno reads before the program starts, with all that it needs, used or not. That
 * took 2 MB and a tenth of the start. `deno compile` and an image have to name it (deno.json, config/packaging).
 */
const ADMIN_SERVER = new URL("./admin/AdminServer.ts", import.meta.url).href;

const loadAdminServer = () =>
  import(ADMIN_SERVER) as Promise<typeof import("./admin/AdminServer.ts")>; // the compiler does not know what it names

/** Says which events go where, and where none does. */
const tellTargets = ({ rules, endpoints }: WebHookSettings) =>
  Effect.gen(function* () {
    if (rules.length === 0) yield* Effect.logWarning("no rule: no event is sent");
    for (const { url, name } of endpoints.values()) {
      const events = new Set(rules.filter(({ urls }) => urls.includes(url)).map((r) => r.event));
      if (events.size > 0) {
        yield* Effect.logInfo(
          `sending ${events.size} ${events.size === 1 ? "event" : "events"} to ${name}`,
        );
      } else if (rules.length > 0) {
        yield* Effect.logWarning(`no rule sends anything to ${name}`);
      }
    }
  });

/** Descriptors that deliveries, files, workers and the log may need at a time, and some for what a reload reads. */
const descriptorsBeside = (
  { concurrencyLimit, workerThreads, endpoints }: WebHookSettings,
): number => concurrencyLimit + endpoints.size + 16 * workerThreads + 64;

/** A listener with no more connections than there are descriptors; a sixteenth is for those that are told so. */
const within = (
  { most }: Descriptors,
  listener: ListenerSettings,
): Effect.Effect<ListenerSettings> => {
  const { name, transport, limits } = listener;
  const maxConnections = most === Infinity ? Infinity : most - Math.ceil(most / 16);
  if (limits.maxConnections <= maxConnections) return Effect.succeed(listener);
  return Effect.as(
    Effect.logWarning(
      `listener.${transport}.${name}: max_connections is ${limits.maxConnections}, but this process ` +
        `has descriptors for ${maxConnections} (ulimit -n): it is ${maxConnections}`,
    ),
    { ...listener, limits: { ...limits, maxConnections } },
  );
};

/** Answers the exit status. */
const check = (files: ConfigFiles, tries: boolean) =>
  Effect.gen(function* () {
    const { broker, webHook, warnings } = yield* loadSettings(files);
    for (const warning of warnings) console.error(warning);
    yield* FileTargets.check(webHook.endpoints);
    console.log(renderSettings(broker, webHook));
    if (isDurable({ broker, webHook })) {
      const { directory } = webHook.outbox;
      for (const warning of yield* StoreDirectory.check(directory)) console.error(warning);
      console.log(`  ${directory} can be written`);
    }
    if (!tries) return 0;
    const { tryOut } = yield* Effect.promise(() => import("./webhook/attempt/tryOut.ts"));
    const trials = yield* tryOut(webHook);
    console.log(trials.length === 0 ? "samples: none, no rule sends anything" : "samples:");
    for (const { text } of trials) console.log(`  ${text}`);
    return trials.every(({ isGood }) => isGood) ? 0 : 1;
  });

/** Answers the exit status. */
const explaining = (
  { files, event, topic }: Extract<CommandLine, { readonly _tag: "Explain" }>,
) =>
  Effect.gen(function* () {
    const { settings, warnings } = yield* loadWebHookSettings(files.webHook);
    for (const warning of warnings) console.error(warning);
    const { explain } = yield* Effect.promise(() => import("./domain/explain.ts"));
    const { renderExplanation } = yield* Effect.promise(() =>
      import("./config/renderExplanation.ts")
    );
    console.log(renderExplanation(
      event,
      topic,
      explain(settings.rules, event, topic, (url) => nameOf(settings, url)),
    ));
    return 0;
  });

/** Does what was asked for; answers the exit status. */
const perform = (
  command: CommandLine,
): Effect.Effect<
  number,
  ConfigError | ListenError | PermissionMissing | StoreError | WebHook.WebHookError,
  ConfigSource
> => {
  switch (command._tag) {
    case "Run":
      return run(command.files);
    case "Check":
      return check(command.files, command.tries);
    case "Explain":
      return explaining(command);
    case "Version":
      return say(VERSION);
    case "Help":
      return say(USAGE);
  }
};

const say = (text: string) =>
  Effect.sync(() => {
    console.log(text);
    return 0;
  });

/** Says what is wrong on standard error; the answer is the exit status. */
const failed = (status: number) => (error: { readonly message: string }) =>
  Effect.sync(() => {
    console.error(error.message);
    return status;
  });

const main = Effect.suspend(() => {
  const command = parseCommandLine(Deno.args);
  if (Either.isLeft(command)) {
    return failed(EX_USAGE)({ message: `${command.left.message} (type --help for the options)` });
  }
  return perform(command.right).pipe(
    Effect.catchTags({
      ConfigError: failed(EX_CONFIG),
      FileTargetError: failed(EX_CONFIG),
      StoreError: failed(EX_CONFIG),
    }),
    Effect.catchAll(failed(1)),
  );
});

const status = await Effect.runPromise(
  main.pipe(Effect.provide(ConfigSource.Live)),
);
Deno.exit(status);
