/**
 * Writes outbound PUBLISH frames. mqtt-packet could, but it forgets the order of user properties and
 * merges equal names, which must be forwarded as they came [MQTT-3.3.2-17] [MQTT-3.3.2-18]; here the
 * publisher's property bytes are copied as they stood. MQTT 5.0 section 3.3
 */
import { Buffer } from "node:buffer";
import type { QoS } from "../domain/HookEvent.ts";
import { type ForwardedProperties, PacketType } from "./FrameCheck.ts";

/** A frame, and where its packet identifier is to be filled in; -1: QoS 0 has none. */
export interface PublishFrame {
  readonly bytes: Uint8Array;
  readonly packetIdOffset: number;
}

export interface PublishContent {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly forward: ForwardedProperties;
}

/** What differs from one recipient to the next. 5.0 only. */
export interface RecipientProperties {
  /** Seconds left. */
  readonly expiry?: number;
  readonly identifiers?: ReadonlyArray<number> | undefined;
  readonly alias?: number;
  /** The recipient knows the alias already: the topic is sent empty. */
  readonly aliasKnown?: boolean;
}

const varintLength = (value: number): number =>
  value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4;

const writeVarint = (bytes: Uint8Array, value: number, at: number): number => {
  while (value >= 0x80) {
    bytes[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  bytes[at++] = value;
  return at;
};

/** Makes a frame with packet identifier 0 and DUP 0; see `patchedFrame`. */
export const publishFrame = (
  content: PublishContent,
  is5: boolean,
  qos: QoS,
  retain: boolean,
  extra: RecipientProperties,
): PublishFrame => {
  const { payload, forward } = content;
  const topic = extra.aliasKnown ? "" : content.topic;
  const topicLength = Buffer.byteLength(topic);
  const { expiry, identifiers, alias } = extra;
  let propertyLength = 0;
  if (is5) {
    propertyLength = forward.length;
    if (expiry !== undefined) propertyLength += 5;
    if (alias !== undefined) propertyLength += 3;
    if (identifiers) { for (const id of identifiers) propertyLength += 1 + varintLength(id); }
  }
  const length = 2 + topicLength + (qos > 0 ? 2 : 0) +
    (is5 ? varintLength(propertyLength) + propertyLength : 0) + payload.length;
  const bytes = Buffer.allocUnsafe(1 + varintLength(length) + length);
  bytes[0] = (PacketType.PUBLISH << 4) | (qos << 1) | (retain ? 1 : 0);
  let at = writeVarint(bytes, length, 1);
  at = bytes.writeUInt16BE(topicLength, at);
  at += bytes.write(topic, at);
  const packetIdOffset = qos > 0 ? at : -1;
  if (qos > 0) at = bytes.writeUInt16BE(0, at);
  if (is5) {
    at = writeVarint(bytes, propertyLength, at);
    if (expiry !== undefined) {
      bytes[at++] = 2;
      at = bytes.writeUInt32BE(expiry, at);
    }
    if (alias !== undefined) {
      bytes[at++] = 35;
      at = bytes.writeUInt16BE(alias, at);
    }
    bytes.set(forward, at);
    at += forward.length;
    if (identifiers) {
      for (const id of identifiers) {
        bytes[at++] = 11;
        at = writeVarint(bytes, id, at);
      }
    }
  }
  bytes.set(payload, at);
  return { bytes, packetIdOffset };
};

/** Fills in the packet identifier and the DUP flag, in place. [MQTT-3.3.1-1] */
export const patchedFrame = (frame: PublishFrame, dup: boolean, packetId: number): Uint8Array => {
  const { bytes, packetIdOffset } = frame;
  if (packetIdOffset < 0) return bytes;
  if (dup) bytes[0] = (bytes[0] as number) | 0x08; // a frame has a first byte
  bytes[packetIdOffset] = packetId >> 8;
  bytes[packetIdOffset + 1] = packetId & 0xff;
  return bytes;
};
