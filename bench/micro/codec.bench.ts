/**
 * What FrameCheck costs beside mqtt-packet's parse of the same frame, per packet. The limit that the
 * check was given: 0.3 µs for a small valid PUBLISH.
 *
 *     deno bench bench/micro/codec.bench.ts
 *
 * Read the group of a packet: `check` is FrameCheck, `parse` mqtt-packet with a parser that is kept,
 * `decode` both, as a connection does it.
 */
import "../../src/mqtt/wire/processEnv.ts";
import { Buffer } from "node:buffer";
import type { IPublishPacket, Packet } from "mqtt-packet";
import { generate, parser } from "mqtt-packet";
import { checkFrame } from "../../src/mqtt/wire/FrameCheck.ts";
import type { ProtocolVersion } from "../../src/mqtt/wire/PacketCodec.ts";
import { decode } from "../../src/mqtt/wire/PacketCodec.ts";

const small: IPublishPacket = {
  cmd: "publish",
  topic: "devices/0001/telemetry",
  payload: Buffer.from('{"temp":21.5,"hum":40}'),
  qos: 0,
  dup: false,
  retain: false,
};

const PACKETS: ReadonlyArray<readonly [name: string, version: ProtocolVersion, packet: Packet]> = [
  ["PUBLISH QoS 0, 3.1.1", 4, small],
  ["PUBLISH QoS 1, 3.1.1", 4, { ...small, qos: 1, messageId: 7 }],
  ["PUBLISH QoS 1, 5.0, no properties", 5, { ...small, qos: 1, messageId: 7 }],
  ["PUBLISH QoS 1, 5.0, five properties", 5, {
    ...small,
    qos: 1,
    messageId: 7,
    properties: {
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
      contentType: "application/json",
      correlationData: Buffer.of(1, 2, 3, 4),
      userProperties: { trace: "a3f0c1d2" },
    },
  }],
  [
    "PUBLISH QoS 0, topic not ASCII",
    5,
    { ...small, topic: "ger\u00e4te/k\u00fcche/1" },
  ],
  ["PUBACK, 5.0", 5, { cmd: "puback", messageId: 7, reasonCode: 0 }],
  ["SUBSCRIBE of three filters, 5.0", 5, {
    cmd: "subscribe",
    messageId: 7,
    subscriptions: ["devices/+/telemetry", "devices/0001/#", "$share/g/a/b"].map((topic) => ({
      topic,
      qos: 1,
    })),
  }],
];

for (const [group, version, packet] of PACKETS) {
  const frame = new Uint8Array(generate(packet, { protocolVersion: version }));
  const bodyOffset = 2; // none is longer than 127 bytes
  const buffer = Buffer.from(frame.buffer);
  const kept = parser({ protocolVersion: version });
  kept.on("packet", () => {});
  kept.on("error", (error) => {
    throw error;
  });
  Deno.bench("check", { group }, () => {
    checkFrame(frame, bodyOffset, version);
  });
  Deno.bench("parse", { group, baseline: true }, () => {
    kept.parse(buffer);
  });
  Deno.bench("decode", { group }, () => {
    decode(frame, bodyOffset, version);
  });
}
