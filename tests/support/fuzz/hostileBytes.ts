/** What a hostile client sends over a socket, from its first byte on: MQTT, and what MQTT is wrapped in. */
import "../../../src/mqtt/wire/processEnv.ts";
import { Buffer } from "node:buffer";
import type { Packet } from "mqtt-packet";
import { generate } from "mqtt-packet";
import type { ProtocolVersion } from "../../../src/mqtt/wire/PacketCodec.ts";
import { mutate } from "./mutate.ts";
import * as packets from "./packets.ts";
import type { Random } from "./Random.ts";

/** The probability that a packet, a WebSocket frame or a request is spoilt. */
const HOSTILITY = 0.15;

/** Some packets of one client, of which some are spoilt, as one stream of bytes. */
export const hostilePackets = (random: Random, count: number): Uint8Array => {
  const version = random.pick([3, 4, 5, 5] as const);
  const aliases = new Map<number, string>();
  const parts: Array<Uint8Array> = [];
  let last: Uint8Array = Uint8Array.of(0xc0, 0);
  for (let n = 0; n < count; n++) {
    const packet = n === 0 && random.chance(0.97)
      ? packets.connect(
        random,
        version,
        random.pick(version === 5 ? ["", "foe"] : ["foe", "fiend"]),
        undefined,
      )
      : anyPacket(random, version, aliases);
    const good: Uint8Array = generate(packet, { protocolVersion: version });
    parts.push(random.chance(HOSTILITY) ? mutate(random, good, last) : good);
    last = good;
  }
  return Buffer.concat(parts);
};

const anyPacket = (
  random: Random,
  version: ProtocolVersion,
  aliases: Map<number, string>,
): Packet => {
  const messageId = 1 + random.below(20);
  const dice = random.next();
  if (dice < 0.5) {
    const qos = random.below(3) as 0 | 1 | 2; // below 3
    return packets.publish(random, version, qos, messageId, aliases);
  }
  if (dice < 0.7) return packets.subscribe(random, version, messageId);
  if (dice < 0.8) return packets.unsubscribe(random, messageId);
  return random.pick<Packet>([
    { cmd: "pingreq" },
    { cmd: "puback", messageId },
    { cmd: "pubrec", messageId },
    { cmd: "pubrel", messageId },
    { cmd: "pubcomp", messageId },
    { cmd: "disconnect" },
  ]);
};

/** These bytes in WebSocket frames, cut anywhere, of which some are spoilt. RFC 6455 section 5 */
export const hostileFrames = (random: Random, bytes: Uint8Array): Uint8Array => {
  const frames: Array<Uint8Array> = [];
  let isFragmented = false;
  for (let at = 0; at < bytes.length;) {
    const payload = bytes.subarray(at, at + 1 + random.below(200));
    at += payload.length;
    const isFinal = random.chance(0.7);
    frames.push(clientFrame(random, (isFinal ? 0x80 : 0) | (isFragmented ? 0 : 2), payload));
    isFragmented = !isFinal;
    if (random.chance(0.1)) {
      frames.push(
        clientFrame(random, 0x80 | random.pick([9, 10]), random.bytes(random.below(126))),
      );
    }
    if (random.chance(0.01)) frames.push(clientFrame(random, 0x88, random.bytes(random.below(10))));
  }
  // A spoilt one ends its connection mostly: rarer, so that the others are read.
  return Buffer.concat(
    frames.map((frame, n) =>
      random.chance(HOSTILITY / 4) ? mutate(random, frame, frames[random.below(n + 1)]!) : frame // n + 1 of them
    ),
  );
};

/** A masked frame whose payload is under 64 KB. */
const clientFrame = (random: Random, first: number, payload: Uint8Array): Uint8Array => {
  const { length } = payload;
  const mask = random.bytes(4);
  const header = length < 126
    ? [first, 0x80 | length]
    : [first, 0x80 | 126, length >> 8, length & 0xff];
  const masked = payload.map((byte, i) => byte ^ mask[i % 4]!); // i % 4 < 4
  return Uint8Array.from([...header, ...mask, ...masked]);
};

/** A request or a handshake, spoilt now and then. */
export const maybeSpoilt = (random: Random, bytes: Uint8Array): Uint8Array =>
  random.chance(HOSTILITY) ? mutate(random, bytes, random.bytes(40)) : bytes;
