/** Good packets of every kind that a client sends, at random from small pools, so that they meet. */
import { Buffer } from "node:buffer";
import type { IConnectPacket, IPublishPacket, ISubscribePacket, Packet } from "mqtt-packet";
import type { ProtocolVersion } from "../../../src/mqtt/wire/PacketCodec.ts";
import type { Random } from "./Random.ts";

export const TOPICS = [
  "a",
  "a/b",
  "a/b/c",
  "b//c",
  "/",
  "ä/ö",
  "$sys/x",
  "long/" + "x/".repeat(40),
];
const FILTERS = [
  ...TOPICS,
  "#",
  "+",
  "+/+",
  "a/#",
  "a/+/c",
  "+/b/#",
  "$sys/#",
  "$share/g/a/#",
  "$share/g/+/b",
  "$share/h/#",
];
const MALFORMED_FILTERS = ["a#", "a/+b", "#/a", "$share/g", "$share//a"];

/** The topic that an alias stands for; an alias is first sent with its topic. */
export const ALIAS_MAXIMUM = 32;

const maybe = <A>(random: Random, probability: number, key: string, value: A) =>
  random.chance(probability) ? { [key]: value } : {};

const userProperties = (random: Random) => maybe(random, 0.1, "userProperties", { k: ["1", "2"] });

const payload = (random: Random): Buffer =>
  Buffer.alloc(random.chance(0.05) ? 3000 : random.below(20), "pay\u00e4");

export const connect = (
  random: Random,
  version: ProtocolVersion,
  clientId: string,
  username: string | undefined,
): IConnectPacket => ({
  cmd: "connect",
  protocolId: version === 3 ? "MQIsdp" : "MQTT",
  protocolVersion: version,
  clientId,
  clean: clientId === "" || random.chance(0.5),
  keepalive: random.pick([0, 0, 10, 60]),
  ...(username === undefined ? {} : { username, password: Buffer.from("secret") }),
  ...maybe(random, 0.3, "will", {
    topic: random.pick(TOPICS),
    payload: payload(random),
    qos: random.below(3) as 0 | 1 | 2, // below 3
    retain: random.chance(0.3),
    ...(version === 5
      ? {
        properties: {
          ...maybe(random, 0.5, "willDelayInterval", random.pick([0, 5, 100])),
          ...maybe(random, 0.3, "messageExpiryInterval", random.pick([1, 100])),
          ...userProperties(random),
        },
      }
      : {}),
  }),
  ...(version === 5
    ? {
      properties: {
        ...maybe(random, 0.7, "sessionExpiryInterval", random.pick([0, 30, 2000, 0xffffffff])),
        ...maybe(random, 0.3, "receiveMaximum", 1 + random.below(20)),
        ...maybe(random, 0.2, "maximumPacketSize", 64 + random.below(200)),
        ...maybe(random, 0.3, "topicAliasMaximum", random.below(4)),
        ...maybe(random, 0.2, "requestProblemInformation", false),
        ...userProperties(random),
      },
    }
    : {}),
});

/** @param aliases the aliases set on this connection so far; may get one more */
export const publish = (
  random: Random,
  version: ProtocolVersion,
  qos: 0 | 1 | 2,
  messageId: number,
  aliases: Map<number, string>,
): IPublishPacket => {
  const topic = random.pick(TOPICS);
  const packet: IPublishPacket = {
    cmd: "publish",
    topic,
    payload: payload(random),
    qos,
    retain: random.chance(0.2),
    dup: qos > 0 && random.chance(0.05),
    ...(qos > 0 ? { messageId } : {}),
  };
  if (version !== 5) return packet;
  let alias = {};
  if (random.chance(0.2)) {
    const topicAlias = 1 + random.below(ALIAS_MAXIMUM);
    if (aliases.has(topicAlias) && random.chance(0.7)) packet.topic = "";
    else aliases.set(topicAlias, topic);
    alias = { topicAlias };
  }
  packet.properties = {
    ...alias,
    ...maybe(random, 0.1, "payloadFormatIndicator", false),
    ...maybe(random, 0.2, "messageExpiryInterval", random.pick([0, 1, 20, 1000])),
    ...maybe(random, 0.1, "contentType", "text/plain"),
    ...maybe(random, 0.1, "responseTopic", "a/b"),
    ...maybe(random, 0.1, "correlationData", Buffer.from([1, 2, 3])),
    ...userProperties(random),
  };
  return packet;
};

export const subscribe = (
  random: Random,
  version: ProtocolVersion,
  messageId: number,
): ISubscribePacket => ({
  cmd: "subscribe",
  messageId,
  subscriptions: Array.from({ length: 1 + random.below(3) }, () => {
    // In 5.0 they end the connection of whoever sends them.
    const topic = version !== 5 && random.chance(0.02)
      ? random.pick(MALFORMED_FILTERS)
      : random.pick(FILTERS);
    return {
      topic,
      qos: random.below(3) as 0 | 1 | 2, // below 3
      ...(version === 5
        ? {
          nl: !topic.startsWith("$share") && random.chance(0.2),
          rap: random.chance(0.3),
          rh: random.below(3) as 0 | 1 | 2, // below 3
        }
        : {}),
    };
  }),
  ...(version === 5 && random.chance(0.3)
    ? { properties: { subscriptionIdentifier: 1 + random.below(300) } }
    : {}),
});

export const unsubscribe = (random: Random, messageId: number): Packet => ({
  cmd: "unsubscribe",
  messageId,
  unsubscriptions: Array.from({ length: 1 + random.below(3) }, () => random.pick(FILTERS)),
});
