/**
 * The 15 hook events, as values and as the bodies that receivers get.
 *
 * An event's fields are those of its body, in the body's order; `_tag` is the event's name and is
 * replaced in the body by the rule's `action`. What differs between value and body is said by the
 * schema alone: `payload` is bytes here and base64 there, `packet_id` a number here and a decimal
 * string there.
 *
 * Sources: shared/reference/web-hook.md ("WebHook event parameters") and shared/contract.md ("Events").
 */
import * as Schema from "@effect/schema";
import { QoS } from "./QoS.ts";

/** Milliseconds since 1970. */
const Timestamp = Schema.Int;

/** The client an event is about. A client without a user name has the user name `"undefined"`. */
const client = {
  node: Schema.Int,
  ipaddress: Schema.String,
  clientid: Schema.String,
  username: Schema.String,
};

/** The client that published the message an event is about. */
const from = {
  from_node: Schema.Int,
  from_ipaddress: Schema.String,
  from_clientid: Schema.String,
  from_username: Schema.String,
};

/** What a CONNECT asked for. Only the clean flag of the client's protocol version is present. */
const connect = {
  keepalive: Schema.Int,
  /** 3: MQTT 3.1, 4: 3.1.1, 5: 5.0; another level only in the events of a CONNECT refused for it. */
  proto_ver: Schema.Int,
  clean_session: Schema.optionalWith(Schema.Boolean, { exact: true }),
  clean_start: Schema.optionalWith(Schema.Boolean, { exact: true }),
};

/** The PUBLISH packet an event is about; packet id 0 stands for none. */
const publish = {
  dup: Schema.Boolean,
  retain: Schema.Boolean,
  qos: QoS,
  topic: Schema.String,
  packet_id: Schema.NumberFromString,
  payload: Schema.Uint8ArrayFromBase64,
};

const opts = Schema.Struct({ qos: QoS });

export const SessionCreated = Schema.TaggedStruct("session_created", {
  ...client,
  created_at: Timestamp,
});

export const SessionTerminated = Schema.TaggedStruct("session_terminated", {
  ...client,
  reason: Schema.String,
});

export const SessionSubscribed = Schema.TaggedStruct("session_subscribed", {
  ...client,
  topic: Schema.String,
  opts,
});

export const SessionUnsubscribed = Schema.TaggedStruct("session_unsubscribed", {
  ...client,
  topic: Schema.String,
});

export const ClientConnect = Schema.TaggedStruct("client_connect", {
  ...client,
  ...connect,
});

export const ClientConnack = Schema.TaggedStruct("client_connack", {
  ...client,
  ...connect,
  conn_ack: Schema.String,
});

export const ClientConnected = Schema.TaggedStruct("client_connected", {
  ...client,
  ...connect,
  connected_at: Timestamp,
  session_present: Schema.Boolean,
});

export const ClientDisconnected = Schema.TaggedStruct("client_disconnected", {
  ...client,
  disconnected_at: Timestamp,
  reason: Schema.String,
});

export const ClientSubscribe = Schema.TaggedStruct("client_subscribe", {
  ...client,
  topic: Schema.String,
  opts,
});

export const ClientUnsubscribe = Schema.TaggedStruct("client_unsubscribe", {
  ...client,
  topic: Schema.String,
});

export const MessagePublish = Schema.TaggedStruct("message_publish", {
  ...from,
  ...publish,
  ts: Timestamp,
});

export type MessagePublish = typeof MessagePublish.Type;

/** A message on its way to one recipient: `pts` is when it was published, `ts` when the event arose. */
const delivery = {
  ...from,
  ...client,
  ...publish,
  pts: Timestamp,
  ts: Timestamp,
};

export const MessageDelivered = Schema.TaggedStruct(
  "message_delivered",
  delivery,
);

export const MessageAcked = Schema.TaggedStruct("message_acked", delivery);

/** A message queued for a session whose client is away. */
export const OfflineMessage = Schema.TaggedStruct("offline_message", delivery);

/** The four fields of the recipient are absent when no recipient is concerned. */
export const MessageDropped = Schema.TaggedStruct("message_dropped", {
  ...from,
  node: Schema.optionalWith(client.node, { exact: true }),
  ipaddress: Schema.optionalWith(client.ipaddress, { exact: true }),
  clientid: Schema.optionalWith(client.clientid, { exact: true }),
  username: Schema.optionalWith(client.username, { exact: true }),
  ...publish,
  reason: Schema.String,
  pts: Timestamp,
  ts: Timestamp,
});

/** Every event's schema by the event's name. */
export const hookEvents = {
  session_created: SessionCreated,
  session_terminated: SessionTerminated,
  session_subscribed: SessionSubscribed,
  session_unsubscribed: SessionUnsubscribed,
  client_connect: ClientConnect,
  client_connack: ClientConnack,
  client_connected: ClientConnected,
  client_disconnected: ClientDisconnected,
  client_subscribe: ClientSubscribe,
  client_unsubscribe: ClientUnsubscribe,
  message_publish: MessagePublish,
  message_delivered: MessageDelivered,
  message_acked: MessageAcked,
  message_dropped: MessageDropped,
  offline_message: OfflineMessage,
} as const;

export const HookEvent = Schema.Union(
  SessionCreated,
  SessionTerminated,
  SessionSubscribed,
  SessionUnsubscribed,
  ClientConnect,
  ClientConnack,
  ClientConnected,
  ClientDisconnected,
  ClientSubscribe,
  ClientUnsubscribe,
  MessagePublish,
  MessageDelivered,
  MessageAcked,
  MessageDropped,
  OfflineMessage,
);
export type HookEvent = typeof HookEvent.Type;

export type HookEventName = HookEvent["_tag"];

export const hookEventNames = Object.keys(hookEvents) as ReadonlyArray<
  HookEventName
>; // Object.keys forgets the literal keys

/**
 * What a rule's `topics` are matched against: the message's topic, the subscription's filter, or
 * nothing for events that have neither.
 */
export const subjectOf = (event: HookEvent): string | undefined =>
  "topic" in event ? event.topic : undefined;

/** Whether rules for this event may have `topics`. */
export const hasSubject = (name: HookEventName): boolean => "topic" in hookEvents[name].fields;

/** The client whose order an event belongs to: the recipient where there is one, else the publisher. */
export const clientOf = (event: HookEvent): string =>
  "clientid" in event && event.clientid !== undefined
    ? event.clientid
    : (event as { readonly from_clientid: string }).from_clientid; // no clientid: a message event, which has a publisher
