/** What a reload of both files has changed, and what is wrong with them: for whoever asked for it. */
import type { ConfigFault } from "./ConfigError.ts";
import { renderFault, renderKeyPath } from "./ConfigError.ts";

/** Why a file was not taken over. */
export interface ReloadFault {
  /** The file as the user named it. */
  readonly file: string;
  /** The rest where it is about a place in it. */
  readonly line?: number;
  readonly key?: string;
  readonly expected?: string;
  readonly found?: string;
  readonly nearest?: string;
  /** All of that in one line. */
  readonly message: string;
}

export interface Reloaded {
  /** Keys that have another value from now on. */
  readonly changed: ReadonlyArray<string>;
  /** Keys with another value in a file, which a running broker can't take over. */
  readonly atRestartOnly: ReadonlyArray<string>;
  /** Of files that have changed nothing; empty: both were taken over. */
  readonly faults: ReadonlyArray<ReloadFault>;
}

/** How the last reload went; before the first one: the start. */
export interface LastReload {
  readonly isGood: boolean;
  /** When one has gone well the last time, milliseconds since 1970. */
  readonly goodAt: number;
}

export const reloadFault = (fault: ConfigFault): ReloadFault => {
  const { file, line, path, expected, found, nearest } = fault;
  return {
    file,
    ...(line === undefined ? {} : { line }),
    ...(path.length === 0 ? {} : { key: renderKeyPath(path) }),
    expected,
    found,
    ...(nearest === undefined ? {} : { nearest }),
    message: renderFault(fault),
  };
};
