/**
 * The log: one line a fact on standard output, `time LEVEL message key=value …`. What must not be in a
 * log (payloads, passwords, header values) is left out where the line is made; nothing is filtered here.
 */
import * as Cause from "effect/Cause";
import * as HashMap from "effect/HashMap";
import * as Logger from "effect/Logger";

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

/**
 * Writes each log entry as one line. A record among the messages becomes `key=value` in its own order,
 * annotations follow in the order of their names, and a cause as `cause=…`.
 */
export const logger: Logger.Logger<unknown, void> = Logger.make(
  ({ date, logLevel, message, annotations, cause }) => {
    let line = `${date.toISOString()} ${logLevel.label}`;
    for (const part of Array.isArray(message) ? message : [message]) {
      line += isRecord(part) ? pairs(Object.entries(part)) : ` ${String(part)}`;
    }
    line += pairs(HashMap.toEntries(annotations).sort(([a], [b]) => a < b ? -1 : 1));
    if (!Cause.isEmpty(cause)) {
      line += ` cause=${formatValue(Cause.pretty(cause, { renderErrorCause: true }))}`;
    }
    console.log(line);
  },
);

/** Replaces Effect's own logger. */
export const layer = Logger.replace(Logger.defaultLogger, logger);
