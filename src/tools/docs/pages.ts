/** The pages of docs/ with generated parts, and these parts. */
import { BrokerFile } from "../../config/BrokerFile.ts";
import { WebHookFile } from "../../config/WebHookFile.ts";
import { configTables } from "./configTables.ts";
import { eventSections, eventTable } from "./eventSections.ts";
import { keySections } from "./keySections.ts";
import { keyTable, pluginTable } from "./migrationTables.ts";

/** By the page's name in docs/: the texts of its regions. */
export const PAGES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "events.md": { "all-events": eventTable(), "each-event": eventSections() },
  "broker-toml.md": { keys: keySections(configTables(BrokerFile)) },
  "migrating.md": { "rmqtt-keys": keyTable(), "rmqtt-plugins": pluginTable() },
  "web-hook-toml.md": { keys: keySections(configTables(WebHookFile)) },
};
