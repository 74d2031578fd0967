import type { Broker } from "../Broker.ts";
import type { Client } from "../session/Client.ts";
import type { Unsubscribe } from "../wire/PacketCodec.ts";
import { ReasonCode } from "../wire/ReasonCode.ts";

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
