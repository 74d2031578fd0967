import type { Connected } from "../BrokerContext.ts";
import { PacketType } from "../wire/PacketType.ts";
import { acknowledgement } from "../wire/PacketCodec.ts";
import { ReasonCode } from "../wire/ReasonCode.ts";

/** PUBREL: the client has seen our PUBREC; its packet identifier is free again. [MQTT-4.3.3-11] */
export const handlePubrel = ({ client, session }: Connected, packetId: number): void => {
  const answer = session.release(packetId);
  const known = answer !== "unknown";
  if (answer === "stored") client.hold();
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
