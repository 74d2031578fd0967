/** web-hook.toml: its keys with their defaults, and the settings they make. docs/web-hook-toml.md is made of it. */
import * as Schema from "@effect/schema";
import type { HookEventName } from "../domain/HookEvent.ts";
import { hasSubject, hookEventNames } from "../domain/HookEvent.ts";
import type { HookRule } from "../domain/HookRule.ts";
import type { OutboxSettings } from "../domain/OutboxSettings.ts";
import type { WebHookSettings } from "../domain/WebHookSettings.ts";
import type { Doubt } from "./Doubt.ts";
import { deliveryKeys, endpointDoubts, Endpoints, endpointSettings } from "./EndpointFile.ts";
import type { UnplacedFault } from "./expectation.ts";
import { expecting } from "./expectation.ts";
import {
  byteSize,
  endpointUrl,
  expiry,
  number,
  oneOf,
  optional,
  text,
  timer,
  topicFilters,
  wholeNumber,
  withDefault,
} from "./fields.ts";
import type { TomlTable } from "./readToml.ts";

const urls = (description: string) => withDefault(Schema.Array(endpointUrl), [], description);

const noTopics = topicFilters.pipe(
  Schema.filter((topics) => topics.length === 0),
  expecting({ expected: "no topics, because this event has none to match" }),
);

const rules = (event: HookEventName) =>
  withDefault(
    Schema.Array(
      Schema.Struct({
        action: withDefault(text, event, "The body's `action`, where it is not the event's name."),
        topics: withDefault(
          hasSubject(event) ? topicFilters : noTopics,
          [],
          "MQTT topic filters of which one must match; for events with a topic. Empty: all topics.",
        ),
        urls: urls("Where to, instead of the URLs above."),
      }),
    ),
    [],
    "Each rule that matches makes one request for each of its URLs.",
  );

const Rules = Schema.Struct(
  Object.fromEntries(hookEventNames.map((event) => [event, rules(event)])) as Record<
    HookEventName,
    ReturnType<typeof rules>
  >, // fromEntries forgets the literal keys
).pipe(expecting({ key: "a known event" }));

/** More events than an array has room for could not be queued. */
const LONGEST_QUEUE = 2 ** 31 - 1;

const QUEUE_CAPACITY = 300_000;

const OUTBOX_DIR = "data/outbox";

