import { ReasonCode } from "./ReasonCode.ts";

/**
 * What a client did against the protocol. It ends the connection: 5.0 clients are told `reasonCode`,
 * the hook events say `ProtocolError(what)`.
 */
export class MqttError extends Error {
  override readonly name = "MqttError";

  constructor(readonly reasonCode: ReasonCode, readonly what: string) {
    super(what);
  }
}

/** A packet that cannot be what it claims to be. MQTT 5.0 section 4.13 */
export const malformed = (what: string): MqttError =>
  new MqttError(ReasonCode.MalformedPacket, what);

/** A well-formed packet that is not allowed, here or now. MQTT 5.0 section 4.13 */
export const protocolError = (what: string): MqttError =>
  new MqttError(ReasonCode.ProtocolError, what);
