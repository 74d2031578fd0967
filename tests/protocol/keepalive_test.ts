/** Keep-alive of MQTT 3.1.1: one and a half times, to the millisecond. Section 3.1.2.10 */
import assert from "node:assert/strict";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { endReason, publish, subscribe } from "./packets.ts";

Deno.test("A client is disconnected at one and a half times its keep-alive, not before", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a", { keepalive: 10 });
  bench.pass(14_999);
  assert.equal(client.closed, false);
  bench.pass(1);
  assert.equal(client.closed, true);
  assert.equal(endReason(bench), "KeepaliveTimeout");
  client.nothing();
});

Deno.test("keepalive_backoff 0.5 disconnects a client at its keep-alive", () => {
  const bench = new ProtocolBench({ limits: { keepaliveBackoff: 0.5 } });
  const client = bench.connect(4, "a", { keepalive: 10 });
  bench.pass(9_999);
  assert.equal(client.closed, false);
  bench.pass(1);
  assert.equal(client.closed, true);
});

Deno.test("A client with keep-alive 0 is never disconnected for its silence", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a", { keepalive: 0 });
  bench.pass(365 * 24 * 60 * 60 * 1000);
  assert.equal(client.closed, false);
});

Deno.test("A client with the longest keep-alive, 65535 s, is disconnected after 98302.5 s", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a", { keepalive: 65535 });
  bench.pass(98_302_499);
  assert.equal(client.closed, false);
  bench.pass(1);
  assert.equal(client.closed, true);
});

Deno.test("PINGREQ is answered, and starts the keep-alive anew, as every packet does", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a", { keepalive: 10 });
  const packets = [
    () => client.send({ cmd: "pingreq" }).take("pingresp"),
    () => client.send(publish("t", "x")),
    () => client.send({ cmd: "puback", messageId: 9 }),
    () => subscribe(client, ["t", 0]),
  ];
  for (const send of packets) {
    bench.pass(14_999);
    send();
  }
  bench.pass(14_999);
  assert.equal(client.closed, false);
  client.nothing();
  bench.pass(1);
  assert.equal(client.closed, true);
});

Deno.test("What a client is sent does not count for its keep-alive", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(4, "a", { keepalive: 10 });
  subscribe(client, ["t", 0]);
  const publisher = bench.connect(4, "p");
  for (let second = 1; second < 15; second++) {
    bench.pass(1000);
    publisher.send(publish("t", "x"));
  }
  assert.equal(client.closed, false);
  bench.pass(1000);
  assert.equal(client.closed, true);
});

Deno.test("A persistent session outlives its client's keep-alive", () => {
  const bench = new ProtocolBench();
  bench.connect(4, "a", { keepalive: 10, clean: false });
  bench.pass(15_000);
  const connack = bench.connecting(4, "a", { clean: false }).take("connack");
  assert.equal(connack.sessionPresent, true);
});
