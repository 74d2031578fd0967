import type { Connected } from "../BrokerContext.ts";
import { EndReason } from "../events/EndReason.ts";
import { protocolError } from "../wire/MqttError.ts";
import type { Disconnect } from "../wire/PacketCodec.ts";
import { disconnectName, ReasonCode } from "../wire/ReasonCode.ts";
import { sessionExpiryOf } from "./sessionExpiry.ts";

/**
 * DISCONNECT: the client goes of its own will, which is not published unless it says so. MQTT 5.0
 * section 3.14
 *
 * Returns the reason to close the connection with.
 * @throws MqttError when it asks to keep a session that CONNECT did not: section 3.14.2.2.2
 */
export const handleDisconnect = ({ client, session }: Connected, packet: Disconnect): string => {
  const code = packet.reasonCode ?? ReasonCode.Success;
  const expiry = packet.properties?.sessionExpiryInterval;
  if (expiry !== undefined) {
    if (expiry > 0 && !client.sessionExpires) {
      throw protocolError("Session Expiry Interval in DISCONNECT but not in CONNECT");
    }
    session.outlive(sessionExpiryOf(expiry, client.limits.maxSessionExpiryInterval));
  }
  if (code === ReasonCode.Success) client.will = undefined; // [MQTT-3.14.4-3]
  return code === ReasonCode.Success
    ? EndReason.Disconnect
    : `${EndReason.Disconnect}(${disconnectName(code)})`;
};
