/**
 * Whatever a good client sends passes: packets of arbitrary valid fields, written by mqtt-packet's own
 * encoder, come out of `decode` as they went in. The other half, what must not pass, is in
 * v5_malformed_test.ts.
 */
import "../../src/mqtt/wire/processEnv.ts";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import * as FastCheck from "effect/FastCheck";
import type { IConnectPacket, Packet } from "mqtt-packet";
import { generate } from "mqtt-packet";
import { checkFrame } from "../../src/mqtt/wire/FrameCheck.ts";
import { NO_PROPERTIES } from "../../src/mqtt/wire/properties.ts";
import type { ProtocolVersion } from "../../src/mqtt/wire/PacketCodec.ts";
import { decode, decodeConnect } from "../../src/mqtt/wire/PacketCodec.ts";
import { binary, packet, section, string } from "../support/rawFrames.ts";

const bodyOffsetOf = (frame: Uint8Array): number => {
  const end = frame.findIndex((byte, i) => i > 0 && byte < 0x80);
  return end + 1;
};

const versions = FastCheck.constantFrom<4 | 5>(4, 5);

// Well-formed Unicode without U+0000, up to characters of four bytes.
const text = FastCheck.string({ unit: "binary", maxLength: 40 })
  .map((any) => any.replaceAll("\0", "\ufeff"));
