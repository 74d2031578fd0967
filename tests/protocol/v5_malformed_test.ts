/**
 * MQTT 5.0: what a client sends wrong, byte by byte, and the reason code that it is told. mqtt-packet
 * repairs or ignores most of this, so each line of the tables holds a check of FrameCheck.
 */
import assert from "node:assert/strict";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { binary, packet, section, string, uint16, varint } from "../support/rawFrames.ts";

type Bytes = ReadonlyArray<number>;

const MALFORMED = 0x81;
const PROTOCOL = 0x82;

const none = section();
const USER = [38, ...string("k"), ...string("v")];
/** One byte each: no start of a sequence, overlong slash, a surrogate, over U+10FFFF, cut short. */
const ILL_FORMED: ReadonlyArray<readonly [string, Bytes]> = [
  ["a lone continuation byte", [0x80]],
  ["an overlong encoding", [0xc0, 0xaf]],
  ["a surrogate", [0xed, 0xa0, 0x80]],
  ["a code point over U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
  ["a sequence cut short", [0xe2, 0x82]],
  ["U+0000", [0x61, 0x00]],
];

// Every property with a good value. MQTT 5.0 table 2-4
const value: Readonly<Record<string, Bytes>> = {
  "Payload Format Indicator": [1, 1],
  "Message Expiry Interval": [2, 0, 0, 0, 9],
  "Content Type": [3, ...string("t")],
  "Response Topic": [8, ...string("r")],
  "Correlation Data": [9, ...binary(1)],
  "Subscription Identifier": [11, 1],
  "Session Expiry Interval": [17, 0, 0, 0, 0],
  "Assigned Client Identifier": [18, ...string("c")],
  "Server Keep Alive": [19, 0, 9],
  "Authentication Method": [21, ...string("m")],
  "Authentication Data": [22, ...binary(1)],
  "Request Problem Information": [23, 1],
  "Will Delay Interval": [24, 0, 0, 0, 0],
  "Request Response Information": [25, 1],
  "Response Information": [26, ...string("i")],
  "Server Reference": [28, ...string("s")],
  "Reason String": [31, ...string("r")],
  "Receive Maximum": [33, 0, 9],
  "Topic Alias Maximum": [34, 0, 9],
  "Topic Alias": [35, 0, 1],
  "Maximum QoS": [36, 1],
  "Retain Available": [37, 1],
  "User Property": USER,
  "Maximum Packet Size": [39, 0, 0, 9, 9],
  "Wildcard Subscription Available": [40, 1],
  "Subscription Identifier Available": [41, 1],
  "Shared Subscription Available": [42, 1],
};

const connect = (
  { name = "MQTT", level = 5, flags = 2, properties = none, payload = string("a") }: {
    name?: string;
    level?: number;
    flags?: number;
    properties?: Bytes;
    payload?: Bytes;
  },
): Bytes => packet(0x10, ...string(name), level, flags, 0, 0, ...properties, ...payload);

const withWill = (properties: Bytes, topic: Bytes = string("w")): Bytes =>
  connect({ flags: 0x06, payload: [...string("a"), ...properties, ...topic, ...binary(1)] });

const publish = (properties: Bytes, topic: Bytes = string("t")): Bytes =>
  packet(0x30, ...topic, ...properties);

/** A packet of every kind, with the given properties where its properties stand. */
const places: Readonly<Record<string, (properties: Bytes) => Bytes>> = {
  "CONNECT": (properties) => connect({ properties }),
  "a will": (properties) => withWill(properties),
  "PUBLISH": (properties) => publish(properties),
  "PUBACK": (properties) => packet(0x40, 0, 1, 0, ...properties),
  "PUBREC": (properties) => packet(0x50, 0, 1, 0, ...properties),
  "PUBREL": (properties) => packet(0x62, 0, 1, 0, ...properties),
  "PUBCOMP": (properties) => packet(0x70, 0, 1, 0, ...properties),
  "SUBSCRIBE": (properties) => packet(0x82, 0, 1, ...properties, ...string("f"), 0),
  "UNSUBSCRIBE": (properties) => packet(0xa2, 0, 1, ...properties, ...string("f")),
  "DISCONNECT": (properties) => packet(0xe0, 0, ...properties),
};

const ACKNOWLEDGEMENTS = ["PUBACK", "PUBREC", "PUBREL", "PUBCOMP"];
const PUBLICATIONS = ["a will", "PUBLISH"];

/** Where each property may stand in what a client sends. AUTH is refused whatever it holds. */
const allowed: Readonly<Record<string, ReadonlyArray<string>>> = {
  "Payload Format Indicator": PUBLICATIONS,
  "Message Expiry Interval": PUBLICATIONS,
  "Content Type": PUBLICATIONS,
  "Response Topic": PUBLICATIONS,
  "Correlation Data": PUBLICATIONS,
  "Subscription Identifier": ["SUBSCRIBE"],
  "Session Expiry Interval": ["CONNECT", "DISCONNECT"],
  "Authentication Method": ["CONNECT"],
  "Authentication Data": ["CONNECT"],
  "Request Problem Information": ["CONNECT"],
  "Will Delay Interval": ["a will"],
  "Request Response Information": ["CONNECT"],
  "Reason String": [...ACKNOWLEDGEMENTS, "DISCONNECT"],
  "Receive Maximum": ["CONNECT"],
  "Topic Alias Maximum": ["CONNECT"],
  "Topic Alias": ["PUBLISH"],
  "User Property": Object.keys(places),
  "Maximum Packet Size": ["CONNECT"],
};

/** What a client that sends these bytes is told, and is closed for; undefined: it goes on. */
const answer = (bytes: Bytes): number | undefined => {
  const bench = new ProtocolBench();
  const isConnect = bytes[0] as number >> 4 === 1; // no table has an empty packet
  const client = isConnect ? bench.open(5) : bench.connect(5, "a");
  client.raw(...bytes);
  if (!client.closed) return undefined;
  const last = client.take(isConnect ? "connack" : "disconnect");
  client.nothing();
  assert.equal(bench.broker.connections, 0);
  return last.reasonCode;
};

const refused = (table: ReadonlyArray<readonly [what: string, bytes: Bytes, code: number]>) => {
  for (const [what, bytes, code] of table) assert.equal(answer(bytes), code, what);
};

Deno.test("Connection takes every property where it belongs, and refuses it elsewhere as malformed", () => {
  for (const [name, bytes] of Object.entries(value)) {
    for (const [place, make] of Object.entries(places)) {
      // Authentication Data needs its method; both are tested with AUTH. DISCONNECT closes anyway.
      if (name.startsWith("Authentication") && place === "CONNECT") continue;
      if (place === "DISCONNECT" && allowed[name]?.includes(place)) continue;
      const got = answer(make(section(...bytes)));
      const wanted = allowed[name]?.includes(place)
        ? undefined
        : name === "Subscription Identifier" && place === "PUBLISH"
        ? PROTOCOL // [MQTT-3.3.4-6]
        : MALFORMED; // section 2.2.2.2
      assert.equal(got, wanted, `${name} in ${place}`);
    }
  }
});

Deno.test("Connection refuses a property that stands twice as a protocol error, User Property apart", () => {
  for (const [name, bytes] of Object.entries(value)) {
    for (const place of allowed[name] ?? []) {
      const make = places[place];
      assert.ok(make);
      if (place === "DISCONNECT" && name === "User Property") continue; // closes without a word
      const wanted = name === "User Property" ? undefined : PROTOCOL;
      assert.equal(answer(make(section(...bytes, ...bytes))), wanted, `${name} in ${place}`);
    }
  }
});

Deno.test("Connection refuses a property without a value of its kind", () => {
  refused([
    ["Payload Format Indicator 2", publish(section(1, 2)), PROTOCOL],
    ["Payload Format Indicator cut short", publish(section(1)), MALFORMED],
    ["Message Expiry Interval cut short", publish(section(2, 0, 0, 0)), MALFORMED],
    ["Content Type cut short", publish(section(3, 0, 2, 0x61)), MALFORMED],
    ["Response Topic with +", publish(section(8, ...string("a/+"))), PROTOCOL],
    ["Response Topic with #", publish(section(8, ...string("#"))), PROTOCOL],
    ["empty Response Topic", publish(section(8, ...string(""))), PROTOCOL],
    ["Response Topic of a will with #", withWill(section(8, ...string("#"))), PROTOCOL],
    ["Correlation Data cut short", publish(section(9, 0, 2, 1)), MALFORMED],
    ["Topic Alias 0", publish(section(35, 0, 0)), 0x94],
    ["User Property without a value", publish(section(38, ...string("k"))), MALFORMED],
    ["Subscription Identifier 0", packet(0x82, 0, 1, 2, 11, 0, ...string("f"), 0), PROTOCOL],
    [
      "Subscription Identifier over four bytes",
      packet(0x82, 0, 1, 6, 11, 0x80, 0x80, 0x80, 0x80, 1, ...string("f"), 0),
      MALFORMED,
    ],
    ["Receive Maximum 0", connect({ properties: section(33, 0, 0) }), PROTOCOL],
    ["Maximum Packet Size 0", connect({ properties: section(39, 0, 0, 0, 0) }), PROTOCOL],
    ["Request Problem Information 2", connect({ properties: section(23, 2) }), PROTOCOL],
    ["Request Response Information 2", connect({ properties: section(25, 2) }), PROTOCOL],
    [
      "Authentication Data alone",
      connect({ properties: section(22, ...binary(1)) }),
      PROTOCOL,
    ],
  ]);
});

Deno.test("Connection refuses a property section that is no such thing", () => {
  const cases: ReadonlyArray<readonly [string, Bytes]> = [
    ["property 0", section(0)],
    ["property 4", section(4, 0)],
    ["property 43", section(43, 0)],
    ["property 127", section(127, 0)],
    ["property identifier over one byte", section(0x80, 0x01, 0)],
    ["property identifier in too many bytes", section(0x81, 0x00, 1)],
    ["length over what is there", [...varint(100), ...USER]],
    ["value beyond the packet", [...varint(USER.length + 5), 38, ...string("k"), 0, 6, 0x76]],
    ["length within a property", [...varint(USER.length - 1), ...USER]],
    ["length in too many bytes", [0x80, 0x00]],
    ["length over four bytes", [0x80, 0x80, 0x80, 0x80, 0x01]],
  ];
  for (const [what, properties] of cases) {
    for (const [place, make] of Object.entries(places)) {
      if (place === "PUBLISH" && what === "length within a property") continue; // payload begins there
      assert.equal(answer(make(properties)), MALFORMED, `${what} in ${place}`);
    }
  }
  assert.equal(answer(publish([])), MALFORMED, "no property section at all"); // [MQTT-2.2.2-1]
});

Deno.test("Connection refuses strings that are not UTF-8, and U+0000, wherever they stand", () => {
  const strings: Readonly<Record<string, (text: Bytes) => Bytes>> = {
    "client identifier": (text) => connect({ payload: text }),
    "will topic": (text) => withWill(none, text),
    "will Content Type": (text) => withWill(section(3, ...text)),
    "user name": (text) => connect({ flags: 0x82, payload: [...string("a"), ...text] }),
    "Authentication Method": (text) => connect({ properties: section(21, ...text) }),
    "topic name": (text) => publish(none, text),
    "Content Type": (text) => publish(section(3, ...text)),
    "Response Topic": (text) => publish(section(8, ...text)),
    "User Property name": (text) => publish(section(38, ...text, ...string("v"))),
    "User Property value": (text) => publish(section(38, ...string("k"), ...text)),
    "Reason String": (text) => packet(0x40, 0, 1, 0, ...section(31, ...text)),
    "filter of SUBSCRIBE": (text) => packet(0x82, 0, 1, 0, ...text, 0),
    "filter of UNSUBSCRIBE": (text) => packet(0xa2, 0, 1, 0, ...text),
  };
  for (const [where, make] of Object.entries(strings)) {
    assert.equal(answer(make(string("caf\u00e9"))) === MALFORMED, false, `good ${where}`);
    for (const [what, bytes] of ILL_FORMED) {
      assert.equal(answer(make(binary(...bytes))), MALFORMED, `${what} in ${where}`);
    }
    assert.equal(answer(make([0, 200, 0x61])), MALFORMED, `${where} cut short`);
  }
});

Deno.test("Connection refuses reserved bits and packet types", () => {
  const bodies: Readonly<Record<number, Bytes>> = {
    4: packet(0, 0, 1),
    5: packet(0, 0, 1),
    6: packet(0, 0, 1),
    7: packet(0, 0, 1),
    8: packet(0, 0, 1, 0, ...string("f"), 0),
    10: packet(0, 0, 1, 0, ...string("f")),
    12: packet(0),
    14: packet(0, 0),
    15: packet(0, 0x18, 0),
  };
  for (const [type, [, ...rest]] of Object.entries(bodies)) {
    const good = ["6", "8", "10"].includes(type) ? 2 : 0;
    for (let flags = 0; flags < 16; flags++) {
      if (flags === good) continue;
      assert.equal(answer([(Number(type) << 4) | flags, ...rest]), MALFORMED, `${type}: ${flags}`);
    }
  }
  for (let flags = 1; flags < 16; flags++) {
    const [, ...rest] = connect({});
    assert.equal(answer([0x10 | flags, ...rest]), MALFORMED, `CONNECT: ${flags}`);
  }
  refused([
    ["type 0", packet(0x00), MALFORMED],
    ["CONNACK", packet(0x20, 0, 0, 0), PROTOCOL],
    ["SUBACK", packet(0x90, 0, 1, 0, 0), PROTOCOL],
    ["UNSUBACK", packet(0xb0, 0, 1, 0, 0), PROTOCOL],
    ["PINGRESP", packet(0xd0), PROTOCOL],
  ]);
});

Deno.test("Connection refuses a CONNECT that is none, with CONNACK", () => {
  refused(
    [
      ["reserved flag", connect({ flags: 0x03 }), MALFORMED],
      ["will QoS without a will", connect({ flags: 0x0a }), MALFORMED],
      ["will retain without a will", connect({ flags: 0x22 }), MALFORMED],
      [
        "will QoS 3",
        connect({ flags: 0x1e, payload: [...string("a"), 0, ...string("w"), 0, 0] }),
        MALFORMED,
      ],
      ["no client identifier", connect({ payload: [] }), MALFORMED],
      ["no will", connect({ flags: 0x06 }), MALFORMED],
      [
        "no will payload",
        connect({ flags: 0x06, payload: [...string("a"), 0, 0, 1, 0x77] }),
        MALFORMED,
      ],
      ["empty will topic", withWill(none, string("")), 0x90],
      ["wildcard in the will topic", withWill(none, string("a/#")), 0x90],
      ["no user name", connect({ flags: 0x82 }), MALFORMED],
      [
        "no password",
        connect({ flags: 0xc2, payload: [...string("a"), ...string("u")] }),
        MALFORMED,
      ],
      [
        "a user name without its flag",
        connect({ payload: [...string("a"), ...string("u")] }),
        MALFORMED,
      ],
      [
        "a password without its flag",
        connect({ flags: 0x82, payload: [...string("a"), ...string("u"), ...string("p")] }),
        MALFORMED,
      ],
      [
        "a will without its flag",
        connect({ payload: [...string("a"), 0, ...string("w"), 0, 0] }),
        MALFORMED,
      ],
      ["bytes after the end", connect({ payload: [...string("a"), 0] }), MALFORMED],
      ["wrong protocol name", connect({ name: "MQTS" }), 0x84],
    ],
  );
});

Deno.test("Connection takes a password without a user name", () => {
  assert.equal(
    answer(connect({ flags: 0x42, payload: [...string("a"), ...binary(1)] })),
    undefined,
  );
});

Deno.test("Connection refuses a PUBLISH that is none", () => {
  refused([
    ["QoS 3", packet(0x36, ...string("t"), 0, 1, 0), MALFORMED],
    ["QoS 3 with DUP", packet(0x3e, ...string("t"), 0, 1, 0), MALFORMED],
    ["DUP with QoS 0", packet(0x38, ...string("t"), 0), MALFORMED],
    ["no topic", packet(0x30), MALFORMED],
    ["topic cut short", packet(0x30, 0, 9, 0x61), MALFORMED],
    ["topic with +", publish(none, string("a/+")), 0x90],
    ["topic with #", publish(none, string("#")), 0x90],
    ["empty topic without an alias", publish(none, string("")), PROTOCOL],
    ["no packet identifier", packet(0x32, ...string("t")), MALFORMED],
    ["packet identifier 0", packet(0x32, ...string("t"), 0, 0, 0), PROTOCOL],
    ["packet identifier 0, QoS 2", packet(0x34, ...string("t"), 0, 0, 0), PROTOCOL],
  ]);
});

Deno.test("Connection refuses acknowledgements that are none", () => {
  for (const [first, good] of [[0x40, 0x10], [0x50, 0x10], [0x62, 0x92], [0x70, 0x92]] as const) {
    const [type] = packet(first);
    assert.ok(type);
    refused([
      ["no packet identifier", packet(first), MALFORMED],
      ["half a packet identifier", packet(first, 0), MALFORMED],
      ["packet identifier 0", packet(first, 0, 0), PROTOCOL],
      ["reason code of no acknowledgement", packet(first, 0, 1, 0x8e), PROTOCOL],
      ["reason code of another", packet(first, 0, 1, good === 0x10 ? 0x92 : 0x10), PROTOCOL],
      ["bytes after the properties", packet(first, 0, 1, 0, 0, 7), MALFORMED],
    ]);
    // The reason code, and the properties after it, may be left out. Section 3.4.2.1
    assert.equal(answer(packet(first, 0, 1)), undefined);
    assert.equal(answer(packet(first, 0, 1, 0)), undefined);
    assert.equal(answer(packet(first, 0, 1, good)), undefined);
    assert.equal(answer(packet(first, 0, 1, 0, 0)), undefined);
  }
});

Deno.test("Connection refuses SUBSCRIBE and UNSUBSCRIBE that are none", () => {
  const subscribe = (options: number) => packet(0x82, 0, 1, 0, ...string("f"), options);
  refused([
    ["packet identifier 0", packet(0x82, 0, 0, 0, ...string("f"), 0), PROTOCOL],
    ["no filter", packet(0x82, 0, 1, 0), PROTOCOL],
    ["no properties", packet(0x82, 0, 1), MALFORMED],
    ["no options", packet(0x82, 0, 1, 0, ...string("f")), MALFORMED],
    [
      "no options for the second",
      packet(0x82, 0, 1, 0, ...string("f"), 0, ...string("g")),
      MALFORMED,
    ],
    ["QoS 3", subscribe(3), MALFORMED],
    ["Retain Handling 3", subscribe(0x30), PROTOCOL],
    ["reserved bit 6", subscribe(0x40), MALFORMED],
    ["reserved bit 7", subscribe(0x80), MALFORMED],
    ["empty filter", packet(0x82, 0, 1, 0, ...string(""), 0), PROTOCOL],
    [
      "No Local on a shared subscription",
      packet(0x82, 0, 1, 0, ...string("$share/g/f"), 4),
      PROTOCOL,
    ],
    ["UNSUBSCRIBE: packet identifier 0", packet(0xa2, 0, 0, 0, ...string("f")), PROTOCOL],
    ["UNSUBSCRIBE: no filter", packet(0xa2, 0, 1, 0), PROTOCOL],
    ["UNSUBSCRIBE: empty filter", packet(0xa2, 0, 1, 0, ...string("")), PROTOCOL],
    ["UNSUBSCRIBE: filter cut short", packet(0xa2, 0, 1, 0, 0, 3, 0x61), MALFORMED],
  ]);
});

Deno.test("Connection refuses a DISCONNECT with a code of the server's, or bytes after its end", () => {
  for (const code of [0x01, 0x10, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x9b, 0x9c, 0xa1, 0xff]) {
    assert.equal(answer(packet(0xe0, code, 0)), PROTOCOL, `0x${code.toString(16)}`);
  }
  assert.equal(answer(packet(0xe0, 0, 0, 0)), MALFORMED);
});

Deno.test("Connection refuses AUTH after a CONNECT without an authentication method", () => {
  const method = [21, ...string("m")];
  refused([
    ["without a reason code", packet(0xf0), PROTOCOL],
    ["Continue authentication", packet(0xf0, 0x18, ...section(...method)), PROTOCOL],
    ["Re-authenticate", packet(0xf0, 0x19, ...section(...method, ...USER)), PROTOCOL],
    ["a reason code of none", packet(0xf0, 0x87, 0), PROTOCOL],
    ["a property of PUBLISH", packet(0xf0, 0x18, ...section(1, 1)), MALFORMED],
    ["bytes after the end", packet(0xf0, 0x18, 0, 0), MALFORMED],
  ]);
});

Deno.test("Connection refuses PINGREQ with a body, and a second CONNECT", () => {
  refused([["PINGREQ", packet(0xc0, 0), MALFORMED]]);
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a").raw(...connect({}));
  assert.equal(client.take("disconnect").reasonCode, PROTOCOL);
});

Deno.test("Connection refuses a remaining length over four bytes, or in more than it needs", () => {
  refused([
    ["over four bytes", [0xc0, 0x80, 0x80, 0x80, 0x80, 0x01], MALFORMED],
    ["in two bytes instead of one", [0xc0, 0x80, 0x00], MALFORMED],
    ["in four bytes instead of one", [0x40, 0x82, 0x80, 0x80, 0x00, 0, 1], MALFORMED],
  ]);
});

Deno.test("Connection tells 0x95 for a packet over the maximum as soon as its header claims it", () => {
  const bench = new ProtocolBench({ limits: { maxPacketSize: 1000 } });
  const client = bench.connect(5, "a").raw(0x30, ...varint(998));
  assert.equal(client.take("disconnect").reasonCode, 0x95);
  const good = new ProtocolBench({ limits: { maxPacketSize: 1000 } }).connect(5, "b");
  good.raw(...packet(0x30, ...string("t"), 0, ...new Array<number>(993).fill(0)));
  assert.equal(good.closed, false);
});

Deno.test("Connection counts what another packet says of nothing as no more than bytes", () => {
  // A payload may look like anything, U+0000 and broken UTF-8 included.
  assert.equal(answer(packet(0x30, ...string("t"), 0, 0xff, 0x00, 0xc0)), undefined);
  assert.equal(answer(packet(0x32, ...string("t"), ...uint16(9), 0, 0x80)), undefined);
});
