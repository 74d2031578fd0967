/**
 * The MQTT 3.1.1 frames that load is made of, written by hand: the bench must not measure a broker
 * by the broker's own code.
 */

const UTF8 = new TextEncoder();

const field = (bytes: Uint8Array): Uint8Array => {
  const whole = new Uint8Array(2 + bytes.length);
  whole[0] = bytes.length >> 8;
  whole[1] = bytes.length & 0xff;
  whole.set(bytes, 2);
  return whole;
};

/** Joins byte arrays. */
export const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

const frame = (first: number, ...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const body = joined(parts);
  const header = [first];
  let length = body.length;
  do {
    header.push((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
    length >>= 7;
  } while (length > 0);
  return joined([new Uint8Array(header), body]);
};

const number16 = (n: number): Uint8Array => new Uint8Array([n >> 8, n & 0xff]);

export interface ConnectOptions {
  readonly username?: string;
  readonly password?: string;
  /** Whether the session outlives the connection. */
  readonly persistent?: boolean;
}

/** CONNECT without a keep-alive; a clean session unless told otherwise. */
export const connectFrame = (
  clientId: string,
  { username, password, persistent = false }: ConnectOptions = {},
): Uint8Array => {
  const flags = (username === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40) |
    (persistent ? 0 : 0x02);
  const texts = [clientId, username, password].filter((text) => text !== undefined);
  return frame(
    0x10,
    field(UTF8.encode("MQTT")),
    new Uint8Array([4, flags, 0, 0]),
    ...texts.map((text) => field(UTF8.encode(text))),
  );
};

export const DISCONNECT_FRAME = new Uint8Array([0xe0, 0]);

export const subscribeFrame = (filters: ReadonlyArray<string>, qos: 0 | 1): Uint8Array =>
  frame(
    0x82,
    number16(1),
    ...filters.flatMap((filter) => [field(UTF8.encode(filter)), new Uint8Array([qos])]),
  );

export const unsubscribeFrame = (filters: ReadonlyArray<string>): Uint8Array =>
  frame(0xa2, number16(1), ...filters.map((filter) => field(UTF8.encode(filter))));

/** The length of the SUBACK for so many filters, up to 100. */
export const subackLength = (filters: number): number => 4 + filters;

export interface PublishOptions {
  readonly qos: 0 | 1;
  readonly retain?: boolean;
  readonly packetId?: number;
}

export const publishFrame = (
  topic: string,
  payload: Uint8Array,
  { qos, retain = false, packetId = 1 }: PublishOptions,
): Uint8Array =>
  frame(
    0x30 | (qos << 1) | (retain ? 1 : 0),
    field(UTF8.encode(topic)),
    ...(qos > 0 ? [number16(packetId)] : []),
    payload,
  );

export const PUBACK_LENGTH = 4;
