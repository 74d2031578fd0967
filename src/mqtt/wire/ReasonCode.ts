/**
 * Reason codes of MQTT 5.0 (section 2.4), and what stands for them in MQTT 3.x.
 */
export const ReasonCode = {
  Success: 0x00,
  DisconnectWithWillMessage: 0x04,
  NoMatchingSubscribers: 0x10,
  NoSubscriptionExisted: 0x11,
  UnspecifiedError: 0x80,
  MalformedPacket: 0x81,
  ProtocolError: 0x82,
  ImplementationSpecificError: 0x83,
  UnsupportedProtocolVersion: 0x84,
  ClientIdentifierNotValid: 0x85,
  BadUserNameOrPassword: 0x86,
  NotAuthorized: 0x87,
  ServerUnavailable: 0x88,
  ServerShuttingDown: 0x8b,
  BadAuthenticationMethod: 0x8c,
  KeepAliveTimeout: 0x8d,
  SessionTakenOver: 0x8e,
  TopicFilterInvalid: 0x8f,
  TopicNameInvalid: 0x90,
  PacketIdentifierInUse: 0x91,
  PacketIdentifierNotFound: 0x92,
  ReceiveMaximumExceeded: 0x93,
  TopicAliasInvalid: 0x94,
  PacketTooLarge: 0x95,
  QuotaExceeded: 0x97,
  AdministrativeAction: 0x98,
  PayloadFormatInvalid: 0x99,
  QoSNotSupported: 0x9b,
} as const;
export type ReasonCode = typeof ReasonCode[keyof typeof ReasonCode];

const LOG_NAMES: ReadonlyMap<ReasonCode, string> = new Map(
  Object.entries(ReasonCode).map(([name, code]) => [
    code,
    name.replace("QoS", "Qos").replace(/(?<=[a-z])(?=[A-Z])/g, "_").toLowerCase(),
  ]),
);

/** As the log has it: `not_authorized`. */
export const reasonName = (reason: ReasonCode): string => LOG_NAMES.get(reason) ?? String(reason);

/** The names that the specification gives to the reason codes of a client's DISCONNECT (table 3-10). */
const disconnectNames: Readonly<Record<number, string>> = {
  0x00: "Normal disconnection",
  0x04: "Disconnect with Will Message",
  0x80: "Unspecified error",
  0x81: "Malformed Packet",
  0x82: "Protocol Error",
  0x83: "Implementation specific error",
  0x90: "Topic Name invalid",
  0x93: "Receive Maximum exceeded",
  0x94: "Topic Alias invalid",
  0x95: "Packet too large",
  0x96: "Message rate too high",
  0x97: "Quota exceeded",
  0x98: "Administrative action",
  0x99: "Payload format invalid",
};

/** Whether a client may send this code in DISCONNECT; the others are the server's. [MQTT-3.14.2-1] */
export const isClientDisconnectCode = (code: number): boolean => code in disconnectNames;

/** The specification's name of a client's DISCONNECT code. */
export const disconnectName = (code: number): string =>
  disconnectNames[code] ?? `0x${code.toString(16)}`;

/** The CONNACK return code of MQTT 3.x that says what a 5.0 reason code says. MQTT 3.1.1 table 3.1 */
export const connackReturnCode = (reason: ReasonCode): number => {
  switch (reason) {
    case ReasonCode.Success:
      return 0;
    case ReasonCode.UnsupportedProtocolVersion:
      return 1;
    case ReasonCode.ClientIdentifierNotValid:
      return 2;
    case ReasonCode.BadUserNameOrPassword:
      return 4;
    case ReasonCode.NotAuthorized:
    case ReasonCode.TopicNameInvalid:
    case ReasonCode.QoSNotSupported:
    case ReasonCode.BadAuthenticationMethod:
      return 5;
    default:
      return 3;
  }
};
