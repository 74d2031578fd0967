/**
 * The log: one line a fact on standard output, `time LEVEL message key=value …`. What must not be in a
 * log (payloads, passwords, header values) is left out where the line is made; nothing is filtered here.
 */
import * as Cause from "effect/Cause";
import * as HashMap from "effect/HashMap";
import * as Logger from "effect/Logger";

const plain = /^[^\s"=]+$/;

/** A value as it stands behind `key=`: quoted when it could be misread. */
const formatValue = (value: unknown): string => {
  const text = typeof value === "string" ? value : String(value);
  return plain.test(text) ? text : JSON.stringify(text);
};

/** Writes each log entry as one line; the messages of a cause follow as `cause=…`. */
export const logger: Logger.Logger<unknown, void> = Logger.make(
  ({ date, logLevel, message, annotations, cause }) => {
    const messages = Array.isArray(message) ? message : [message];
    let line = `${date.toISOString()} ${logLevel.label} ${messages.map(String).join(" ")}`;
    for (const [key, value] of HashMap.toEntries(annotations)) {
      line += ` ${key}=${formatValue(value)}`;
    }
    if (!Cause.isEmpty(cause)) {
      line += ` cause=${formatValue(Cause.pretty(cause, { renderErrorCause: true }))}`;
    }
    console.log(line);
  },
);

/** Replaces Effect's own logger. */
export const layer = Logger.replace(Logger.defaultLogger, logger);
