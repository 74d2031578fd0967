import { protocolError } from "../wire/MqttError.ts";

/**
 * AUTH. This server has no extended authentication (a CONNECT that wants it is refused), so no client
 * may send one. [MQTT-4.12.0-7]
 * @throws MqttError always
 */
export const handleAuth = (): never => {
  throw protocolError("AUTH without an authentication method");
};
