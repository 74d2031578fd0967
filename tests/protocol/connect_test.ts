/** CONNECT and CONNACK of MQTT 3.1.1: what is accepted, refused and closed in silence. Sections 3.1 and 3.2 */
import assert from "node:assert/strict";
import type { Verdict } from "../../src/mqtt/ports/Access.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import {
  BAD_TEXT,
  bytesOfPackets,
  connectFrame,
  endReason,
  frame,
  publish,
  story,
  string,
  subscribe,
  takeAll,
  takePayloads,
} from "./packets.ts";

/** Sends a first frame that must be closed without an answer and without an event. */
const closedInSilence = (bytes: ReadonlyArray<number>, what = "a frame"): void => {
  const bench = new ProtocolBench();
  const client = bench.open(4).raw(...bytes);
  assert.equal(client.closed, true, what);
  assert.deepEqual(client.bytes, [], what);
  assert.deepEqual(bench.hooks.events, [], what);
  assert.equal(bench.broker.connections, 0);
};

const ACCEPTED = [0x20, 2, 0, 0];

for (const version of [3, 4, 5] as const) {
  Deno.test(`CONNECT of protocol version ${version} is accepted, with its events in order`, () => {
    const bench = new ProtocolBench();
    const client = bench.connect(version, "a");
    client.nothing();
    assert.deepEqual(bench.hooks.names("a"), [
      "client_connect",
      "session_created",
      "client_connack",
      "client_connected",
    ]);
  });
}

Deno.test("Any packet before CONNECT is closed without an answer or an event", () => {
  for (let type = 0; type < 16; type++) {
    if (type !== 1) closedInSilence([type << 4, 0], `type ${type}`);
  }
  closedInSilence(bytesOfPackets(publish("t", "x")));
  closedInSilence([0xff]);
});

Deno.test("A second CONNECT ends the connection, and the will is published", () => {
  const bench = new ProtocolBench();
  const subscriber = bench.connect(4, "s");
  subscribe(subscriber, ["will", 0]);
  const client = bench.connect(4, "a", {
    will: { topic: "will", payload: "gone", qos: 0, retain: false },
  });
  client.raw(...connectFrame(2, "a"));
  assert.equal(client.closed, true);
  client.nothing();
  assert.equal(endReason(bench), "ProtocolError(second CONNECT)");
  assert.deepEqual(takePayloads(subscriber), ["gone"]);
});

Deno.test("A second CONNECT ends the connection even when it is malformed or of another version", () => {
  for (const second of [frame(0x10, "MQTT", 5, 2, [0, 0], 0, "a"), frame(0x10, "X"), frame(0x10)]) {
    const bench = new ProtocolBench();
    const client = bench.connect(4, "a").raw(...second);
    assert.equal(client.closed, true);
    client.nothing();
  }
});

Deno.test("CONNECT with another protocol name is closed without CONNACK", () => {
  for (const name of ["MQTTX", "mqtt", "MQT", "hj", "", "HTTP", "MQIsdp2", "MQTT\0"]) {
    closedInSilence(frame(0x10, name, 4, 2, [0, 0], "a"), name);
  }
});

Deno.test("CONNECT with an unknown protocol level gets CONNACK 0x01 and is closed", () => {
  for (
    const [name, level] of [
      ["MQTT", 0],
      ["MQTT", 1],
      ["MQTT", 2],
      ["MQTT", 3],
      ["MQTT", 6],
      ["MQTT", 0x84], // a Mosquitto bridge's first try
      ["MQTT", 255],
      ["MQIsdp", 4],
      ["MQIsdp", 0x83],
    ] as const
  ) {
    const bench = new ProtocolBench();
    const client = bench.open(4).raw(...frame(0x10, name, level, 2, [0, 5], "a"));
    assert.deepEqual(client.bytes, [0x20, 2, 0, 1], `${name} ${level}`);
    assert.equal(client.closed, true);
    assert.deepEqual(bench.hooks.names(), ["client_connect", "client_connack"]);
    const [connack] = bench.hooks.all("client_connack");
    assert.equal(connack?.proto_ver, level);
    assert.equal(connack?.conn_ack, "Connection Refused, unacceptable protocol version");
  }
});

Deno.test("CONNECT of an unknown level whose rest cannot be read gets CONNACK 0x01 too", () => {
  const bench = new ProtocolBench();
  const client = bench.open(4).raw(...frame(0x10, "MQTT", 9, [1, 2, 3]));
  assert.deepEqual(client.bytes, [0x20, 2, 0, 1]);
  assert.equal(client.closed, true);
});

