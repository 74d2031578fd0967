/** web-hook.toml: its keys with their defaults, and the settings they make. Source of both: shared/contract.md. */
import * as Schema from "@effect/schema";
import { hasSubject, type HookEventName, hookEventNames } from "../domain/HookEvent.ts";
import type { HookRule } from "../domain/HookRule.ts";
import type { EndpointSettings, WebHookSettings } from "../domain/WebHookSettings.ts";
import type { KeyPath } from "./ConfigError.ts";
import { displayUrl } from "../domain/displayUrl.ts";
import { expecting, type UnplacedFault } from "./expectation.ts";
import {
  endpointUrl,
  number,
  oneOf,
  optional,
  pemFile,
  secret,
  text,
  timer,
  topicFilters,
  wholeNumber,
  withDefault,
} from "./fields.ts";
import { isAttemptHeader } from "../webhook/attempt/attemptHeaders.ts";
import { nearest } from "./nearest.ts";
import type { TomlTable } from "./readToml.ts";

/** Keys that the file has in general and an `[[endpoint]]` table for its URL alone. */
const delivery = {
  http_timeout: timer(1),
  concurrency_limit: wholeNumber(1, 65535),
  retry_initial_interval: timer(1),
  retry_multiplier: number("a number from 1 to 1000", (n) => n >= 1 && n <= 1000),
  retry_max_interval: timer(1),
  retry_jitter: number("a number from 0 to 1", (n) => n >= 0 && n <= 1),
  retry_max_elapsed_time: timer(0),
  retry_status: oneOf("transient", "all"),
};

const urls = withDefault(Schema.Array(endpointUrl), []);

const noTopics = topicFilters.pipe(
  Schema.filter((topics) => topics.length === 0),
  expecting({ expected: "no topics, because this event has none to match" }),
);

const rules = (event: HookEventName) =>
  withDefault(
    Schema.Array(
      Schema.Struct({
        action: withDefault(text, event),
        topics: withDefault(hasSubject(event) ? topicFilters : noTopics, []),
        urls,
      }),
    ),
    [],
  );

const Rules = Schema.Struct(
  Object.fromEntries(hookEventNames.map((event) => [event, rules(event)])) as Record<
    HookEventName,
    ReturnType<typeof rules>
  >, // fromEntries forgets the literal keys
).pipe(expecting({ key: "a known event" }));

/** What the HTTP layer writes itself: a second one would contradict it or break the framing. [RFC 9110] */
const OWN_HEADERS = /^(connection|content-length|content-type|transfer-encoding)$/i;

const Headers = Schema.Record({
  // A token. [RFC 9110, 5.6.2]
  key: Schema.String.pipe(
    Schema.filter((name) =>
      /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !OWN_HEADERS.test(name) && !isAttemptHeader(name)
    ),
  ),
  value: secret(
    `a header's value or "env:NAME"`,
    // A field value, without what could end it. [RFC 9110, 5.5]
    (value) =>
      /^[\t\x20-\x7e\x80-\xff]*$/.test(value) ? undefined : "a text that no header can hold",
  ),
}).pipe(expecting({ key: "the name of a header that this broker does not set itself" }));

const Endpoint = Schema.Struct({
  url: endpointUrl,
  headers: withDefault(Headers, {}),
  ca_file: optional(pemFile("CERTIFICATE")),
  http_timeout: optional(delivery.http_timeout),
  concurrency_limit: optional(delivery.concurrency_limit),
  retry_initial_interval: optional(delivery.retry_initial_interval),
  retry_multiplier: optional(delivery.retry_multiplier),
  retry_max_interval: optional(delivery.retry_max_interval),
  retry_jitter: optional(delivery.retry_jitter),
  retry_max_elapsed_time: optional(delivery.retry_max_elapsed_time),
  retry_status: optional(delivery.retry_status),
});
type Endpoint = typeof Endpoint.Type;

const Endpoints = Schema.Array(Endpoint).pipe(
  Schema.filter((endpoints) =>
    endpoints.flatMap(({ url }, i) =>
      endpoints.findIndex((other) => other.url === url) === i ? [] : [{
        path: [i, "url"],
        message: `${JSON.stringify(displayUrl(url))} a second time`,
      }]
    )
  ),
  expecting({ expected: "one table for each URL" }),
);

/** More events than an array has room for could not be queued. */
const LONGEST_QUEUE = 2 ** 31 - 1;

/** What web-hook.toml may hold. */
export const WebHookFile = Schema.Struct({
  worker_threads: withDefault(wholeNumber(0, 256), 3),
  queue_capacity: optional(wholeNumber(1, LONGEST_QUEUE)),
  /** What older versions of RMQTT called queue_capacity. */
  async_queue_capacity: optional(wholeNumber(1, LONGEST_QUEUE)),
  urls,
  http_urls: urls,
  shutdown_timeout: withDefault(timer(0), 10_000),
  endpoint_share: withDefault(
    number("a number over 0 and at most 1", (n) => n > 0 && n <= 1),
    0.5,
  ),
  when_full: withDefault(oneOf("backpressure", "drop_newest", "drop_oldest"), "backpressure"),
  breaker_failures: withDefault(wholeNumber(1), 20),
  ordering: withDefault(oneOf("lifecycle", "client", "none"), "lifecycle"),
  http_client: withDefault(oneOf("pool", "fetch"), "pool"),
  http_timeout: withDefault(delivery.http_timeout, 8000),
  concurrency_limit: withDefault(delivery.concurrency_limit, 128),
  retry_initial_interval: withDefault(delivery.retry_initial_interval, 500),
  retry_multiplier: withDefault(delivery.retry_multiplier, 2.5),
  retry_max_interval: withDefault(delivery.retry_max_interval, 60_000),
  retry_jitter: withDefault(delivery.retry_jitter, 0.5),
  retry_max_elapsed_time: withDefault(delivery.retry_max_elapsed_time, 60_000),
  retry_status: withDefault(delivery.retry_status, "transient"),
  endpoint: withDefault(Endpoints, []),
  rule: optional(Rules),
});
export type WebHookFile = typeof WebHookFile.Type;

