/** The comments of the shipped files and the descriptions in the Schemas are the same words, or one of them is stale. */
import assert from "node:assert/strict";
import brokerToml from "../../../config/broker.toml" with { type: "text" };
import webHookToml from "../../../config/web-hook.toml" with { type: "text" };
import { BrokerFile } from "../../../src/config/BrokerFile.ts";
import { WebHookFile } from "../../../src/config/WebHookFile.ts";
import type { Table } from "../../../src/tools/docs/configTables.ts";
import { configTables } from "../../../src/tools/docs/configTables.ts";

/**
 * The file as its comments in one line each, the path of a key behind its comment:
 * "The longest client identifier, in bytes.\nlistener.tcp.external.max_clientid_len\n".
 */
const commentsAndKeys = (toml: string): string => {
  let table = "";
  let text = "";
  for (const line of toml.split("\n")) {
    const said = line.replace(/^(# )*/, "");
    const [, header] = /^\[+([\w.]+)\]/.exec(said) ?? [];
    const [, key, behind] = /^(\w+) = .*?(?: {2}# (.*))?$/.exec(said) ?? [];
    if (header !== undefined) {
      table = `${header}.`;
      text += `\n${header}\n`;
    } else if (key !== undefined) text += `${behind ?? ""}\n${table}${key}\n`;
    else if (said !== line) text += text.endsWith("\n") ? said : ` ${said}`;
    else text += "\n";
  }
  return text;
};

/** What the file leaves out of a table, and of the tables in it. */
const missing = (text: string, table: Table, said: Set<string>): ReadonlyArray<string> => {
  const path = table.path.replace("<name>", "external");
  const keys = table.keys.filter((key) => key.toldIn === undefined).flatMap((key) => {
    const written = path === "" ? key.name : `${path}.${key.name}`;
    const comment = `${key.name}: ${key.description}`;
    const wanted = path === "rule.<event>" // in a line with others
      ? `- ${comment}`
      : said.has(comment)
      ? `\n${written}\n`
      : `${key.description}\n${written}\n`;
    said.add(comment);
    return text.includes(wanted) ? [] : [wanted];
  });
  return [
    ...(text.includes(table.description) ? [] : [table.description]),
    ...keys,
    ...table.tables.flatMap((inner) => missing(text, inner, said)),
  ];
};

for (
  const [name, toml, tables] of [
    ["broker.toml", brokerToml, configTables(BrokerFile)],
    ["web-hook.toml", webHookToml, configTables(WebHookFile)],
  ] as const
) {
  Deno.test(`The shipped ${name} has every key of its Schema, under what the Schema says of it`, () => {
    assert.deepEqual(missing(commentsAndKeys(toml), tables, new Set()), []);
  });
}
