/** Which packets tell a client that something has happened, and so wait until that is safe. */
import assert from "node:assert/strict";
import { ProtocolBench } from "../support/ProtocolBench.ts";

Deno.test("CONNACK, SUBACK, UNSUBACK, PUBACK and PUBREC are held, and nothing else is", () => {
  for (const version of [4, 5] as const) {
    const bench = new ProtocolBench();
    const client = bench.connect(version, "a");
    const subscriptions = [{ topic: "t", qos: 2 as const }];
    client.send({ cmd: "subscribe", messageId: 1, subscriptions });
    const message = { topic: "t", payload: "x", dup: false, retain: false } as const;
    client.send(
      { cmd: "publish", ...message, qos: 1, messageId: 2 },
      { cmd: "publish", ...message, qos: 2, messageId: 3 },
      { cmd: "publish", ...message, qos: 2, messageId: 3, dup: true },
      { cmd: "publish", ...message, qos: 0 },
      { cmd: "pubrel", messageId: 3 },
      { cmd: "pingreq" },
      { cmd: "unsubscribe", messageId: 4, unsubscriptions: ["t"] },
    );
    assert.deepEqual(client.held, [
      "connack",
      "suback",
      "puback",
      "pubrec",
      "pubrec",
      "unsuback",
    ]);
  }
});

Deno.test("a CONNACK that refuses is held: client_connack is told", () => {
  const bench = new ProtocolBench({ limits: { allowAnonymous: false } });
  const client = bench.connecting(5, "a");
  assert.deepEqual(client.held, ["connack"]);
  assert.ok(client.closed);
});