Deno.test("CONNECT with its reserved flag set is closed without CONNACK", () => {
  closedInSilence(connectFrame(0x03, "a"));
});

Deno.test("CONNECT with will QoS 3 is closed without CONNACK", () => {
  closedInSilence(connectFrame(0x1e, "a", "will", "gone"));
});

Deno.test("CONNECT with will QoS or will retain but no will flag is closed without CONNACK", () => {
  for (const flags of [0x08, 0x10, 0x20, 0x28]) closedInSilence(connectFrame(flags | 2, "a"));
});

Deno.test("CONNECT with a password flag but no user name flag is closed without CONNACK", () => {
  closedInSilence(connectFrame(0x42, "a", "password"));
});

Deno.test("CONNECT without a field that a flag announces, or with one that none does, is closed without CONNACK", () => {
  closedInSilence(connectFrame(0x02), "no client identifier");
  closedInSilence(connectFrame(0x06, "a"), "no will");
  closedInSilence(connectFrame(0x06, "a", "will"), "no will message");
  closedInSilence(connectFrame(0x82, "a"), "no user name");
  closedInSilence(connectFrame(0xc2, "a", "user"), "no password");
  closedInSilence(connectFrame(0x02, "a", "user"), "a user name");
  closedInSilence(connectFrame(0x82, "a", "user", "password"), "a password");
  closedInSilence(connectFrame(0x02, "a", "will", "gone"), "a will");
});

Deno.test("CONNECT cut short at any byte is closed without CONNACK", () => {
  const whole = connectFrame(0xc6, "client", "will", "gone", "user", "password");
  const body = whole.slice(2);
  for (let length = 0; length < body.length; length++) {
    closedInSilence(frame(0x10, body.slice(0, length)), `${length} bytes`);
  }
});

for (const [what, bytes] of BAD_TEXT) {
  Deno.test(`CONNECT with ${what} in a string is closed without CONNACK`, () => {
    closedInSilence(connectFrame(0x02, string(bytes)), "client identifier");
    closedInSilence(connectFrame(0x06, "a", string(bytes), "gone"), "will topic");
    closedInSilence(connectFrame(0x82, "a", string(bytes)), "user name");
  });
}

Deno.test("CONNECT with a will topic that is empty or has a wildcard is closed without CONNACK", () => {
  for (const topic of ["", "a/+", "#", "a+"]) closedInSilence(connectFrame(0x06, "a", topic, "x"));
});

Deno.test("CONNECT with a will message and a password of any bytes is accepted", () => {
  const passwords: Array<Uint8Array | undefined> = [];
  const bench = new ProtocolBench({
    authenticate: (_, password) => {
      passwords.push(password);
      return "good";
    },
  });
  const bytes = [0x00, 0xff, 0xc0, 0x80];
  const client = bench.open(4)
    .raw(...connectFrame(0xc6, "a", "will", string(bytes), "user", string(bytes)));
  assert.deepEqual(client.bytes, ACCEPTED);
  assert.deepEqual(passwords, [Uint8Array.from(bytes)]);
});

Deno.test("CONNECT with an empty user name, password and will message is accepted", () => {
  const bench = new ProtocolBench();
  const client = bench.open(4).raw(...connectFrame(0xc6, "a", "will", "", "", ""));
  assert.deepEqual(client.bytes, ACCEPTED);
  assert.equal(bench.hooks.all("client_connected")[0]?.username, "");
});

Deno.test("A client without a user name is called undefined", () => {
  const bench = new ProtocolBench();
  bench.connect(4, "a");
  for (const event of bench.hooks.of("a")) {
    assert.equal("username" in event && event.username, "undefined");
  }
});

Deno.test("Client identifiers of 1 to 23 letters and digits are accepted", () => {
  const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const bench = new ProtocolBench();
  for (let length = 1; length <= 23; length++) {
    const at = (length * 7) % (alphabet.length - 23);
    bench.connect(4, alphabet.slice(at, at + length)).nothing();
  }
  for (const letter of alphabet) bench.connect(4, letter).nothing();
});

Deno.test("Client identifiers of 65535 bytes and of any characters are accepted", () => {
  const bench = new ProtocolBench();
  for (const id of ["x".repeat(65535), "é".repeat(32767), "a/+#$ %c", "\u{1f600}", "\ufeffa"]) {
    bench.connect(4, id);
    assert.equal(bench.hooks.all("client_connected").at(-1)?.clientid, id);
  }
});

