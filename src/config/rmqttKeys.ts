/**
 * The keys of RMQTT's rmqtt.toml that this broker does not have: a user's file may hold them, and is
 * told that they mean nothing here. A key that this broker has must never be listed.
 *
 * Sources: rmqtt.toml and rmqtt-conf/src of github.com/rmqtt/rmqtt, 2022 to 2025: keys
 * that came and went included.
 */
import { renderKeyPath } from "./ConfigError.ts";
import type { KeyPath } from "./ConfigError.ts";
import type { TomlTable } from "./readToml.ts";

const TOP: ReadonlySet<string> = new Set([
  "inner_api_addr",
  "plugins",
  "rpc",
  "task",
]);

const LOG: ReadonlySet<string> = new Set(["dir", "file", "to"]);

const NODE: ReadonlySet<string> = new Set(["busy", "cookie", "crash_dump"]);

const MQTT: ReadonlySet<string> = new Set([
  "delayed_publish_immediate",
  "delayed_publish_max",
  "shared_subscription",
]);

/** Of rmqtt-retainer.toml, where these limits come from. */
const RETAIN: ReadonlySet<string> = new Set(["retained_message_ttl", "storage"]);

/** Of rmqtt-http-api.toml. */
const HTTP_API: ReadonlySet<string> = new Set([
  "http_request_log",
  "http_reuseaddr",
  "http_reuseport",
  "message_expiry_interval",
  "message_retain_available",
  "message_storage_available",
  "metrics_sample_interval",
  "prometheus_metrics_cache_interval",
]);

const TRANSPORTS: ReadonlySet<string> = new Set(["quic"]);

const LISTENER: ReadonlySet<string> = new Set([
  "await_rel_timeout",
  "backlog",
  "cross_certificate",
  "delayed_publish",
  "idle_timeout",
  "limit_subscription",
  "max_awaiting_rel",
  "max_handshake_limit",
  "max_handshake_rate",
  "max_keepalive",
  "min_keepalive",
  "mqueue_rate_limit",
  "nodelay",
  "proxy_protocol",
  "proxy_protocol_timeout",
  "retain_available",
  "reuseaddr",
  "reuseport",
  "shared_subscription",
  "workers",
]);

/** A table without the keys that only RMQTT has. */
export interface WithoutRmqttKeys {
  readonly table: TomlTable;
  /** What was taken out, by the table it was in. */
  readonly ignored: ReadonlyArray<IgnoredKeys>;
}

/** The keys of one table that were taken out. */
export interface IgnoredKeys {
  readonly path: KeyPath;
  readonly keys: readonly [string, ...ReadonlyArray<string>];
}

/** Takes the keys that only RMQTT has out of a broker.toml. */
export const withoutRmqttKeys = (file: TomlTable): WithoutRmqttKeys => {
  const ignored: Array<IgnoredKeys> = [];
  const take = (table: TomlTable, keys: ReadonlySet<string>, path: KeyPath): TomlTable => {
    const [first, ...rest] = Object.keys(table).filter((key) => keys.has(key));
    if (first === undefined) return table;
    ignored.push({ path, keys: [first, ...rest] });
    return Object.fromEntries(Object.entries(table).filter(([key]) => !keys.has(key)));
  };
  const table = inTables(take(file, TOP, []), (section, name) => {
    switch (name) {
      case "log":
        return take(section, LOG, [name]);
      case "node":
        return take(section, NODE, [name]);
      case "mqtt":
        return take(section, MQTT, [name]);
      case "retain":
        return take(section, RETAIN, [name]);
      case "http_api":
        return take(section, HTTP_API, [name]);
      case "listener":
        return inTables(
          take(section, TRANSPORTS, [name]),
          (listeners, transport) =>
            inTables(
              listeners,
              (listener, key) => take(listener, LISTENER, [name, transport, key]),
            ),
        );
      default:
        return section;
    }
  });
  return { table, ignored };
};

/** Says in one sentence that keys mean nothing here. */
export const renderIgnored = ({ path, keys }: IgnoredKeys): string =>
  `RMQTT keys that this broker does not support, ignored: ${
    keys.map((key) => renderKeyPath([...path, key])).join(", ")
  }`;

/** The table with each table in it changed; what is no table stays, for the schema to refuse. */
const inTables = (
  table: TomlTable,
  change: (table: TomlTable, key: string) => TomlTable,
): TomlTable =>
  Object.fromEntries(
    Object.entries(table).map(([key, value]) => [key, isTable(value) ? change(value, key) : value]),
  );

const isTable = (value: unknown): value is TomlTable =>
  typeof value === "object" && value !== null && !Array.isArray(value);