/**
 * Rules that name no URL in a file that has no default ones. It reads the file as parsed, so that
 * this is told together with whatever else is wrong.
 */
export const rulesWithoutUrl = (file: TomlTable): ReadonlyArray<UnplacedFault> => {
  if (!isEmptyList(file.http_urls) || !isEmptyList(file.urls)) return [];
  if (typeof file.rule !== "object" || file.rule === null) return [];
  return Object.entries(file.rule).flatMap(([event, rules]) => {
    if (!isEventName(event) || !Array.isArray(rules)) return [];
    return rules.flatMap((rule: unknown, i) => {
      if (typeof rule !== "object" || rule === null || Array.isArray(rule)) return [];
      if ("urls" in rule && !isEmptyList(rule.urls)) return [];
      return [{
        path: ["rule", event, i],
        expected: "urls in the rule, or http_urls for all rules",
        found: "neither",
        nearest: undefined,
      }];
    });
  });
};

const isEventName = (name: string): boolean =>
  (hookEventNames as ReadonlyArray<string>).includes(name); // includes() asks for the very type it tests

const isEmptyList = (value: unknown): boolean =>
  value === undefined || (Array.isArray(value) && value.length === 0);

/** Something in a file that is allowed and can hardly be meant. */
export interface Doubt {
  readonly path: KeyPath;
  readonly text: string;
}

/** What a web-hook.toml makes. */
export interface WebHookResult {
  readonly settings: WebHookSettings;
  readonly doubts: ReadonlyArray<Doubt>;
}

/** The settings that a web-hook.toml makes. Every rule must have a URL: see `rulesWithoutUrl`. */
export const webHookSettings = (file: WebHookFile): WebHookResult => {
  const defaults = unique([...file.urls, ...file.http_urls]);
  const rules = hookEventNames.flatMap((event): ReadonlyArray<HookRule> =>
    (file.rule?.[event] ?? []).map(({ action, topics, urls }) => ({
      event,
      action,
      topics,
      urls: urls.length === 0 ? defaults : unique(urls),
    }))
  );
  const urls = unique(rules.flatMap((rule) => rule.urls));
  const endpoint = (url: string): EndpointSettings => {
    const own = file.endpoint.find((e) => e.url === url);
    const { headers = {}, ca_file, ...overrides }: Partial<Endpoint> = own ?? {};
    const merged = { ...file, ...overrides };
    return {
      url,
      headers: Object.entries(headers),
      caFile: ca_file,
      httpTimeout: merged.http_timeout,
      concurrencyLimit: merged.concurrency_limit,
      retry: {
        initialInterval: merged.retry_initial_interval,
        multiplier: merged.retry_multiplier,
        maxInterval: merged.retry_max_interval,
        jitter: merged.retry_jitter,
        maxElapsedTime: merged.retry_max_elapsed_time,
        status: merged.retry_status,
      },
    };
  };
  return {
    settings: {
      workerThreads: file.worker_threads,
      queueCapacity: file.queue_capacity ?? file.async_queue_capacity ?? 300_000,
      concurrencyLimit: file.concurrency_limit,
      shutdownTimeout: file.shutdown_timeout,
      endpointShare: file.endpoint_share,
      whenFull: file.when_full,
      breakerFailures: file.breaker_failures,
      ordering: file.ordering,
      httpClient: file.http_client,
      rules,
      endpoints: new Map(urls.map((url) => [url, endpoint(url)])),
    },
    doubts: file.endpoint.flatMap((e, i) => endpointDoubts(e, ["endpoint", i], urls)),
  };
};

const endpointDoubts = (
  { url, ca_file, headers }: Endpoint,
  path: KeyPath,
  used: ReadonlyArray<string>,
): ReadonlyArray<Doubt> => {
  const doubt = (key: string, text: string): Doubt => ({ path: [...path, key], text });
  if (!used.includes(url)) {
    const near = nearest(url, used);
    const hint = near === undefined ? "" : `; did you mean ${JSON.stringify(displayUrl(near))}?`;
    const shown = JSON.stringify(displayUrl(url));
    return [doubt("url", `no rule sends to ${shown}, the table is not used${hint}`)];
  }
  const { protocol } = new URL(url);
  return [
    ...(ca_file !== undefined && protocol !== "https:"
      ? [doubt("ca_file", "only https:// URLs have certificates, the file is not used")]
      : []),
    ...(Object.keys(headers).length > 0 && protocol === "file:"
      ? [doubt("headers", "a file:// URL has no headers, they are not used")]
      : []),
  ];
};

const unique = (urls: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(urls)];
