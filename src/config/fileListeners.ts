/** The listeners of a broker.toml as they are written, before anything else in them has to be right. */
import type { KeyPath } from "./ConfigError.ts";
import type { TomlTable } from "./readToml.ts";
import { isTable } from "./readToml.ts";

/** All kinds that RMQTT has. This broker has no QUIC. */
const KINDS = ["tcp", "tls", "ws", "wss", "quic"] as const;

/** One listener that is enabled. */
export interface WrittenListener {
  readonly kind: typeof KINDS[number];
  readonly path: KeyPath;
  readonly table: TomlTable;
}

/** The listeners of a file: those that are enabled, and how many are not. */
export const doorsOf = (
  { listener }: TomlTable,
): { readonly enabled: ReadonlyArray<WrittenListener>; readonly disabled: number } => {
  const all = KINDS.flatMap((kind) => {
    const named = isTable(listener) ? listener[kind] : undefined;
    return !isTable(named)
      ? []
      : Object.entries(named).flatMap(([name, table]) =>
        isTable(table) ? [{ kind, path: ["listener", kind, name], table }] : []
      );
  });
  const enabled = all.filter(({ table }) => !isDisabled(table));
  return { enabled, disabled: all.length - enabled.length };
};

/** The file without the listeners that are not enabled: nothing else of them needs to be right. */
export const withoutDisabled = (file: TomlTable): TomlTable => {
  const { listener } = file;
  if (!isTable(listener)) return file;
  const kinds = Object.entries(listener).map(([kind, named]) => [
    kind,
    isTable(named)
      ? Object.fromEntries(Object.entries(named).filter(([, table]) => !isDisabled(table)))
      : named,
  ]);
  return { ...file, listener: Object.fromEntries(kinds) };
};

const isDisabled = (table: unknown): boolean => isTable(table) && table.enable === false;
