/** How things are, as the stream tells it each second: all figures of one moment. */
import type { Broker } from "../mqtt/Broker.ts";
import { VERSION } from "../domain/version.ts";
import type { EndpointSnapshot, EventCounts } from "../webhook/account/Metrics.ts";
import { sum } from "../webhook/account/Metrics.ts";
import type { WebHook } from "../webhook/WebHook.ts";
import { endpointRow } from "./endpointRow.ts";
import type { RecentFigures } from "./Recent.ts";

/** The kinds of events, by what their names begin with. */
const KINDS = ["client", "session", "message"] as const;

type Kind = typeof KINDS[number];

export interface SnapshotSource {
  readonly broker: Broker;
  readonly webHook: Pick<WebHook, "metrics" | "sink" | "settings">;
  readonly isStopping: boolean;
  /** Milliseconds since 1970: now, and when the process began. */
  readonly now: number;
  readonly startedAt: number;
  /** Whether payloads can be seen. */
  readonly payloads: boolean;
  readonly recent: (endpoint: EndpointSnapshot) => RecentFigures;
}

/** All counts are since the start: whoever has two snapshots has the rates between them. */
export const snapshot = (
  { broker, webHook, isStopping, now, startedAt, payloads, recent }: SnapshotSource,
) => {
  const { endpoints, ...figures } = webHook.metrics.snapshot();
  const matched: Record<Kind, number> = { client: 0, session: 0, message: 0 };
  const all = { delivered: 0, failed: 0, dropped: 0, queued: 0, in_flight: 0 };
  for (const { total, events } of endpoints) {
    add(all, total);
    for (const [name, counts] of Object.entries(events)) matched[kindOf(name)] += counts.matched;
  }
  const listeners = [...broker.listeners];
  return {
    at: now,
    version: VERSION,
    node: broker.context.nodeId,
    started_at: startedAt,
    state: isStopping ? "stopping" : "running",
    clients: listeners.reduce((n, { connected }) => n + connected, 0),
    sessions: broker.context.sessions.size,
    listeners: listeners.map(({ name, addr, isOpen }) => ({ name, addr, up: isOpen })),
    /** Rules that send something somewhere. */
    rules: webHook.settings().rules.length,
    payloads,
    pressure: webHook.sink.pressure,
    queue: {
      events: figures.backlog,
      capacity: figures.capacity,
      high_water: figures.high_water,
    },
    workers_lost: figures.workers_lost,
    disk: figures.disk && { failing: figures.disk.failing, events: figures.disk.events },
    matched,
    ...all,
    endpoints: endpoints.map((endpoint) => {
      const { events: _, ...row } = endpointRow(endpoint, recent(endpoint));
      const { ok: _ok, ...failures } = endpoint.attempts_by_outcome;
      return { ...row, failures: sum(failures) };
    }),
  };
};

const add = (all: Record<string, number>, { failed, dropped, ...counts }: EventCounts): void => {
  all.delivered! += counts.delivered;
  all.queued! += counts.queued;
  all.in_flight! += counts.in_flight;
  all.failed! += sum(failed);
  all.dropped! += sum(dropped);
};

/** `offline_message` is one of messages. */
const kindOf = (name: string): Kind => KINDS.find((kind) => name.startsWith(kind)) ?? "message";
