import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import { hookEventNames } from "../../../../src/domain/HookEvent.ts";
import type { GroupRecord } from "../../../../src/webhook/outbox/GroupCodec.ts";
import { decode, RecordWriter } from "../../../../src/webhook/outbox/GroupCodec.ts";

const record: fc.Arbitrary<GroupRecord> = fc.record({
  id: fc.maxSafeNat(),
  seq: fc.maxSafeNat(),
  born: fc.maxSafeNat(),
  event: fc.nat(hookEventNames.length - 1),
  lane: fc.option(fc.string({ unit: "grapheme" }), { nil: undefined }),
  body: fc.uint8Array({ maxLength: 300 }),
});

Deno.test("RecordWriter writes what decode reads, whatever the record and the room it began with", () => {
  fc.assert(
    fc.property(fc.array(record), fc.nat(100), (given, room) => {
      const writer = new RecordWriter(room);
      for (const one of given) writer.add(one);
      assert.deepEqual([...decode(writer.records())], given);
    }),
  );
});

Deno.test("RecordWriter keeps a client identifier of 65,535 bytes, and an empty one apart from none", () => {
  const writer = new RecordWriter(0);
  const one = { id: 1, seq: 2, born: 3, event: 0, body: new Uint8Array([1]) };
  const lanes = ["x".repeat(65_535), "", undefined];
  for (const lane of lanes) writer.add({ ...one, lane });
  assert.deepEqual([...decode(writer.records())].map(({ lane }) => lane), lanes);
});

Deno.test("RecordWriter writes a record byte by byte as files have it", () => {
  const writer = new RecordWriter(0);
  const event = hookEventNames.indexOf("message_publish");
  writer.add({ id: 1, seq: 2, born: 3, event, lane: "é", body: new Uint8Array([7, 8]) });
  const float = (value: number) => [...new Uint8Array(new Float64Array([value]).buffer)];
  assert.deepEqual([...writer.records()], [
    ...[2, 0, 0, 0],
    ...float(1),
    ...float(2),
    ...float(3),
    ...[11, 1, 2, 0],
    ...[0xc3, 0xa9],
    ...[7, 8],
  ]);
});

Deno.test("decode refuses what is no record: cut short, or of an event that it does not know", () => {
  const writer = new RecordWriter(0);
  writer.add({ id: 1, seq: 2, born: 3, event: 0, lane: "a", body: new Uint8Array(5) });
  const whole = writer.records().slice();
  for (let length = 1; length < whole.length; length++) {
    assert.throws(() => [...decode(whole.subarray(0, length))], RangeError);
  }
  whole[28] = 99;
  assert.throws(() => [...decode(whole)], /no event has number 99/);
});
