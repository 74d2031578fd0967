/** Reads both configuration files into settings, or says all that is wrong with them. It must never bind, start or write anything. */
import * as Effect from "effect/Effect";
import * as Array from "effect/Array";
import * as ParseResult from "effect/ParseResult";
import type * as Schema from "@effect/schema";
import type { BrokerSettings, ListenerSettings } from "../domain/BrokerSettings.ts";
import type { WebHookSettings } from "../domain/WebHookSettings.ts";
import { BrokerFile, brokerSettings } from "./BrokerFile.ts";
import { ConfigError, renderPlace } from "./ConfigError.ts";
import type { ConfigSource } from "./ConfigSource.ts";
import type { AlsoKnown, UnplacedFault } from "./expectation.ts";
import { faultsOf } from "./expectation.ts";
import { withIdentity } from "./EndpointFile.ts";
import { halfIdentities, matchIdentity } from "./matchIdentity.ts";
import type { TomlFile, TomlTable } from "./readToml.ts";
import { readToml } from "./readToml.ts";
import { readRmqttFile, rmqttNames } from "./rmqttFile.ts";
import type { FileKind } from "./swappedFiles.ts";
import { orExchanged, swapped } from "./swappedFiles.ts";
import type { Doubt } from "./Doubt.ts";
import { rulesWithoutUrl, WebHookFile, webHookSettings } from "./WebHookFile.ts";

/** Where the two files are. Relative paths start at the working directory. */
export interface ConfigFiles {
  readonly config: string;
  readonly webHook: string;
}

/** One file's settings and what is doubtful about it, one line each. */
export interface Loaded<A> {
  readonly settings: A;
  readonly warnings: ReadonlyArray<string>;
  /** What somebody may want to know who looks closer, one line each. */
  readonly notes: ReadonlyArray<string>;
}

/** Both files' settings. */
export interface Settings {
  readonly broker: BrokerSettings;
  readonly webHook: WebHookSettings;
  /** To be logged, one line each. */
  readonly warnings: ReadonlyArray<string>;
  /** To be logged at debug, one line each. */
  readonly notes: ReadonlyArray<string>;
}

/** Reads both files; fails with the faults of both. */
export const loadSettings = (
  files: ConfigFiles,
): Effect.Effect<Settings, ConfigError, ConfigSource> =>
  Effect.all(
    [loadBrokerSettings(files.config), loadWebHookSettings(files.webHook)],
    { mode: "validate" },
  ).pipe(
    Effect.map(([broker, webHook]) => ({
      broker: broker.settings,
      webHook: webHook.settings,
      warnings: [...broker.warnings, ...webHook.warnings],
      notes: [...broker.notes, ...webHook.notes],
    })),
    Effect.mapError((errors) =>
      new ConfigError({
        faults: orExchanged(Array.getSomes(errors).flatMap(({ faults }) => faults)),
      })
    ),
  );

/** Reads broker.toml. */
export const loadBrokerSettings = (
  path: string,
): Effect.Effect<Loaded<BrokerSettings>, ConfigError, ConfigSource> =>
  Effect.gen(function* () {
    const toml = yield* readToml(path);
    yield* mustBeOurs(toml, "broker");
    const { table, doubts, faults, same } = readRmqttFile(toml.table);
    const settings = yield* matched(
      toml,
      brokerSettings(yield* decode(BrokerFile, toml, table, faults, rmqttNames)),
    );
    const all = [
      ...doubts,
      ...strandedListeners(settings),
      ...claimableUsers(settings),
      ...evadableEntries(settings),
      ...namelessUser(settings),
    ];
    const notes = same.length === 0 ? [] : [
      `${path}: keys of RMQTT with which nothing is different here: ${same.join(", ")}`,
    ];
    return { settings, warnings: yield* warnings(toml, all), notes };
  });

/** Fails with one line where the file is the other one of the two. */
const mustBeOurs = (toml: TomlFile, what: FileKind): Effect.Effect<void, ConfigError> => {
  const fault = swapped(toml.table, what);
  return fault === undefined ? Effect.void : failure(toml, [fault]);
};

/** The settings with each listener's certificate and key in the form that TLS takes; fails where they are two things. */
const matched = (
  toml: TomlFile,
  settings: BrokerSettings,
): Effect.Effect<BrokerSettings, ConfigError> =>
  Effect.gen(function* () {
    const [faults, listeners] = yield* Effect.partition(
      settings.listeners,
      (listener): Effect.Effect<ListenerSettings, UnplacedFault> =>
        "certFile" in listener
          ? matchIdentity(listener, ["listener", listener.transport, listener.name, "key"])
          : Effect.succeed(listener),
    );
    return faults.length > 0 ? yield* failure(toml, faults) : { ...settings, listeners };
  });

