/** Metrics of the delivery engine. */
import type { EventCounts, MetricsSnapshot } from "../webhook/account/Metrics.ts";
import { BREAKER_WORDS } from "../webhook/account/Metrics.ts";
import { byLabel, family, histogram, one } from "./family.ts";
import type { Family } from "./prometheus.ts";

export const eventFamilies = ({ endpoints }: MetricsSnapshot): Array<Family> => {
  // Made once, for the same labels are those of many families.
  const rows = endpoints.flatMap(({ url, events }) =>
    Object.entries(events).map(([event, counts]) => ({ labels: { url, event }, counts }))
  );
  const each = (
    type: "counter" | "gauge",
    name: string,
    help: string,
    read: (counts: EventCounts) => number,
  ) =>
    family(type, name, help, rows.map(({ labels, counts }) => ({ labels, value: read(counts) })));
  const byReason = (name: string, help: string, of: "failed" | "dropped") =>
    family(
      "counter",
      name,
      help,
      rows.flatMap(({ labels: { url, event }, counts }) =>
        byLabel(Object.entries(counts[of]), (reason) => ({ url, event, reason }))
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
      "Requests, or lines of a file, that have ended: ok, by an answer that says later (retry) or never " +
        "(refused), by a time-out, or without an answer (network).",
      endpoints.flatMap(({ url, attempts_by_outcome }) =>
        byLabel(Object.entries(attempts_by_outcome), (outcome) => ({ url, outcome }))
      ),
    ),
    histogram(
      "request_duration_seconds",
      "From sending a request to the end of its answer.",
      endpoints.map(({ url, requests }) => [{ url }, requests]),
    ),
    histogram(
      "delivery_delay_seconds",
      "From the event to its delivery, waiting and retries included.",
      endpoints.map(({ url, delays }) => [{ url }, delays]),
    ),
    family(
      "gauge",
      "oldest_event_age_seconds",
      "How long the oldest event has waited that is not at its end; 0: none waits.",
      endpoints.map(({ url, oldest_ms }) => ({ labels: { url }, value: oldest_ms / 1000 })),
    ),
    family(
      "gauge",
      "endpoint_last_success_timestamp_seconds",
      "When an event was delivered last, since 1970.",
      endpoints.flatMap(({ url, last_success }) =>
        last_success === undefined ? [] : [{ labels: { url }, value: last_success / 1000 }]
      ),
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
        BREAKER_WORDS.map((state) => ({ labels: { url, state }, value: state === breaker ? 1 : 0 }))
      ),
    ),
  ];
};

export const queueFamilies = (
  snapshot: MetricsSnapshot,
  pressure: string,
): Array<Family> => {
  const { backlog, capacity, high_water, held_seconds, ...others } = snapshot;
  const { body_bytes, slab_bytes, waiting_events, workers_lost } = others;
  return [
    one(
      "gauge",
      "queue_events",
      "Places that events and deliveries take of the queue: one each, and one more for each KB.",
      backlog,
    ),
    one("gauge", "queue_capacity_events", "Places that there are: queue_capacity.", capacity),
    one(
      "gauge",
      "queue_high_water_events",
      "Places from which on publishers are held.",
      high_water,
    ),
    one(
      "gauge",
      "queue_unmatched_events",
      "Events that no rule has looked at yet.",
      waiting_events,
    ),
    one("gauge", "queue_body_bytes", "Bytes of the bodies that wait.", body_bytes),
    one("gauge", "queue_slab_bytes", "Bytes of the memory that these are in.", slab_bytes),
    one(
      "counter",
      "backpressure_seconds_total",
      "Time in which publishers were held back.",
      held_seconds,
    ),
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
};

/** Empty where nothing outlives the process. */
export const outboxFamilies = ({ disk }: MetricsSnapshot): Array<Family> => {
  const letters = disk?.letters;
  return [
    one("gauge", "outbox_events", "Deliveries on disk that wait.", disk?.events),
    one("gauge", "outbox_bytes", "Bytes of these on disk.", disk?.bytes),
    one("counter", "outbox_written_total", "Deliveries that were written.", disk?.written),
    one(
      "counter",
      "outbox_skipped_total",
      "Deliveries that ended before they had to be written.",
      disk?.skipped,
    ),
    one("counter", "outbox_commits_total", "Transactions.", disk?.commits),
    one(
      "gauge",
      "outbox_failing",
      "1 while the disk takes nothing.",
      disk === undefined ? undefined : disk.failing ? 1 : 0,
    ),
    one("gauge", "outbox_unsafe_bytes", "Bytes that are not on disk yet.", disk?.unsafe_bytes),
    one(
      "counter",
      "outbox_letters_lost_total",
      "Dead letters for which there was no room.",
      disk?.letters_lost,
    ),
    one("gauge", "dead_letters_events", "Deliveries that were given up, and kept.", letters?.n),
    one("gauge", "dead_letters_bytes", "Bytes of these on disk.", letters?.bytes),
    one(
      "gauge",
      "dead_letters_oldest_timestamp_seconds",
      "When the oldest of these was given up, since 1970.",
      letters?.oldest === undefined ? undefined : letters.oldest / 1000,
    ),
    one(
      "counter",
      "dead_letters_purged_total",
      "Of these: deleted because they were too old, or too many.",
      letters?.purged,
    ),
  ];
};
