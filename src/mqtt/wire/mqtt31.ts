/**
 * What MQTT 3.1 allows and 3.1.1 no longer does, brought into the form of 3.1.1: all that stands behind
 * it knows one form only. It refuses nothing; that is for `FrameCheck.ts`.
 */
import { PacketType } from "./PacketType.ts";

/** Where the connect flags stand, behind the protocol name `MQIsdp` and its level; then come two bytes of keep-alive. */
const CONNECT_FLAGS_OFFSET = 9;
const CONNECT_PAYLOAD_OFFSET = 12;

/**
 * The frame of an MQTT 3.1 client as a 3.1.1 client would have sent it; a copy, where that differs.
 *
 * Unused flags of the fixed header mean nothing, and DUP on PUBREL, SUBSCRIBE and UNSUBSCRIBE marks one
 * sent again (MQTT 3.1 section 2.1). User name and password may be missing although their flags are set:
 * the remaining length counts (MQTT 3.1 section 3.1).
 */
export const in311Form = (frame: Uint8Array, bodyOffset: number): Uint8Array => {
  const first = frame[0] as number; // a frame has a first byte
  const type = first >> 4;
  if (type === PacketType.PUBLISH) return frame;
  const hasQos = type === PacketType.PUBREL || type === PacketType.SUBSCRIBE ||
    type === PacketType.UNSUBSCRIBE;
  const form = (type << 4) | (hasQos ? first & 0x06 : 0);
  const flagsAt = bodyOffset + CONNECT_FLAGS_OFFSET;
  const flags = frame[flagsAt] ?? 0;
  const connectFlags = type === PacketType.CONNECT ? present(frame, bodyOffset, flags) : flags;
  if (form === first && connectFlags === flags) return frame;
  const copy = new Uint8Array(frame);
  copy[0] = form;
  if (connectFlags !== flags) copy[flagsAt] = connectFlags;
  return copy;
};

/** The connect flags without those of a user name and password that the frame has no room for. */
const present = (frame: Uint8Array, bodyOffset: number, flags: number): number => {
  let at = bodyOffset + CONNECT_PAYLOAD_OFFSET;
  const skip = (): void => {
    at += 2 + (((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0));
  };
  skip(); // client identifier
  if ((flags & 0x04) !== 0) {
    skip(); // will topic
    skip(); // will message
  }
  if (at === frame.length) return flags & 0x3f;
  if ((flags & 0x80) !== 0) skip();
  return at === frame.length ? flags & 0xbf : flags;
};