/** What web-hook.toml may hold. */
export const WebHookFile = Schema.Struct({
  worker_threads: withDefault(
    wholeNumber(0, 256),
    3,
    "Threads for HTTP delivery beside the broker's own, at most, and no more than there are cores beside its; " +
      "on two cores none. They are started when the broker's thread is busy, and end after half a minute in " +
      "which it is not. 0: always deliver on the broker's thread.",
  ),
  // Filled in by `webHookSettings`: a file may have the older name instead.
  queue_capacity: optional(
    wholeNumber(1, LONGEST_QUEUE),
    "Events that may wait; bounds memory. One whose body is large counts once for each KB begun.",
  ).annotations({ default: QUEUE_CAPACITY }),
  async_queue_capacity: optional(
    wholeNumber(1, LONGEST_QUEUE),
    "The older name of queue_capacity, which is the one that counts where both are there.",
  ),
  when_full: withDefault(
    oneOf("backpressure", "drop_newest", "drop_oldest"),
    "backpressure",
    'What happens when the queue is full: "backpressure" holds publishers back and loses nothing; ' +
      '"drop_newest" and "drop_oldest" lose events, counted.',
  ),
  endpoint_share: withDefault(
    number("a number over 0 and at most 1", (n) => n > 0 && n <= 1),
    0.5,
    "What part of the queue the events for failing URLs may occupy together. A URL counts as " +
      "failing 3 s after its failures began (one that never answers: after http_timeout); make the " +
      "queue large enough for what is published in that time, or publishers are held that long.",
  ),
  client_share: withDefault(
    number("a number over 0 and at most 1", (n) => n > 0 && n <= 1),
    0.1,
    "What part of the queue the ordered events of one client may occupy while they wait behind one " +
      "another; beyond, that client alone is held.",
  ),
  ordering: withDefault(
    oneOf("lifecycle", "client", "none"),
    "lifecycle",
    'Which of one client\'s events reach a URL in order: "lifecycle" (`session_` and `client_` ' +
      'events, and the message_dropped of a session\'s end), "client" (all), "none".',
  ),
  http_client: withDefault(
    oneOf("pool", "fetch"),
    "pool",
    '"pool": this broker\'s own HTTP/1.1 client. "fetch": the platform\'s, for HTTP/2 and for ' +
      "proxies, which HTTP_PROXY, HTTPS_PROXY and NO_PROXY name; it hides the status of an answer " +
      "whose head breaks a rule, which is then tried again.",
  ),
  compat: withDefault(
    oneOf("", "rmqtt-0.24"),
    "",
    '"rmqtt-0.24": bodies have the keys and types that RMQTT 0.24 sends, which are more than its ' +
      "documentation tells: time, from_type, numbers as packet_id. docs/migrating.md",
  ),
  http_urls: urls(
    "Where rules without urls send to: http://, https://, or file:/// (one JSON line per event, " +
      "appended).",
  ),
  urls: urls("The older name of http_urls; both may be there, and add up."),
  ...deliveryKeys,
  breaker_failures: withDefault(
    wholeNumber(1),
    20,
    "Failures in a row after which a URL is only probed until it answers again.",
  ),
  shutdown_timeout: withDefault(
    timer(0),
    10_000,
    "How long a stopping process goes on delivering what is queued.",
  ),
  outbox: withDefault(
    oneOf("memory", "disk"),
    "memory",
    'Where deliveries wait: "memory" loses them when the process is killed; "disk" keeps what is not ' +
      "delivered within outbox_delay, and acknowledges nothing to a client before it is delivered or " +
      "kept. docs/outbox.md",
  ),
  // Filled in by `webHookSettings`: that it is there has a meaning of its own.
  outbox_dir: optional(
    text,
    "The directory of what is kept, from the working directory; each broker needs one of its own. " +
      "With an outbox in memory it has dead letters kept.",
  ).annotations({ default: OUTBOX_DIR }),
  outbox_sync: withDefault(
    oneOf("none", "interval", "commit"),
    "interval",
    'What a power cut may cost (none of them loses anything by kill -9): "none", up to the last ' +
      'checkpoint; "interval", outbox_sync_interval; "commit", nothing.',
  ),
  outbox_sync_interval: withDefault(
    timer(1),
    500,
    'With "interval": what is written is synced within this time.',
  ),
  outbox_delay: withDefault(
    timer(0),
    5,
    "What is delivered sooner is never written. At full load it may take up to 50 times as long, where " +
      'its URL keeps up. "0s": everything is written.',
  ),
  outbox_max_bytes: withDefault(
    byteSize(Number.MAX_SAFE_INTEGER),
    1024 ** 3,
    "Bytes that may wait on disk; then when_full says what happens.",
  ),
  // Filled in by `webHookSettings`: the default depends on other keys.
  dead_letters: optional(
    Schema.Boolean,
    "Whether what is given up, refused or dropped is kept to be looked at and sent again. Without " +
      "this key: with an outbox on disk, or where outbox_dir is there.",
  ),
  dead_letter_replay: withDefault(
    oneOf("recovery", "manual"),
    "recovery",
    '"recovery": what was given up because its URL failed as a whole is sent again by itself once ' +
      'the URL answers; "manual": by deno task dead-letters alone.',
  ),
  dead_letter_max_age: withDefault(expiry, 168 * 3_600_000, "Older dead letters are deleted."),
  dead_letter_max_bytes: withDefault(
    byteSize(Number.MAX_SAFE_INTEGER),
    256 * 1024 ** 2,
    "Bytes of dead letters; beyond, the oldest are deleted.",
  ),
  endpoint: withDefault(
    Endpoints,
    [],
    "Settings for one URL; without a key, the general value holds.",
  ),
  rule: optional(
    Rules,
    "Which events go where: a list of rules for each event. An event without a rule is not sent.",
  ),
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
  return {
    settings: {
      workerThreads: file.worker_threads,
      queueCapacity: file.queue_capacity ?? file.async_queue_capacity ?? QUEUE_CAPACITY,
      concurrencyLimit: file.concurrency_limit,
      shutdownTimeout: file.shutdown_timeout,
      endpointShare: file.endpoint_share,
      clientShare: file.client_share,
      whenFull: file.when_full,
      breakerFailures: file.breaker_failures,
      ordering: file.ordering,
      httpClient: file.http_client,
      compat: file.compat,
      outbox: outboxSettings(file),
      rules,
      endpoints: endpointSettings(urls, file),
    },
    doubts: endpointDoubts(file.endpoint, urls),
  };
};

const outboxSettings = (file: WebHookFile): OutboxSettings => ({
  kind: file.outbox,
  directory: file.outbox_dir ?? OUTBOX_DIR,
  sync: file.outbox_sync,
  syncInterval: file.outbox_sync_interval,
  delay: file.outbox_delay,
  maxBytes: file.outbox_max_bytes,
  deadLetters: file.dead_letters ?? (file.outbox === "disk" || file.outbox_dir !== undefined),
  deadLetterReplay: file.dead_letter_replay,
  deadLetterMaxAge: file.dead_letter_max_age,
  deadLetterMaxBytes: file.dead_letter_max_bytes,
});

const unique = (urls: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(urls)];
