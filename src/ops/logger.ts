/**
 * The log: one line a fact on standard output, `time LEVEL message key=value …`. What must not be in a
 * log (payloads, passwords, header values) is left out where the line is made; nothing is filtered here.
 */
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as HashMap from "effect/HashMap";
import * as Logger from "effect/Logger";
import { LineWriter } from "./LineWriter.ts";

const PLAIN = /^[^\s"=]+$/;

/** A value as it stands behind `key=`: quoted when it could be misread. */
const formatValue = (value: unknown): string => {
  const text = typeof value === "string" ? value : String(value);
  return PLAIN.test(text) ? text : JSON.stringify(text);
};

const pairs = (entries: ReadonlyArray<readonly [string, unknown]>): string =>
  entries.map(([key, value]) => ` ${key}=${formatValue(value)}`).join("");

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** How long the end of the process waits for the log's reader, in milliseconds. */
const FLUSH_TIME = 1000;

/**
 * Writes each log entry as one line. A record among the messages becomes `key=value` in its own order,
 * annotations follow in the order of their names, and a cause as `cause=…`.
 */
export const makeLogger = (write: (line: string) => void): Logger.Logger<unknown, void> =>
  Logger.make(({ date, logLevel, message, annotations, cause }) => {
    let line = `${date.toISOString()} ${logLevel.label}`;
    for (const part of Array.isArray(message) ? message : [message]) {
      line += isRecord(part) ? pairs(Object.entries(part)) : ` ${String(part)}`;
    }
    line += pairs(HashMap.toEntries(annotations).sort(([a], [b]) => a < b ? -1 : 1));
    if (!Cause.isEmpty(cause)) {
      line += ` cause=${formatValue(Cause.pretty(cause, { renderErrorCause: true }))}`;
    }
    write(line);
  });

/** What stands in the log where lines were left out. */
const notice = (lines: number): string =>
  `${new Date().toISOString()} WARN log lines left out: nobody read them in time lines=${lines}`;

/** Replaces Effect's own logger until the scope closes, which waits a little for the last lines to be written. */
export const layer = Logger.replaceScoped(
  Logger.defaultLogger,
  Effect.acquireRelease(
    Effect.sync(() => new LineWriter(Deno.stdout, notice)),
    (lines) => Effect.promise(() => lines.flush(FLUSH_TIME)),
  ).pipe(Effect.map((lines) => makeLogger((line) => lines.write(line)))),
);
