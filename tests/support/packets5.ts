/** What 5.0 protocol tests say often: one subscription, one message, and what came of it. */
import assert from "node:assert/strict";
import type { IPublishPacket, ISubscribePacket, ISubscription } from "mqtt-packet";
import type { TestClient } from "./ProtocolBench.ts";

/** A session that outlives its connection; spread into CONNECT. */
export const persistent = { clean: false, properties: { sessionExpiryInterval: 3600 } };

/** Subscribes to one filter; answers its reason code. */
export const subscribe = (
  client: TestClient,
  topic: string,
  options: Partial<ISubscription> = {},
  properties: NonNullable<ISubscribePacket["properties"]> = {},
): number => {
  const subscriptions = [{ qos: 0 as const, ...options, topic }];
  client.send({ cmd: "subscribe", messageId: 77, subscriptions, properties });
  const { granted, messageId } = client.take("suback");
  assert.equal(messageId, 77);
  assert.equal(granted.length, 1);
  return granted[0] as number; // of length 1
};

/** Unsubscribes from one filter; answers its reason code. */
export const unsubscribe = (client: TestClient, topic: string): number => {
  client.send({ cmd: "unsubscribe", messageId: 78, unsubscriptions: [topic] });
  // The type knows no codes, which 5.0 has.
  const { granted } = client.take("unsuback") as unknown as { granted: ReadonlyArray<number> };
  assert.equal(granted.length, 1);
  return granted[0] as number; // of length 1
};

/** Publishes, QoS 0 if not said otherwise; QoS 1 and 2 with packet identifier 1. */
export const publish = (
  client: TestClient,
  topic: string,
  payload: string | Uint8Array,
  more: Partial<IPublishPacket> = {},
): TestClient =>
  client.send({
    cmd: "publish",
    topic,
    payload: payload as string, // bytes are good too
    qos: 0,
    retain: false,
    dup: false,
    ...(more.qos ? { messageId: 1 } : {}),
    ...more,
  });

/** Takes all that has come, which must be PUBLISH packets. */
export const messages = (client: TestClient): ReadonlyArray<IPublishPacket> =>
  client.received.splice(0).map((packet) => {
    assert.equal(packet.cmd, "publish", JSON.stringify(packet));
    return packet as IPublishPacket; // its cmd was compared
  });

/** As `messages`, the payloads as text. */
export const payloads = (client: TestClient): ReadonlyArray<string> =>
  messages(client).map(({ payload }) => payload.toString());
