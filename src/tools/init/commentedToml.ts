/**
 * A file of settings as TOML, each key under what its Schema says of it. It must never leave out a key that
 * the Schema knows: what it does not know is named, for the caller to tell.
 */
import type { TomlTable } from "../../config/readToml.ts";
import type { Table } from "../docs/configTables.ts";

/** A file's text, and the keys that are not in it. */
export interface CommentedToml {
  readonly text: string;
  /** Dotted, as a message names them. */
  readonly leftOut: ReadonlyArray<string>;
}

/** `table`: what the Schema says. `head`: lines for the top, without a "#"; an empty one stays empty. */
export const commentedToml = (
  table: Table,
  values: TomlTable,
  head: ReadonlyArray<string>,
): CommentedToml => {
  const writer = new Writer();
  writer.keys(table, values, "");
  return {
    text: [...head.map(comment), ...writer.lines].join("\n").replace(/\n{3,}/g, "\n\n") + "\n",
    leftOut: writer.leftOut,
  };
};

/** What the table of any event's rules is called. */
const ANY_EVENT = "<event>";

class Writer {
  readonly lines: Array<string> = [];
  readonly leftOut: Array<string> = [];
  /** Comments that stand above already. */
  readonly #said = new Set<string>();

  /** A table's keys, then the tables in it. `path`: as the file names it. */
  keys(table: Table, values: TomlTable, path: string): void {
    for (const { name, description } of table.keys) {
      if (values[name] === undefined) continue;
      this.#say(`${name}: ${description}`, description);
      this.lines.push(`${bare(name)} = ${inline(values[name])}`);
    }
    const inner = new Map(table.tables.map((inner) => [lastName(inner.path), inner]));
    const names = new Set([...table.keys.map(({ name }) => name), ...inner.keys()]);
    const anyEvent = inner.get(ANY_EVENT);
    for (const [name, value] of Object.entries(values)) {
      const own = dotted(path, name);
      const table = inner.get(name);
      if (anyEvent !== undefined) this.lines.push(`${bare(name)} = ${inline(value)}`);
      else if (table !== undefined) this.#table(table, value, own);
      else if (!names.has(name)) this.leftOut.push(own);
    }
  }

  #table(table: Table, value: unknown, path: string): void {
    if (table.isList) {
      for (const element of asList(value)) this.#header(table, element, `[[${path}]]`, path);
    } else if (table.path.endsWith(".<name>")) {
      for (const [name, element] of Object.entries(asTable(value))) {
        const own = dotted(path, name);
        this.#header(table, asTable(element), `[${own}]`, own);
      }
    } else this.#header(table, asTable(value), `[${path}]`, path);
  }

  #header(table: Table, values: TomlTable, header: string, path: string): void {
    this.lines.push("");
    this.#say(path, table.description);
    // A table of tables alone needs no header of its own.
    const hasKeys = table.keys.some(({ name }) => values[name] !== undefined) || table.isList ||
      table.path.endsWith(">") || table.tables.some(({ path }) => path.endsWith(ANY_EVENT));
    if (hasKeys) this.lines.push(header);
    this.keys(table, values, path);
  }

  #say(what: string, description: string): void {
    if (this.#said.has(what)) return;
    this.#said.add(what);
    this.lines.push(...wrapped(description).map(comment));
  }
}

/** `listener.tcp.<name>` is the table `tcp` of `listener`. */
const lastName = (path: string): string => path.replace(/\.<name>$/, "").split(".").at(-1) ?? ""; // never empty: split gives one at least

const dotted = (path: string, name: string): string =>
  path === "" ? bare(name) : `${path}.${bare(name)}`;

const bare = (name: string): string => /^[\w-]+$/.test(name) ? name : quoted(name);

const asTable = (value: unknown): TomlTable =>
  typeof value === "object" && value !== null ? value as TomlTable : {}; // was decoded before: no other object is taken

const asList = (value: unknown): ReadonlyArray<TomlTable> =>
  Array.isArray(value) ? value.map(asTable) : [];

/** A basic string; JSON's escapes are TOML's, but for the one character that JSON lets be. */
const quoted = (text: string): string => JSON.stringify(text).replaceAll("\x7f", "\\u007f");

/** A value in one line. */
const inline = (value: unknown): string => {
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value).replace("Infinity", "inf");
  const pairs = Object.entries(value).map(([name, inner]) => `${bare(name)} = ${inline(inner)}`);
  return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
};

const comment = (line: string): string => line === "" ? "" : `# ${line}`;

const WIDTH = 96;

const wrapped = (text: string): ReadonlyArray<string> => {
  const lines: Array<string> = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
};
