/**
 * An application message: what was published, by whom, and all that is needed to forward it. One is
 * shared by all its recipients, and owns its bytes.
 */
import type { PublisherInfo } from "../../domain/ClientInfo.ts";
import type { QoS } from "../../domain/QoS.ts";
import type { MessageState, RestoredMessage } from "../ports/SessionStore.ts";
import { copyBytes } from "../wire/allocateBytes.ts";
import type { ForwardedProperties } from "../wire/properties.ts";
import type { PublishFrame } from "../wire/PublishFrame.ts";
import { patchedFrame, publishFrame } from "../wire/PublishFrame.ts";

export class Message implements MessageState {
  /** Frames without alias, subscription identifiers and expiry, by version, QoS and retain; while it is being routed. */
  #frames: Array<PublishFrame | undefined> | undefined;

  constructor(
    readonly from: PublisherInfo,
    readonly topic: string,
    /** Owned: not a view of a read buffer. */
    readonly payload: Uint8Array,
    readonly qos: QoS,
    readonly retain: boolean,
    readonly dup: boolean,
    /** As received; 0: none. */
    readonly packetId: number,
    /** Milliseconds since 1970. */
    readonly publishedAt: number,
    /** When the publisher wants it dropped, in monotonic milliseconds; Infinity: never. MQTT 5.0 section 3.3.2.3.3 */
    readonly expiresAt: number,
    readonly forward: ForwardedProperties,
  ) {}

  /** Bytes that it occupies, about: what a publisher has a say in. */
  get size(): number {
    return this.topic.length + this.payload.length + this.forward.length;
  }

  /**
   * A frame to send to a client that needs no alias and no subscription identifier. Encoded once per
   * version, QoS and retain flag while the message is being routed: a fan-out to 10,000 costs one.
   */
  frame(is5: boolean, qos: QoS, retain: boolean, dup: boolean, packetId: number, now: number) {
    if (is5 && this.expiresAt !== Infinity) {
      const made = publishFrame(this, true, qos, retain, { expiry: this.secondsLeft(now) });
      return patchedFrame(made, dup, packetId);
    }
    const index = (is5 ? 6 : 0) + 2 * qos + (retain ? 1 : 0);
    const frames = this.#frames ??= [];
    const frame = frames[index];
    if (frame === undefined) {
      const made = publishFrame(this, is5, qos, retain, {});
      frames[index] = made;
      return patchedFrame(made, dup, packetId);
    }
    if (qos === 0) return frame.bytes;
    // A copy: each recipient has its packet identifier.
    const { bytes, packetIdOffset } = frame;
    return patchedFrame({ bytes: copyBytes(bytes), packetIdOffset }, dup, packetId);
  }

  /** To be called when routing is over: queued and retained messages keep no frames. */
  forgetFrames(): void {
    this.#frames = undefined;
  }

  /** What is left of its own expiry, in whole seconds, at least 0. [MQTT-3.3.2-6] */
  secondsLeft(now: number): number {
    return Math.max(0, Math.ceil((this.expiresAt - now) / 1000));
  }
}

/** A message that was kept when the process before ended. */
export const restoredMessage = (found: RestoredMessage): Message =>
  new Message(
    found.from,
    found.topic,
    found.payload,
    found.qos,
    found.retain,
    found.dup,
    found.packetId,
    found.publishedAt,
    found.expiresAt,
    found.forward,
  );
