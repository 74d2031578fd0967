/**
 * Refuses what mqtt-packet lets through: checks the raw frame where the parsed packet no longer shows
 * it (invalid UTF-8, duplicate or misplaced properties, reserved bits, bytes too many or too few).
 *
 * It reads every field's bounds once, allocates nothing for a valid packet without 5.0 properties, and
 * throws `MqttError`. A frame that passes is one that mqtt-packet parses without error.
 */
import { malformed, MqttError, protocolError } from "./MqttError.ts";
import { checkTopicFilter, isShared } from "./checkTopicFilter.ts";
import { isUtf8 } from "../../domain/isUtf8.ts";
import { PacketType } from "./PacketType.ts";
import type { ForwardedProperties, Property } from "./properties.ts";
import { NO_PROPERTIES, Place, PROPERTIES, PropertyId } from "./properties.ts";
import { isClientDisconnectCode, ReasonCode } from "./ReasonCode.ts";

/** What the raw frame alone can tell of a CONNECT or PUBLISH that passed. */
export interface Checked {
  /** Of PUBLISH, or of CONNECT's will: the properties to forward, copied. */
  readonly forward: ForwardedProperties;
}

const NOTHING_TO_FORWARD: Checked = { forward: NO_PROPERTIES };

// PUBACK and PUBREC, then PUBREL and PUBCOMP. MQTT 5.0 tables 3-4 to 3-7
const RECEIPT_CODES = new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]);
const RELEASE_CODES = new Set([0x00, 0x92]);

// The frame being checked. One is checked at a time, to its end, so one place serves all.
let frame: Uint8Array = NO_PROPERTIES;
let at = 0;
let end = 0;

const byte = (what: string): number => {
  if (at >= end) throw malformed(`${what} is missing`);
  return frame[at++] as number; // at < end
};

const uint16 = (what: string): number => {
  if (at + 2 > end) throw malformed(`${what} is cut short`);
  const value = ((frame[at] as number) << 8) | (frame[at + 1] as number); // both before end
  at += 2;
  return value;
};

const uint32 = (what: string): number => {
  const high = uint16(what);
  return high * 0x10000 + uint16(what);
};

/** In the fewest bytes that hold it. [MQTT-1.5.5-1] */
const varint = (what: string): number => {
  let value = 0;
  for (let shift = 0; shift <= 21; shift += 7) {
    const next = byte(what);
    value |= (next & 0x7f) << shift;
    if (next >= 0x80) continue;
    if (next === 0 && shift > 0) throw malformed(`${what} is in too many bytes`);
    return value;
  }
  throw malformed(`${what} is over four bytes`);
};

const binary = (what: string): void => {
  const length = uint16(what);
  if (at + length > end) throw malformed(`${what} is cut short`);
  at += length;
};

/** A UTF-8 string: well-formed, without U+0000. [MQTT-1.5.4-1] [MQTT-1.5.4-2], 3.1.1: [MQTT-1.5.3-1] [MQTT-1.5.3-2] */
const string = (what: string): number => {
  const length = uint16(what);
  const stringEnd = at + length;
  if (stringEnd > end) throw malformed(`${what} is cut short`);
  let ascii = true;
  for (let i = at; i < stringEnd; i++) {
    const c = frame[i] as number; // i < end
    if (c === 0) throw malformed(`${what} has a U+0000`);
    if (c >= 0x80) ascii = false;
  }
  if (!ascii && !isUtf8(frame.subarray(at, stringEnd))) throw malformed(`${what} is not UTF-8`);
  at = stringEnd;
  return length;
};

const packetIdentifier = (): void => {
  // [MQTT-2.2.1-3], 3.1.1: [MQTT-2.3.1-1]
  if (uint16("packet identifier") === 0) throw protocolError("packet identifier 0");
};

const atEnd = (what: string): void => {
  if (at !== end) throw malformed(`bytes after the end of ${what}`);
};

