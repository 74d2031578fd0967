/** What one client, and all of them, may occupy: a breach is refused with the specification's code, and told. */
import assert from "node:assert/strict";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { messages, publish, subscribe } from "../support/packets5.ts";
import * as v3 from "./packets.ts";

const deep = (levels: number): string => Array.from({ length: levels }, () => "a").join("/");

Deno.test("Topics, filters and wills have 128 levels by default and no more, aliases stand for no more either", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a");
  assert.equal(subscribe(client, deep(128)), 0);
  assert.equal(subscribe(client, deep(129)), 0x8f);
  assert.equal(subscribe(client, `$share/g/${deep(128)}`), 0);
  assert.equal(subscribe(client, `$share/g/${deep(129)}`), 0x8f);
  publish(client, deep(129), "x", { qos: 1, retain: true, properties: { topicAlias: 1 } });
  assert.equal(client.take("puback").reasonCode, 0x90);
  publish(client, "", "x", { qos: 1, properties: { topicAlias: 1 } });
  assert.equal(client.take("puback").reasonCode, 0x90);
  assert.equal(bench.broker.context.pubSub.retained.size, 0);
  publish(client, deep(128), "x", { qos: 1, retain: true });
  assert.equal(messages(bench.connect(5, "b")).length, 0);
  assert.equal(client.received.filter(({ cmd }) => cmd === "publish").length, 2);

  const will = (levels: number) => ({ will: { topic: deep(levels), payload: "gone" } });
  bench.connect(5, "c", will(128));
  assert.equal(bench.connecting(5, "d", will(129)).take("connack").reasonCode, 0x90);
  assert.equal(bench.connecting(4, "e", will(129)).take("connack").returnCode, 5);
  assert.deepEqual(v3.story(bench, "e"), ["client_connect", "client_connack"]);
});

Deno.test("Aliases to a client that allows 65,535 of them are set for 64 KB of topics only", () => {
  const bench = new ProtocolBench();
  const properties = { topicAliasMaximum: 0xffff };
  const client = bench.connect(5, "a", { properties });
  subscribe(client, "#");
  const publisher = bench.connect(5, "p");
  const topics = Array.from({ length: 6 }, (_, i) => `${i}${"x".repeat(20_000)}`);
  for (const topic of [...topics, ...topics]) publish(publisher, topic, "x");
  const known = messages(client).map(({ topic, properties }) => [
    topic.length,
    properties?.topicAlias,
  ]);
  const whole = 20_001;
  assert.deepEqual(known.slice(0, 6), [[whole, 1], [whole, 2], [whole, 3], ...none(3)]);
  assert.deepEqual(known.slice(6), [[0, 1], [0, 2], [0, 3], ...none(3)]);
});

const none = (count: number) => Array.from({ length: count }, () => [20_001, undefined]);
