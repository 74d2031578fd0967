/** The events' names, subjects and clients, and their bodies' keys against RMQTT's WebHook page. */
import assert from "node:assert/strict";
import * as Schema from "@effect/schema";
import {
  clientOf,
  hasSubject,
  HookEvent,
  hookEventNames,
  hookEvents,
  MessageDropped,
  MessagePublish,
  subjectOf,
} from "../../../src/domain/HookEvent.ts";

const client = { node: 1, ipaddress: "127.0.0.1:51234", clientid: "c", username: "undefined" };
const from = {
  from_node: 1,
  from_ipaddress: "127.0.0.1:40000",
  from_clientid: "p",
  from_username: "u",
};
const publish = {
  dup: false,
  retain: false,
  qos: 1 as const,
  topic: "t/1",
  packet_id: 7,
  payload: new TextEncoder().encode("hello"),
};

const CLIENT_KEYS = "node ipaddress clientid username";
const FROM_KEYS = "from_node from_ipaddress from_clientid from_username";
const PUBLISH_KEYS = "dup retain qos topic packet_id payload";
const CONNECT_KEYS = "keepalive proto_ver clean_session clean_start";

// The tables of that page, row by row; `_tag` stands where the body has `action`.
const tables: Readonly<Record<string, string>> = {
  session_created: `_tag ${CLIENT_KEYS} created_at`,
  session_terminated: `_tag ${CLIENT_KEYS} reason`,
  session_subscribed: `_tag ${CLIENT_KEYS} topic opts`,
  session_unsubscribed: `_tag ${CLIENT_KEYS} topic`,
  client_connect: `_tag ${CLIENT_KEYS} ${CONNECT_KEYS}`,
  client_connack: `_tag ${CLIENT_KEYS} ${CONNECT_KEYS} conn_ack`,
  client_connected: `_tag ${CLIENT_KEYS} ${CONNECT_KEYS} connected_at session_present`,
  client_disconnected: `_tag ${CLIENT_KEYS} disconnected_at reason`,
  client_subscribe: `_tag ${CLIENT_KEYS} topic opts`,
  client_unsubscribe: `_tag ${CLIENT_KEYS} topic`,
  message_publish: `_tag ${FROM_KEYS} ${PUBLISH_KEYS} ts`,
  message_delivered: `_tag ${FROM_KEYS} ${CLIENT_KEYS} ${PUBLISH_KEYS} pts ts`,
  message_acked: `_tag ${FROM_KEYS} ${CLIENT_KEYS} ${PUBLISH_KEYS} pts ts`,
  message_dropped: `_tag ${FROM_KEYS} ${CLIENT_KEYS} ${PUBLISH_KEYS} reason pts ts`,
  offline_message: `_tag ${FROM_KEYS} ${CLIENT_KEYS} ${PUBLISH_KEYS} pts ts`,
};

Deno.test("hookEventNames are the 14 of RMQTT's WebHook page and offline_message", () => {
  assert.deepEqual([...hookEventNames].sort(), Object.keys(tables).sort());
});

for (const name of hookEventNames) {
  Deno.test(`hookEvents.${name} has the keys of its table, in order`, () => {
    assert.equal(Object.keys(hookEvents[name].fields).join(" "), tables[name]);
  });
}

Deno.test("hasSubject is true of subscription and message events alone", () => {
  assert.deepEqual(hookEventNames.filter(hasSubject).toSorted(), [
    "client_subscribe",
    "client_unsubscribe",
    "message_acked",
    "message_delivered",
    "message_dropped",
    "message_publish",
    "offline_message",
    "session_subscribed",
    "session_unsubscribed",
  ]);
});

Deno.test("subjectOf is a message's topic, a subscription's filter, and nothing else", () => {
  assert.equal(subjectOf({ _tag: "message_publish", ...from, ...publish, ts: 1 }), "t/1");
  assert.equal(
    subjectOf({ _tag: "client_subscribe", ...client, topic: "a/#", opts: { qos: 0 } }),
    "a/#",
  );
  assert.equal(subjectOf({ _tag: "session_created", ...client, created_at: 1 }), undefined);
});

Deno.test("clientOf is the recipient where there is one, else the publisher", () => {
  const message = { ...from, ...publish, pts: 1, ts: 2 };
  assert.equal(clientOf({ _tag: "client_connect", ...client, keepalive: 1, proto_ver: 4 }), "c");
  assert.equal(clientOf({ _tag: "message_delivered", ...message, ...client }), "c");
  assert.equal(clientOf({ _tag: "message_publish", ...from, ...publish, ts: 1 }), "p");
  const reason = "MessageQueueFull";
  assert.equal(clientOf({ _tag: "message_dropped", ...message, ...client, reason }), "c");
  assert.equal(clientOf({ _tag: "message_dropped", ...message, reason }), "p");
});

Deno.test("MessagePublish encodes payload as padded base64 and packet_id as a decimal string", () => {
  const event: HookEvent = { _tag: "message_publish", ...from, ...publish, ts: 1 };
  const body = Schema.encodeSync(MessagePublish)(event);
  assert.equal(body.payload, "aGVsbG8=");
  assert.equal(body.packet_id, "7");
});

Deno.test("MessageDropped without a recipient has no recipient's keys", () => {
  const body = Schema.encodeSync(MessageDropped)({
    _tag: "message_dropped",
    ...from,
    ...publish,
    reason: "PublishRefused",
    pts: 1,
    ts: 2,
  });
  assert.deepEqual(
    Object.keys(body).filter((key) => CLIENT_KEYS.split(" ").includes(key)),
    [],
  );
});

Deno.test("HookEvent refuses a QoS of 3 and a time that is no integer", () => {
  const decode = Schema.decodeUnknownEither(HookEvent);
  const body = { _tag: "message_publish", ...from, ...publish, packet_id: "0", payload: "", ts: 1 };
  assert.equal(decode(body)._tag, "Right");
  assert.equal(decode({ ...body, qos: 3 })._tag, "Left");
  assert.equal(decode({ ...body, ts: 1.5 })._tag, "Left");
});
