import "../../../../src/mqtt/wire/processEnv.ts"; // mqtt-packet looks at the environment
import * as assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import * as FastCheck from "effect/FastCheck";
import type { IPublishPacket } from "mqtt-packet";
import { generate, parser } from "mqtt-packet";
import type { ProtocolVersion } from "../../../../src/mqtt/wire/PacketCodec.ts";
import { decode } from "../../../../src/mqtt/wire/PacketCodec.ts";

/** What mqtt-packet makes of a frame. */
const parsed = (frame: Uint8Array, protocolVersion: number): IPublishPacket => {
  const packets: Array<unknown> = [];
  const reader = parser({ protocolVersion });
  reader.on("packet", (packet) => packets.push(packet));
  reader.on("error", (error) => assert.fail(error));
  reader.parse(Buffer.from(frame));
  assert.equal(packets.length, 1);
  return packets[0] as IPublishPacket; // only PUBLISH frames are given
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
