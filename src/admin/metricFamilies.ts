/**
 * Every metric, in one synchronous look at what the parts count anyway, so that the account of events holds
 * within one answer: matched = delivered + failed + dropped + queued + in flight + kept.
 *
 * Labels never hold a client identifier or a topic: of their values there must be few.
 */
import type { Broker } from "../mqtt/Broker.ts";
import { VERSION } from "../domain/version.ts";
import type { EventCounts, MetricsSnapshot } from "../webhook/account/Metrics.ts";
import type { WebHook } from "../webhook/WebHook.ts";
import type { ProcessFigures } from "./ProcessFigures.ts";
import type { Family, Labels, Sample } from "./prometheus.ts";

export interface MetricsSource {
  readonly broker: Broker;
  readonly webHook: Pick<WebHook, "metrics" | "sink">;
  readonly process: () => ProcessFigures;
}

export const metricFamilies = ({ broker, webHook, process }: MetricsSource): Array<Family> => {
  const snapshot = webHook.metrics.snapshot();
  return [
    ...eventFamilies(snapshot),
    ...queueFamilies(snapshot, webHook.sink.pressure),
    ...outboxFamilies(snapshot),
    ...brokerFamilies(broker),
    ...processFamilies(process()),
  ];
};

const family = (
  type: "counter" | "gauge",
  name: string,
  help: string,
  samples: ReadonlyArray<Sample>,
): Family => ({ name: `hookline_${name}`, type, help, samples });

/** A family of one number. */
const one = (type: "counter" | "gauge", name: string, help: string, value: number): Family =>
  family(type, name, help, [{ labels: {}, value }]);

const STATES = ["closed", "open", "gone", "removed"];

const eventFamilies = ({ endpoints }: MetricsSnapshot): Array<Family> => {
  const each = (
    type: "counter" | "gauge",
    name: string,
    help: string,
    read: (counts: EventCounts) => number,
  ) =>
    family(
      type,
      name,
      help,
      endpoints.flatMap(({ url, events }) =>
        Object.entries(events).map(([event, counts]) => ({
          labels: { url, event },
          value: read(counts),
        }))
      ),
    );
  const byReason = (name: string, help: string, of: "failed" | "dropped") =>
    family(
      "counter",
      name,
      help,
      endpoints.flatMap(({ url, events }) =>
        Object.entries(events).flatMap(([event, counts]) =>
          byLabel(Object.entries(counts[of]), (reason) => ({ url, event, reason }))
        )
      ),
    );
  return [
    each("counter", "events_matched_total", "Events that a rule sent to a URL.", (c) => c.matched),
    each("counter", "events_delivered_total", "Of these: acknowledged.", (c) => c.delivered),
    byReason("events_failed_total", "Refused by the receiver, or given up.", "failed"),
    byReason("events_dropped_total", "Ended without having had their attempts.", "dropped"),
    each(
      "gauge",
      "events_queued",
      "Waiting for their turn or their next attempt.",
      (c) => c.queued,
    ),
    each("gauge", "events_in_flight", "In a request.", (c) => c.in_flight),
    each("gauge", "events_kept", "Left on disk by a stop, for the next start.", (c) => c.kept),
    family(
      "counter",
      "attempts_total",
      "Requests, or lines of a file, that were begun.",
      endpoints.map(({ url, attempts }) => ({ labels: { url }, value: attempts })),
    ),
    family(
      "counter",
      "answer_faults_total",
      "Answers that were faulty behind their status, which counted.",
      endpoints.flatMap(({ url, answer_faults }) =>
        byLabel(Object.entries(answer_faults), (kind) => ({ url, kind }))
      ),
    ),
    family(
      "gauge",
      "endpoint_state",
      "1 for the state that a URL's breaker is in.",
      endpoints.flatMap(({ url, breaker }) =>
        STATES.map((state) => ({ labels: { url, state }, value: state === breaker ? 1 : 0 }))
      ),
    ),
  ];
};

const queueFamilies = (
  { backlog, capacity, body_bytes, slab_bytes, waiting_events, workers_lost }: MetricsSnapshot,
  pressure: string,
): Array<Family> => [
  one(
    "gauge",
    "queue_events",
    "Places that events and deliveries take of the queue: one each, and one more for each KB.",
    backlog,
  ),
  one("gauge", "queue_capacity_events", "Places that there are: queue_capacity.", capacity),
  one("gauge", "queue_unmatched_events", "Events that no rule has looked at yet.", waiting_events),
  one("gauge", "queue_body_bytes", "Bytes of the bodies that wait.", body_bytes),
  one("gauge", "queue_slab_bytes", "Bytes of the memory that these are in.", slab_bytes),
  one(
    "gauge",
    "backpressure_active",
    "1 while publishers are held back.",
    pressure === "high" || pressure === "full" ? 1 : 0,
  ),
  one(
    "counter",
    "workers_lost_total",
    "Delivery workers that died and were replaced.",
    workers_lost,
  ),
];

