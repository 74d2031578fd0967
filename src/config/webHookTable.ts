/**
 * web-hook settings as the file would have them, with all defaults filled in: of general keys that hold for each
 * URL where its `[[endpoint]]` says nothing, each endpoint has its own.
 */
import * as Redacted from "effect/Redacted";
import { hookEventNames } from "../domain/HookEvent.ts";
import type { HookRule } from "../domain/HookRule.ts";
import type { EndpointSettings, WebHookSettings } from "../domain/WebHookSettings.ts";
import { formatByteSize } from "./ByteSize.ts";
import { formatDuration } from "./Duration.ts";
import { formatRateLimit } from "./RateLimit.ts";

/** How a table shows what may hold a secret. */
export interface Shown {
  readonly url: (url: string) => string;
  readonly secret: (secret: Redacted.Redacted<string | Uint8Array>) => string;
}

/** As it is: for comparing alone. */
export const BARE: Shown = {
  url: (url) => url,
  secret: (secret) => {
    const value = Redacted.value(secret);
    return typeof value === "string" ? value : value.toBase64();
  },
};

export const webHookTable = (
  { outbox, rules, endpoints, ...settings }: WebHookSettings,
  shown: Shown,
) => ({
  worker_threads: settings.workerThreads,
  queue_capacity: settings.queueCapacity,
  when_full: settings.whenFull,
  endpoint_share: settings.endpointShare,
  client_share: settings.clientShare,
  ordering: settings.ordering,
  http_client: settings.httpClient,
  compat: settings.compat,
  concurrency_limit: settings.concurrencyLimit,
  breaker_failures: settings.breakerFailures,
  shutdown_timeout: formatDuration(settings.shutdownTimeout),
  outbox: outbox.kind,
  outbox_dir: outbox.directory,
  outbox_sync: outbox.sync,
  outbox_sync_interval: formatDuration(outbox.syncInterval),
  outbox_delay: formatDuration(outbox.delay),
  outbox_max_bytes: formatByteSize(outbox.maxBytes),
  dead_letters: outbox.deadLetters,
  dead_letter_replay: outbox.deadLetterReplay,
  dead_letter_max_age: formatDuration(outbox.deadLetterMaxAge),
  dead_letter_max_bytes: formatByteSize(outbox.deadLetterMaxBytes),
  rule: Object.fromEntries(
    hookEventNames.map((event) => [event, rules.filter((rule) => rule.event === event)] as const)
      .filter(([, rules]) => rules.length > 0)
      .map(([event, rules]) => [event, rules.map((rule) => ruleTable(rule, shown))]),
  ),
  endpoint: Array.from(endpoints.values(), (endpoint) => endpointTable(endpoint, shown)),
});

const ruleTable = ({ action, topics, urls }: HookRule, shown: Shown) => ({
  action,
  topics,
  urls: urls.map(shown.url),
});

/** The limits are there with batches only. */
const batchTable = (batch: EndpointSettings["batch"]) =>
  batch === undefined ? { batch: "none" } : {
    batch: batch.form,
    batch_max_events: batch.maxEvents,
    batch_max_bytes: formatByteSize(batch.maxBytes),
    batch_max_delay: formatDuration(batch.maxDelay),
  };

export const endpointTable = (
  { url, headers, signingKeys, ca, identity, httpTimeout, concurrencyLimit, retry, ...others }:
    EndpointSettings,
  shown: Shown,
) => ({
  url: shown.url(url),
  name: others.name,
  headers: Object.fromEntries(headers.map(([name, value]) => [name, shown.secret(value)])),
  signing_secrets: signingKeys.map(shown.secret),
  ...(ca === undefined ? {} : { ca_file: ca.file }),
  ...(identity === undefined
    ? {}
    : { client_cert: identity.certFile, client_key: identity.keyFile }),
  payload: others.payload,
  ...batchTable(others.batch),
  compression: others.compression,
  ...(others.rateLimit === undefined ? {} : { rate_limit: formatRateLimit(others.rateLimit) }),
  http_timeout: formatDuration(httpTimeout),
  concurrency_limit: concurrencyLimit,
  retry_initial_interval: formatDuration(retry.initialInterval),
  retry_multiplier: retry.multiplier,
  retry_max_interval: formatDuration(retry.maxInterval),
  retry_jitter: retry.jitter,
  retry_max_elapsed_time: formatDuration(retry.maxElapsedTime),
  retry_status: retry.status,
});
