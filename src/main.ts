/** The composition root: reads the settings, builds the pieces, runs until a signal. The only file that runs anything. */
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import * as Layer from "effect/Layer";
import { LiveAccess } from "./auth/LiveAccess.ts";
import type { CommandLine } from "./config/CommandLine.ts";
import { EX_USAGE, parseCommandLine, USAGE } from "./config/CommandLine.ts";
import { EX_CONFIG } from "./config/ConfigError.ts";
import { ConfigSource } from "./config/ConfigSource.ts";
import type { ConfigFiles } from "./config/loadSettings.ts";
import { loadSettings } from "./config/loadSettings.ts";
import { renderSettings } from "./config/renderSettings.ts";
import type { ListenerSettings } from "./domain/BrokerSettings.ts";
import type { WebHookSettings } from "./domain/WebHookSettings.ts";
import { VERSION } from "./domain/version.ts";
import type { Descriptors } from "./net/Descriptors.ts";
import { makeDescriptors } from "./net/Descriptors.ts";
import { listen } from "./net/listen.ts";
import { makeBroker } from "./makeBroker.ts";
import { makeSockets } from "./net/Sockets.ts";
import { makeIsMemoryShort } from "./ops/memory.ts";
import * as logger from "./ops/logger.ts";
import { giveUp } from "./ops/permissions.ts";
import { listenFor } from "./ops/signals.ts";
import { fileTarget, reload } from "./reload.ts";
import * as Durable from "./store/Durable.ts";
import * as StoreDirectory from "./store/StoreDirectory.ts";
import * as WebHook from "./webhook/WebHook.ts";

/** Runs the broker until SIGTERM or SIGINT. The scope's finalizers, last to first, are the shutdown. */
const run = (files: ConfigFiles) =>
  Effect.scoped(Effect.gen(function* () {
    // Before anything starts and until all has stopped, so that no signal kills. A second SIGINT adds
    // nothing to the first: Ctrl-C sends one from the terminal and one from `deno task`.
    const stop = yield* listenFor("SIGTERM", "SIGINT");
    const hangUp = yield* listenFor("SIGHUP");
    const figures = yield* listenFor("SIGUSR2"); // on SIGUSR1 Deno opens a debugger's port, listened for or not
    const settings = yield* loadSettings(files);
    for (const warning of settings.warnings) yield* Effect.logWarning(warning);
    const { outbox } = settings.webHook;
    const durable = outbox.kind === "disk" || outbox.deadLetters
      ? yield* Durable.open(outbox) // last of all: all the others write there
      : undefined;
    const webHook = yield* WebHook.make(settings.webHook, durable); // last: drains
    const sockets = yield* makeSockets; // then: sockets send what they were given
    const access = new LiveAccess(settings.broker);
    const descriptors = yield* makeDescriptors(descriptorsBeside(settings.webHook));
    descriptors.count(() => sockets.size);
    webHook.onShortage(() => descriptors.exhausted());
    const broker = yield* makeBroker({ // then: clients are disconnected, with their events
      nodeId: settings.broker.node.id,
      sink: webHook.sink,
      limits: settings.broker.limits,
      isMemoryShort: makeIsMemoryShort(settings.broker.limits.maxMemory),
      access,
      newClientId: () => `auto-${crypto.randomUUID()}`,
    });
    webHook.onRelief(() => broker.resume());
    for (const listener of settings.broker.listeners) { // first: no new clients
      yield* listen(yield* within(descriptors, listener), broker, sockets, descriptors);
    }
    // Reloads read files, and files alone: variables that were read before are remembered.
    const writes = durable !== undefined || fileTarget(settings.webHook) !== undefined;
    giveUp("env", ...(writes ? [] : ["write"] as const));
    yield* Effect.logInfo("started", { version: VERSION, pid: Deno.pid });
    const running = { settings: settings.broker, access, broker, webHook };
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(hangUp, reload(files, running))));
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(figures, webHook.logSummary)));
    const signal = yield* stop;
    yield* Effect.logInfo("stopping", { signal });
  })).pipe(Effect.zipRight(Effect.logInfo("stopped")));

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

const check = (files: ConfigFiles) =>
  Effect.gen(function* () {
    const { broker, webHook, warnings } = yield* loadSettings(files);
    for (const warning of warnings) console.error(warning);
    console.log(renderSettings(broker, webHook));
    const { kind, deadLetters, directory } = webHook.outbox;
    if (kind === "memory" && !deadLetters) return;
    for (const warning of yield* StoreDirectory.check(directory)) console.error(warning);
    console.log(`  ${directory} can be written`);
  });

const perform = (command: CommandLine) => {
  switch (command._tag) {
    case "Run":
      return run(command.files);
    case "Check":
      return check(command.files);
    case "Version":
      return Effect.sync(() => console.log(VERSION));
    case "Help":
      return Effect.sync(() => console.log(USAGE));
  }
};

/** Says what is wrong on standard error; the answer is the exit status. */
const failed = (status: number) => (error: { readonly message: string }) =>
  Effect.sync(() => {
    console.error(error.message);
    return status;
  });

const main = Effect.suspend(() => {
  const command = parseCommandLine(Deno.args);
  if (Either.isLeft(command)) return failed(EX_USAGE)(command.left);
  return perform(command.right).pipe(
    Effect.as(0),
    Effect.catchTags({
      ConfigError: failed(EX_CONFIG),
      CaFileError: failed(EX_CONFIG),
      StoreError: failed(EX_CONFIG),
    }),
    Effect.catchAll(failed(1)),
  );
});

const status = await Effect.runPromise(
  main.pipe(Effect.provide(Layer.merge(logger.layer, ConfigSource.Live))),
);
Deno.exit(status);