const topic = text.map((any) => `t${any}`.replace(/[+#]/g, "/"));
const filter = FastCheck.oneof(topic, topic.map((any) => `${any}/#`), FastCheck.constant("+/a/+"));
const bytes = FastCheck.uint8Array({ maxLength: 300 }).map((any) => Buffer.from(any));
const packetId = FastCheck.integer({ min: 1, max: 0xffff });
const qos = FastCheck.constantFrom<0 | 1 | 2>(0, 1, 2);
const uint16 = FastCheck.integer({ min: 1, max: 0xffff });
const uint32 = FastCheck.integer({ min: 1, max: 0xffffffff });
// Not empty: mqtt-packet forgets an empty one when its name comes again. The broker forwards the bytes.
const nameOrValue = text.map((any) => `k${any}`);
const userProperties = FastCheck.dictionary(
  nameOrValue,
  FastCheck.oneof(nameOrValue, FastCheck.array(nameOrValue, { minLength: 2, maxLength: 3 })),
  { minKeys: 1, maxKeys: 4 },
);
const reasonString = text;
const some = { requiredKeys: [] };

const publication = {
  payloadFormatIndicator: FastCheck.boolean(),
  messageExpiryInterval: uint32,
  contentType: text,
  responseTopic: topic,
  correlationData: bytes,
  userProperties,
};

const will = FastCheck.record({
  topic,
  payload: bytes,
  qos,
  retain: FastCheck.boolean(),
  properties: FastCheck.record({ ...publication, willDelayInterval: uint32 }, some),
});

const connect = FastCheck.record({
  cmd: FastCheck.constant("connect" as const),
  protocolId: FastCheck.constant("MQTT"),
  protocolVersion: versions,
  clean: FastCheck.boolean(),
  keepalive: uint16,
  clientId: text.map((any) => `c${any}`),
  username: text.map((any) => `u${any}`), // mqtt-packet leaves an empty one out
  password: bytes.filter(({ length }) => length > 0),
  will,
  properties: FastCheck.record({
    sessionExpiryInterval: uint32,
    receiveMaximum: uint16,
    maximumPacketSize: uint32,
    topicAliasMaximum: uint16,
    requestResponseInformation: FastCheck.boolean(),
    requestProblemInformation: FastCheck.boolean(),
    authenticationMethod: text,
    userProperties,
  }, some),
}, { requiredKeys: ["cmd", "protocolId", "protocolVersion", "clean", "keepalive", "clientId"] })
  .filter(({ username, password }) => username !== undefined || password === undefined);

const publish = FastCheck.record({
  cmd: FastCheck.constant("publish" as const),
  topic,
  payload: bytes,
  qos,
  retain: FastCheck.boolean(),
  dup: FastCheck.boolean(),
  messageId: packetId,
  properties: FastCheck.record({ ...publication, topicAlias: uint16 }, some),
}).map(({ messageId, dup, ...rest }) =>
  rest.qos === 0 ? { ...rest, dup: false } : { ...rest, dup, messageId }
);

const acknowledgement = FastCheck.oneof(
  FastCheck.record({
    cmd: FastCheck.constantFrom("puback" as const, "pubrec" as const),
    messageId: packetId,
    reasonCode: FastCheck.constantFrom(0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99),
    properties: FastCheck.record({ reasonString, userProperties }, some),
  }),
  FastCheck.record({
    cmd: FastCheck.constantFrom("pubrel" as const, "pubcomp" as const),
    messageId: packetId,
    reasonCode: FastCheck.constantFrom(0, 0x92),
    properties: FastCheck.record({ reasonString, userProperties }, some),
  }),
);

const subscribe = FastCheck.record({
  cmd: FastCheck.constant("subscribe" as const),
  messageId: packetId,
  subscriptions: FastCheck.array(
    FastCheck.record({
      topic: filter,
      qos,
      nl: FastCheck.boolean(),
      rap: FastCheck.boolean(),
      rh: FastCheck.integer({ min: 0, max: 2 }),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  properties: FastCheck.record({
    subscriptionIdentifier: FastCheck.integer({ min: 1, max: 268_435_455 }),
    userProperties,
  }, some),
});

const unsubscribe = FastCheck.record({
  cmd: FastCheck.constant("unsubscribe" as const),
  messageId: packetId,
  unsubscriptions: FastCheck.array(filter, { minLength: 1, maxLength: 5 }),
  properties: FastCheck.record({ userProperties }, some),
});

const disconnect = FastCheck.record({
  cmd: FastCheck.constant("disconnect" as const),
  reasonCode: FastCheck.constantFrom(0, 4, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x99),
  properties: FastCheck.record(
    { sessionExpiryInterval: uint32, reasonString, userProperties },
    some,
  ),
});

const pingreq = FastCheck.constant({ cmd: "pingreq" as const });

const others = FastCheck.oneof(
  publish,
  acknowledgement,
  subscribe,
  unsubscribe,
  disconnect,
  pingreq,
);

/** What a 3.1.1 packet can say of a 5.0 one. */
const as311 = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(as311);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !["properties", "reasonCode", "nl", "rap", "rh"].includes(key))
      .map(([key, value]) => [key, as311(value)]),
  );
};

/** Compares what `sent` names; the parser adds fields of its own. */
const sameAs = (sent: unknown, got: unknown, path: string): void => {
  if (sent instanceof Uint8Array) {
    assert.ok(got instanceof Uint8Array, path);
    assert.deepEqual(Buffer.from(got), Buffer.from(sent), path);
  } else if (typeof sent === "object" && sent !== null) {
    if (Object.keys(sent).length === 0) return; // no properties: none come out
    assert.ok(typeof got === "object" && got !== null, path);
    for (const [key, value] of Object.entries(sent)) {
      sameAs(value, Reflect.get(got, key), `${path}.${key}`);
    }
  } else assert.equal(got, sent, path);
};

const check = (sent: Packet, version: ProtocolVersion): void => {
  const frame = new Uint8Array(generate(sent, { protocolVersion: version }));
  const bodyOffset = bodyOffsetOf(frame);
  const got = sent.cmd === "connect"
    ? decodeConnect(frame, bodyOffset)
    : decode(frame, bodyOffset, version);
  assert.equal(got.cmd, sent.cmd);
  sameAs(version === 5 ? sent : as311(sent), got, sent.cmd);
};

Deno.test("decode gives back every packet that is made of valid fields", () => {
  FastCheck.assert(
    FastCheck.property(others, versions, (sent, version) => check(sent, version)),
    { numRuns: 3000 },
  );
});

Deno.test("decodeConnect gives back every CONNECT that is made of valid fields", () => {
  FastCheck.assert(
    FastCheck.property(connect, (sent) => check(sent as IConnectPacket, sent.protocolVersion)), // of valid fields
    { numRuns: 1500 },
  );
});

Deno.test("checkFrame hands out the forwarded properties alone, as they stood", () => {
  const kept = [...[38, ...string("a"), ...string("b")], ...[9, ...binary(1, 2)], 1, 1];
  const cases: ReadonlyArray<readonly [ReadonlyArray<number>, ReadonlyArray<number>]> = [
    [[], []],
    [[35, 0, 1], []],
    [kept, kept],
    [[2, 0, 0, 0, 9, ...kept, 35, 0, 1], kept],
    [[38, ...string("x"), ...string("y"), 35, 0, 1, ...kept], [
      38,
      ...string("x"),
      ...string("y"),
      ...kept,
    ]],
  ];
  for (const [properties, forwarded] of cases) {
    const frame = Uint8Array.from(packet(0x30, ...string("t"), ...section(...properties), 7));
    const { forward } = checkFrame(frame, 2, 5);
    frame.fill(0); // it must own what it hands out
    assert.deepEqual([...forward], forwarded);
    if (forwarded.length === 0) assert.equal(forward, NO_PROPERTIES);
  }
});
