/** MQTT 3.1 (MQIsdp, level 3): where it is not 3.1.1. */
import assert from "node:assert/strict";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { frame, publish, subscribe, takeAll } from "./packets.ts";

/** A CONNECT of MQTT 3.1. */
const connect31 = (flags: number, ...payload: ReadonlyArray<string>): Array<number> =>
  frame(0x10, "MQIsdp", 3, flags, [0, 0], ...payload);

Deno.test("An MQTT 3.1 client's CONNACK has no Session Present, though its event says session_present", () => {
  const bench = new ProtocolBench();
  bench.connect(3, "a", { clean: false }).drop();
  const again = bench.connecting(3, "a", { clean: false });
  assert.deepEqual(again.bytes, [0x20, 2, 0, 0]);
  const [, connected] = bench.hooks.all("client_connected");
  assert.equal(connected?.session_present, true);
  assert.equal(connected?.proto_ver, 3);
  assert.equal(connected?.clean_session, false);
});

Deno.test("An MQTT 3.1 client with an empty client identifier is refused with 0x02, clean or not", () => {
  for (const flags of [0x02, 0x00]) {
    const client = new ProtocolBench().open(3).raw(...connect31(flags, ""));
    assert.deepEqual(client.bytes, [0x20, 2, 0, 2]);
    assert.equal(client.closed, true);
  }
});

Deno.test("An MQTT 3.1 client may leave out the user name and password that its flags announce", () => {
  for (
    const [flags, payload, username] of [
      [0x82, ["a"], "undefined"],
      [0xc2, ["a"], "undefined"],
      [0xc2, ["a", "user"], "user"],
      [0xc2, ["a", "user", "password"], "user"],
      [0xc6, ["a", "will", "gone"], "undefined"],
      [0xc6, ["a", "will", "gone", "user"], "user"],
    ] as const
  ) {
    const bench = new ProtocolBench();
    const client = bench.open(3).raw(...connect31(flags, ...payload));
    assert.deepEqual(client.bytes, [0x20, 2, 0, 0]);
    assert.equal(bench.hooks.all("client_connected")[0]?.username, username);
  }
});

Deno.test("An MQTT 3.1 CONNECT that is cut short elsewhere is closed without CONNACK", () => {
  const body = connect31(0x06, "a", "will", "gone").slice(2);
  for (let length = 0; length < body.length; length++) {
    const client = new ProtocolBench().open(3).raw(...frame(0x10, body.slice(0, length)));
    assert.deepEqual(client.bytes, [], `${length} bytes`);
    assert.equal(client.closed, true);
  }
});

Deno.test("An MQTT 3.1 client's PUBREL, SUBSCRIBE and UNSUBSCRIBE may have DUP, when they are sent again", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(3, "a");
  client.raw(...frame(0x8a, [0, 1], "t", 1)).raw(...frame(0xaa, [0, 2], "x"));
  client.raw(...frame(0x34, "t", [0, 3], 0x78)).raw(...frame(0x6a, [0, 3]));
  assert.deepEqual(takeAll(client), [
    "suback id1",
    "unsuback id2",
    "t x q1 id1",
    "pubrec id3",
    "pubcomp id3",
  ]);
});

Deno.test("An MQTT 3.1 client's unused fixed-header flags mean nothing", () => {
  const bench = new ProtocolBench();
  const client = bench.open(3).raw(0x1b, ...connect31(2, "a").slice(1));
  client.raw(0xcf, 0).raw(...frame(0x4d, [0, 1]));
  assert.deepEqual(takeAll(client), ["connack", "pingresp"]);
  client.raw(0xe9, 0);
  assert.equal(client.closed, true);
  assert.equal(bench.hooks.all("client_disconnected")[0]?.reason, "Disconnect");
});

Deno.test("An MQTT 3.1 client's SUBSCRIBE of another QoS than 1 in its fixed header ends the connection", () => {
  for (const first of [0x80, 0x84, 0x86]) {
    const client = new ProtocolBench().connect(3, "a").raw(...frame(first, [0, 1], "t", 1));
    assert.equal(client.closed, true);
  }
});

Deno.test("An MQTT 3.1 client is told yes to a subscription that it does not get: 3.1 has no code for no", () => {
  const bench = new ProtocolBench({
    acl: [{
      permit: "deny",
      action: "subscribe",
      user: undefined,
      clientid: undefined,
      topics: ["secret"],
    }],
  });
  const client = bench.connect(3, "a");
  assert.deepEqual(subscribe(client, ["secret", 1], ["a/#/b", 2], ["t", 0]), [1, 2, 0]);
  client.send(publish("secret", "x"), publish("t", "y"));
  assert.deepEqual(takeAll(client), ["t y q0"]);
  assert.deepEqual(bench.hooks.all("session_subscribed").map(({ topic }) => topic), ["t"]);
});

Deno.test("Messages go between MQTT 3.1, 3.1.1 and 5.0 clients whole", () => {
  const bench = new ProtocolBench();
  const clients = ([3, 4, 5] as const).map((version) => bench.connect(version, `c${version}`));
  for (const client of clients) subscribe(client, ["t/+", 2]);
  for (const client of clients) {
    client.send(publish(`t/${client.version}`, "x", { qos: 2, messageId: 1 }));
    client.send({ cmd: "pubrel", messageId: 1 });
  }
  for (const client of clients) {
    const topics = client.received.flatMap((packet) =>
      packet.cmd === "publish" ? `${packet.topic} q${packet.qos}` : []
    );
    assert.deepEqual(topics, ["t/3 q2", "t/4 q2", "t/5 q2"]);
  }
});
