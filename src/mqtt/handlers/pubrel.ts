import type { Client } from "../session/Client.ts";
import { PacketType } from "../wire/PacketType.ts";
import { acknowledgement } from "../wire/PacketCodec.ts";
import { ReasonCode } from "../wire/ReasonCode.ts";

/** PUBREL: the client has seen our PUBREC; its packet identifier is free again. [MQTT-4.3.3-11] */
export const handlePubrel = (client: Client, packetId: number): void => {
  const known = client.session.received.delete(packetId);
  // Of an earlier connection it may be: the client's quota does not rise above its start either.
  if (known && client.unreleased > 0) client.unreleased--;
  if (known || !client.is5) client.write(acknowledgement(PacketType.PUBCOMP, packetId));
  else {
    client.send({
      cmd: "pubcomp",
      messageId: packetId,
      reasonCode: ReasonCode.PacketIdentifierNotFound,
    });
  }
};
