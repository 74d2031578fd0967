import type { BrokerContext, Connected } from "../BrokerContext.ts";
import type { Unsubscribe } from "../wire/PacketCodec.ts";
import { ReasonCode } from "../wire/ReasonCode.ts";

/** UNSUBSCRIBE. MQTT 5.0 section 3.10. Stops after each filter, as SUBSCRIBE does. */
export const handleUnsubscribe = function* (
  context: BrokerContext,
  { client, session }: Connected,
  packet: Unsubscribe,
): Generator<undefined, void> {
  const granted: Array<number> = [];
  for (const topic of packet.unsubscriptions) {
    yield;
    context.hooks.clientUnsubscribe(client.info, topic);
    const existed = session.unsubscribe(topic);
    if (existed) context.hooks.sessionUnsubscribed(client.info, topic);
    granted.push(existed ? ReasonCode.Success : ReasonCode.NoSubscriptionExisted);
  }
  client.hold();
  client.send({ cmd: "unsuback", messageId: packet.messageId, granted }); // [MQTT-3.10.4-4]
};
