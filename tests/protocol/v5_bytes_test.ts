/**
 * MQTT 5.0: what the server sends, byte by byte. The other tests read it with the library that wrote
 * it, which would not see what both sides of that get wrong.
 */
import assert from "node:assert/strict";
import type { TestClient } from "../support/ProtocolBench.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { publish } from "../support/packets5.ts";
import { packet, section, string, uint16 } from "../support/rawFrames.ts";

/** A connected client, and the bytes that it is sent by what `act` does. */
const sentBy = (act: (client: TestClient, bench: ProtocolBench) => void, options = {}) => {
  const bench = new ProtocolBench(options);
  const client = bench.connect(5, "a", { properties: { topicAliasMaximum: 1 } });
  const from = client.bytes.length;
  act(client, bench);
  return client.bytes.slice(from);
};

Deno.test("CONNACK: flags, reason code, properties", () => {
  const bench = new ProtocolBench({ limits: { maxQosAllowed: 1, allowZeroKeepalive: false } });
  const limits = [33, 0, 16, 36, 1, 39, 0, 0x10, 0, 0];
  assert.deepEqual(
    bench.connecting(5, "", {}).bytes,
    packet(0x20, 0, 0, ...section(...limits, 18, ...string("auto-1"), 34, 0, 32, 19, 0, 60)),
  );
  const persistent = { clean: false, keepalive: 9, properties: { sessionExpiryInterval: 9 } };
  bench.connecting(5, "a", persistent).drop();
  assert.deepEqual(
    bench.connecting(5, "a", persistent).bytes,
    packet(0x20, 1, 0, ...section(...limits, 34, 0, 32)),
  );
  assert.deepEqual(
    bench.connecting(5, "b", { properties: { authenticationMethod: "m" } }).bytes,
    packet(0x20, 0, 0x8c, 0),
  );
});

Deno.test("PUBACK, PUBREC, PUBREL and PUBCOMP: short for success, else with a reason code", () => {
  const unanswered = (qos: 1 | 2) => sentBy((client) => publish(client, "t", "x", { qos }));
  assert.deepEqual(unanswered(1), packet(0x40, ...uint16(1), 0x10, 0));
  assert.deepEqual(unanswered(2), packet(0x50, ...uint16(1), 0x10, 0));
  assert.deepEqual(
    sentBy((client) => client.send({ cmd: "pubrec", messageId: 300 })),
    packet(0x62, ...uint16(300), 0x92, 0),
  );
  assert.deepEqual(
    sentBy((client) => client.send({ cmd: "pubrel", messageId: 300 })),
    packet(0x70, ...uint16(300), 0x92, 0),
  );
  assert.deepEqual(
    sentBy((client) => {
      publish(client, "t", "x", { qos: 2, messageId: 300 }).send({ cmd: "pubrel", messageId: 300 });
    }),
    [...packet(0x50, ...uint16(300), 0x10, 0), ...packet(0x70, ...uint16(300))],
  );
});

Deno.test("SUBACK and UNSUBACK: packet identifier, no properties, a code per filter", () => {
  assert.deepEqual(
    sentBy((client) =>
      client.raw(
        ...packet(
          0x82,
          ...uint16(300),
          0,
          ...string("a"),
          2,
          ...string("a/b"),
          1,
          ...string("b"),
          0,
        ),
        ...packet(0xa2, ...uint16(301), 0, ...string("a"), ...string("c")),
      ), { limits: { maxTopicLevels: 1 } }),
    [...packet(0x90, ...uint16(300), 0, 2, 0x8f, 0), ...packet(0xb0, ...uint16(301), 0, 0, 0x11)],
  );
});

Deno.test("PUBLISH: expiry, alias and identifiers stand once each, and then the payload", () => {
  const body = [...[...string("t"), 0], 0x78];
  const subscribe = packet(0x82, 0, 1, ...section(11, 0x80, 0x01), ...string("t"), 2);
  const plain = packet(0x90, 0, 1, 0, 2);
  assert.deepEqual(
    sentBy((client) => client.raw(...subscribe, ...packet(0x30, ...body))),
    [...plain, ...packet(0x30, ...string("t"), ...section(35, 0, 1, 11, 0x80, 0x01), 0x78)],
  );
  assert.deepEqual(
    sentBy((client, bench) => {
      client.raw(...subscribe);
      bench.connect(5, "p").raw(
        ...packet(0x34, ...string("t"), 0, 9, ...section(2, 0, 0, 0, 7), 0x78),
        ...packet(0x32, ...string("t"), 0, 8, ...section()),
      );
    }),
    [
      ...plain,
      ...packet(
        0x34,
        ...string("t"),
        0,
        1,
        ...section(2, 0, 0, 0, 7, 35, 0, 1, 11, 0x80, 0x01),
        0x78,
      ),
      ...packet(0x32, ...string(""), 0, 2, ...section(35, 0, 1, 11, 0x80, 0x01)),
    ],
  );
});

Deno.test("DISCONNECT: reason code and Reason String; PINGRESP: two bytes", () => {
  assert.deepEqual(
    sentBy((client) => client.raw(...packet(0xc0), ...packet(0x62, 0, 0))),
    [
      ...packet(0xd0),
      ...packet(0xe0, 0x82, ...section(31, ...string("packet identifier 0"))),
    ],
  );
  assert.deepEqual(sentBy((_, bench) => bench.broker.shutdown()), packet(0xe0, 0x8b, 0));
});