const wildcardWithin = (from: number, to: number): boolean => {
  for (let i = from; i < to; i++) {
    const c = frame[i];
    if (c === 0x2b || c === 0x23) return true; // + #
  }
  return false;
};

/**
 * Reads one property section: each property known, allowed here, at most once (User Property apart),
 * with a value of its kind. MQTT 5.0 section 2.2.2 Answers the forwarded ones, copied in their order.
 */
const propertySection = (place: number): ForwardedProperties => {
  const length = varint("property length");
  const packetEnd = end;
  const sectionEnd = at + length;
  if (sectionEnd > packetEnd) throw malformed("properties are cut short");
  if (length === 0) return NO_PROPERTIES;
  end = sectionEnd;
  // Identifiers go up to 42: two words of a bit set.
  let seenLow = 0;
  let seenHigh = 0;
  const start = at;
  let forwardLength = 0;
  while (at < sectionEnd) {
    const from = at;
    const id = varint("property identifier");
    const property = PROPERTIES[id];
    if (property === undefined) throw malformed(`unknown property ${id}`);
    if ((property.places & place) === 0) {
      // A PUBLISH may carry one, but not from a client. [MQTT-3.3.4-6] All else: section 2.2.2.2
      const wrong = id === PropertyId.SUBSCRIPTION_IDENTIFIER && place === Place.PUBLISH
        ? protocolError
        : malformed;
      throw wrong(`${property.name} is not allowed here`);
    }
    if (id !== PropertyId.USER_PROPERTY) {
      const bit = 1 << (id & 31);
      if (((id < 32 ? seenLow : seenHigh) & bit) !== 0) {
        throw protocolError(`${property.name} twice`);
      }
      if (id < 32) seenLow |= bit;
      else seenHigh |= bit;
    }
    propertyValue(id, property);
    if (property.forwarded) forwardLength += at - from;
  }
  if (
    (seenLow & (1 << PropertyId.AUTHENTICATION_DATA)) !== 0 &&
    (seenLow & (1 << PropertyId.AUTHENTICATION_METHOD)) === 0
  ) throw protocolError("Authentication Data without Authentication Method");
  end = packetEnd;
  if (forwardLength === 0) return NO_PROPERTIES;
  if (forwardLength === length) return new Uint8Array(frame.subarray(start, sectionEnd));
  return forwardedOnly(start, sectionEnd, forwardLength);
};

/** Copies the forwarded properties out of a section that was found valid. */
const forwardedOnly = (start: number, sectionEnd: number, length: number): ForwardedProperties => {
  const forward = new Uint8Array(length);
  let filled = 0;
  at = start;
  while (at < sectionEnd) {
    const from = at;
    const id = varint("property identifier");
    const property = PROPERTIES[id] as Property; // the section was found valid
    propertyValue(id, property);
    if (!property.forwarded) continue;
    forward.set(frame.subarray(from, at), filled);
    filled += at - from;
  }
  return forward;
};

const propertyValue = (id: number, property: Property): void => {
  let value = 1;
  switch (property.kind) {
    case "bool":
      if (byte(property.name) > 1) throw protocolError(`${property.name} is neither 0 nor 1`);
      return;
    case "u16":
      value = uint16(property.name);
      break;
    case "u32":
      value = uint32(property.name);
      break;
    case "varint":
      value = varint(property.name);
      break;
    case "string": {
      const length = string(property.name);
      // [MQTT-3.3.2-14]
      if (id === PropertyId.RESPONSE_TOPIC && (length === 0 || wildcardWithin(at - length, at))) {
        throw protocolError("Response Topic is no topic name");
      }
      return;
    }
    case "binary":
      binary(property.name);
      return;
    case "pair":
      string(property.name);
      string(property.name);
      return;
  }
  if (property.nonZero && value === 0) {
    throw id === PropertyId.TOPIC_ALIAS // [MQTT-3.3.2-8]
      ? new MqttError(ReasonCode.TopicAliasInvalid, "Topic Alias 0")
      : protocolError(`${property.name} 0`);
  }
};

