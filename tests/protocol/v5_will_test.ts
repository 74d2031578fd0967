/** MQTT 5.0 sections 3.1.2.5 and 3.1.3.2: wills, their delay and their properties. */
import assert from "node:assert/strict";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { messages, payloads, publish, subscribe } from "../support/packets5.ts";
import { binary, packet, section, string } from "../support/rawFrames.ts";

interface WillOptions {
  readonly clean?: boolean;
  readonly sessionExpiryInterval?: number;
  readonly qos?: 0 | 1 | 2;
  readonly retain?: boolean;
  readonly properties?: {
    readonly willDelayInterval?: number;
    readonly messageExpiryInterval?: number;
  };
}

const connectOptions = (
  { clean = false, sessionExpiryInterval = 0, qos = 0, retain = false, properties = {} }:
    WillOptions,
) => ({
  clean,
  properties: { sessionExpiryInterval },
  will: { topic: "w", payload: "gone", qos, retain, properties },
});

const willing = (options: WillOptions = {}) => {
  const bench = new ProtocolBench();
  const watcher = bench.connect(5, "watcher");
  subscribe(watcher, "#", { qos: 2, rap: true });
  const client = bench.connect(5, "a", connectOptions(options));
  return { bench, watcher, client };
};

const delayed = (seconds: number, sessionExpiryInterval = 100): WillOptions => ({
  sessionExpiryInterval,
  properties: { willDelayInterval: seconds },
});

Deno.test("A will is published when the connection ends in any way but a normal disconnection", () => {
  const endings: ReadonlyArray<readonly [string, (client: ReturnType<typeof willing>) => void]> = [
    ["closed", ({ client }) => client.drop()],
    ["DISCONNECT 0x04", ({ client }) => client.raw(...packet(0xe0, 0x04, 0))],
    ["DISCONNECT 0x80", ({ client }) => client.raw(...packet(0xe0, 0x80, 0))],
    ["malformed packet", ({ client }) => client.raw(...packet(0xc0, 1))],
    ["protocol error", ({ client }) => client.raw(...packet(0x62, 0, 0))],
    ["take-over", ({ bench }) => bench.connect(5, "a")],
  ];
  for (const [what, end] of endings) {
    const made = willing();
    end(made);
    assert.deepEqual(payloads(made.watcher), ["gone"], what);
  }
});

Deno.test("A will is published when the keep-alive is over", () => {
  const bench = new ProtocolBench();
  const watcher = bench.connect(5, "watcher");
  subscribe(watcher, "w");
  bench.connect(5, "a", { ...connectOptions({}), keepalive: 2 });
  bench.pass(3000);
  assert.deepEqual(payloads(watcher), ["gone"]);
});

Deno.test("A will is discarded by DISCONNECT 0x00, and is published once at most", () => {
  for (const bytes of [packet(0xe0), packet(0xe0, 0)]) {
    const { bench, watcher, client } = willing(delayed(5));
    client.raw(...bytes);
    bench.pass(1_000_000);
    assert.deepEqual(payloads(watcher), []);
  }
  const { bench, watcher, client } = willing({ sessionExpiryInterval: 100 });
  client.drop();
  bench.connect(5, "a").drop();
  bench.pass(1_000_000);
  assert.deepEqual(payloads(watcher), ["gone"]);
});

Deno.test("A client without a will leaves none, not even the one of its last connection", () => {
  const { bench, watcher, client } = willing({ sessionExpiryInterval: 100 });
  client.send({ cmd: "disconnect" });
  bench.connect(5, "a", { clean: false }).drop();
  assert.deepEqual(payloads(watcher), []);
});

Deno.test("A will goes with its QoS, and is retained as it says", () => {
  for (const qos of [0, 1, 2] as const) {
    for (const retain of [false, true]) {
      const { bench, watcher, client } = willing({ qos, retain });
      client.drop();
      const [message] = messages(watcher);
      assert.deepEqual([message?.qos, message?.retain], [qos, retain]);
      assert.equal(bench.broker.context.pubSub.retained.size, retain ? 1 : 0);
    }
  }
});

Deno.test("Will Delay Interval keeps the will back to the second", () => {
  const { bench, watcher, client } = willing(delayed(10));
  client.drop();
  bench.pass(9_999);
  assert.deepEqual(payloads(watcher), []);
  bench.pass(1);
  assert.deepEqual(payloads(watcher), ["gone"]);
  bench.pass(1_000_000);
  assert.deepEqual(payloads(watcher), []);
});

