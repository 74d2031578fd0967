/** Metrics of the broker. */
import type { Broker } from "../mqtt/Broker.ts";
import { byLabel, family, one } from "./family.ts";
import type { Family } from "./prometheus.ts";

export const brokerFamilies = (broker: Broker): Array<Family> => {
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
      "gauge",
      "connections_max",
      "Clients that may be: max_connections, or what there are descriptors for.",
      byListener((l) => l.limits.maxConnections),
    ),
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
    one("gauge", "session_queue_messages", "Messages that wait in sessions.", counters.queued),
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
