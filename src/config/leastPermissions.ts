/**
 * The least that a process needs to be allowed for these settings, in Deno's words. It must never grant a
 * whole kind of permission where places of it can be named.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrokerSettings } from "../domain/BrokerSettings.ts";
import { hostOf } from "../domain/hostOf.ts";
import { isDurable } from "../domain/isDurable.ts";
import type { WebHookSettings } from "../domain/WebHookSettings.ts";
import { standardStream } from "../webhook/attempt/appendFile.ts";
import { formatListenerAddress } from "./ListenerAddress.ts";

/** Places that a process may use, by kind; an empty list is nothing. */
export interface LeastPermissions {
  /** `host:port`. */
  readonly net: ReadonlyArray<string>;
  /** Paths of files, and of folders with all in them. */
  readonly read: ReadonlyArray<string>;
  readonly write: ReadonlyArray<string>;
  /** Names of variables. */
  readonly env: ReadonlyArray<string>;
  /** Questions about the system. */
  readonly sys: ReadonlyArray<string>;
}

/** What is known beside the settings. */
export interface Surroundings {
  /** What reading the settings has asked for: the two files, certificates, keys, and variables. */
  readonly asked: { readonly files: Iterable<string>; readonly variables: Iterable<string> };
  /** The program's own files: Deno reads the modules of Workers with the process's permissions. */
  readonly program: ReadonlyArray<string>;
  /** Whether there is a file or folder of this path. */
  readonly exists: (path: string) => boolean;
}

export const leastPermissions = (
  { broker, webHook }: { readonly broker: BrokerSettings; readonly webHook: WebHookSettings },
  { asked, program, exists }: Surroundings,
): LeastPermissions => {
  const { outbox } = webHook;
  const urls = [...webHook.endpoints.keys()];
  const files = urls.map((url) => new URL(url))
    .filter((url) => url.protocol === "file:" && standardStream(url) === undefined)
    .map((url) => fileURLToPath(url));
  // What is not there yet is made with the folder that it is in.
  const folders = files.map((file) => dirname(file)).filter((folder) => !exists(folder));
  const isKept = isDurable({ broker, webHook });
  return {
    net: distinct([
      ...broker.listeners.map(formatListenerAddress),
      ...(broker.httpApi === undefined ? [] : [formatListenerAddress(broker.httpApi)]),
      ...urls.map(hostOf).filter((host) => host !== undefined),
    ]),
    // Of a store that is there and not used, the log tells.
    read: distinct([...program, ...asked.files, outbox.directory, ...files]),
    write: distinct([...(isKept ? [outbox.directory] : []), ...files, ...folders]),
    env: distinct(asked.variables),
    // 0 is a share of what there is (ops/memory).
    sys: broker.limits.maxMemory === 0 ? ["systemMemoryInfo"] : [],
  };
};

const distinct = (texts: Iterable<string>): ReadonlyArray<string> => [...new Set(texts)];

/** As options of `deno run`; a kind that nothing is needed of has none. */
export const permissionOptions = (permissions: LeastPermissions): ReadonlyArray<string> =>
  (["net", "read", "write", "env", "sys"] as const)
    .filter((kind) => permissions[kind].length > 0)
    .map((kind) => `--allow-${kind}=${distinct(permissions[kind].map(inList)).join(",")}`);

/** Deno has no way to write a comma that separates nothing: such a path is in the nearest folder that can be named. */
const inList = (place: string): string =>
  place.includes(",") ? inList(dirname(place.slice(0, place.indexOf(",") + 1))) : place;