Deno.test("U+FEFF is kept where it stands in a string", () => {
  const bench = new ProtocolBench();
  bench.connect(4, "a");
  const first = bench.broker.context.sessions.size;
  bench.connect(4, "\ufeffa");
  assert.equal(bench.broker.context.sessions.size, first + 1);
  const subscriber = bench.connect(4, "s");
  subscribe(subscriber, ["\ufefft", 0]);
  bench.connect(4, "p").send(publish("t", "without"), publish("\ufefft", "with"));
  assert.deepEqual(takeAll(subscriber), ["\ufefft with q0"]);
});

Deno.test("A client identifier over max_clientid_len is refused with 0x02, by its length in bytes", () => {
  const bench = new ProtocolBench({ limits: { maxClientidLen: 4 } });
  bench.connect(4, "éé");
  const client = bench.connecting(4, "ééx");
  assert.deepEqual(client.bytes, [0x20, 2, 0, 2]);
  assert.equal(client.closed, true);
});

Deno.test("An empty client identifier with a clean session gets one that nobody else has", () => {
  const bench = new ProtocolBench();
  const first = bench.connect(4, "");
  const second = bench.connect(4, "");
  assert.equal(first.closed, false);
  assert.equal(second.closed, false);
  assert.deepEqual(
    bench.hooks.all("client_connect").map(({ clientid }) => clientid),
    ["auto-1", "auto-2"],
  );
  assert.deepEqual(Array.from(bench.broker.context.sessions, ({ id }) => id), ["auto-1", "auto-2"]);
});

Deno.test("An empty client identifier without a clean session is refused with 0x02", () => {
  const bench = new ProtocolBench();
  const client = bench.open(4).raw(...connectFrame(0x00, ""));
  assert.deepEqual(client.bytes, [0x20, 2, 0, 2]);
  assert.equal(client.closed, true);
  assert.deepEqual(bench.hooks.names(), ["client_connect", "client_connack"]);
  assert.equal(
    bench.hooks.all("client_connack")[0]?.conn_ack,
    "Connection Refused, identifier rejected",
  );
  assert.equal(bench.broker.context.sessions.size, 0);
});

const REFUSALS: ReadonlyArray<
  readonly [what: string, verdict: Verdict, options: object, code: number, text: string]
> = [
  ["a bad password", "bad", { username: "u", password: "x" }, 4, "bad user name or password"],
  ["an unknown user", "unknown", { username: "u", password: "x" }, 4, "bad user name or password"],
  ["no user name", "good", {}, 5, "not authorized"],
];
for (const [what, verdict, options, code, text] of REFUSALS) {
  Deno.test(`CONNECT with ${what} where allow_anonymous is false is refused with 0x0${code}`, () => {
    const bench = new ProtocolBench({
      limits: { allowAnonymous: false },
      authenticate: () => verdict,
    });
    const client = bench.connecting(4, "a", options);
    assert.deepEqual(client.bytes, [0x20, 2, 0, code]);
    assert.equal(client.closed, true);
    assert.deepEqual(bench.hooks.names(), ["client_connect", "client_connack"]);
    assert.equal(bench.hooks.all("client_connack")[0]?.conn_ack, `Connection Refused, ${text}`);
  });
}

Deno.test("CONNECT over max_connections is refused with 0x03, but a client may take over its own", () => {
  const bench = new ProtocolBench({ limits: { maxConnections: 1 } });
  const first = bench.connect(4, "a");
  assert.deepEqual(bench.connecting(4, "b").bytes, [0x20, 2, 0, 3]);
  const again = bench.connect(4, "a");
  assert.equal(first.closed, true);
  again.send({ cmd: "disconnect" });
  bench.connect(4, "b");
});

Deno.test("A refused CONNECT has Session Present 0 although there is a session, and leaves that alone", () => {
  let verdict: Verdict = "good";
  const bench = new ProtocolBench({ authenticate: () => verdict });
  const options = { clean: false, username: "u", password: "x" };
  const first = bench.connect(4, "a", options);
  verdict = "bad";
  const second = bench.connecting(4, "a", options);
  assert.deepEqual(second.bytes, [0x20, 2, 0, 4]);
  assert.equal(second.closed, true);
  assert.equal(first.closed, false);
  assert.equal(bench.broker.context.sessions.size, 1);
});

Deno.test("Nothing that follows a refused CONNECT is processed", () => {
  const bench = new ProtocolBench({ authenticate: () => "bad" });
  const subscriber = bench.connect(4, "s");
  subscribe(subscriber, ["#", 0]);
  const client = bench.open(4).raw(
    ...connectFrame(0x82, "a", "user"),
    ...bytesOfPackets(publish("t", "x"), { cmd: "pingreq" }),
  );
  client.send(publish("t", "y"));
  assert.deepEqual(client.bytes, [0x20, 2, 0, 4]);
  subscriber.nothing();
});

