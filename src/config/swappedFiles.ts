/** Tells where one of the two files is given for the other, in one line instead of one for each of its keys. */
import { BrokerFile } from "./BrokerFile.ts";
import type { ConfigFault } from "./ConfigError.ts";
import type { UnplacedFault } from "./expectation.ts";
import type { TomlTable } from "./readToml.ts";
import { rmqttNames } from "./rmqttFile.ts";
import { WebHookFile } from "./WebHookFile.ts";

/** Which of the two a file is meant to be. */
export type FileKind = "broker" | "web-hook";

const KEYS: Readonly<Record<FileKind, ReadonlySet<string>>> = {
  broker: new Set([...Object.keys(BrokerFile.fields), ...rmqttNames([])]),
  "web-hook": new Set(Object.keys(WebHookFile.fields)),
};

const OPTION: Readonly<Record<FileKind, string>> = { broker: "--config", "web-hook": "--web-hook" };

/** What is wrong with a file whose known keys are all the other one's; undefined: it is what it should be. */
export const swapped = (file: TomlTable, what: FileKind): UnplacedFault | undefined => {
  const names = Object.keys(file);
  const other = what === "broker" ? "web-hook" : "broker";
  const isOther = !names.some((name) => KEYS[what].has(name)) &&
    names.some((name) => KEYS[other].has(name));
  return !isOther ? undefined : {
    path: [],
    expected: `${what} settings`,
    found: `${other} settings, which ${OPTION[other]} names`,
    nearest: undefined,
  };
};

/** One fault for two, where each file is the other one. */
export const orExchanged = (faults: ReadonlyArray<ConfigFault>): ReadonlyArray<ConfigFault> => {
  const [first, second] = faults;
  return faults.length !== 2 || first?.expected !== "broker settings" ||
      second?.expected !== "web-hook settings"
    ? faults
    : [{
      ...first,
      found: `web-hook settings, and the others in ${second.file}: exchange the two`,
    }];
};
