/** The wall clock is set, by hand or from the network: nobody is the worse for it, and events tell the new time. */
import assert from "node:assert/strict";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { endReason, publish, subscribe, takeAll } from "./packets.ts";

const HOUR = 3_600_000;

for (const [what, skew] of [["an hour on", HOUR], ["an hour back", -HOUR]] as const) {
  Deno.test(`A wall clock set ${what} ends no connection, and each keep-alive ends when it would have`, () => {
    const bench = new ProtocolBench();
    const kept = bench.connect(4, "kept", { keepalive: 10 });
    const silent = bench.connect(4, "silent", { keepalive: 10 });
    bench.pass(14_000);
    kept.send({ cmd: "pingreq" }).take("pingresp");
    bench.skew = skew;
    bench.pass(999);
    assert.deepEqual([kept.closed, silent.closed], [false, false]);
    bench.pass(1);
    assert.deepEqual([kept.closed, silent.closed], [false, true]);
    assert.equal(endReason(bench), "KeepaliveTimeout");
    bench.pass(13_999);
    assert.equal(kept.closed, false);
    bench.pass(1);
    assert.equal(kept.closed, true);
  });

  Deno.test(`A wall clock set ${what} leaves a newcomer its time for CONNECT, and no more`, () => {
    const bench = new ProtocolBench();
    const newcomer = bench.open(4);
    bench.skew = skew;
    bench.pass(29_999);
    assert.equal(newcomer.closed, false);
    bench.pass(1);
    assert.equal(newcomer.closed, true);
  });

  Deno.test(`A wall clock set ${what} keeps a session for its two hours, and no longer`, () => {
    const bench = new ProtocolBench();
    bench.connect(4, "a", { clean: false }).drop();
    bench.skew = skew;
    bench.pass(2 * HOUR - 1);
    assert.equal(bench.broker.context.sessions.size, 1);
    bench.pass(1);
    assert.equal(bench.broker.context.sessions.size, 0);
  });

  Deno.test(`A wall clock set ${what} changes nothing of a message's expiry, queued or retained`, () => {
    const bench = new ProtocolBench();
    const absent = { clean: false, properties: { sessionExpiryInterval: 3600 } };
    const subscriber = bench.connect(5, "s", absent);
    subscribe(subscriber, ["t", 1]);
    subscriber.drop();
    const publisher = bench.connect(5, "p");
    for (const [payload, messageExpiryInterval] of [["short", 10], ["long", 20]] as const) {
      publisher.send(
        publish("t", payload, { qos: 1, messageId: 1, properties: { messageExpiryInterval } }),
        publish(`r/${payload}`, payload, { retain: true, properties: { messageExpiryInterval } }),
      );
    }
    bench.skew = skew;
    bench.pass(10_000);
    const back = bench.connect(5, "s", absent);
    const { payload, properties } = back.take("publish");
    assert.equal(String(payload), "long");
    assert.equal(properties?.messageExpiryInterval, 10);
    back.nothing();
    subscribe(back, ["r/#", 0]);
    assert.equal(String(back.take("publish").payload), "long");
    bench.pass(10_000);
    assert.equal(bench.broker.context.pubSub.retained.size, 0);
  });

  Deno.test(`A wall clock set ${what} changes nothing of a will's delay`, () => {
    const bench = new ProtocolBench();
    const subscriber = bench.connect(5, "s");
    subscribe(subscriber, ["will", 0]);
    bench.connect(5, "a", {
      properties: { sessionExpiryInterval: 600 },
      will: {
        topic: "will",
        payload: "gone",
        qos: 0,
        retain: false,
        properties: { willDelayInterval: 60 },
      },
    }).drop();
    bench.skew = skew;
    bench.pass(59_999);
    subscriber.nothing();
    bench.pass(1);
    assert.deepEqual(takeAll(subscriber), ["will gone q0"]);
  });

  Deno.test(`Events tell the wall clock's time, set ${what} or not`, () => {
    const bench = new ProtocolBench();
    const client = bench.connect(4, "a");
    bench.skew = skew;
    client.send(publish("t", "1"));
    client.drop();
    assert.equal(bench.hooks.all("message_publish")[0]?.ts, 1_700_000_000_000 + skew);
    assert.equal(
      bench.hooks.all("client_disconnected")[0]?.disconnected_at,
      1_700_000_000_000 + skew,
    );
  });
}

Deno.test("The clock is looked at once for a chunk, however many packets and recipients there are", () => {
  const bench = new ProtocolBench({ limits: { maxInflight: 8 } });
  const subscriber = bench.connect(4, "s");
  subscribe(subscriber, ["t", 1]);
  const publisher = bench.connect(4, "p");
  const ids = Array.from({ length: 16 }, (_, i) => i + 1);
  let looks = bench.looks;
  publisher.raw(...ids.flatMap((id) => [0x32, 6, 0, 1, 0x74, 0, id, 0x31])); // half of them is queued
  assert.equal(bench.looks - looks, 1);
  looks = bench.looks;
  subscriber.raw(...ids.flatMap((id) => [0x40, 2, 0, id]));
  assert.equal(bench.looks - looks, 1);
  assert.equal(takeAll(subscriber).length, 16);
});
