/**
 * Finds the line of every key of a TOML document, which our parser does not tell. It must never answer
 * with a wrong line, nor be loaded where no line is told: the parser that knows them takes 7 MB and, with
 * its first document, 30 ms.
 */
import type { AST } from "toml-eslint-parser";
import { parseTOML } from "toml-eslint-parser";
import type { KeyPath } from "./ConfigError.ts";

/** The lines, counted from 1, at which the keys of one document stand. */
export interface TomlLines {
  /** Where this key, table or array element begins; undefined when there is none. */
  readonly of: (path: KeyPath) => number | undefined;
}

/** Reads the lines of a document; it has none when this parser refuses what ours accepts, as the 30th of February. */
export const tomlLines = (toml: string): TomlLines => {
  const lines = new Lines();
  try {
    lines.document(parseTOML(toml.replace(BYTE_ORDER_MARK, ""), { tomlVersion: "1.1" }));
  } catch {
    // Lines help to find a fault; the fault itself is told without them.
  }
  return lines;
};

/** This parser refuses it. */
const BYTE_ORDER_MARK = /^\ufeff/;

class Lines implements TomlLines {
  readonly #lines = new Map<string, number>();

  of(path: KeyPath): number | undefined {
    return this.#lines.get(id(path));
  }

  document({ body: [{ body }] }: AST.TOMLProgram): void {
    for (const node of body) {
      if (node.type === "TOMLKeyValue") this.#pair([], node);
      else {
        // The keys before the last one may be named here for the first time.
        node.resolvedKey.forEach((_, i) => this.#record(node.resolvedKey.slice(0, i + 1), node));
        for (const pair of node.body) this.#pair(node.resolvedKey, pair);
      }
    }
  }

  /** `key = value`; the tables that a dotted key opens begin where they are named first. */
  #pair(table: KeyPath, { key: { keys }, value }: AST.TOMLKeyValue): void {
    let path = table;
    for (const key of keys) {
      path = [...path, key.type === "TOMLBare" ? key.name : key.value];
      this.#record(path, key);
    }
    this.#inside(path, value);
  }

  #inside(path: KeyPath, value: AST.TOMLContentNode): void {
    switch (value.type) {
      case "TOMLInlineTable":
        for (const pair of value.body) this.#pair(path, pair);
        break;
      case "TOMLArray":
        for (const [i, element] of value.elements.entries()) {
          this.#record([...path, i], element);
          this.#inside([...path, i], element);
        }
    }
  }

  #record(path: KeyPath, { loc }: AST.TOMLNode): void {
    if (!this.#lines.has(id(path))) this.#lines.set(id(path), loc.start.line);
  }
}

/** Unlike a join, it keeps the index 0 and the key "0", or a dot in a quoted key, apart. */
const id = (path: KeyPath): string => JSON.stringify(path);
