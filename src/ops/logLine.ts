/**
 * How a fact of the log becomes text: for people (pretty), or for what reads logs (logfmt, JSON). One fact is
 * one line, whatever a client put into its values: nothing in them can end a line, begin one, or move a
 * terminal's cursor.
 *
 * Neither of Effect's own two: its logfmt puts a value's line ends into the line as they are, and its JSON
 * has `timestamp`, `logLevel` and the fields one level down, which every collector would have to be told of.
 */

/** What `log.level` may be, and what a line says of itself. */
export type LineLevel = "error" | "warn" | "info" | "debug";

/** One fact. */
export interface LogFact {
  readonly time: Date;
  readonly level: LineLevel;
  readonly message: string;
  /** In the order in which they are shown. A list is shown in full: one item a line where people read. */
  readonly fields: ReadonlyArray<readonly [name: string, value: unknown]>;
}

/** Makes the text of a fact, without the last line end. */
export type LogFormat = (fact: LogFact) => string;

/** `time LEVEL message key=value …`; the items of a list on lines of their own, which are indented. */
export const pretty: LogFormat = (fact) => prettyLine(fact, fact.time.toISOString(), "", "", "");

/** The same for a terminal: the time of day, and colours. */
export const prettyOnTerminal = (colours: boolean): LogFormat => (fact) =>
  colours
    ? prettyLine(fact, timeOfDay(fact.time), COLOUR[fact.level], "\x1b[2m", "\x1b[0m")
    : prettyLine(fact, timeOfDay(fact.time), "", "", "");

/** `time=… level=… message=… key=value …` */
export const logfmt: LogFormat = ({ time, level, message, fields }) =>
  `time=${time.toISOString()} level=${level} message=${formatValue(message)}` +
  pairs(fields.map(([name, value]) => [name, isList(value) ? value.join("; ") : value]));

/** An object a line: `time`, `level`, `message`, and the fields beside them. */
export const json: LogFormat = ({ time, level, message, fields }) =>
  escaped(JSON.stringify({
    ...Object.fromEntries(fields.map(([name, value]) => [name, jsonValue(value)])),
    time: time.toISOString(),
    level,
    message,
  }, ["time", "level", "message", ...fields.map(([name]) => name)]));

const COLOUR: Readonly<Record<LineLevel, string>> = {
  error: "\x1b[31m",
  warn: "\x1b[33m",
  info: "\x1b[32m",
  debug: "\x1b[34m",
};

/** In the local time zone, with milliseconds. */
const timeOfDay = (time: Date): string =>
  [time.getHours(), time.getMinutes(), time.getSeconds()].map((n) => String(n).padStart(2, "0"))
    .join(":") + `.${String(time.getMilliseconds()).padStart(3, "0")}`;

const prettyLine = (
  { level, message, fields }: LogFact,
  time: string,
  colour: string,
  dim: string,
  plain: string,
): string => {
  const lists = fields.flatMap(([, value]) => isList(value) ? value : []);
  return `${dim}${time}${plain} ${colour}${level.toUpperCase()}${plain} ${escaped(message)}` +
    pairs(fields.filter(([, value]) => !isList(value))) +
    lists.map((item) => `\n    ${escaped(String(item))}`).join("");
};

const PLAIN = /^[^\s"=\p{C}]+$/u;

/** A value as it stands behind `key=`: quoted when it could be misread. */
const formatValue = (value: unknown): string => {
  const text = typeof value === "string" ? value : String(value);
  return PLAIN.test(text) ? text : escaped(JSON.stringify(text));
};

const pairs = (fields: LogFact["fields"]): string =>
  fields.map(([name, value]) => ` ${name}=${formatValue(value)}`).join("");

/** Nothing that ends a line, moves a cursor or turns the direction of writing round is left. */
const escaped = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (found) =>
      Array.from(
        { length: found.length },
        (_, i) => `\\u${found.charCodeAt(i).toString(16).padStart(4, "0")}`,
      ).join(""),
  );

const isList = (value: unknown): value is ReadonlyArray<unknown> => Array.isArray(value);

const jsonValue = (value: unknown): unknown =>
  typeof value === "string" || typeof value === "boolean" || isList(value) ||
    (typeof value === "number" && Number.isFinite(value))
    ? value
    : String(value);
