/**
 * Short ways to make packets and to read what came, and raw frames for what mqtt-packet refuses to
 * make. Sends nothing that a test did not ask for.
 */
import "../../src/mqtt/wire/processEnv.ts";
import assert from "node:assert/strict";
import type { IPublishPacket, Packet, QoS } from "mqtt-packet";
import { generate } from "mqtt-packet";
import type { HookEvent } from "../../src/domain/HookEvent.ts";
import type { ProtocolBench, TestClient } from "../support/ProtocolBench.ts";

/** A PUBLISH, QoS 0 unless `more` says otherwise. */
export const publish = (
  topic: string,
  payload: string,
  more: Partial<IPublishPacket> = {},
): IPublishPacket => ({
  cmd: "publish",
  topic,
  payload,
  qos: 0,
  dup: false,
  retain: false,
  ...more,
});

/** The bytes of packets of MQTT 3.1.1, one behind the other. */
export const bytesOfPackets = (...packets: ReadonlyArray<Packet>): Array<number> =>
  packets.flatMap((packet) => [...generate(packet, { protocolVersion: 4 })]);

/** Sends one SUBSCRIBE and answers the return codes of its SUBACK, which must be the next packet. */
export const subscribe = (
  client: TestClient,
  ...filters: ReadonlyArray<readonly [filter: string, qos: QoS]>
): ReadonlyArray<unknown> => {
  client.send({
    cmd: "subscribe",
    messageId: 7,
    subscriptions: filters.map(([topic, qos]) => ({ topic, qos })),
  });
  const suback = client.take("suback");
  assert.equal(suback.messageId, 7);
  return suback.granted;
};

/** A PUBLISH that came, in words: `"topic payload q1 id5 dup retain"`; `id` only when it has one. */
export const said = (packet: Packet): string => {
  if (packet.cmd !== "publish") return packet.cmd;
  const { topic, payload, qos, messageId, dup, retain } = packet;
  return `${topic} ${payload.toString()} q${qos}` +
    (messageId === undefined ? "" : ` id${messageId}`) +
    (dup ? " dup" : "") + (retain ? " retain" : "");
};

/** Takes all that came, in words. */
export const takeAll = (client: TestClient): ReadonlyArray<string> =>
  client.received.splice(0).map((packet) =>
    "messageId" in packet && packet.cmd !== "publish"
      ? `${packet.cmd} id${packet.messageId}`
      : said(packet)
  );

/** The payloads of the PUBLISH packets that came, taken. */
export const takePayloads = (client: TestClient): ReadonlyArray<string> =>
  client.received.splice(0).map((packet) => {
    assert.equal(packet.cmd, "publish");
    return (packet as IPublishPacket).payload.toString(); // compared above
  });

/** An event in a word or two: its name, and its reason or payload where it has one. */
export const word = (event: HookEvent): string => {
  const parts: Array<string> = [event._tag];
  if ("payload" in event) parts.push(new TextDecoder().decode(event.payload));
  if ("reason" in event) parts.push(event.reason);
  return parts.join(" ");
};

/** The events of a client so far in words, in order. */
export const story = (bench: ProtocolBench, clientid?: string): ReadonlyArray<string> =>
  bench.hooks.of(clientid).map(word);

/** The reason that the last client_disconnected gave. */
export const endReason = (bench: ProtocolBench): string | undefined =>
  bench.hooks.all("client_disconnected").at(-1)?.reason;

type Part = number | string | ReadonlyArray<number> | Uint8Array;

const bytesOf = (part: Part): ReadonlyArray<number> =>
  typeof part === "number"
    ? [part]
    : typeof part === "string"
    ? string(new TextEncoder().encode(part))
    : [...part];

/** Bytes with their length in two bytes before them, as strings and binary data stand in packets. */
export const string = (bytes: ArrayLike<number>): Array<number> => [
  bytes.length >> 8,
  bytes.length & 0xff,
  ...Array.from(bytes),
];

/** A frame: its first byte, the length of what follows, and that: numbers are bytes, text a string field. */
export const frame = (first: number, ...parts: ReadonlyArray<Part>): Array<number> => {
  const body = parts.flatMap(bytesOf);
  const length: Array<number> = [];
  let rest = body.length;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    length.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return [first, ...length, ...body];
};

/** A CONNECT of MQTT 3.1.1 with these flags; what follows the keep-alive is the caller's. */
export const connectFrame = (flags: number, ...payload: ReadonlyArray<Part>): Array<number> =>
  frame(0x10, "MQTT", 4, flags, [0, 0], ...payload);

/** Bytes that are no UTF-8, or a character that MQTT forbids. */
export const BAD_TEXT: ReadonlyArray<readonly [what: string, bytes: ReadonlyArray<number>]> = [
  ["U+0000", [0x61, 0x00, 0x62]],
  ["the surrogate U+D800", [0xed, 0xa0, 0x80]],
  ["the surrogate U+DFFF", [0xed, 0xbf, 0xbf]],
  ["a pair of surrogates", [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
  ["an overlong U+0000", [0xc0, 0x80]],
  ["an overlong slash", [0xc0, 0xaf]],
  ["an overlong U+007F of three bytes", [0xe0, 0x81, 0xbf]],
  ["a character cut short", [0x61, 0xe2, 0x82]],
  ["a lone continuation byte", [0x80]],
  ["a code point over U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
  ["the byte FF", [0xff]],
];
