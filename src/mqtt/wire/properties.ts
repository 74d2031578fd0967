/** The properties of MQTT 5.0: which there are, where each may stand, and how its value is written. Section 2.2.2 */

/** 5.0 properties that a PUBLISH carries on to its recipients, as they stood in the frame. [MQTT-3.3.2-4] … [MQTT-3.3.2-20] */
export type ForwardedProperties = Uint8Array;

export const NO_PROPERTIES: ForwardedProperties = new Uint8Array(0);

/** Bits of the places where a property may stand. MQTT 5.0 table 2-4 */
export const Place = {
  CONNECT: 1,
  WILL: 2,
  PUBLISH: 4,
  /** PUBACK, PUBREC, PUBREL, PUBCOMP */
  ACK: 8,
  SUBSCRIBE: 16,
  UNSUBSCRIBE: 32,
  DISCONNECT: 64,
  AUTH: 128,
} as const;

/** How a property's value is written. MQTT 5.0 section 2.2.2.2 */
type PropertyKind = "bool" | "u16" | "u32" | "varint" | "string" | "binary" | "pair";

/** What table 2-4 says of one property. */
export interface Property {
  readonly name: string;
  readonly kind: PropertyKind;
  readonly places: number;
  /** Zero is a protocol error. */
  readonly nonZero?: true;
  readonly forwarded?: true;
}

/** The identifiers of properties that have rules of their own. */
export const PropertyId = {
  RESPONSE_TOPIC: 8,
  SUBSCRIPTION_IDENTIFIER: 11,
  AUTHENTICATION_METHOD: 21,
  AUTHENTICATION_DATA: 22,
  TOPIC_ALIAS: 35,
  USER_PROPERTY: 38,
} as const;

/** By identifier, 1 to 42; undefined: there is no such property. MQTT 5.0 table 2-4 */
export const PROPERTIES: ReadonlyArray<Property | undefined> = (() => {
  const { CONNECT, WILL, PUBLISH, ACK, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT, AUTH } = Place;
  const table: Array<Property | undefined> = [];
  const define = (id: number, name: string, kind: PropertyKind, places: number, more?: object) => {
    table[id] = { name, kind, places, ...more };
  };
  const forwarded = { forwarded: true } as const;
  const nonZero = { nonZero: true } as const;
  define(1, "Payload Format Indicator", "bool", PUBLISH | WILL, forwarded);
  define(2, "Message Expiry Interval", "u32", PUBLISH | WILL);
  define(3, "Content Type", "string", PUBLISH | WILL, forwarded);
  define(PropertyId.RESPONSE_TOPIC, "Response Topic", "string", PUBLISH | WILL, forwarded);
  define(9, "Correlation Data", "binary", PUBLISH | WILL, forwarded);
  define(
    PropertyId.SUBSCRIPTION_IDENTIFIER,
    "Subscription Identifier",
    "varint",
    SUBSCRIBE,
    nonZero,
  );
  define(17, "Session Expiry Interval", "u32", CONNECT | DISCONNECT);
  define(18, "Assigned Client Identifier", "string", 0);
  define(19, "Server Keep Alive", "u16", 0);
  define(PropertyId.AUTHENTICATION_METHOD, "Authentication Method", "string", CONNECT | AUTH);
  define(PropertyId.AUTHENTICATION_DATA, "Authentication Data", "binary", CONNECT | AUTH);
  define(23, "Request Problem Information", "bool", CONNECT);
  define(24, "Will Delay Interval", "u32", WILL);
  define(25, "Request Response Information", "bool", CONNECT);
  define(26, "Response Information", "string", 0);
  define(28, "Server Reference", "string", 0);
  define(31, "Reason String", "string", ACK | DISCONNECT | AUTH);
  define(33, "Receive Maximum", "u16", CONNECT, nonZero);
  define(34, "Topic Alias Maximum", "u16", CONNECT);
  define(PropertyId.TOPIC_ALIAS, "Topic Alias", "u16", PUBLISH, nonZero);
  define(36, "Maximum QoS", "bool", 0);
  define(37, "Retain Available", "bool", 0);
  define(
    PropertyId.USER_PROPERTY,
    "User Property",
    "pair",
    CONNECT | WILL | PUBLISH | ACK | SUBSCRIBE | UNSUBSCRIBE | DISCONNECT | AUTH,
    forwarded,
  );
  define(39, "Maximum Packet Size", "u32", CONNECT, nonZero);
  define(40, "Wildcard Subscription Available", "bool", 0);
  define(41, "Subscription Identifier Available", "bool", 0);
  define(42, "Shared Subscription Available", "bool", 0);
  return table;
})();
