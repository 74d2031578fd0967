/** One event of each name, as a kitchen's display and a sensor without and with a user name cause them. */
import type { HookEvent, HookEventName } from "./HookEvent.ts";

/** The samples in docs/events.md, and those that `--check --try` sends, by the name of the event. */
export type SampleEvents = {
  readonly [Name in HookEventName]: Extract<HookEvent, { readonly _tag: Name }>;
};

const CLIENT = {
  node: 1,
  ipaddress: "127.0.0.1:54038",
  clientid: "kitchen",
  username: "undefined",
};

const FROM = {
  from_node: 1,
  from_ipaddress: "[::1]:54042",
  from_clientid: "sensor",
  from_username: "alice",
};

const ASKED = { keepalive: 60, proto_ver: 4, clean_session: false };

const PUBLISH = {
  dup: false,
  retain: false,
  qos: 1,
  topic: "home/kitchen/temperature",
  packet_id: 7,
  payload: new TextEncoder().encode("21.5 °C"),
} as const;

/** 1 January 2026, noon UTC. */
const NOON = Date.UTC(2026, 0, 1, 12);

const TIMES = { pts: NOON + 480, ts: NOON + 481 };

export const SAMPLE_EVENTS: SampleEvents = {
  session_created: { _tag: "session_created", ...CLIENT, created_at: NOON },
  session_terminated: { _tag: "session_terminated", ...CLIENT, reason: "SessionExpiration" },
  session_subscribed: {
    _tag: "session_subscribed",
    ...CLIENT,
    topic: "home/#",
    opts: { qos: 1 },
  },
  session_unsubscribed: { _tag: "session_unsubscribed", ...CLIENT, topic: "home/#" },
  client_connect: { _tag: "client_connect", ...CLIENT, ...ASKED },
  client_connack: {
    _tag: "client_connack",
    ...CLIENT,
    ...ASKED,
    conn_ack: "Connection Accepted",
  },
  client_connected: {
    _tag: "client_connected",
    ...CLIENT,
    ...ASKED,
    connected_at: NOON + 1,
    session_present: false,
  },
  client_disconnected: {
    _tag: "client_disconnected",
    ...CLIENT,
    disconnected_at: NOON + 90_000,
    reason: "KeepaliveTimeout",
  },
  client_subscribe: { _tag: "client_subscribe", ...CLIENT, topic: "home/#", opts: { qos: 2 } },
  client_unsubscribe: { _tag: "client_unsubscribe", ...CLIENT, topic: "home/#" },
  message_publish: { _tag: "message_publish", ...FROM, ...PUBLISH, ts: TIMES.pts },
  message_delivered: {
    _tag: "message_delivered",
    ...FROM,
    ...CLIENT,
    ...PUBLISH,
    packet_id: 1,
    ...TIMES,
  },
  message_acked: {
    _tag: "message_acked",
    ...FROM,
    ...CLIENT,
    ...PUBLISH,
    packet_id: 1,
    pts: TIMES.pts,
    ts: TIMES.ts + 2,
  },
  message_dropped: {
    _tag: "message_dropped",
    ...FROM,
    ...CLIENT,
    ...PUBLISH,
    packet_id: 0,
    reason: "MessageQueueFull",
    ...TIMES,
  },
  offline_message: {
    _tag: "offline_message",
    ...FROM,
    ...CLIENT,
    ...PUBLISH,
    packet_id: 0,
    ...TIMES,
  },
};
