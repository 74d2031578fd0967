/**
 * SIGHUP: both files are read again and `file://` targets opened anew. A faulty file changes nothing of what
 * it is about, and the other one counts all the same: a mistake in a rule lets in nobody who was sent away.
 */
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import type { LiveAccess } from "./auth/LiveAccess.ts";
import type { ConfigFiles } from "./config/loadSettings.ts";
import { loadBrokerSettings, loadWebHookSettings } from "./config/loadSettings.ts";
import { restartKeys } from "./config/restartKeys.ts";
import type { BrokerSettings } from "./domain/BrokerSettings.ts";
import type { WebHookSettings } from "./domain/WebHookSettings.ts";
import type { Broker } from "./mqtt/Broker.ts";
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

/** The first URL that is a file's. */
export const fileTarget = ({ endpoints }: WebHookSettings): string | undefined =>
  endpoints.keys().find((url) => url.startsWith("file:"));

/** Never fails: what is wrong is logged. */
export const reload = (files: ConfigFiles, running: Running) =>
  Effect.zipRight(
    orGoOn(files.webHook, reloadWebHook(files.webHook, running)),
    orGoOn(files.config, reloadBroker(files.config, running)),
  );

const reloadWebHook = (file: string, { webHook }: Running) =>
  Effect.gen(function* () {
    yield* webHook.reopenFiles;
    const { settings, warnings } = yield* loadWebHookSettings(file);
    yield* mustBePermitted(settings.endpoints.keys());
    for (const warning of warnings) yield* Effect.logWarning(warning);
    yield* webHook.reload(settings);
    yield* Effect.logInfo("reloaded", { file });
  });

const reloadBroker = (file: string, running: Running) =>
  Effect.gen(function* () {
    const { settings, warnings, notes } = yield* loadBrokerSettings(file);
    for (const warning of warnings) yield* Effect.logWarning(warning);
    for (const note of notes) yield* Effect.logDebug(note);
    const late = restartKeys(running.settings, settings);
    if (late.length > 0) yield* Effect.logWarning(`changes at a restart only: ${late.join(", ")}`);
    const { others, passwords } = running.access.replace(settings);
    const kicked = running.broker.usersChanged(others, passwords);
    yield* Effect.logInfo("reloaded", { file, ...(kicked > 0 ? { kicked } : {}) });
  });

const orGoOn = <E extends { readonly message: string }, R>(
  file: string,
  reloading: Effect.Effect<void, E, R>,
): Effect.Effect<void, never, R> =>
  reloading.pipe(
    Effect.catchAll(({ message }) =>
      Effect.logError("not reloaded, going on as before", { file, faults: message.split("\n") })
    ),
    // Else the next SIGHUP would be heard by nobody.
    Effect.catchAllDefect((defect) =>
      Effect.logError("defect in the reload", { module: "main" }, Cause.die(defect))
    ),
  );
