/**
 * Cuts a byte stream into MQTT control packets ("frames": fixed header and all that follows it).
 *
 * A frame lies in the chunk it came in where it can, and is copied only when it came in pieces. Memory
 * follows the bytes received, never the length that a header claims.
 */
import { malformed, MqttError } from "./MqttError.ts";
import { ReasonCode } from "./ReasonCode.ts";

const NOTHING = new Uint8Array(0);

export class FrameReader {
  #bytes: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  /** Whether `#bytes` is ours, so that it may be written to and kept. */
  #owned = false;
  #bodyOffset = 0;

  /** @param maxPacketSize bytes of the largest frame accepted, its fixed header included; may change */
  constructor(public maxPacketSize: number) {}

  /** Where the body of the frame that `next` gave last begins in it, behind the fixed header. */
  get bodyOffset(): number {
    return this.#bodyOffset;
  }

  /** Bytes received and not yet given out. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  /** As much of the next frame as is there, and what came behind it; a view that is good until `settle`. */
  get begun(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** The first byte of the next frame, as soon as it is there. */
  peek(): number | undefined {
    return this.#start < this.#end ? this.#bytes[this.#start] : undefined;
  }

  /** Adds received bytes. `chunk` belongs to the caller again after `settle`. */
  push(chunk: Uint8Array): void {
    const rest = this.#end - this.#start;
    if (rest === 0) {
      this.#bytes = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      this.#owned = false;
      return;
    }
    if (!this.#owned || this.#end + chunk.length > this.#bytes.length) {
      this.#own(Math.max(2 * rest, rest + chunk.length));
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The next whole frame, a view that is good until `settle`; undefined when it is not all there yet.
   * @throws MqttError for a remaining length over four bytes (section 1.5.5) or a frame over the limit
   */
  next(): Uint8Array | undefined {
    const bytes = this.#bytes;
    let length = 0;
    let shift = 0;
    let at = this.#start + 1;
    for (;;) {
      if (at >= this.#end) return undefined;
      const byte = bytes[at++] as number; // at < end
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
      shift += 7;
      if (shift > 21) throw malformed("remaining length over four bytes");
    }
    const bodyOffset = at - this.#start;
    if (bodyOffset + length > this.maxPacketSize) {
      throw new MqttError(ReasonCode.PacketTooLarge, `packet of ${bodyOffset + length} bytes`);
    }
    const frameEnd = at + length;
    if (frameEnd > this.#end) return undefined;
    const frame = bytes.subarray(this.#start, frameEnd);
    this.#start = frameEnd;
    this.#bodyOffset = bodyOffset;
    return frame;
  }

  /** To be called before the last chunk's memory is used again: keeps a copy of what is left of it. */
  settle(): void {
    const rest = this.#end - this.#start;
    if (rest === 0) {
      this.#bytes = NOTHING;
      this.#start = 0;
      this.#end = 0;
    } else if (!this.#owned) this.#own(rest);
  }

  #own(capacity: number): void {
    const bytes = new Uint8Array(capacity);
    bytes.set(this.#bytes.subarray(this.#start, this.#end));
    this.#end -= this.#start;
    this.#start = 0;
    this.#bytes = bytes;
    this.#owned = true;
  }
}

/** Where the body of a whole frame begins. */
export const bodyOffsetOf = (frame: Uint8Array): number => {
  let at = 1;
  while ((frame[at] as number) >= 0x80) at++; // a whole frame's length field ends
  return at + 1;
};
