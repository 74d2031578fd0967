/**
 * Reads what a WebSocket's client sends, as the stream that it is to MQTT: a frame's payload is handed
 * over as it comes, so that a frame may be of any size and memory follows what has been received, not
 * what a header claims. It keeps a header or a control frame at most: 139 bytes. RFC 6455 section 5
 *
 * Not by `ws`, which gathers a message before it hands it over: either a limit for it refuses packets
 * that are small, because of what they were sent in, or a client fills the memory.
 */

/** RFC 6455 section 5.2 */
export const Opcode = { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 } as const;

/** RFC 6455 section 7.4.1 */
export const CloseCode = {
  Normal: 1000,
  ProtocolError: 1002,
  UnsupportedData: 1003,
  TooBig: 1009,
} as const;

/** Who is told what is read. */
export interface WebSocketReaderOwner {
  /** Bytes of the binary stream; they belong to the owner until it returns. */
  data(bytes: Uint8Array): void;
  ping(payload: Uint8Array): void;
  /** The client will send no more. `code` is undefined where it gave none. */
  closed(code: number | undefined): void;
  /** What is against RFC 6455, or no binary data: nothing more is read. */
  violated(closeCode: number, what: string): void;
}

type State =
  /** Within a header, or between two frames. */
  | { readonly _tag: "Header" }
  | { readonly _tag: "Data"; left: number; readonly mask: Uint8Array }
  | { readonly _tag: "Control"; readonly opcode: number; readonly mask: Uint8Array }
  /** After a close frame or a violation. */
  | { readonly _tag: "Ended" };

const HEADER: State = { _tag: "Header" };
const ENDED: State = { _tag: "Ended" };

/** Two bytes, up to eight of an extended length, four of a mask. */
const LONGEST_HEADER = 14;
const LONGEST_CONTROL_PAYLOAD = 125;

export class WebSocketReader {
  readonly #owner: WebSocketReaderOwner;
  #state: State = HEADER;
  /** A header or the payload of a control frame, as far as it has come. */
  #gathered = new Uint8Array(LONGEST_HEADER);
  #have = 0;
  #need = 2;
  /** Within a fragmented message: more frames of it will come. */
  #isFragmented = false;

  constructor(owner: WebSocketReaderOwner) {
    this.#owner = owner;
  }

  /** Reads on. The bytes are unmasked where they lie. */
  receive(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      switch (this.#state._tag) {
        case "Header":
          at = this.#gather(bytes, at);
          if (this.#have === this.#need) this.#header();
          break;
        case "Control":
          at = this.#gather(bytes, at);
          if (this.#have === this.#need) this.#control(this.#state);
          break;
        case "Data":
          at = this.#data(this.#state, bytes, at);
          break;
        case "Ended":
          return;
      }
    }
  }

  /** Takes what is missing; answers where it stopped. */
  #gather(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + this.#need - this.#have);
    this.#gathered.set(bytes.subarray(at, end), this.#have);
    this.#have += end - at;
    return end;
  }

  /** Looks at a header of which all that is needed so far has come; it may turn out to be longer. */
  #header(): void {
    const header = this.#gathered;
    const [first = 0, second = 0] = header; // two bytes at least
    if (this.#have === 2) {
      const violation = this.#violationOf(first, second);
      if (violation !== undefined) return this.#violated(...violation);
    }
    const short = second & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    this.#need = 2 + lengthBytes + 4;
    if (this.#have < this.#need) return;

    const view = new DataView(header.buffer);
    // The highest bit must be 0 (section 5.2). Beyond 2^53 the number is not exact, and never met.
    const length = lengthBytes === 0
      ? short
      : lengthBytes === 2
      ? view.getUint16(2)
      : view.getUint32(2) * 2 ** 32 + view.getUint32(6);
    if (length >= 2 ** 53) return this.#violated(CloseCode.TooBig, "frame over 2^53 bytes");
    const opcode = first & 0x0f;
    const mask = header.slice(2 + lengthBytes, this.#need);
    this.#have = 0;
    if (opcode >= Opcode.Close) {
      this.#gathered = new Uint8Array(length);
      this.#need = length;
      const control = { _tag: "Control", opcode, mask } as const;
      this.#state = control;
      if (length === 0) this.#control(control);
      return;
    }
    this.#isFragmented = (first & 0x80) === 0;
    this.#need = 2;
    this.#state = length === 0 ? HEADER : { _tag: "Data", left: length, mask };
  }

  /** What is wrong with a frame that begins with these two bytes. */
  #violationOf(
    first: number,
    second: number,
  ): readonly [closeCode: number, what: string] | undefined {
    const opcode = first & 0x0f;
    const isFinal = (first & 0x80) !== 0;
    if ((first & 0x70) !== 0) return [CloseCode.ProtocolError, "reserved bit in a frame"]; // 5.2
    if ((second & 0x80) === 0) return [CloseCode.ProtocolError, "frame without a mask"]; // 5.1
    switch (opcode) {
      case Opcode.Continuation:
        return this.#isFragmented
          ? undefined
          : [CloseCode.ProtocolError, "frame that continues nothing"];
      case Opcode.Text:
      case Opcode.Binary:
        if (this.#isFragmented) return [CloseCode.ProtocolError, "message within a message"]; // 5.4
        return opcode === Opcode.Binary ? undefined : [CloseCode.UnsupportedData, "text frame"]; // [MQTT-6.0.0-1]
      case Opcode.Close:
      case Opcode.Ping:
      case Opcode.Pong:
        return isFinal && (second & 0x7f) <= LONGEST_CONTROL_PAYLOAD // 5.5
          ? undefined
          : [CloseCode.ProtocolError, "control frame that is long or fragmented"];
      default:
        return [CloseCode.ProtocolError, "frame of an unknown kind"];
    }
  }

  /** Answers where the frame's payload, or what has come of it, ends. */
  #data(state: Extract<State, { readonly _tag: "Data" }>, bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + state.left);
    const piece = bytes.subarray(at, end);
    unmask(piece, state.mask);
    state.left -= piece.length;
    if (state.left === 0) this.#state = HEADER;
    else rotate(state.mask, piece.length);
    this.#owner.data(piece);
    return end;
  }

