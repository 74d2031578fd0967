/** The tables and keys of a configuration file as Markdown: one section for each. */
import type { Key, Table } from "./configTables.ts";

/** The sections of a table, its keys, and the tables in it. */
export const keySections = (table: Table): string =>
  [
    headingOf(table),
    table.description,
    table.expected === undefined ? "" : `Expected: ${table.expected}.`,
    ...table.keys.filter((key) => key.toldIn === undefined).map(section),
    ...toldBefore(table),
    ...table.tables.map(keySections),
  ].filter((paragraph) => paragraph !== "").join("\n\n");

const headingOf = ({ path, isList, keys }: Table): string => {
  if (path === "") return keys.length === 0 ? "" : "## Top of the file";
  if (isList) return `## \`[[${path}]]\``;
  // A table that only holds others is never written by itself.
  return keys.length === 0 ? `## \`${path}\`` : `## \`[${path}]\``;
};

const section = (key: Key): string => {
  const without = key.isRequired
    ? "Required."
    : key.default === undefined
    ? "Optional."
    : `Default: \`${key.default}\`.`;
  return `### \`${key.name}\`\n\n${key.description}\n\n${without} Takes ${key.expected}.`;
};

/** The keys that an earlier table tells of, a sentence for each of those tables. */
const toldBefore = ({ keys }: Table): ReadonlyArray<string> => {
  const lists = Map.groupBy(
    keys.filter((key) => key.toldIn !== undefined),
    ({ toldIn, description, default: value }) =>
      value === undefined ? description.replace(/\.$/, "") : `As in \`[${toldIn}]\``,
  );
  return [...lists].map(([said, keys]) =>
    `${said}: ${keys.map(({ name }) => `[\`${name}\`](#${name})`).join(", ")}.`
  );
};
