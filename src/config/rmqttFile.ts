/**
 * Takes out of a broker.toml what is RMQTT's alone, so that an rmqtt.toml can be used as it is, and says what
 * is different here. It must never let pass what it does not know by name.
 */
import { LISTENER_KEYS } from "./ListenerFile.ts";
import { closedNotOpen } from "./closedNotOpen.ts";
import type { KeyPath } from "./ConfigError.ts";
import { renderKeyPath } from "./ConfigError.ts";
import { parseDuration } from "./Duration.ts";
import type { UnplacedFault } from "./expectation.ts";
import { kindOf } from "./expectation.ts";
import type { WrittenListener } from "./fileListeners.ts";
import { doorsOf, withoutDisabled } from "./fileListeners.ts";
import { nearest } from "./nearest.ts";
import type { TomlTable } from "./readToml.ts";
import { isTable } from "./readToml.ts";
import type { RmqttKey } from "./rmqttKeys.ts";
import { RMQTT_KEYS } from "./rmqttKeys.ts";
import { RMQTT_PLUGINS } from "./rmqttPlugins.ts";
import type { Doubt } from "./Doubt.ts";

/** A broker.toml after a look at what is RMQTT's in it. */
export interface RmqttFile {
  /** What is left: this broker's own keys, without the listeners that are not enabled. */
  readonly table: TomlTable;
  /** What is different here. */
  readonly doubts: ReadonlyArray<Doubt>;
  readonly faults: ReadonlyArray<UnplacedFault>;
  /** RMQTT's keys with which nothing is different, dotted. */
  readonly same: ReadonlyArray<string>;
}

/** Separates what is RMQTT's from what this broker reads. */
export const readRmqttFile = (file: TomlTable): RmqttFile => {
  const doors = doorsOf(file);
  const taker = new Taker();
  const table = taker.take(withoutDisabled(withDoor(file)), []);
  const { doubts, faults, same } = taker;
  const isRmqtts = doubts.length + same.length > 0;
  const quic = doors.enabled.filter(({ kind }) => kind === "quic");
  const others = doors.enabled.filter(({ kind }) => kind !== "quic");
  const closed = closedNotOpen(file, doors.enabled);
  return {
    table,
    doubts: [
      ...doubts,
      ...quic.map(({ path }) => ({
        path,
        text: `${renderKeyPath(path)} is not started, this broker has no QUIC: its clients need ` +
          "another listener" +
          (others.length > 0 ? "" : "; as there is none, tcp.external is started on 0.0.0.0:1883" +
            (isOpen(quic) ? "" : ", for users alone")),
      })),
      ...(isRmqtts ? others.filter(({ table }) => table.allow_anonymous === undefined) : [])
        .map(({ path }) => ({
          path,
          text: `${renderKeyPath(path)} has no allow_anonymous: RMQTT takes that for false, this ` +
            "broker for true, and lets in clients without a user",
        })),
      ...closed.doubts,
    ],
    faults: [
      ...faults,
      ...closed.faults,
      ...(doors.enabled.length > 0 || doors.disabled === 0 ? [] : [{
        path: ["listener"],
        expected: "a listener of this broker that is enabled",
        found: "none",
        nearest: undefined,
      }]),
    ],
    same,
  };
};

/**
 * The file with a listener for one that has QUIC alone, which is not started: tcp.external, as in RMQTT, and
 * open to clients without a user only where all that the file names were.
 */
export const withDoor = (file: TomlTable): TomlTable => {
  const { listener } = file;
  const { enabled } = doorsOf(file);
  const tcp = isTable(listener) ? listener.tcp ?? {} : undefined;
  if (!isTable(listener) || !isTable(tcp)) return file;
  if (enabled.length === 0 || enabled.some(({ kind }) => kind !== "quic")) return file;
  const external = { allow_anonymous: isOpen(enabled) };
  return { ...file, listener: { ...listener, tcp: { ...tcp, external } } };
};

/** To RMQTT a listener that says nothing is closed. */
const isOpen = (listeners: ReadonlyArray<WrittenListener>): boolean =>
  listeners.every(({ table }) => table.allow_anonymous === true);

/** The names that RMQTT has for keys of this table, where any is known. */
export const rmqttNames = (table: KeyPath): ReadonlyArray<string> => [
  ...new Set(
    PATTERNS.flatMap(({ parts }) => {
      const name = parts[table.length];
      return name === undefined || name.startsWith("<") || !matches(parts, table) ? [] : [name];
    }),
  ),
  ...(table.length === 1 && table[0] === "listener" ? ["quic"] : []),
];

interface Pattern {
  readonly parts: ReadonlyArray<string>;
  readonly entry: RmqttKey | PluginList;
}

/** The keys whose value is a list of plugins. */
type PluginList = "startups" | "disabled";

const PATTERNS: ReadonlyArray<Pattern> = [
  ...RMQTT_KEYS.map((entry) => ({ parts: entry.key.split("."), entry })),
  { parts: ["plugins", "default_startups"], entry: "startups" },
  { parts: ["plugins", "disabled_default_startups"], entry: "disabled" },
];

/** Whether the pattern's first parts are this path. */
const matches = (parts: ReadonlyArray<string>, path: KeyPath): boolean =>
  path.every((part, i) => parts[i] === part || parts[i]?.startsWith("<") === true);

