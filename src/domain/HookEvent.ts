/**
 * The 15 hook events, as values and as the bodies that receivers get.
 *
 * An event's fields are those of its body, in the body's order; `_tag` is the event's name and is
 * replaced in the body by the rule's `action`. What differs between value and body is said by the
 * schema alone: `payload` is bytes here and base64 there, `packet_id` a number here and a decimal
 * string there.
 *
 * Names, fields and their order are those of RMQTT's web-hook plugin. docs/events.md is made of this file.
 */
import * as Schema from "@effect/schema";
import { QoS } from "./QoS.ts";

/** A field with what it means. The schema itself stays as it is: EventEncoder knows it by identity. */
const field = <S extends Schema.Schema.All>(schema: S, description: string) =>
  Schema.propertySignature(schema).annotations({ description });

/** A field that may be absent. */
const optionalField = <S extends Schema.Schema.All>(schema: S, description: string) =>
  Schema.optionalWith(schema, { exact: true }).annotations({ description });

const timestamp = (description: string) =>
  field(Schema.Int, `${description}, in milliseconds since 1970.`);

/** An event with the moment that it tells of. */
const event = <const Name extends string, Fields extends Schema.Struct.Fields>(
  name: Name,
  description: string,
  fields: Fields,
) => Schema.TaggedStruct(name, fields).annotations({ description });

/** The client an event is about. */
const client = {
  node: field(Schema.Int, "The number of the client's broker: `node.id`."),
  ipaddress: field(Schema.String, "The client's address and port."),
  clientid: field(
    Schema.String,
    "The client identifier; one that the broker made where the client gave none.",
  ),
  username: field(Schema.String, 'The user name; `"undefined"` where the client gave none.'),
};

/** The client that published the message an event is about. */
const from = {
  from_node: field(Schema.Int, "The number of the publisher's broker: `node.id`."),
  from_ipaddress: field(Schema.String, "The publisher's address and port."),
  from_clientid: field(Schema.String, "The publisher's client identifier."),
  from_username: field(
    Schema.String,
    'The publisher\'s user name; `"undefined"` where it gave none.',
  ),
};

/** What a CONNECT asked for. Only the clean flag of the client's protocol version is present. */
const connect = {
  keepalive: field(Schema.Int, "The keep-alive that the client asks for, in seconds; 0: none."),
  proto_ver: field(
    Schema.Int,
    "3: MQTT 3.1, 4: 3.1.1, 5: 5.0; another where the CONNECT is refused for it.",
  ),
  clean_session: optionalField(
    Schema.Boolean,
    "MQTT 3.x: whether the session is to be new, and to end with the connection.",
  ),
  clean_start: optionalField(Schema.Boolean, "MQTT 5.0: whether the session is to be new."),
};

const opts = (description: string) =>
  field(Schema.Struct({ qos: field(QoS, description) }), "The subscription's options.");

const filter = field(Schema.String, "The topic filter as the client wrote it.");

/** The PUBLISH packet an event is about, seen from one side; packet id 0 stands for none. */
const publish = (seen: string) => ({
  dup: field(Schema.Boolean, `The DUP flag, ${seen}.`),
  retain: field(Schema.Boolean, `The RETAIN flag, ${seen}.`),
  qos: field(QoS, `The QoS, ${seen}.`),
  topic: field(Schema.String, "The topic."),
  packet_id: field(
    Schema.NumberFromString,
    `The packet identifier, ${seen}, in decimal; \`"0"\` where there is none.`,
  ),
  payload: field(Schema.Uint8ArrayFromBase64, "The payload in base64, with padding."),
});

export const SessionCreated = event(
  "session_created",
  "A client that is let in has a new session.",
  { ...client, created_at: timestamp("When the session was made") },
);

export const SessionTerminated = event(
  "session_terminated",
  "A session has ended, with its subscriptions and what was queued for it.",
  { ...client, reason: field(Schema.String, "Why it ended.") },
);

