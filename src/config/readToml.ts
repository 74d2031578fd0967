/** Reads one TOML file into plain tables and the lines of their keys. It must never show a piece of the file: it may hold secrets. */
import { parse } from "@std/toml";
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import type { KeyPath } from "./ConfigError.ts";
import { ConfigError } from "./ConfigError.ts";
import { ConfigSource } from "./ConfigSource.ts";
import type { TomlLines } from "./TomlLines.ts";

/** A file's content. */
export interface TomlFile {
  /** As the user named it. */
  readonly file: string;
  /**
   * Dates are symbols, so that none passes for a table: no key of ours takes one.
   */
  readonly table: TomlTable;
  /** Finds lines; what knows them is loaded by this, so it is run only where there is something to tell. */
  readonly lines: Effect.Effect<LineOf>;
}

/** The line of a key, or of the nearest table around it that has one; undefined where none is known. */
export type LineOf = (path: KeyPath) => number | undefined;

/** A table of a TOML document. */
export type TomlTable = { readonly [key: string]: unknown };

/** Whether a value of a document is a table. */
export const isTable = (value: unknown): value is TomlTable =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Reads and parses a file; fails with the one fault that keeps it from being read. */
export const readToml = (file: string): Effect.Effect<TomlFile, ConfigError, ConfigSource> =>
  Effect.gen(function* () {
    const source = yield* ConfigSource;
    const text = yield* source.readTextFile(file).pipe(
      Effect.mapError((found) => unreadable(file, undefined, "a readable file", found)),
    );
    return yield* parseToml(file, text);
  });

/** Parses a file's text; fails with its first syntax error. */
const parseToml = (file: string, text: string): Either.Either<TomlFile, ConfigError> =>
  Either.try({
    try: () => parse(text),
    catch: (error) => {
      if (!(error instanceof Error)) throw error;
      const { line, reason } = syntaxError(error);
      return unreadable(file, line, "TOML", reason);
    },
  }).pipe(Either.map((document) => ({
    file,
    table: withoutDates(document) as TomlTable, // a document is a table
    lines: Effect.promise(async () => {
      const { tomlLines } = await import("./TomlLines.ts");
      return lineOrParents(tomlLines(text));
    }),
  })));

/**
 * What the parser found, and where. smol-toml tells the place by properties, JSR's @std/toml (which may
 * stand in for it, see deno.json) in its message.
 */
const syntaxError = (
  error: Error & { readonly line?: unknown; readonly column?: unknown },
): { readonly line: number | undefined; readonly reason: string } => {
  // What follows the first line of the message quotes the file.
  const [message = ""] = error.message.split("\n");
  const told = /^Parse error on line (\d+), column \d+: /.exec(message);
  if (told !== null) return { line: Number(told[1]), reason: message.slice(told[0].length) };
  const reason = message.replace("Invalid TOML document: ", "");
  return typeof error.line === "number"
    ? { line: error.line, reason: `${reason} (column ${error.column})` }
    : { line: undefined, reason };
};

const unreadable = (file: string, line: number | undefined, expected: string, found: string) =>
  new ConfigError({ faults: [{ file, line, path: [], expected, found, nearest: undefined }] });

const withoutDates = (value: unknown): unknown => {
  if (value instanceof Date) return Symbol.for("date");
  if (Array.isArray(value)) return value.map(withoutDates);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withoutDates(v)]));
};

const lineOrParents = (lines: TomlLines): LineOf => (path) => {
  for (let length = path.length; length > 0; length--) {
    const line = lines.of(path.slice(0, length));
    if (line !== undefined) return line;
  }
  return undefined;
};
