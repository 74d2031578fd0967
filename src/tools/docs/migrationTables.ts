/** What is known of RMQTT's keys and plugins, as Markdown. */
import type { RmqttKey } from "../../config/rmqttKeys.ts";
import { RMQTT_KEYS } from "../../config/rmqttKeys.ts";
import { RMQTT_PLUGINS } from "../../config/rmqttPlugins.ts";

/** Each key that means nothing here: with which values nothing is different, and what is with another. */
export const keyTable = (): string =>
  table(
    ["key", "nothing is different with", "with another value"],
    RMQTT_KEYS.map((entry) => [code(entry.key), values(entry), entry.otherwise ?? ""]),
  );

/** Each plugin, and what of it is here. */
export const pluginTable = (): string =>
  table(["plugin", "here"], RMQTT_PLUGINS.map(({ name, here }) => [code(name), here]));

const values = ({ same }: RmqttKey): string =>
  same === "any"
    ? "any value"
    : same.length === 0
    ? "none"
    : same.map((value) => code(JSON.stringify(value))).join(", ");

const code = (text: string): string => `\`${text}\``;

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