Deno.test("What a client sends right behind CONNECT is processed when it is accepted", () => {
  const bench = new ProtocolBench();
  const client = bench.open(4).raw(
    ...connectFrame(2, "a"),
    ...bytesOfPackets(
      { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "t", qos: 0 }] },
      publish("t", "x", { qos: 1, messageId: 2 }),
      { cmd: "pingreq" },
    ),
  );
  assert.deepEqual(takeAll(client), ["connack", "suback id1", "t x q0", "puback id2", "pingresp"]);
});

Deno.test("CONNACK is the first packet that a client gets, also while its password takes time", async () => {
  let judge: (verdict: Verdict) => void = () => {};
  const verdict = new Promise<Verdict>((resolve) => judge = resolve);
  const bench = new ProtocolBench({ authenticate: () => verdict });
  const client = bench.open(4).raw(...connectFrame(0x82, "a", "user")).send(
    { cmd: "pingreq" },
    publish("t", "x", { qos: 1, messageId: 2 }),
    { cmd: "pingreq" },
  );
  client.nothing();
  judge("good");
  await verdict;
  await Promise.resolve();
  assert.deepEqual(takeAll(client), ["connack", "pingresp", "puback id2", "pingresp"]);
});

Deno.test("A client that goes while its password is verified leaves no session, and no event but client_connect", async () => {
  let judge: (verdict: Verdict) => void = () => {};
  const verdict = new Promise<Verdict>((resolve) => judge = resolve);
  const bench = new ProtocolBench({ authenticate: () => verdict });
  const client = bench.open(4).raw(...connectFrame(0x82, "a", "user"));
  client.drop();
  judge("good");
  await verdict;
  await Promise.resolve();
  assert.deepEqual(client.bytes, []);
  assert.deepEqual(bench.hooks.names(), ["client_connect"]);
  assert.equal(bench.broker.context.sessions.size, 0);
});

Deno.test("A connection without CONNECT is closed at handshake_timeout, also when bytes dribble in", () => {
  const bench = new ProtocolBench({ limits: { handshakeTimeout: 1000 } });
  const silent = bench.open(4);
  const dribbling = bench.open(4).raw(0x10);
  bench.pass(999);
  dribbling.raw(0x10);
  assert.equal(silent.closed, false);
  assert.equal(dribbling.closed, false);
  bench.pass(1);
  assert.equal(silent.closed, true);
  assert.equal(dribbling.closed, true);
  assert.deepEqual([silent.bytes, dribbling.bytes], [[], []]);
  assert.deepEqual(bench.hooks.events, []);
});

Deno.test("A connection has what its TLS or WebSocket handshake has left of handshake_timeout", () => {
  const bench = new ProtocolBench({ limits: { handshakeTimeout: 1000 } });
  const late = bench.open(4, 600);
  const overdue = bench.open(4, 5000);
  bench.pass(1); // time limits are looked at from time to time
  assert.deepEqual([late.closed, overdue.closed], [false, true]);
  bench.pass(398);
  assert.equal(late.closed, false);
  bench.pass(1);
  assert.equal(late.closed, true);
});

Deno.test("A CONNECT in time is not closed at handshake_timeout", () => {
  const bench = new ProtocolBench({ limits: { handshakeTimeout: 1000 } });
  bench.pass(500);
  const client = bench.open(4);
  bench.pass(999);
  client.raw(...connectFrame(2, "a"));
  bench.pass(10_000);
  assert.equal(client.closed, false);
});

Deno.test("Keep-alive 0 is refused with 0x03 where allow_zero_keepalive is false", () => {
  const bench = new ProtocolBench({ limits: { allowZeroKeepalive: false } });
  assert.deepEqual(bench.connecting(4, "a").bytes, [0x20, 2, 0, 3]);
  bench.connect(4, "a", { keepalive: 1 });
});

Deno.test("DISCONNECT ends the connection, and nothing after it is processed", () => {
  const bench = new ProtocolBench();
  const subscriber = bench.connect(4, "s");
  subscribe(subscriber, ["#", 0]);
  const client = bench.connect(4, "a")
    .raw(...bytesOfPackets({ cmd: "disconnect" }, publish("t", "x"), { cmd: "pingreq" }));
  assert.equal(client.closed, true);
  client.nothing();
  subscriber.nothing();
  assert.deepEqual(story(bench, "a").slice(-2), [
    "client_disconnected Disconnect",
    "session_terminated Disconnect",
  ]);
});

Deno.test("A connection that the client closes ends with RemoteClose", () => {
  const bench = new ProtocolBench();
  bench.connect(4, "a").drop();
  assert.equal(endReason(bench), "RemoteClose");
});