/** MQTT 5.0 and 3.1.1 section 3.1. The protocol's name and level were found good before. */
const connect = (version: number): ForwardedProperties => {
  string("protocol name");
  byte("protocol level");
  const flags = byte("connect flags");
  const hasWill = (flags & 0x04) !== 0;
  const hasUsername = (flags & 0x80) !== 0;
  const hasPassword = (flags & 0x40) !== 0;
  if ((flags & 0x01) !== 0) throw malformed("reserved connect flag"); // [MQTT-3.1.2-3]
  if ((flags & 0x18) === 0x18) throw malformed("will QoS 3"); // [MQTT-3.1.2-12]
  // [MQTT-3.1.2-11] [MQTT-3.1.2-13]
  if (!hasWill && (flags & 0x38) !== 0) throw malformed("will QoS or retain without a will");
  if (version !== 5 && hasPassword && !hasUsername) {
    throw malformed("password without user name"); // 3.1.1: [MQTT-3.1.2-22]
  }
  uint16("keep alive");
  if (version === 5) propertySection(Place.CONNECT);
  string("client identifier");
  let forward = NO_PROPERTIES;
  if (hasWill) {
    if (version === 5) forward = propertySection(Place.WILL);
    const length = string("will topic");
    if (length === 0 || wildcardWithin(at - length, at)) {
      throw new MqttError(ReasonCode.TopicNameInvalid, "will topic is no topic name");
    }
    binary("will payload");
  }
  if (hasUsername) string("user name");
  if (hasPassword) binary("password");
  atEnd("CONNECT");
  return forward;
};

/** Section 3.3 */
const publish = (version: number): ForwardedProperties => {
  const flags = frame[0] as number; // a frame has a first byte
  const qos = (flags >> 1) & 3;
  if (qos === 3) throw malformed("QoS 3"); // [MQTT-3.3.1-4]
  if (qos === 0 && (flags & 0x08) !== 0) throw malformed("DUP with QoS 0"); // [MQTT-3.3.1-2]
  const topicLength = string("topic name");
  if (wildcardWithin(at - topicLength, at)) { // [MQTT-3.3.2-2]
    throw new MqttError(ReasonCode.TopicNameInvalid, "wildcard in a topic name");
  }
  if (topicLength === 0 && version !== 5) throw malformed("empty topic name"); // [MQTT-4.7.3-1]
  if (qos > 0) packetIdentifier();
  return version === 5 ? propertySection(Place.PUBLISH) : NO_PROPERTIES;
};

/** Sections 3.4 to 3.7 */
const acknowledgement = (version: number, codes: ReadonlySet<number>): void => {
  packetIdentifier();
  if (version === 5 && at < end) {
    const code = byte("reason code");
    if (!codes.has(code)) throw protocolError(`reason code 0x${code.toString(16)}`);
    if (at < end) propertySection(Place.ACK);
  }
  atEnd("the acknowledgement");
};

/** Section 3.8 */
const subscribe = (version: number): void => {
  packetIdentifier();
  if (version === 5) propertySection(Place.SUBSCRIBE);
  if (at === end) throw protocolError("SUBSCRIBE without a topic filter"); // [MQTT-3.8.3-2]
  const reserved = version === 5 ? 0xc0 : 0xfc; // [MQTT-3.8.3-5], 3.1.1: [MQTT-3.8.3-4]
  while (at < end) {
    const from = at + 2;
    topicFilter(version);
    const shared = isShared(frame, from, at);
    const options = byte("subscription options");
    if ((options & reserved) !== 0) throw malformed("reserved bits of the subscription options");
    if ((options & 3) === 3) throw malformed("QoS 3");
    if ((options & 0x30) === 0x30) throw protocolError("Retain Handling 3");
    if (shared && (options & 4) !== 0 && version === 5) { // [MQTT-3.8.3-4]
      throw protocolError("No Local on a shared subscription");
    }
  }
};