/** Tables that this broker has as well: what is unknown in them is the Schema's to refuse. */
const isShared = (path: KeyPath): boolean =>
  path[0] === "listener" && path[1] !== "quic"
    ? path.length <= 3
    : path.length === 1 && ["http_api", "log", "mqtt", "node", "retain"].includes(String(path[0]));

class Taker {
  readonly doubts: Array<Doubt> = [];
  readonly faults: Array<UnplacedFault> = [];
  readonly same: Array<string> = [];

  /** The table without what is RMQTT's. */
  take(table: TomlTable, path: KeyPath): TomlTable {
    return Object.fromEntries(
      Object.entries(table).flatMap(([name, value]): ReadonlyArray<[string, unknown]> => {
        const inner = [...path, name];
        if (isTable(value) && isShared(inner)) return [[name, this.take(value, inner)]];
        return this.#isTaken(value, inner) ? [] : [[name, value]];
      }),
    );
  }

  /** Tells of a key that is RMQTT's, and of what is in it. */
  #isTaken(value: unknown, path: KeyPath): boolean {
    if (path.length === 2 && path[0] === "listener" && path[1] === "quic") {
      this.#quic(value, path);
      return true;
    }
    if (isShared(path)) return false;
    const known = PATTERNS.filter(({ parts }) => matches(parts, path));
    const own = known.find(({ parts }) => parts.length === path.length)?.entry;
    const hasKeys = known.some(({ parts }) => parts.length > path.length);
    if (typeof own === "string") this.#plugins(value, path, own);
    else if (hasKeys && isTable(value)) {
      if (own?.isTable) this.#tell(own, path, value);
      this.#allTaken(value, path);
    } else if (hasKeys && (own === undefined || own.isTable)) {
      this.#fault(path, "a table", kindOf(value));
    } else if (own === undefined) return false;
    else this.#tell(own, path, value);
    return typeof own !== "object" || own.isOurs !== true;
  }

  /** Each key of a table that only RMQTT has. */
  #allTaken(table: TomlTable, path: KeyPath, alsoKnown: ReadonlyArray<string> = []): void {
    for (const [name, value] of Object.entries(table)) {
      if (alsoKnown.includes(name) || this.#isTaken(value, [...path, name])) continue;
      const near = nearest(name, [...rmqttNames(path), ...alsoKnown]);
      this.#fault([...path, name], "a known key", JSON.stringify(name), near);
    }
  }

  /** Listeners that are not started: of their keys nothing is told but what is no key at all. */
  #quic(listeners: unknown, path: KeyPath): void {
    if (!isTable(listeners)) return this.#fault(path, "a table", kindOf(listeners));
    for (const [name, listener] of Object.entries(listeners)) {
      const inner = [...path, name];
      if (!isTable(listener)) this.#fault(inner, "a table", kindOf(listener));
      else {
        const quiet = new Taker();
        quiet.#allTaken(listener, inner, LISTENER_KEYS);
        this.faults.push(...quiet.faults);
      }
    }
  }

  #plugins(value: unknown, path: KeyPath, list: PluginList): void {
    if (!Array.isArray(value)) return this.#fault(path, "an array", kindOf(value));
    for (const [i, name] of value.entries()) {
      const plugin = RMQTT_PLUGINS.find((plugin) => plugin.name === name);
      const inner = [...path, i];
      if (typeof name !== "string") this.#fault(inner, "a plugin's name", kindOf(name));
      else if (plugin === undefined) {
        const near = nearest(name, RMQTT_PLUGINS.map(({ name }) => name));
        const hint = near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`;
        if (list === "startups") this.#doubt(inner, `plugin ${name}: not known here${hint}`);
      } else if (list === "startups" && !plugin.isHere) {
        this.#doubt(inner, `plugin ${name}: ${plugin.here}`);
      } else if (list === "disabled" && plugin.isHere) {
        this.#doubt(inner, `${renderKeyPath(path)}: ${name} is built in and always on`);
      }
    }
    if (!this.doubts.some(({ path: [a, b] }) => a === path[0] && b === path[1])) {
      this.same.push(renderKeyPath(path));
    }
  }

  #tell(entry: RmqttKey, path: KeyPath, value: unknown): void {
    const key = renderKeyPath(path);
    if (entry.otherwise === undefined || isSame(entry, value)) {
      if (entry.isOurs !== true) this.same.push(key);
    } else {
      const shown = entry.isSecret ? undefined : show(value);
      this.#doubt(path, `${key}${shown === undefined ? "" : ` = ${shown}`}: ${entry.otherwise}`);
    }
  }

  #doubt(path: KeyPath, text: string): void {
    this.doubts.push({ path, text });
  }

  #fault(path: KeyPath, expected: string, found: string, nearest?: string): void {
    this.faults.push({ path, expected, found, nearest });
  }
}

/** Whether the value is one of those with which nothing is different: "10m" is "600s". */
const isSame = ({ same }: RmqttKey, value: unknown): boolean =>
  same === "any" ||
  same.some((one) =>
    one === value ||
    typeof one === "string" && typeof value === "string" && parseDuration(one) !== undefined &&
      parseDuration(one) === parseDuration(value)
  );

/** As TOML would write it; undefined where it is long or a table. */
const show = (value: unknown): string | undefined => {
  switch (typeof value) {
    case "string":
      return value.length > 60 ? undefined : JSON.stringify(value);
    case "number":
    case "boolean":
      return String(value);
    default:
      return undefined;
  }
};
