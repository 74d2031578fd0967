/** Who may come in, and who may publish and subscribe to what. Without sockets: verdicts come when a test says so. */
import "../../src/mqtt/processEnv.ts"; // before mqtt-packet
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generate } from "mqtt-packet";
import type { Authenticate, Verdict } from "../../src/mqtt/Broker.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";

/** An Authenticate whose verdicts are given by hand, in the order of the questions. */
class Verdicts {
  readonly #open: Array<(verdict: Verdict) => void> = [];

  readonly authenticate: Authenticate = () =>
    new Promise((resolve) => {
      this.#open.push(resolve);
    });

  /** Answers the oldest open question; resolves when the broker has heard it. */
  async give(verdict: Verdict): Promise<void> {
    const resolve = this.#open.shift();
    assert.ok(resolve, "nobody asks");
    resolve(verdict);
    await Promise.resolve();
  }
}

const alice = { username: "alice", password: Buffer.from("wonder") };

Deno.test("CONNECT keeps its will's bytes while the credentials are verified", async () => {
  const verdicts = new Verdicts();
  const bench = new ProtocolBench(verdicts);
  const watcher = bench.connect(4, "watcher").send({
    cmd: "subscribe",
    messageId: 1,
    subscriptions: [{ topic: "will", qos: 0 }],
  });
  watcher.take("suback");
  const client = bench.open(4);
  const connect = new Uint8Array(generate({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clientId: "c",
    will: { topic: "will", payload: Buffer.from("gone"), qos: 0, retain: false },
    ...alice,
  }));
  client.connection.receive(connect);
  connect.fill(0x58); // the socket's next read
  await verdicts.give("good");
  client.take("connack");
  client.drop();
  assert.equal(String(watcher.take("publish").payload), "gone");
});

Deno.test("CONNACK is the first packet: pings sent before the verdict are answered after it", async () => {
  const verdicts = new Verdicts();
  const bench = new ProtocolBench(verdicts);
  const client = bench.connecting(4, "c", alice).send({ cmd: "pingreq" });
  client.nothing(); // [MQTT-3.2.0-1]
  await verdicts.give("good");
  client.take("connack");
  client.take("pingresp");
  client.nothing();
});