/** Section 3.10 */
const unsubscribe = (version: number): void => {
  packetIdentifier();
  if (version === 5) propertySection(Place.UNSUBSCRIBE);
  if (at === end) throw protocolError("UNSUBSCRIBE without a topic filter"); // [MQTT-3.10.3-2]
  while (at < end) topicFilter(version);
};

/** 3.x has a code in SUBACK for a filter that is not well formed, 3.1.1: [MQTT-3.9.3-2]; 5.0 ends the connection. */
const topicFilter = (version: number): void => {
  const from = at + 2;
  if (string("topic filter") === 0) throw protocolError("empty topic filter"); // [MQTT-4.7.3-1]
  if (version === 5) checkTopicFilter(frame, from, at);
};

/** Section 3.14 */
const disconnect = (version: number): void => {
  if (version === 5 && at < end) {
    const code = byte("reason code");
    if (!isClientDisconnectCode(code)) {
      throw protocolError(`reason code 0x${code.toString(16)} in a client's DISCONNECT`);
    }
    if (at < end) propertySection(Place.DISCONNECT);
  }
  atEnd("DISCONNECT");
};

/** MQTT 5.0 section 3.15 */
const auth = (version: number): void => {
  if (version !== 5) throw malformed("AUTH before MQTT 5.0");
  if (at === end) return;
  const code = byte("reason code");
  if (code !== 0x00 && code !== 0x18 && code !== 0x19) {
    throw protocolError(`reason code 0x${code.toString(16)} in AUTH`);
  }
  if (at < end) propertySection(Place.AUTH);
  atEnd("AUTH");
};

/**
 * Checks one whole frame of a client that speaks `version` (3: 3.1, 4: 3.1.1, 5: 5.0).
 *
 * @param bodyOffset where the variable header begins
 * @throws MqttError what is wrong, with the reason code to tell a 5.0 client
 */
export const checkFrame = (bytes: Uint8Array, bodyOffset: number, version: number): Checked => {
  frame = bytes;
  at = bodyOffset;
  end = bytes.length;
  const first = bytes[0] as number; // a frame has a first byte
  const type = first >> 4;
  if (version === 5 && bodyOffset > 2 && bytes[bodyOffset - 1] === 0) { // [MQTT-1.5.5-1]
    throw malformed("remaining length is in too many bytes");
  }
  const flags = first & 0x0f;
  if (type === PacketType.PUBLISH) {
    const forward = publish(version);
    return forward === NO_PROPERTIES ? NOTHING_TO_FORWARD : { forward };
  }
  const wanted =
    type === PacketType.PUBREL || type === PacketType.SUBSCRIBE || type === PacketType.UNSUBSCRIBE
      ? 2
      : 0;
  // [MQTT-2.1.3-1], 3.1.1: [MQTT-2.2.2-2]
  if (flags !== wanted) throw malformed("reserved flags of the fixed header");
  switch (type) {
    case PacketType.CONNECT: {
      const forward = connect(version);
      return forward === NO_PROPERTIES ? NOTHING_TO_FORWARD : { forward };
    }
    case PacketType.PUBACK:
    case PacketType.PUBREC:
      acknowledgement(version, RECEIPT_CODES);
      break;
    case PacketType.PUBREL:
    case PacketType.PUBCOMP:
      acknowledgement(version, RELEASE_CODES);
      break;
    case PacketType.SUBSCRIBE:
      subscribe(version);
      break;
    case PacketType.UNSUBSCRIBE:
      unsubscribe(version);
      break;
    case PacketType.PINGREQ:
      atEnd("PINGREQ");
      break;
    case PacketType.DISCONNECT:
      disconnect(version);
      break;
    case PacketType.AUTH:
      auth(version);
      break;
    case 0:
      throw malformed("packet type 0");
    default:
      throw protocolError("a packet that only servers send");
  }
  return NOTHING_TO_FORWARD;
};
