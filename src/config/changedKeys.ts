import type { BrokerSettings } from "../domain/BrokerSettings.ts";
import { nameOf } from "../domain/endpointNames.ts";
import type { EndpointSettings, WebHookSettings } from "../domain/WebHookSettings.ts";
import * as Redacted from "effect/Redacted";
import { BARE, endpointTable, webHookTable } from "./webHookTable.ts";

/**
 * The keys of web-hook.toml in which two settings differ: `rule.EVENT` for the rules of an event, and `endpoint URL`
 * for what holds for a URL, which a general key may have changed, or a certificate in its file. No value of a
 * secret is told.
 */
export const changedWebHookKeys = (
  before: WebHookSettings,
  after: WebHookSettings,
): ReadonlyArray<string> => {
  const { rule: rulesBefore, endpoint: _before, ...keysBefore } = webHookTable(before, BARE);
  const { rule: rulesAfter, endpoint: _after, ...keysAfter } = webHookTable(after, BARE);
  const urls = new Set([...before.endpoints.keys(), ...after.endpoints.keys()]);
  return [
    ...differing(keysBefore, keysAfter),
    ...differing(rulesBefore, rulesAfter).map((event) => `rule.${event}`),
    ...[...urls].filter((url) =>
      textOf(before.endpoints.get(url)) !== textOf(after.endpoints.get(url))
    ).map((url) => `endpoint ${nameOf(after.endpoints.has(url) ? after : before, url)}`),
  ];
};

/** The keys of broker.toml in which two settings differ and which a running broker takes over. */
export const changedBrokerKeys = (
  before: BrokerSettings,
  after: BrokerSettings,
): ReadonlyArray<string> => [
  ...(usersOf(before) === usersOf(after) ? [] : ["auth.users"]),
  ...(JSON.stringify(before.acl) === JSON.stringify(after.acl) ? [] : ["acl"]),
];

const usersOf = ({ users }: BrokerSettings): string =>
  JSON.stringify(users.map(({ password, ...user }) => [user, Redacted.value(password)]));

/** With what is in the files that it names. */
const textOf = (endpoint: EndpointSettings | undefined): string | undefined => {
  if (endpoint === undefined) return undefined;
  const { ca, identity } = endpoint;
  const key = identity && Redacted.value(identity.key);
  return JSON.stringify([endpointTable(endpoint, BARE), ca?.pem, identity?.cert, key]);
};

const differing = (
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): ReadonlyArray<string> =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) =>
    JSON.stringify(a[key]) !== JSON.stringify(b[key])
  );