export const SessionSubscribed = event(
  "session_subscribed",
  "A subscription is in force, new or renewed.",
  { ...client, topic: filter, opts: opts("The QoS granted.") },
);

export const SessionUnsubscribed = event(
  "session_unsubscribed",
  "A subscription has ended because its client asked for it.",
  { ...client, topic: filter },
);

export const ClientConnect = event(
  "client_connect",
  "A CONNECT has arrived; nothing is decided yet.",
  { ...client, ...connect },
);

export const ClientConnack = event(
  "client_connack",
  "A CONNECT is about to be answered, accepted or refused.",
  {
    ...client,
    ...connect,
    conn_ack: field(Schema.String, '`"Connection Accepted"`, or why it is refused.'),
  },
);

export const ClientConnected = event(
  "client_connected",
  "A client is connected.",
  {
    ...client,
    ...connect,
    connected_at: timestamp("When it was let in"),
    session_present: field(Schema.Boolean, "Whether it goes on with a session that was there."),
  },
);

export const ClientDisconnected = event(
  "client_disconnected",
  "The connection of a connected client has ended.",
  {
    ...client,
    disconnected_at: timestamp("When it ended"),
    reason: field(Schema.String, "Why it ended."),
  },
);

export const ClientSubscribe = event(
  "client_subscribe",
  "A client asks for a subscription; nothing is decided yet. One event for each topic filter.",
  { ...client, topic: filter, opts: opts("The QoS asked for.") },
);

export const ClientUnsubscribe = event(
  "client_unsubscribe",
  "A client asks for the end of a subscription. One event for each topic filter.",
  { ...client, topic: filter },
);

export const MessagePublish = event(
  "message_publish",
  "A message has arrived, or a will is published; it goes to its recipients next.",
  {
    ...from,
    ...publish("as received"),
    ts: timestamp("When the message arrived"),
  },
);

export type MessagePublish = typeof MessagePublish.Type;

/** When a message was published, and when something became of it. */
const times = {
  pts: timestamp("When the message arrived from its publisher"),
  ts: timestamp("When this event arose"),
};

/** A message on its way to one recipient. */
const delivery = (seen: string) => ({ ...from, ...client, ...publish(seen), ...times });

export const MessageDelivered = event(
  "message_delivered",
  "A message is sent to a recipient for the first time.",
  delivery("as sent to the recipient"),
);

export const MessageAcked = event(
  "message_acked",
  "A recipient has acknowledged a message: by PUBACK at QoS 1, by PUBCOMP at QoS 2.",
  delivery("as sent to the recipient last"),
);

export const OfflineMessage = event(
  "offline_message",
  "A message is queued for a session whose client is away.",
  delivery("as it is to be sent to the recipient"),
);

/** The four fields of the recipient are absent when no recipient is concerned. */
export const MessageDropped = event(
  "message_dropped",
  "A message is lost: to one recipient, or to all because it was refused.",
  {
    ...from,
    node: optionalField(client.node.from, "The number of the recipient's broker: `node.id`."),
    ipaddress: optionalField(client.ipaddress.from, "The recipient's address and port."),
    clientid: optionalField(client.clientid.from, "The recipient's client identifier."),
    username: optionalField(
      client.username.from,
      'The recipient\'s user name; `"undefined"` where it gave none.',
    ),
    ...publish("as sent or to be sent to the recipient, or without one as received"),
    reason: field(Schema.String, "Why it is lost."),
    ...times,
  },
);

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

/** Whether bodies of this event have a message's payload. */
export const hasPayload = (name: HookEventName): boolean => "payload" in hookEvents[name].fields;

/** The client whose order an event belongs to: the recipient where there is one, else the publisher. */
export const clientOf = (event: HookEvent): string =>
  "clientid" in event && event.clientid !== undefined
    ? event.clientid
    : (event as { readonly from_clientid: string }).from_clientid; // no clientid: a message event, which has a publisher
