/** Will messages of MQTT 3.1.1: when they are published, as what, and when not. Section 3.1.2.5 */
import assert from "node:assert/strict";
import type { TestClient } from "../support/ProtocolBench.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { connectFrame, story, subscribe, takeAll } from "./packets.ts";

const will = { topic: "will", payload: "gone", qos: 1, retain: false } as const;

/** A broker with a subscriber to wills, and a client that has one. */
const withWill = (more: object = {}): {
  readonly bench: ProtocolBench;
  readonly subscriber: TestClient;
  readonly client: TestClient;
} => {
  const bench = new ProtocolBench();
  const subscriber = bench.connect(4, "s");
  subscribe(subscriber, ["will", 2]);
  return { bench, subscriber, client: bench.connect(4, "a", { will, ...more }) };
};

const ENDINGS: ReadonlyArray<
  readonly [what: string, end: (bench: ProtocolBench, client: TestClient) => void]
> = [
  ["the client closes the socket", (_, client) => client.drop()],
  ["the socket fails", (_, client) => client.connection.ended("ReadWriteError")],
  ["the client sends nonsense", (_, client) => client.raw(0xff, 0)],
  ["a DISCONNECT has reserved flags set", (_, client) => client.raw(0xe1, 0)],
  ["its keep-alive is over", (bench) => bench.pass(15_000)],
  ["another connection takes its place", (bench) => bench.connect(4, "a")],
];
for (const [what, end] of ENDINGS) {
  Deno.test(`A will is published when ${what}, before client_disconnected`, () => {
    const { bench, subscriber, client } = withWill({ keepalive: 10 });
    bench.hooks.events.length = 0;
    end(bench, client);
    assert.deepEqual(takeAll(subscriber), ["will gone q1 id1"]);
    const events = story(bench, "a");
    const published = events.indexOf("message_publish gone");
    assert.ok(published >= 0);
    assert.ok(published < events.findIndex((event) => event.startsWith("client_disconnected")));
  });
}

Deno.test("A will is not published when the client sends DISCONNECT", () => {
  const { subscriber, client } = withWill();
  client.send({ cmd: "disconnect" });
  client.drop();
  subscriber.nothing();
});

Deno.test("A will is not published when its CONNECT is refused", () => {
  const bench = new ProtocolBench({ authenticate: () => "bad" });
  const subscriber = bench.connect(4, "s");
  subscribe(subscriber, ["will", 0]);
  bench.open(4).raw(...connectFrame(0x86, "a", "will", "gone", "user")).drop();
  subscriber.nothing();
});

Deno.test("A will is not published when the broker shuts down", () => {
  const { bench } = withWill();
  bench.broker.shutdown();
  assert.equal(bench.hooks.all("message_publish").length, 0);
});

Deno.test("A client without a will publishes nothing when it goes", () => {
  const { bench, subscriber } = withWill();
  bench.connect(4, "b").drop();
  subscriber.nothing();
});

Deno.test("A will is published once, and none when the client has come back without one", () => {
  const { bench, subscriber, client } = withWill({ clean: false });
  client.drop();
  assert.deepEqual(takeAll(subscriber), ["will gone q1 id1"]);
  const again = bench.connect(4, "a", { clean: false });
  subscriber.nothing();
  again.drop();
  bench.pass(24 * 60 * 60 * 1000);
  subscriber.nothing();
});

Deno.test("A will replaces the one of the client's last connection", () => {
  const { bench, subscriber, client } = withWill({ clean: false });
  client.send({ cmd: "disconnect" });
  const again = bench.connect(4, "a", { clean: false, will: { ...will, payload: "second" } });
  again.drop();
  assert.deepEqual(takeAll(subscriber), ["will second q1 id1"]);
});

for (const qos of [0, 1, 2] as const) {
  Deno.test(`A will of QoS ${qos} is published with QoS ${qos}`, () => {
    const { bench, subscriber, client } = withWill({ will: { ...will, qos } });
    client.drop();
    assert.equal(subscriber.take("publish").qos, qos);
    assert.equal(bench.hooks.all("message_publish")[0]?.qos, qos);
  });
}

Deno.test("A will with Will Retain is stored for later subscribers, and one without is not", () => {
  for (const retain of [true, false]) {
    const { bench, subscriber, client } = withWill({ will: { ...will, retain } });
    client.drop();
    assert.deepEqual(takeAll(subscriber), ["will gone q1 id1"]);
    const later = bench.connect(4, "later");
    subscribe(later, ["will", 1]);
    assert.deepEqual(takeAll(later), retain ? ["will gone q1 id1 retain"] : []);
  }
});

Deno.test("An empty will with Will Retain removes the retained message of its topic", () => {
  const { bench, client } = withWill({ will: { ...will, payload: "", retain: true } });
  const other = bench.connect(4, "b", { will: { ...will, retain: true } });
  other.drop();
  assert.equal(bench.broker.context.pubSub.retained.size, 1);
  client.drop();
  assert.equal(bench.broker.context.pubSub.retained.size, 0);
});

Deno.test("A will reaches the client's own persistent session, which subscribed to it", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a", { clean: false, will });
  subscribe(client, ["will", 1]);
  client.drop();
  const again = bench.connect(4, "a", { clean: false });
  assert.deepEqual(takeAll(again), ["will gone q1 id1"]);
});

Deno.test("A will that the access list denies by the time it is published is dropped with PublishRefused", () => {
  const bench = new ProtocolBench();
  const subscriber = bench.connect(4, "s");
  subscribe(subscriber, ["#", 0]);
  const client = bench.connect(4, "a", { will });
  bench.reload({
    acl: [{
      permit: "deny",
      action: "publish",
      user: undefined,
      clientid: undefined,
      topics: ["will"],
    }],
  });
  client.drop();
  subscriber.nothing();
  assert.deepEqual(story(bench, "a").filter((event) => event.startsWith("message")), [
    "message_dropped gone PublishRefused",
  ]);
});

Deno.test("Will is nothing for the session of its own client when that ends with the connection", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a", { will });
  subscribe(client, ["will", 1]);
  client.drop();
  const after = bench.hooks.names().slice(bench.hooks.names().indexOf("session_subscribed") + 1);
  assert.deepEqual(after, ["message_publish", "client_disconnected", "session_terminated"]);
});
