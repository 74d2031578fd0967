import "../../../../src/mqtt/wire/processEnv.ts"; // mqtt-packet looks at the environment
import * as assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import * as FastCheck from "effect/FastCheck";
import type { IConnectPacket, IPublishPacket, Packet } from "mqtt-packet";
import { generate, parser } from "mqtt-packet";
import type { ProtocolVersion } from "../../../../src/mqtt/wire/PacketCodec.ts";
import { decode, decodeConnect, encode } from "../../../../src/mqtt/wire/PacketCodec.ts";

/** What mqtt-packet makes of a frame. */
const parsed = <P extends Packet = IPublishPacket>(
  frame: Uint8Array,
  protocolVersion: number,
): P => {
  const packets: Array<unknown> = [];
  const reader = parser({ protocolVersion });
  reader.on("packet", (packet) => packets.push(packet));
  reader.on("error", (error) => assert.fail(error));
  reader.parse(Buffer.from(frame));
  assert.equal(packets.length, 1);
  return packets[0] as P; // who calls knows what the frame is
};

const bodyOffsetOf = (frame: Uint8Array): number => frame.findIndex((b, i) => i > 0 && b < 128) + 1;

const topic = FastCheck.oneof(
  FastCheck.stringMatching(/^[a-z0-9/]{1,40}$/),
  FastCheck.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
).filter((text) => text.isWellFormed() && !/[+#\0]/.test(text));

Deno.test("decode reads a PUBLISH as mqtt-packet does", () => {
  FastCheck.assert(
    FastCheck.property(
      FastCheck.constantFrom<ProtocolVersion>(3, 4, 5),
      topic,
      FastCheck.uint8Array({ maxLength: 300 }),
      FastCheck.constantFrom(0, 1, 2) as FastCheck.Arbitrary<0 | 1 | 2>,
      FastCheck.boolean(),
      FastCheck.boolean(),
      FastCheck.integer({ min: 1, max: 0xffff }),
      FastCheck.option(FastCheck.integer({ min: 1, max: 1000 }), { nil: undefined }),
      FastCheck.nat(5),
      (version, topic, payload, qos, dup, retain, messageId, expiry, before) => {
        const properties = version === 5 && expiry !== undefined
          ? { messageExpiryInterval: expiry }
          : undefined;
        const frame = generate({
          cmd: "publish",
          topic,
          payload: Buffer.from(payload),
          qos,
          retain,
          dup: dup && qos > 0,
          ...(qos > 0 && { messageId }),
          ...(properties !== undefined && { properties }),
        }, { protocolVersion: version });
        // As a view of a larger buffer: frames lie in what was read.
        const chunk = new Uint8Array(before + frame.length + 1);
        chunk.set(frame, before);
        const view = chunk.subarray(before, before + frame.length);
        const got = decode(view, bodyOffsetOf(view), version);
        const wanted = parsed(frame, version);
        assert.equal(got.cmd, "publish");
        if (got.cmd !== "publish") return;
        assert.equal(got.topic, wanted.topic);
        assert.deepEqual(new Uint8Array(got.payload), payload);
        assert.deepEqual(
          [got.qos, got.retain, got.dup, got.messageId],
          [wanted.qos, wanted.retain, wanted.dup, wanted.messageId],
        );
        assert.deepEqual({ ...got.properties }, { ...wanted.properties });
      },
    ),
    { numRuns: 2000 },
  );
});

for (const cmd of ["puback", "pubrec", "pubrel", "pubcomp"] as const) {
  Deno.test(`decode reads a ${cmd} as mqtt-packet does, with and without a reason code`, () => {
    for (const version of [3, 4, 5] as const) {
      for (const reasonCode of version === 5 ? [undefined, 0, 0x92] : [undefined]) {
        if (reasonCode === 0x92 && (cmd === "puback" || cmd === "pubrec")) continue; // not theirs
        const code = reasonCode === undefined ? {} : { reasonCode };
        const frame = generate({ cmd, messageId: 0x1234, ...code }, { protocolVersion: version });
        const got = decode(frame, 2, version);
        assert.equal(got.cmd, cmd);
        assert.equal(got.messageId, 0x1234);
        assert.equal("reasonCode" in got ? got.reasonCode ?? 0 : 0, reasonCode ?? 0);
      }
    }
  });
}

const text = FastCheck.string({ unit: "grapheme", maxLength: 200 })
  .filter((text) => text.isWellFormed() && !text.includes("\0"));

Deno.test("decodeConnect reads a CONNECT as mqtt-packet does", () => {
  FastCheck.assert(
    FastCheck.property(
      FastCheck.constantFrom<ProtocolVersion>(3, 4, 5),
      text,
      FastCheck.boolean(),
      FastCheck.integer({ min: 0, max: 0xffff }),
      FastCheck.option(text, { nil: undefined }),
      FastCheck.option(FastCheck.uint8Array({ maxLength: 300 }), { nil: undefined }),
      FastCheck.option(topic, { nil: undefined, freq: 3 }),
      FastCheck.option(FastCheck.integer({ min: 1, max: 1000 }), { nil: undefined }),
      FastCheck.nat(5),
      (version, id, clean, keepalive, username, secret, willTopic, expiry, before) => {
        const clientId = version === 3 || !clean ? `a${id}` : id; // mqtt-packet writes no empty one of these
        const password = username === undefined ? undefined : secret; // nor this
        const frame = generate({
          cmd: "connect",
          protocolId: version === 3 ? "MQIsdp" : "MQTT",
          protocolVersion: version,
          clientId,
          clean,
          keepalive,
          ...(username !== undefined && { username }),
          ...(password !== undefined && { password: Buffer.from(password) }),
          ...(willTopic !== undefined && {
            will: { topic: willTopic, payload: Buffer.from("x"), qos: 1, retain: true },
          }),
          ...(version === 5 && expiry !== undefined && {
            properties: { sessionExpiryInterval: expiry },
          }),
        });
        const chunk = new Uint8Array(before + frame.length + 1);
        chunk.set(frame, before);
        const view = chunk.subarray(before, before + frame.length);
        const got = decodeConnect(view, bodyOffsetOf(view));
        const wanted = parsed<IConnectPacket>(frame, version);
        for (
          const key of ["clientId", "clean", "keepalive", "protocolVersion", "username"] as const
        ) assert.equal(got[key], wanted[key], key);
        assert.deepEqual(
          got.password && [...got.password],
          wanted.password && [...wanted.password],
        );
        assert.deepEqual(got.will?.topic, wanted.will?.topic);
        assert.deepEqual({ ...got.properties }, { ...wanted.properties });
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("decodeConnect reads a password without a user name, which 5.0 allows, as mqtt-packet does", () => {
  const body = [0, 4, ...Buffer.from("MQTT"), 5, 0x42, 0, 9, 0, 0, 1, 0x61, 0, 2, 7, 8];
  const frame = new Uint8Array([0x10, body.length, ...body]);
  const got = decodeConnect(frame, 2);
  const wanted = parsed<IConnectPacket>(frame, 5);
  assert.deepEqual([got.username, got.clientId, [...got.password ?? []]], [undefined, "a", [7, 8]]);
  assert.deepEqual([wanted.username, wanted.clientId, [...wanted.password ?? []]], [
    undefined,
    "a",
    [7, 8],
  ]);
});

Deno.test("decode reads PINGREQ and a plain DISCONNECT as mqtt-packet does", () => {
  for (const version of [3, 4, 5] as const) {
    for (const cmd of ["pingreq", "disconnect"] as const) {
      const frame = new Uint8Array([cmd === "pingreq" ? 0xc0 : 0xe0, 0]);
      assert.equal(decode(frame, 2, version).cmd, cmd);
      assert.equal(parsed<Packet>(frame, version).cmd, cmd);
    }
  }
});

Deno.test("encode writes a CONNACK of 3.x as mqtt-packet does", () => {
  for (const version of [3, 4] as const) {
    for (const sessionPresent of [true, false]) {
      for (let returnCode = 0; returnCode <= 5; returnCode++) {
        const packet = { cmd: "connack", returnCode, sessionPresent } as const;
        assert.deepEqual(
          [...encode(packet, version)],
          [...generate(packet, { protocolVersion: version })],
        );
      }
    }
  }
});
