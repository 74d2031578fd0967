/**
 * The log: one line a fact on standard output. What must not be in a log (payloads, passwords, header
 * values) is left out where the line is made; nothing is filtered here but by level.
 */
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as HashMap from "effect/HashMap";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as LogLevel from "effect/LogLevel";
import { LineWriter } from "./LineWriter.ts";
import type { LineLevel, LogFormat } from "./logLine.ts";
import { json, logfmt, pretty, prettyOnTerminal } from "./logLine.ts";

/** What of the log is written, and how. */
export interface LogSettings {
  readonly level: LineLevel;
  /** Undefined: pretty on a terminal, logfmt elsewhere. */
  readonly format: "pretty" | "logfmt" | "json" | undefined;
}

/** How long the end of the process waits for the log's reader, in milliseconds. */
const FLUSH_TIME = 1000;

const LEVELS: Readonly<Record<LineLevel, LogLevel.LogLevel>> = {
  error: LogLevel.Error,
  warn: LogLevel.Warning,
  info: LogLevel.Info,
  debug: LogLevel.Debug,
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/**
 * Writes each log entry as one fact. A record among the messages becomes fields in its own order,
 * annotations follow in the order of their names, and a cause as `cause`.
 */
export const makeLogger = (
  format: LogFormat,
  write: (line: string) => void,
): Logger.Logger<unknown, void> =>
  Logger.make(({ date, logLevel, message, annotations, cause }) => {
    const parts: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message];
    write(format({
      time: date,
      level: levelOf(logLevel),
      message: parts.filter((part) => !isRecord(part)).map(String).join(" "),
      fields: [
        ...parts.filter(isRecord).flatMap(Object.entries),
        ...HashMap.toEntries(annotations).sort(([a], [b]) => a < b ? -1 : 1),
        ...Cause.isEmpty(cause)
          ? []
          : [["cause", Cause.pretty(cause, { renderErrorCause: true })] as const],
      ],
    }));
  });

/** Replaces Effect's own logger until the scope closes, which waits a little for the last lines to be written. */
export const layer = ({ level, format }: LogSettings): Layer.Layer<never> => {
  const chosen = formatOf(format, Deno.stdout.isTerminal());
  const notice = (lines: number): string =>
    chosen({
      time: new Date(),
      level: "warn",
      message: "log lines left out: nobody read them in time",
      fields: [["lines", lines]],
    });
  return Layer.merge(
    Logger.minimumLogLevel(LEVELS[level]),
    Logger.replaceScoped(
      Logger.defaultLogger,
      Effect.acquireRelease(
        Effect.sync(() => new LineWriter(Deno.stdout, notice)),
        (lines) => Effect.promise(() => lines.flush(FLUSH_TIME)),
      ).pipe(Effect.map((lines) => makeLogger(chosen, (line) => lines.write(line)))),
    ),
  );
};

const formatOf = (format: LogSettings["format"], isTerminal: boolean): LogFormat => {
  switch (format ?? (isTerminal ? "pretty" : "logfmt")) {
    case "pretty":
      return isTerminal ? prettyOnTerminal(!Deno.noColor) : pretty;
    case "logfmt":
      return logfmt;
    case "json":
      return json;
  }
};

const levelOf = ({ ordinal }: LogLevel.LogLevel): LineLevel =>
  ordinal >= LogLevel.Error.ordinal
    ? "error"
    : ordinal >= LogLevel.Warning.ordinal
    ? "warn"
    : ordinal >= LogLevel.Info.ordinal
    ? "info"
    : "debug";