/** Empty where nothing outlives the process. */
const outboxFamilies = ({ disk }: MetricsSnapshot): Array<Family> => {
  const figure = (type: "counter" | "gauge", name: string, help: string, value?: number) =>
    family(type, name, help, value === undefined ? [] : [{ labels: {}, value }]);
  return [
    figure("gauge", "outbox_events", "Deliveries on disk that wait.", disk?.events),
    figure("gauge", "outbox_bytes", "Bytes of these on disk.", disk?.bytes),
    figure("counter", "outbox_written_total", "Deliveries that were written.", disk?.written),
    figure(
      "counter",
      "outbox_skipped_total",
      "Deliveries that ended before they had to be written.",
      disk?.skipped,
    ),
    figure("counter", "outbox_commits_total", "Transactions.", disk?.commits),
    figure(
      "gauge",
      "outbox_failing",
      "1 while the disk takes nothing.",
      disk === undefined ? undefined : disk.failing ? 1 : 0,
    ),
    figure("gauge", "outbox_unsafe_bytes", "Bytes that are not on disk yet.", disk?.unsafe_bytes),
    figure(
      "counter",
      "outbox_letters_lost_total",
      "Dead letters for which there was no room.",
      disk?.letters_lost,
    ),
  ];
};

const brokerFamilies = (broker: Broker): Array<Family> => {
  const { hooks, sessions, pubSub } = broker.context;
  const { counters } = hooks;
  const listeners = [...broker.listeners];
  const connected = listeners.reduce((sum, { connected }) => sum + connected, 0);
  const byListener = (read: (listener: typeof listeners[number]) => number) =>
    listeners.map((listener) => {
      const [transport = ""] = listener.name.split(".");
      return { labels: { listener: listener.name, transport }, value: read(listener) };
    });
  const byQos = (counts: ReadonlyArray<number>) =>
    counts.map((value, qos) => ({ labels: { qos }, value }));
  return [
    family("gauge", "connections", "Clients that are connected.", byListener((l) => l.connected)),
    family(
      "counter",
      "connacks_total",
      "Answers to CONNECT, by MQTT 5.0's reason code.",
      [...counters.connacks].flatMap(([listener, codes]) =>
        byLabel(codes, (code) => ({ listener, code }))
      ),
    ),
    family(
      "counter",
      "disconnects_total",
      "Clients that went, by what ended their connection.",
      byLabel(counters.disconnects, (reason) => ({ reason })),
    ),
    family("gauge", "sessions", "Sessions, of clients that are here and that are away.", [
      { labels: { state: "connected" }, value: connected },
      { labels: { state: "away" }, value: Math.max(0, sessions.size - connected) },
    ]),
    one("gauge", "subscriptions", "Subscriptions.", pubSub.topics.size),
    one("gauge", "retained_messages", "Topics with a retained message.", pubSub.retained.size),
    one("gauge", "retained_bytes", "Bytes of their payloads.", pubSub.retained.bytes),
    family(
      "counter",
      "mqtt_messages_received_total",
      "PUBLISH packets that came in, refused ones too.",
      byQos(counters.received),
    ),
    family(
      "counter",
      "mqtt_messages_sent_total",
      "PUBLISH packets that were sent, repeats left out.",
      byQos(counters.sent),
    ),
    family(
      "counter",
      "mqtt_messages_dropped_total",
      "Messages that a recipient, or all of them, did not get.",
      byLabel(counters.dropped, (reason) => ({ reason })),
    ),
    family(
      "counter",
      "mqtt_received_bytes_total",
      "Bytes of MQTT that came in.",
      byListener((l) => l.receivedBytes),
    ),
    family(
      "counter",
      "mqtt_sent_bytes_total",
      "Bytes of MQTT that were sent.",
      byListener((l) => l.sentBytes),
    ),
  ];
};

const processFamilies = (
  { cpuSeconds, residentBytes, startSeconds, delay }: ProcessFigures,
): Array<Family> => [
  {
    name: "hookline_event_loop_delay_seconds",
    type: "summary",
    help: "How late timers are called: quantiles of the last half to whole minute.",
    samples: [
      { labels: { quantile: 0.5 }, value: delay.p50 },
      { labels: { quantile: 0.99 }, value: delay.p99 },
      { suffix: "_sum", labels: {}, value: delay.sum },
      { suffix: "_count", labels: {}, value: delay.count },
    ],
  },
  one("gauge", "event_loop_delay_max_seconds", "The latest of the same time.", delay.max),
  family("gauge", "build_info", "1: which version this is.", [
    { labels: { version: VERSION, deno: Deno.version.deno }, value: 1 },
  ]),
  plain("process_cpu_seconds_total", "counter", "User and system time.", cpuSeconds),
  plain("process_resident_memory_bytes", "gauge", "Resident memory.", residentBytes),
  plain("process_start_time_seconds", "gauge", "When it began, since 1970.", startSeconds),
];

/** A metric under the name that all programs give it. */
const plain = (name: string, type: "counter" | "gauge", help: string, value: number): Family => ({
  name,
  type,
  help,
  samples: [{ labels: {}, value }],
});

const byLabel = <Key>(
  counts: Iterable<readonly [Key, number]>,
  labels: (key: Key) => Labels,
): ReadonlyArray<Sample> => Array.from(counts, ([key, value]) => ({ labels: labels(key), value }));
