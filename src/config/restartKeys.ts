import * as Redacted from "effect/Redacted";
import type {
  BrokerSettings,
  HttpApiSettings,
  ListenerSettings,
} from "../domain/BrokerSettings.ts";
import { formatListenerAddress } from "./ListenerAddress.ts";

/**
 * The keys of broker.toml in which two settings differ and which a running broker can't take over: all but
 * `auth` and `acl`. A listener that is new, or gone, is one key.
 */
export const restartKeys = (
  running: BrokerSettings,
  wanted: BrokerSettings,
): ReadonlyArray<string> => differences("", tree(running), tree(wanted));

interface Tree {
  readonly [key: string]: unknown;
}

/** Settings in the shape that the file has. */
const tree = (
  { users: _users, acl: _acl, listeners, httpApi, ...others }: BrokerSettings,
): Tree => ({
  ...others,
  ...(httpApi === undefined ? {} : { httpApi: httpApiKeys(httpApi) }),
  ...Object.fromEntries(
    listeners.map((
      listener,
    ) => [`listener.${listener.transport}.${listener.name}`, keys(listener)]),
  ),
});

/** Only whether they differ is told. */
const httpApiKeys = (api: HttpApiSettings): Tree => ({
  addr: formatListenerAddress(api),
  token: api.token && Redacted.value(api.token),
  metricsOpen: api.metricsOpen,
  page: api.page,
  payloads: api.payloads,
  maxRowLimit: api.mostRows,
});

const keys = (listener: ListenerSettings): Tree => ({
  addr: formatListenerAddress(listener),
  ...("certFile" in listener ? { cert: listener.certFile, key: listener.keyFile } : {}),
  ...("path" in listener ? { path: listener.path, allowed_origins: listener.allowedOrigins } : {}),
  ...listener.limits,
});

const differences = (path: string, a: Tree, b: Tree): ReadonlyArray<string> =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((name) => {
    const key = path + (name.startsWith("listener.") ? name : snakeCase(name));
    const [before, after] = [a[name], b[name]];
    if (isTree(before) && isTree(after)) return differences(`${key}.`, before, after);
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [key];
  });

const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const isTree = (value: unknown): value is Tree =>
  typeof value === "object" && value !== null && !Array.isArray(value);