  #control({ opcode, mask }: Extract<State, { readonly _tag: "Control" }>): void {
    const payload = this.#gathered;
    unmask(payload, mask);
    this.#gathered = new Uint8Array(LONGEST_HEADER);
    this.#have = 0;
    this.#need = 2;
    this.#state = HEADER;
    if (opcode === Opcode.Ping) return this.#owner.ping(payload);
    if (opcode === Opcode.Pong) return; // section 5.5.3: no answer is expected
    const code = payload.length === 0 ? undefined : (payload[0]! << 8) | (payload[1] ?? 0); // not empty
    if (code !== undefined && (payload.length === 1 || !isCloseCode(code))) {
      return this.#violated(CloseCode.ProtocolError, "close frame without a close code");
    }
    this.#state = ENDED;
    this.#owner.closed(code);
  }

  #violated(closeCode: number, what: string): void {
    this.#state = ENDED;
    this.#owner.violated(closeCode, what);
  }
}

/** Whether a close frame may say it. RFC 6455 section 7.4, and what is registered since */
const isCloseCode = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006)) ||
  (code >= 3000 && code < 5000);

/** RFC 6455 section 5.3 */
const unmask = (bytes: Uint8Array, mask: Uint8Array): void => {
  const [a = 0, b = 0, c = 0, d = 0] = mask; // four bytes
  if ((a | b | c | d) === 0) return;
  const whole = bytes.length - bytes.length % 4;
  for (let i = 0; i < whole; i += 4) {
    bytes[i]! ^= a; // i + 3 < length
    bytes[i + 1]! ^= b;
    bytes[i + 2]! ^= c;
    bytes[i + 3]! ^= d;
  }
  for (let i = whole; i < bytes.length; i++) bytes[i]! ^= mask[i % 4]!; // i < length
};

/** Turns a mask so that it fits what follows so many bytes. */
const rotate = (mask: Uint8Array, by: number): void => {
  const old = mask.slice();
  for (let i = 0; i < 4; i++) mask[i] = old[(i + by) % 4]!; // below 4
};

/** A whole frame of a server, which masks nothing. RFC 6455 section 5.1 */
export const frameOf = (opcode: number, payload: Uint8Array): Uint8Array => {
  const { length } = payload;
  const headerLength = length < 126 ? 2 : length < 0x10000 ? 4 : 10;
  const frame = new Uint8Array(headerLength + length);
  const view = new DataView(frame.buffer);
  frame[0] = 0x80 | opcode;
  if (headerLength === 2) frame[1] = length;
  else if (headerLength === 4) {
    frame[1] = 126;
    view.setUint16(2, length);
  } else {
    frame[1] = 127;
    view.setUint32(2, Math.floor(length / 2 ** 32));
    view.setUint32(6, length % 2 ** 32);
  }
  frame.set(payload, headerLength);
  return frame;
};

/** A close frame. RFC 6455 section 5.5.1 */
export const closeFrameOf = (code: number | undefined): Uint8Array =>
  frameOf(
    Opcode.Close,
    code === undefined ? new Uint8Array(0) : Uint8Array.of(code >> 8, code & 0xff),
  );
