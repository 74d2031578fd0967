/** PUBLISH from a client. MQTT 5.0 section 3.3 */
import { isTooDeep } from "../../domain/TopicFilter.ts";
import type { BrokerContext, Connected } from "../BrokerContext.ts";
import type { Client } from "../session/Client.ts";
import { mayPublish } from "../session/mayPublish.ts";
import type { Session } from "../session/Session.ts";
import { isUtf8 } from "../../domain/isUtf8.ts";
import { PacketType } from "../wire/PacketType.ts";
import { Message } from "../routing/Message.ts";
import { MqttError, protocolError } from "../wire/MqttError.ts";
import type { Publish } from "../wire/PacketCodec.ts";
import { acknowledgement } from "../wire/PacketCodec.ts";
import { ReasonCode } from "../wire/ReasonCode.ts";

/** @throws MqttError when the packet ends the connection */
export const handlePublish = (
  context: BrokerContext,
  { client, session }: Connected,
  packet: Publish,
): void => {
  const { limits } = client;
  const { qos } = packet;
  context.hooks.counters.publishReceived(qos);
  const packetId = packet.messageId ?? 0;
  const topic = client.is5 ? topicOf(client, packet) : packet.topic;
  if (qos > limits.maxQosAllowed) { // [MQTT-3.2.2-11]
    throw new MqttError(ReasonCode.QoSNotSupported, `QoS ${qos} is over the maximum`);
  }
  if (qos === 2) {
    if (session.hasReceived(packetId)) { // sent again: it is here already [MQTT-4.3.3-10]
      client.hold(); // the first PUBREC may not have gone yet
      client.write(acknowledgement(PacketType.PUBREC, packetId));
      return;
    }
    if (client.unreleased >= limits.maxInflight && client.is5) { // [MQTT-3.3.4-7]
      throw new MqttError(ReasonCode.ReceiveMaximumExceeded, "more than Receive Maximum in flight");
    }
  }
  const expiry = packet.properties?.messageExpiryInterval;
  const message = new Message(
    client.info,
    topic,
    packet.payload,
    qos,
    packet.retain,
    packet.dup,
    packetId,
    context.now(),
    expiry === undefined ? Infinity : context.monotonic() + expiry * 1000,
    packet.forward,
  );
  let reason = refusalOf(context, client, packet, message);
  if (reason !== undefined) context.hooks.messageRefused(message);
  else {
    const recipients = context.pubSub.publish(message);
    reason = recipients === 0 ? ReasonCode.NoMatchingSubscribers : ReasonCode.Success;
  }
  if (qos > 0) acknowledge(client, session, qos === 1 ? "puback" : "pubrec", packetId, reason);
};

/** The topic, which a Topic Alias may stand for. MQTT 5.0 section 3.3.2.3.4 */
const topicOf = (client: Client, packet: Publish): string => {
  const alias = packet.properties?.topicAlias;
  if (alias === undefined) {
    if (packet.topic === "") throw protocolError("neither topic name nor Topic Alias");
    return packet.topic;
  }
  if (alias > client.limits.maxTopicAliases) { // [MQTT-3.3.2-9]
    throw new MqttError(ReasonCode.TopicAliasInvalid, `Topic Alias ${alias} is over the maximum`);
  }
  if (packet.topic !== "") {
    (client.inboundAliases ??= new Map()).set(alias, packet.topic);
    return packet.topic;
  }
  const topic = client.inboundAliases?.get(alias);
  if (topic === undefined) throw protocolError(`Topic Alias ${alias} stands for nothing`);
  return topic;
};

/** Why the message is not routed; undefined: it is. */
const refusalOf = (
  context: BrokerContext,
  client: Client,
  packet: Publish,
  message: Message,
): ReasonCode | undefined => {
  if (isTooDeep(message.topic, client.limits.maxTopicLevels)) return ReasonCode.TopicNameInvalid;
  if (!mayPublish(context.access, client.info, message.topic)) {
    return ReasonCode.NotAuthorized;
  }
  if (packet.properties?.payloadFormatIndicator && !isUtf8(message.payload)) { // section 3.3.2.3.2
    return ReasonCode.PayloadFormatInvalid;
  }
  return context.pubSub.hasRoomFor(message) ? undefined : ReasonCode.QuotaExceeded;
};

/** PUBACK or PUBREC; 3.x can only say yes. [MQTT-3.4.2-1] [MQTT-3.5.2-1], 3.1.1: [MQTT-3.3.5-2] */
const acknowledge = (
  client: Client,
  session: Session,
  cmd: "puback" | "pubrec",
  packetId: number,
  reasonCode: ReasonCode,
): void => {
  if (cmd === "pubrec" && (reasonCode < 0x80 || !client.is5)) {
    session.receive(packetId);
    client.unreleased++;
  }
  client.hold();
  if (reasonCode === ReasonCode.Success || !client.is5) {
    client.write(
      acknowledgement(cmd === "puback" ? PacketType.PUBACK : PacketType.PUBREC, packetId),
    );
  } else client.send({ cmd, messageId: packetId, reasonCode });
};
