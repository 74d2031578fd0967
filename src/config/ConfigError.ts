/**
 * What can be wrong with the configuration, and how a person is told.
 * A fault must never hold a secret: whoever makes one decides what of a value may be shown.
 */
import * as Data from "effect/Data";

/** One thing that is wrong in one file. */
export interface ConfigFault {
  /** The file as the user named it. */
  readonly file: string;
  /** Counted from 1; undefined where it is not known for sure. */
  readonly line: number | undefined;
  /** The way to the key, array indexes as numbers; empty when the file as a whole is meant. */
  readonly path: KeyPath;
  readonly expected: string;
  readonly found: string;
  /** The known key or value that was most likely meant. */
  readonly nearest: string | undefined;
}

/** A key with all the tables it is in, from the outermost: `["rule", "client_connected", 0, "urls"]`. */
export type KeyPath = ReadonlyArray<string | number>;

/** The configuration cannot be used; all that is wrong with it, in the order of the files and their lines. */
export class ConfigError extends Data.TaggedError("ConfigError")<{
  readonly faults: ReadonlyArray<ConfigFault>;
}> {
  override get message(): string {
    return this.faults.map(renderFault).join("\n");
  }
}

/** The exit status for a configuration error: EX_CONFIG of BSD's sysexits.h. */
export const EX_CONFIG = 78;

/** One fault as one line: `file:line: key: expected this, found that; did you mean "other"?`. */
export const renderFault = (fault: ConfigFault): string =>
  renderPlace(fault) +
  `expected ${fault.expected}, found ${fault.found}` +
  (fault.nearest === undefined ? "" : `; did you mean ${JSON.stringify(fault.nearest)}?`);

/** The beginning of a message about a place in a file: `file:line: key: `, without what is not known. */
export const renderPlace = (place: Pick<ConfigFault, "file" | "line" | "path">): string => {
  const line = place.line === undefined ? "" : `:${place.line}`;
  const key = place.path.length === 0 ? "" : `${renderKeyPath(place.path)}: `;
  return `${place.file}${line}: ${key}`;
};

/** A key path as TOML writes dotted keys, with array indexes in brackets: `rule.client_connected[0].urls`. */
export const renderKeyPath = (path: KeyPath): string => {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else {
      text += (text === "" ? "" : ".") +
        (/^[\w-]+$/.test(part) ? part : JSON.stringify(part));
    }
  }
  return text;
};
