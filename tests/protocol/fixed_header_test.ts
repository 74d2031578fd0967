/** The fixed header of MQTT 3.1.1: types, flags, remaining length, packets in pieces. Sections 2.1 to 2.2 */
import assert from "node:assert/strict";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import {
  bytesOfPackets,
  connectFrame,
  endReason,
  frame,
  publish,
  subscribe,
  takeAll,
} from "./packets.ts";

// What a client may send, each well-formed but for its flags, with the flags that it must have.
const PACKETS: ReadonlyArray<readonly [string, type: number, flags: number, body: Array<number>]> =
  [
    ["PUBACK", 4, 0, [0, 1]],
    ["PUBREC", 5, 0, [0, 1]],
    ["PUBREL", 6, 2, [0, 1]],
    ["PUBCOMP", 7, 0, [0, 1]],
    ["SUBSCRIBE", 8, 2, [0, 1, 0, 1, 0x61, 0]],
    ["UNSUBSCRIBE", 10, 2, [0, 1, 0, 1, 0x61]],
    ["PINGREQ", 12, 0, []],
    ["DISCONNECT", 14, 0, []],
  ];

for (const [name, type, flags, body] of PACKETS) {
  const binary = flags.toString(2).padStart(4, "0");
  Deno.test(`${name} with other fixed-header flags than ${binary} ends the connection`, () => {
    for (let wrong = 0; wrong < 16; wrong++) {
      if (wrong === flags) continue;
      const bench = new ProtocolBench();
      const client = bench.connect(4, "a");
      client.raw(...frame((type << 4) | wrong, body));
      assert.equal(client.closed, true, `flags ${wrong}`);
      client.nothing();
      assert.equal(endReason(bench), "ProtocolError(reserved flags of the fixed header)");
    }
  });

  Deno.test(`${name} with bytes after its end, or without its last one, ends the connection`, () => {
    for (const wrong of [[...body, 0], body.slice(0, -1)]) {
      if (body.length === 0 && wrong.length === 0) continue;
      const bench = new ProtocolBench();
      const client = bench.connect(4, "a");
      client.raw(...frame((type << 4) | flags, wrong));
      assert.equal(client.closed, true);
      assert.match(endReason(bench) ?? "", /^ProtocolError\(/);
    }
  });
}

Deno.test("CONNECT with fixed-header flags other than 0000 is closed without CONNACK", () => {
  for (let flags = 1; flags < 16; flags++) {
    const bench = new ProtocolBench();
    const client = bench.open(4).raw(0x10 | flags, ...connectFrame(2, "a").slice(1));
    assert.equal(client.closed, true);
    assert.deepEqual(client.bytes, []);
    assert.deepEqual(bench.hooks.events, []);
  }
});

for (
  const [name, bytes] of [
    ["type 0", frame(0x00)],
    ["CONNACK", frame(0x20, [0, 0])],
    ["SUBACK", frame(0x90, [0, 1, 0])],
    ["UNSUBACK", frame(0xb0, [0, 1])],
    ["PINGRESP", frame(0xd0)],
    ["type 15", frame(0xf0)],
  ] as const
) {
  Deno.test(`A packet of ${name}, which no 3.1.1 client may send, ends the connection`, () => {
    const bench = new ProtocolBench();
    const client = bench.connect(4, "a").raw(...bytes);
    assert.equal(client.closed, true);
    client.nothing();
    assert.match(endReason(bench) ?? "", /^ProtocolError\(/);
  });
}

Deno.test("A remaining length over four bytes ends the connection at its fourth byte", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a").raw(0x30, 0xff, 0xff, 0xff);
  assert.equal(client.closed, false);
  client.raw(0xff);
  assert.equal(client.closed, true);
  assert.equal(endReason(bench), "ProtocolError(remaining length over four bytes)");
});

Deno.test("A remaining length with leading zeros is read as the number it is", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a").raw(0xc0, 0x80, 0x00).raw(0xc0, 0x80, 0x80, 0x80, 0x00);
  assert.deepEqual(takeAll(client), ["pingresp", "pingresp"]);
});

Deno.test("Packets are the same whether they come byte by byte or all at once", () => {
  const stream = [
    ...connectFrame(2, "a"),
    ...bytesOfPackets(
      { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "#", qos: 2 }] },
      publish("t", "x".repeat(200), { qos: 1, messageId: 2 }),
      publish("t", "", { qos: 2, messageId: 3 }),
      { cmd: "pubrel", messageId: 3 },
      { cmd: "pingreq" },
      { cmd: "disconnect" },
    ),
  ];
  const whole = new ProtocolBench();
  const atOnce = whole.open(4).raw(...stream);
  const pieces = new ProtocolBench();
  const oneByOne = pieces.open(4);
  for (const byte of stream) oneByOne.raw(byte);
  assert.deepEqual(oneByOne.bytes, atOnce.bytes);
  assert.equal(takeAll(atOnce).length, 8);
  assert.deepEqual(pieces.hooks.names(), whole.hooks.names());
});

Deno.test("A packet of max_packet_size is taken, and one byte more ends the connection before it came", () => {
  const bench = new ProtocolBench({ limits: { maxPacketSize: 300 } });
  const subscriber = bench.connect(4, "s");
  subscribe(subscriber, ["t", 0]);
  const client = bench.connect(4, "a");
  client.raw(...frame(0x30, "t", new Uint8Array(300 - 3 - 3)));
  assert.equal(subscriber.take("publish").payload.length, 294);
  client.raw(...frame(0x30, "t", new Uint8Array(300 - 3 - 2)).slice(0, 3));
  assert.equal(client.closed, true);
  assert.equal(endReason(bench), "ProtocolError(packet of 301 bytes)");
  subscriber.nothing();
});