Deno.test("A will that waits is published when the session ends before", () => {
  const { bench, watcher, client } = willing(delayed(50, 10));
  client.drop();
  bench.pass(9_999);
  assert.deepEqual(payloads(watcher), []);
  bench.pass(1);
  assert.deepEqual(payloads(watcher), ["gone"]);
});

Deno.test("Will Delay Interval does nothing where the session ends with its connection", () => {
  const { watcher, client } = willing(delayed(50, 0));
  client.drop();
  assert.deepEqual(payloads(watcher), ["gone"]);
});

Deno.test("A will that waits is not sent when the client comes back to its session", () => {
  const { bench, watcher, client } = willing(delayed(10));
  client.drop();
  bench.pass(5000);
  bench.connect(5, "a", { clean: false, properties: { sessionExpiryInterval: 100 } });
  bench.pass(100_000);
  assert.deepEqual(payloads(watcher), []);
});

Deno.test("A take-over that resumes the session keeps a delayed will back", () => {
  const { bench, watcher } = willing(delayed(10));
  bench.connect(5, "a", { clean: false, properties: { sessionExpiryInterval: 100 } });
  bench.pass(100_000);
  assert.deepEqual(payloads(watcher), []);
});

Deno.test("A will that waits is published when the client comes back with Clean Start", () => {
  for (const gone of [true, false]) {
    const { bench, watcher, client } = willing(delayed(10));
    if (gone) client.drop();
    bench.connect(5, "a", { clean: true });
    assert.deepEqual(payloads(watcher), ["gone"], gone ? "away" : "taken over");
  }
});

Deno.test("DISCONNECT 0x04 that ends the session publishes a delayed will at once", () => {
  const { watcher, client } = willing(delayed(10));
  client.raw(...packet(0xe0, 0x04, ...section(17, 0, 0, 0, 0)));
  assert.deepEqual(payloads(watcher), ["gone"]);
});

Deno.test("Properties of a will are forwarded byte for byte, in order, without its delay", () => {
  const bench = new ProtocolBench();
  const watcher = bench.connect(5, "watcher");
  subscribe(watcher, "w");
  const first = [38, ...string("b"), ...string("1"), 3, ...string("c"), 9, ...binary(0, 9)];
  const last = [8, ...string("r"), 38, ...string("a"), ...string(""), 1, 1];
  const properties = [...first, 24, 0, 0, 0, 0, ...last];
  const client = bench.open(5).raw(
    ...packet(
      0x10,
      ...[...string("MQTT"), 5, 6, 0, 0, 0, ...string("a")],
      ...[...section(...properties), ...string("w"), ...string("x")],
    ),
  );
  client.take("connack");
  const from = watcher.bytes.length;
  client.drop();
  assert.deepEqual(
    watcher.bytes.slice(from),
    packet(0x30, ...string("w"), ...section(...first, ...last), 0x78),
  );
});

Deno.test("Message Expiry Interval of a will counts from its publication", () => {
  const { bench, client } = willing({
    sessionExpiryInterval: 1000,
    retain: true,
    properties: { willDelayInterval: 100, messageExpiryInterval: 20 },
  });
  client.drop();
  bench.pass(100_000);
  bench.pass(5000);
  const late = bench.connect(5, "late");
  subscribe(late, "w");
  assert.equal(messages(late)[0]?.properties?.messageExpiryInterval, 15);
  bench.pass(15_000);
  subscribe(late, "w");
  late.nothing();
});

Deno.test("A will is published before client_disconnected, a delayed one after", () => {
  const names = (options: WillOptions) => {
    const { bench, client } = willing(options);
    bench.hooks.events.length = 0;
    client.drop();
    bench.pass(10_000);
    return bench.hooks.names().filter((name) => name !== "message_delivered");
  };
  assert.deepEqual(names({}), ["message_publish", "client_disconnected", "session_terminated"]);
  assert.deepEqual(names(delayed(5)), ["client_disconnected", "message_publish"]);
  // A session that ends with its connection gives its will no time to wait.
  assert.deepEqual(names(delayed(5, 0)), names({}));
});

Deno.test("A message of the client itself is not its will", () => {
  const { watcher, client } = willing();
  publish(client, "w", "alive");
  client.raw(...packet(0xe0));
  assert.deepEqual(payloads(watcher), ["alive"]);
});
