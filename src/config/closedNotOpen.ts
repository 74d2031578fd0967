/**
 * What keeps somebody out in RMQTT and has no effect here. It must never be left unsaid: where it is set, this
 * broker starts only if the file says that it may do without.
 */
import type { KeyPath } from "./ConfigError.ts";
import { renderKeyPath } from "./ConfigError.ts";
import type { UnplacedFault } from "./expectation.ts";
import type { WrittenListener } from "./fileListeners.ts";
import type { TomlTable } from "./readToml.ts";
import { isTable } from "./readToml.ts";
import type { Doubt } from "./Doubt.ts";

/** The names that `accept_without` may have. */
export const GUARDS = [
  "cross_certificate",
  "proxy_protocol",
  "rmqtt-auth-http",
  "rmqtt-auth-jwt",
] as const;

type Guard = typeof GUARDS[number];

/** A guard that a file sets. */
interface SetGuard {
  readonly guard: Guard;
  readonly path: KeyPath;
}

const AUTH_PLUGINS: ReadonlyArray<Guard> = ["rmqtt-auth-http", "rmqtt-auth-jwt"];

/** What a file wants kept closed: faults, or doubts where `accept_without` names it. */
export const closedNotOpen = (
  file: TomlTable,
  listeners: ReadonlyArray<WrittenListener>,
): { readonly faults: ReadonlyArray<UnplacedFault>; readonly doubts: ReadonlyArray<Doubt> } => {
  const set = [...listeners.flatMap(listenerGuards), ...pluginGuards(file, listeners)];
  const accepted: ReadonlyArray<unknown> = Array.isArray(file.accept_without)
    ? file.accept_without
    : [];
  const names = GUARDS.filter((name) =>
    accepted.includes(name) || set.some(({ guard }) => guard === name)
  );
  const line = `accept_without = ${JSON.stringify(names).replaceAll(",", ", ")}`;
  return {
    faults: set.filter(({ guard }) => !accepted.includes(guard)).map(({ guard, path }) => ({
      path,
      expected: `${EXPECTED[guard]}, or the line ${line} at the top of the file`,
      found: FOUND[guard],
      nearest: undefined,
    })),
    // Of an accepted plugin it is told where plugins are.
    doubts: set.filter(({ guard }) => accepted.includes(guard) && !AUTH_PLUGINS.includes(guard))
      .map(({ guard, path }) => ({
        path,
        text: `${renderKeyPath(path)} = true: ${FOUND[guard].replace(/^true, but /, "")}`,
      })),
  };
};

const CLOSED = "allow_anonymous = false on each enabled listener, with users in auth.users";

const EXPECTED: Readonly<Record<Guard, string>> = {
  cross_certificate: "false",
  proxy_protocol: "false",
  "rmqtt-auth-http": CLOSED,
  "rmqtt-auth-jwt": CLOSED,
};

const FOUND: Readonly<Record<Guard, string>> = {
  cross_certificate:
    "true, but clients are asked for no certificate here: whoever has none gets in as " +
    "well (allow_anonymous = false and auth.users keep others out)",
  proxy_protocol:
    "true, but PROXY headers are not understood here: a client behind one is refused, and all " +
    "others count as coming from the proxy (switch the header off in the proxy)",
  "rmqtt-auth-http": '"rmqtt-auth-http", which is not asked here: whom it refuses gets in',
  "rmqtt-auth-jwt": '"rmqtt-auth-jwt", which is not asked here: whom it refuses gets in',
};

/** Anything but `false` counts: RMQTT reads "true" and 1 as true. */
const isOn = (value: unknown): boolean => value !== undefined && value !== false;

/** Only what speaks TLS could ask for a certificate. */
const listenerGuards = ({ kind, path, table }: WrittenListener): ReadonlyArray<SetGuard> => {
  const asks = kind === "tls" || kind === "wss" || kind === "quic";
  return (["cross_certificate", "proxy_protocol"] as const).flatMap((guard) =>
    isOn(table[guard]) && (asks || guard !== "cross_certificate")
      ? [{ guard, path: [...path, guard] }]
      : []
  );
};

/** A plugin that says who may come in is missed where somebody may come in without being asked. */
const pluginGuards = (
  { plugins }: TomlTable,
  listeners: ReadonlyArray<WrittenListener>,
): ReadonlyArray<SetGuard> => {
  const isClosed = listeners.length > 0 &&
    listeners.every(({ table }) => table.allow_anonymous === false);
  const names: unknown = isTable(plugins) ? plugins.default_startups : undefined;
  return isClosed || !Array.isArray(names) ? [] : AUTH_PLUGINS.flatMap((guard) => {
    const i = names.indexOf(guard);
    return i < 0 ? [] : [{ guard, path: ["plugins", "default_startups", i] }];
  });
};
