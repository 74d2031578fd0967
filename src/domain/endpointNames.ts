/** What URLs are called wherever somebody looks: in the log, metrics, and by the API. */
import { displayUrl, nameOfUrl } from "./displayUrl.ts";
import type { WebHookSettings } from "./WebHookSettings.ts";

/**
 * A name for each URL, no two alike. One without a name of its own is called by its URL without user, password
 * and query; those that differ in these alone are told apart by a number, in their order.
 *
 * @param own names that URLs were given; they are no URLs, and no two are alike
 */
export const endpointNames = (
  urls: ReadonlyArray<string>,
  own: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> => {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  // Who is called by its whole URL comes first: no other may be called so.
  const whole = (url: string) => own.has(url) || nameOfUrl(url) === url;
  for (const url of [...urls.filter(whole), ...urls.filter((url) => !whole(url))]) {
    const name = freeName(own.get(url) ?? nameOfUrl(url), taken);
    names.set(url, name);
    taken.add(name);
  }
  return names;
};

/** The name, or with the first number behind it that nobody has. */
const freeName = (name: string, taken: ReadonlySet<string>): string => {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name} (${n})`;
  return free;
};

/** What a URL is called under these settings, which need not name it any more. */
export const nameOf = ({ endpoints }: Pick<WebHookSettings, "endpoints">, url: string): string =>
  endpoints.get(url)?.name ?? displayUrl(url);
