/**
 * SIGHUP, and what the API is asked for: both files are read again and `file://` targets opened anew. A faulty
 * file changes nothing of what it is about, and the other one counts all the same: a mistake in a rule lets in
 * nobody who was sent away. One reload at a time.
 */
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Runtime from "effect/Runtime";
import type { LiveAccess } from "./auth/LiveAccess.ts";
import { changedBrokerKeys, changedWebHookKeys } from "./config/changedKeys.ts";
import { ConfigError } from "./config/ConfigError.ts";
import type { ConfigSource } from "./config/ConfigSource.ts";
import type { ConfigFiles } from "./config/loadSettings.ts";
import { loadBrokerSettings, loadWebHookSettings } from "./config/loadSettings.ts";
import type { LastReload, Reloaded, ReloadFault } from "./config/Reloaded.ts";
import { reloadFault } from "./config/Reloaded.ts";
import { restartKeys } from "./config/restartKeys.ts";
import type { BrokerSettings } from "./domain/BrokerSettings.ts";
import type { WebHookSettings } from "./domain/WebHookSettings.ts";
import type { Broker } from "./mqtt/Broker.ts";
import type { FileTargetError } from "./webhook/attempt/FileTargets.ts";
import type { PermissionMissing } from "./webhook/attempt/permitted.ts";
import { mustBePermitted } from "./webhook/attempt/permitted.ts";
import type { WebHook } from "./webhook/WebHook.ts";

/** What is running. */
export interface Running {
  /** What the broker was started with. */
  readonly settings: BrokerSettings;
  readonly access: LiveAccess;
  readonly broker: Broker;
  readonly webHook: WebHook;
}

export interface Reloads {
  /** Never fails: what is wrong is answered, and logged. */
  readonly reload: () => Promise<Reloaded>;
  readonly last: () => LastReload;
}

/** The first URL that is a file's. */
export const fileTarget = ({ endpoints }: WebHookSettings): string | undefined =>
  endpoints.keys().find((url) => url.startsWith("file:"));

export const makeReloads = (
  files: ConfigFiles,
  running: Running,
): Effect.Effect<Reloads, never, ConfigSource> =>
  Effect.gen(function* () {
    const runPromise = Runtime.runPromise(yield* Effect.runtime<ConfigSource>());
    const { clock, turn } = yield* Effect.all({
      clock: Effect.clock,
      turn: Effect.makeSemaphore(1),
    });
    const now = () => clock.unsafeCurrentTimeMillis();
    let last: LastReload = { isGood: true, goodAt: now() };
    let access = running.settings;
    const reloadBroker = Effect.map(loadBroker(files.config, running), (settings) => {
      const changed = changedBrokerKeys(access, settings);
      access = settings;
      return { changed, atRestartOnly: restartKeys(running.settings, settings) };
    });
    const reload = Effect.gen(function* () {
      const webHook = yield* orFaults(files.webHook, reloadWebHook(files.webHook, running));
      const broker = yield* orFaults(files.config, reloadBroker);
      const faults = [...webHook.faults, ...broker.faults];
      const isGood = faults.length === 0;
      last = { isGood, goodAt: isGood ? now() : last.goodAt };
      return {
        changed: [...webHook.changed, ...broker.changed],
        atRestartOnly: [...webHook.atRestartOnly, ...broker.atRestartOnly],
        faults,
      };
    });
    return { reload: () => runPromise(turn.withPermits(1)(reload)), last: () => last };
  });

type Changes = Omit<Reloaded, "faults">;

const reloadWebHook = (file: string, { webHook }: Running) =>
  Effect.gen(function* () {
    yield* webHook.reopenFiles;
    const { settings, warnings } = yield* loadWebHookSettings(file);
    yield* mustBePermitted(settings.endpoints.values());
    for (const warning of warnings) yield* Effect.logWarning(warning);
    const before = webHook.settings();
    const atRestartOnly = yield* webHook.reload(settings);
    return { changed: changedWebHookKeys(before, webHook.settings()), atRestartOnly };
  });

/** Has clients be let in and do what the file says; answers its settings. */
const loadBroker = (file: string, { access, broker }: Running) =>
  Effect.gen(function* () {
    const { settings, warnings, notes } = yield* loadBrokerSettings(file);
    for (const warning of warnings) yield* Effect.logWarning(warning);
    for (const note of notes) yield* Effect.logDebug(note);
    const { others, passwords } = access.replace(settings);
    const kicked = broker.usersChanged(others, passwords);
    if (kicked > 0) yield* Effect.logInfo("clients sent away by a reload", { kicked });
    return settings;
  });

/** Says what has come of a file, in the log and to whoever asked. */
const orFaults = <R>(
  file: string,
  reloading: Effect.Effect<Changes, ConfigError | FileTargetError | PermissionMissing, R>,
): Effect.Effect<Reloaded, never, R> =>
  reloading.pipe(
    Effect.tap(({ changed, atRestartOnly }) => tellChanges(file, changed, atRestartOnly)),
    Effect.map((changes) => ({ ...changes, faults: [] })),
    Effect.catchAll((error) =>
      Effect.as(
        Effect.logError("not reloaded, going on as before", {
          file,
          faults: error.message.split("\n"),
        }),
        withFaults(
          error instanceof ConfigError
            ? error.faults.map(reloadFault)
            : [{ file, message: error.message }],
        ),
      )
    ),
    // Else the next SIGHUP would be heard by nobody.
    Effect.catchAllDefect((defect) =>
      Effect.as(
        Effect.logError("defect in the reload", { module: "main" }, Cause.die(defect)),
        withFaults([{ file, message: "a defect of the broker: its log says more" }]),
      )
    ),
  );

const withFaults = (faults: ReadonlyArray<ReloadFault>): Reloaded => ({
  changed: [],
  atRestartOnly: [],
  faults,
});

const tellChanges = (
  file: string,
  changed: ReadonlyArray<string>,
  atRestartOnly: ReadonlyArray<string>,
) =>
  Effect.zipRight(
    atRestartOnly.length === 0
      ? Effect.void
      : Effect.logWarning(`changes at a restart only: ${atRestartOnly.join(", ")}`),
    Effect.logInfo("reloaded", {
      file,
      ...(changed.length === 0 ? {} : { changed: changed.join(", ") }),
    }),
  );
