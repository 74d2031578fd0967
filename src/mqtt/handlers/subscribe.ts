/** SUBSCRIBE. MQTT 5.0 section 3.8 */
import { isTooDeep } from "../../domain/TopicFilter.ts";
import type { QoS } from "../../domain/QoS.ts";
import type { RmqttOptions } from "../../domain/RmqttBody.ts";
import type { BrokerContext, Connected } from "../BrokerContext.ts";
import type { Client } from "../session/Client.ts";
import type { Session } from "../session/Session.ts";
import type { Subscribe } from "../wire/PacketCodec.ts";
import { ReasonCode } from "../wire/ReasonCode.ts";
import type { Subscription } from "../routing/Subscription.ts";
import { makeSubscription } from "../routing/Subscription.ts";

/** Stops after each filter: there may be a hundred thousand, and the rest may have to wait. */
export const handleSubscribe = function* (
  context: BrokerContext,
  { client, session }: Connected,
  packet: Subscribe,
): Generator<undefined, void> {
  const identifier = packet.properties?.subscriptionIdentifier ?? 0;
  const granted: Array<number> = [];
  const retainedDue: Array<Subscription> = [];
  for (const { topic, qos: requested, nl, rap, rh } of packet.subscriptions) {
    yield;
    const more = client.is5 && context.hooks.sink.isDetailed
      ? optionsOf(nl, rap, rh, identifier)
      : undefined;
    context.hooks.clientSubscribe(client.info, topic, requested, more);
    const subscription = makeSubscription(session, topic, {
      qos: requested < client.limits.maxQosAllowed ? requested : client.limits.maxQosAllowed,
      noLocal: client.is5 && nl === true,
      retainAsPublished: client.is5 && rap === true,
      identifier,
    });
    const refusal = subscription === undefined
      ? ReasonCode.TopicFilterInvalid
      : refusalOf(context, client, session, subscription);
    if (subscription === undefined || refusal !== undefined) {
      granted.push(refusedCode(client, requested, refusal ?? ReasonCode.TopicFilterInvalid));
      continue;
    }
    const isNew = session.subscribe(subscription);
    context.hooks.sessionSubscribed(client.info, topic, subscription.qos, more);
    granted.push(subscription.qos);
    // Shared subscriptions get no retained messages. MQTT 5.0 section 4.8.2
    const wanted = subscription.share === undefined && (rh !== 2 && (isNew || rh !== 1));
    if (wanted) retainedDue.push(subscription);
  }
  client.hold();
  client.send({ cmd: "suback", messageId: packet.messageId, granted }); // [MQTT-3.8.4-1]
  for (const subscription of retainedDue) session.deliverRetained(subscription);
};

const optionsOf = (
  noLocal: boolean | undefined,
  retainAsPublished: boolean | undefined,
  retainHandling: number | undefined,
  identifier: number,
): RmqttOptions => ({
  no_local: noLocal === true,
  retain_as_published: retainAsPublished === true,
  retain_handling: retainHandling ?? 0,
  ...(identifier === 0 ? {} : { id: identifier }),
});

/** 3.1.1: [MQTT-3.9.3-2]. 3.1 has no code for a refusal, and wants a yes in its place (section 3.8). */
const refusedCode = (client: Client, requested: QoS, refusal: ReasonCode): number =>
  client.is5 ? refusal : client.version === 4 ? 0x80 : requested;

const refusalOf = (
  context: BrokerContext,
  client: Client,
  session: Session,
  { topic, filter }: Subscription,
): ReasonCode | undefined => {
  if (isTooDeep(filter, client.limits.maxTopicLevels)) return ReasonCode.TopicFilterInvalid;
  if (!context.access.authorize(client.info, "subscribe", topic)) return ReasonCode.NotAuthorized;
  if (session.subscriptions.has(topic)) return undefined;
  const hasRoom = session.hasRoomFor(topic) && !context.isMemoryShort;
  return hasRoom ? undefined : ReasonCode.QuotaExceeded;
};