/** The same of the certificates that URLs show. */
const matchedClients = (
  toml: TomlFile,
  file: WebHookFile,
): Effect.Effect<WebHookFile, ConfigError> =>
  Effect.gen(function* () {
    const [faults, endpoint] = yield* Effect.partition(
      file.endpoint,
      (table, i) => withIdentity(table, ["endpoint", i, "client_key"]),
    );
    return faults.length > 0 ? yield* failure(toml, faults) : { ...file, endpoint };
  });

/** Reads web-hook.toml. */
export const loadWebHookSettings = (
  path: string,
): Effect.Effect<Loaded<WebHookSettings>, ConfigError, ConfigSource> =>
  Effect.gen(function* () {
    const toml = yield* readToml(path);
    yield* mustBeOurs(toml, "web-hook");
    const also = [...rulesWithoutUrl(toml.table), ...halfIdentities(toml.table)];
    const file = yield* matchedClients(toml, yield* decode(WebHookFile, toml, toml.table, also));
    const { settings, doubts } = webHookSettings(file);
    return { settings, warnings: yield* warnings(toml, doubts), notes: [] };
  });

/**
 * Decodes a file's table; fails with `also`, if there are any, and all that the schema finds. `alsoKnown`: keys
 * that were there to be had beside the schema's.
 */
const decode = <A, I, R>(
  schema: Schema.Schema<A, I, R>,
  toml: TomlFile,
  table: TomlTable,
  also: ReadonlyArray<UnplacedFault>,
  alsoKnown?: AlsoKnown,
): Effect.Effect<A, ConfigError, R> =>
  ParseResult.decodeUnknown(schema)(table, {
    errors: "all",
    onExcessProperty: "error",
    propertyOrder: "original", // else headers that come from the environment would change places
  }).pipe(
    Effect.catchAll((issue) => failure(toml, [...faultsOf(issue, alsoKnown), ...also])),
    Effect.filterOrElse(() => also.length === 0, () => failure(toml, also)),
  );

const failure = (
  { file, lines }: TomlFile,
  faults: ReadonlyArray<UnplacedFault>,
): Effect.Effect<never, ConfigError> =>
  Effect.flatMap(lines, (lineOf) => {
    const placed = faults.map((fault) => ({ file, line: lineOf(fault.path), ...fault }));
    return new ConfigError({ faults: placed.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)) });
  });

const warnings = (
  { file, lines }: TomlFile,
  doubts: ReadonlyArray<Doubt>,
): Effect.Effect<ReadonlyArray<string>> =>
  doubts.length === 0 ? Effect.succeed([]) : Effect.map(
    lines,
    (lineOf) =>
      doubts.map(({ path, text }) => ({ line: lineOf(path), text }))
        .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
        .map(({ line, text }) => renderPlace({ file, line, path: [] }) + text),
  );

/** RMQTT's own rmqtt.toml refuses anonymous clients and leaves the users to plugins. */
const strandedListeners = ({ listeners, users }: BrokerSettings): ReadonlyArray<Doubt> =>
  users.length > 0 ? [] : listeners.filter((l) => !l.limits.allowAnonymous).map((l) => ({
    path: ["listener", l.transport, l.name, "allow_anonymous"],
    text: `listener.${l.transport}.${l.name} takes only users, and auth.users has none: ` +
      "it will refuse every client",
  }));

const admitsAnonymous = ({ listeners }: BrokerSettings): boolean =>
  listeners.some((listener) => listener.limits.allowAnonymous);

/** A name that has no password is anybody's where anonymous clients are welcome. */
const claimableUsers = (settings: BrokerSettings): ReadonlyArray<Doubt> => {
  const { users, acl } = settings;
  return !admitsAnonymous(settings) ? [] : acl.flatMap(
    ({ user }, i) =>
      user === undefined || users.some(({ username }) => username === user) ? [] : [{
        path: ["acl", i, "user"],
        text: `${JSON.stringify(user)} is not in auth.users: ` +
          "where allow_anonymous is true, any client may go by that name",
      }],
  );
};

/** A user whom clients without a user name are taken for, where they are welcome. */
const namelessUser = (settings: BrokerSettings): ReadonlyArray<Doubt> => {
  const i = settings.users.findIndex(({ username }) => username === "undefined");
  return i < 0 || !admitsAnonymous(settings) ? [] : [{
    path: ["auth", "users", i, "username"],
    text: '"undefined" is what clients without a user name go by: ' +
      "where allow_anonymous is true, they have this user's sessions and acl entries",
  }];
};

/** Whoever is denied something by name leaves the name out, where anonymous clients are welcome. */
const evadableEntries = (settings: BrokerSettings): ReadonlyArray<Doubt> => {
  const { users, acl } = settings;
  return !admitsAnonymous(settings)
    ? []
    : acl.flatMap(({ permit, user }, i) =>
      permit === "allow" || !users.some(({ username }) => username === user) ? [] : [{
        path: ["acl", i, "user"],
        text: `denies something to ${JSON.stringify(user)} alone: ` +
          "where allow_anonymous is true, the client may come without that name",
      }]
    );
};
