/** What `--check` prints: the settings as a person reads them. It must never print a secret, not even its length. */
import type { BrokerSettings, ListenerSettings } from "../domain/BrokerSettings.ts";
import type { OutboxSettings } from "../domain/OutboxSettings.ts";
import type {
  BatchSettings,
  EndpointSettings,
  WebHookSettings,
} from "../domain/WebHookSettings.ts";
import { formatByteSize } from "./ByteSize.ts";
import { formatDuration } from "./Duration.ts";
import { nameOf } from "../domain/endpointNames.ts";
import { formatListenerAddress } from "./ListenerAddress.ts";
import { formatRateLimit } from "./RateLimit.ts";

/** What would run, in several lines without a last line end. */
export const renderSettings = (broker: BrokerSettings, webHook: WebHookSettings): string =>
  [
    `node ${broker.node.id}`,
    `sessions and retained messages ${broker.persistence ? "outlive" : "end with"} the process`,
    ...section("listeners", broker.listeners.map(renderListener)),
    renderApi(broker.httpApi),
    `users: ${broker.users.length}`,
    `acl entries: ${broker.acl.length}`,
    ...section("rules", webHook.rules.map((rule) => renderRule(rule, webHook))),
    ...section("endpoints", [...webHook.endpoints.values()].map(renderEndpoint)),
    "delivery:",
    `  worker threads ${webHook.workerThreads}, ${webHook.concurrencyLimit} requests in flight,` +
    ` ${webHook.httpClient} client`,
    `  queue of ${webHook.queueCapacity} events, when full ${webHook.whenFull},` +
    ` of them ${webHook.endpointShare * 100}% for failing URLs and ${
      webHook.clientShare * 100
    }% for one client's order`,
    `  order ${webHook.ordering}, breaker after ${webHook.breakerFailures} failures,` +
    ` ${formatDuration(webHook.shutdownTimeout)} to drain at shutdown`,
    ...(webHook.compat === "" ? [] : [`  bodies as ${webHook.compat}`]),
    ...renderOutbox(webHook.outbox),
  ].join("\n");

const renderOutbox = (outbox: OutboxSettings): ReadonlyArray<string> => [
  outbox.kind === "memory"
    ? "  outbox in memory"
    : `  outbox on disk in ${outbox.directory}, up to ${formatByteSize(outbox.maxBytes)},` +
      ` written after ${formatDuration(outbox.delay)}, sync ${outbox.sync}` +
      (outbox.sync === "interval" ? ` of ${formatDuration(outbox.syncInterval)}` : ""),
  outbox.deadLetters
    ? `  dead letters in ${outbox.directory}, up to ${formatByteSize(outbox.deadLetterMaxBytes)}` +
      ` and ${formatDuration(outbox.deadLetterMaxAge)}, replay ${outbox.deadLetterReplay}`
    : "  no dead letters",
];

const renderApi = (api: BrokerSettings["httpApi"]): string => {
  if (api === undefined) return "HTTP API: none";
  const who = api.token === undefined ? "for this machine" : "by token";
  return `HTTP API on ${formatListenerAddress(api)}, ${who}` +
    (api.token !== undefined && api.metricsOpen ? ", metrics for everybody" : "");
};

const section = (name: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0 ? [`${name}: none`] : [`${name}:`, ...lines.map((line) => `  ${line}`)];

const renderListener = (listener: ListenerSettings): string => {
  const { limits } = listener;
  return [
    `${listener.transport} ${listener.name} on ${formatListenerAddress(listener)}` +
    ("path" in listener ? listener.path : ""),
    ...("path" in listener && listener.allowedOrigins.length > 0
      ? [`pages of ${listener.allowedOrigins.join(" ")} only`]
      : []),
    limits.allowAnonymous ? "anonymous clients allowed" : "users only",
    `up to ${limits.maxConnections} connections`,
    `packets up to ${formatByteSize(limits.maxPacketSize)}`,
    `QoS up to ${limits.maxQosAllowed}`,
  ].join(", ");
};

const renderRule = (
  { event, action, topics, urls }: WebHookSettings["rules"][number],
  settings: WebHookSettings,
): string =>
  (action === event ? event : `${event} as ${action}`) +
  (topics.length === 0 ? "" : ` on ${topics.join(", ")}`) +
  ` -> ${urls.map((url) => nameOf(settings, url)).join(", ")}`;

const renderBatch = ({ form, maxEvents, maxBytes, maxDelay }: BatchSettings): string =>
  `batches (${form}) of up to ${maxEvents} events, ${formatByteSize(maxBytes)},` +
  ` ${formatDuration(maxDelay)}`;

const renderEndpoint = ({ name, retry, ...endpoint }: EndpointSettings): string =>
  [
    name,
    `timeout ${formatDuration(endpoint.httpTimeout)}`,
    `up to ${endpoint.concurrencyLimit} in flight`,
    `retry after ${formatDuration(retry.initialInterval)} x ${retry.multiplier}` +
    ` up to ${formatDuration(retry.maxInterval)}, jitter ${retry.jitter},` +
    ` for ${formatDuration(retry.maxElapsedTime)} (${retry.status})`,
    ...(endpoint.headers.length === 0
      ? []
      : [`headers ${endpoint.headers.map(([name]) => name).join(", ")}`]),
    ...(endpoint.signingKeys.length === 0
      ? []
      : [`signed with ${counted(endpoint.signingKeys.length, "secret")}`]),
    ...(endpoint.payload === "base64" ? [] : [`payload ${endpoint.payload}`]),
    ...(endpoint.identity === undefined ? [] : [`shows ${endpoint.identity.certFile}`]),
    ...(endpoint.ca === undefined ? [] : [`CA ${endpoint.ca.file}`]),
    ...(endpoint.batch === undefined ? [] : [renderBatch(endpoint.batch)]),
    ...(endpoint.compression === "none" ? [] : [endpoint.compression]),
    ...(endpoint.rateLimit === undefined
      ? []
      : [`at most ${formatRateLimit(endpoint.rateLimit)} attempts`]),
  ].join(", ");

const counted = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;
