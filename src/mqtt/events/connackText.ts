import { connackReturnCode, ReasonCode } from "../wire/ReasonCode.ts";

/** By the CONNACK return code of MQTT 3.x. */
const TEXTS_3X = [
  "Connection Accepted",
  "Connection Refused, unacceptable protocol version",
  "Connection Refused, identifier rejected",
  "Connection Refused, Server unavailable",
  "Connection Refused, bad user name or password",
  "Connection Refused, not authorized",
];

/** What client_connack says of an answer to CONNECT, in RMQTT's words. docs/events.md */
export const connackText = (protocolVersion: number, reason: ReasonCode): string => {
  if (reason === ReasonCode.Success) return "Connection Accepted";
  if (protocolVersion !== 5) {
    return TEXTS_3X[connackReturnCode(reason)] ?? "Connection Refused";
  }
  // None for a version that is not spoken: whoever comes with one has not said that it is a 5.0 client.
  switch (reason) {
    case ReasonCode.ClientIdentifierNotValid:
      return "client identifier is invalid";
    case ReasonCode.ServerUnavailable:
      return "Server unavailable";
    case ReasonCode.BadUserNameOrPassword:
      return "bad user name or password";
    case ReasonCode.NotAuthorized:
      return "not authorized";
    default:
      return "Connection Refused";
  }
};
