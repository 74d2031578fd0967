/**
 * Finds the line of every key of a TOML document, which the parser does not tell.
 *
 * It only ever reads a text that the parser has accepted, so it checks nothing and knows only as much
 * of TOML 1.0 as it takes to see where keys and values begin. It must never answer with a wrong line.
 */
import { parse } from "@std/toml";
import type { KeyPath } from "./ConfigError.ts";

/** The lines, counted from 1, at which the keys of one document stand. */
export interface TomlLines {
  /** Where this key, table or array element begins; undefined when there is none. */
  readonly of: (path: KeyPath) => number | undefined;
}

/** Reads the lines of a document that the TOML parser accepts; what it answers of any other is undefined. */
export const scanTomlLines = (toml: string): TomlLines => {
  const scanner = new Scanner(toml);
  scanner.document();
  return { of: (path) => scanner.lines.get(key(path)) };
};

/** Unlike a join, it keeps the index 0 and the key "0", or a dot in a quoted key, apart. */
const key = (path: KeyPath): string => JSON.stringify(path);

/** What a quoted key means: the parser knows its escapes. */
const unquoted = (quoted: string): string => Object.keys(parse(`${quoted} = 0`))[0] ?? "";

class Scanner {
  readonly lines = new Map<string, number>();
  /** How many elements each array of tables has so far. */
  readonly #tables = new Map<string, number>();
  readonly #text: string;
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    let table: KeyPath = [];
    for (;;) {
      this.#skip(BLANK);
      if (this.#at >= this.#text.length) return;
      if (this.#text.startsWith("[[", this.#at)) {
        this.#advance(2);
        table = this.#header(this.#keys());
        const count = this.#tables.get(key(table)) ?? 0;
        this.#tables.set(key(table), count + 1);
        this.#record(table);
        table = [...table, count];
        this.#record(table);
        this.#advance(2);
      } else if (this.#text[this.#at] === "[") {
        this.#advance(1);
        table = this.#element(this.#header(this.#keys()));
        this.#record(table);
        this.#advance(1);
      } else this.#pair(table);
    }
  }

  /** A header's keys as a path: what stands before the last key enters the newest element of an array of tables. */
  #header(keys: ReadonlyArray<string>): KeyPath {
    let path: KeyPath = [];
    for (const [i, k] of keys.entries()) {
      path = [...path, k];
      if (i < keys.length - 1) {
        this.#record(path);
        path = this.#element(path);
      }
    }
    return path;
  }

  #element(path: KeyPath): KeyPath {
    const count = this.#tables.get(key(path));
    return count === undefined ? path : [...path, count - 1];
  }

  /** `key = value`; the tables that a dotted key opens begin where they are named first. */
  #pair(table: KeyPath): void {
    let path = table;
    const line = this.#line;
    for (const k of this.#keys()) {
      path = [...path, k];
      this.#record(path, line);
    }
    this.#advance(1); // =
    this.#skip(SPACE);
    this.#value(path);
  }

  #value(path: KeyPath): void {
    const c = this.#text[this.#at];
    if (c === '"' || c === "'") this.#skip(STRING);
    else if (c === "[") {
      this.#advance(1);
      for (let i = 0; !this.#closes("]"); i++) {
        this.#record([...path, i]);
        this.#value([...path, i]);
      }
    } else if (c === "{") {
      this.#advance(1);
      while (!this.#closes("}")) this.#pair(path);
    } else this.#skip(BARE_VALUE);
  }

  /** Steps over blanks and commas between elements; true when the end was found and stepped over. */
  #closes(end: string): boolean {
    this.#skip(BLANK_OR_COMMA);
    if (this.#at < this.#text.length && this.#text[this.#at] !== end) return false;
    this.#advance(1);
    return true;
  }

  /** A possibly dotted key, up to what follows it. */
  #keys(): ReadonlyArray<string> {
    const keys: Array<string> = [];
    for (;;) {
      this.#skip(SPACE);
      const c = this.#text[this.#at];
      if (c === '"' || c === "'") keys.push(unquoted(this.#skip(STRING)));
      else keys.push(this.#skip(BARE_KEY));
      this.#skip(SPACE);
      if (this.#text[this.#at] !== ".") return keys;
      this.#advance(1);
    }
  }

  #record(path: KeyPath, line = this.#line): void {
    if (!this.lines.has(key(path))) this.lines.set(key(path), line);
  }

  /** Steps over what `pattern`, a sticky expression, matches here. */
  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#advance(found.length);
    return found;
  }

  #advance(length: number): void {
    const end = this.#at + length;
    for (let i = this.#text.indexOf("\n", this.#at); i !== -1 && i < end;) {
      this.#line++;
      i = this.#text.indexOf("\n", i + 1);
    }
    this.#at = end;
  }
}

const SPACE = /[ \t]*/y;
const BLANK = /(?:[\s\ufeff]|#[^\n]*)*/y;
const BLANK_OR_COMMA = /(?:[\s,]|#[^\n]*)*/y;
const BARE_KEY = /[\w-]*/y;
const BARE_VALUE = /[^,\]}#\n]*/y;
const STRING = /"""(?:\\[\s\S]|[^\\])*?"""+|'''[\s\S]*?'''+|"(?:\\.|[^"\\\n])*"|'[^'\n]*'/y;
