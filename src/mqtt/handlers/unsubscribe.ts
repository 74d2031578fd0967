import type { Broker } from "../Broker.ts";
import type { Client } from "../Client.ts";
import type { Unsubscribe } from "../PacketCodec.ts";
import { ReasonCode } from "../ReasonCode.ts";

/** UNSUBSCRIBE. MQTT 5.0 section 3.10 */
export const handleUnsubscribe = (broker: Broker, client: Client, packet: Unsubscribe): void => {
  const granted: Array<number> = [];
  for (const topic of packet.unsubscriptions) {
    broker.hooks.clientUnsubscribe(client.info, topic);
    const existed = broker.unsubscribe(client.session, topic);
    if (existed) broker.hooks.sessionUnsubscribed(client.info, topic);
    granted.push(existed ? ReasonCode.Success : ReasonCode.NoSubscriptionExisted);
  }
  client.send({ cmd: "unsuback", messageId: packet.messageId, granted }); // [MQTT-3.10.4-4]
};
