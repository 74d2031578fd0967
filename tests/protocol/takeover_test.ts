/** A client that connects while it is connected: every pair of clean and persistent. [MQTT-3.1.4-2] */
import assert from "node:assert/strict";
import type { TestClient } from "../support/ProtocolBench.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { publish, story, subscribe, takeAll } from "./packets.ts";

/** The old connection has one message in flight, one released, and one queued; then the new one comes. */
const takeOver = (oldClean: boolean, newClean: boolean): {
  readonly bench: ProtocolBench;
  readonly old: TestClient;
  readonly next: TestClient;
} => {
  const bench = new ProtocolBench({ limits: { maxInflight: 2 } });
  const old = bench.connect(4, "a", { clean: oldClean });
  subscribe(old, ["t", 2]);
  const publisher = bench.connect(4, "p");
  publisher.send(publish("t", "released", { qos: 2, messageId: 1 }));
  publisher.send(publish("t", "in flight", { qos: 1, messageId: 2 }));
  publisher.send(publish("t", "queued", { qos: 1, messageId: 3 }));
  old.send({ cmd: "pubrec", messageId: 1 });
  bench.hooks.events.length = 0;
  return { bench, old, next: bench.connecting(4, "a", { clean: newClean }) };
};

const ENDED = [
  "client_connect",
  "client_disconnected Kicked",
  "message_dropped in flight Kicked",
  "message_dropped queued Kicked",
  "session_terminated Kicked",
  "session_created",
  "client_connack",
  "client_connected",
];

for (const oldClean of [true, false]) {
  for (const newClean of [true, false]) {
    const carriedOver = !oldClean && !newClean;
    const kind = (clean: boolean) => clean ? "clean" : "persistent";
    Deno.test(
      `A ${kind(newClean)} client that takes over a ${kind(oldClean)} one ` +
        (carriedOver ? "goes on with its session" : "starts a new session"),
      () => {
        const { bench, old, next } = takeOver(oldClean, newClean);
        assert.equal(old.closed, true);
        assert.equal(next.take("connack").sessionPresent, carriedOver);
        if (carriedOver) {
          assert.deepEqual(story(bench, "a"), [
            "client_connect",
            "client_disconnected Kicked",
            "client_connack",
            "client_connected",
          ]);
          assert.deepEqual([...takeAll(next)].sort(), ["pubrel id1", "t in flight q1 id2 dup"]);
          next.send({ cmd: "puback", messageId: 2 });
          assert.deepEqual(takeAll(next), ["t queued q1 id3"]);
          next.send({ cmd: "pubcomp", messageId: 1 }, { cmd: "puback", messageId: 3 });
          assert.deepEqual(story(bench, "a").slice(4), [
            "message_acked in flight",
            "message_delivered queued",
            "message_acked released",
            "message_acked queued",
          ]);
        } else {
          assert.deepEqual(story(bench, "a"), ENDED);
          next.nothing();
          bench.connect(4, "q").send(publish("t", "x"));
          next.nothing();
        }
        assert.equal(bench.broker.context.sessions.size, carriedOver ? 2 : 3);
      },
    );

    Deno.test(`A ${kind(oldClean)} client's own end, after a ${kind(newClean)} one took over, changes nothing`, () => {
      const { bench, old, next } = takeOver(oldClean, newClean);
      bench.hooks.wanted = (name) => !name.startsWith("message"); // what is queued expires
      const before = bench.hooks.events.length;
      old.send({ cmd: "disconnect" });
      old.drop();
      bench.pass(24 * 60 * 60 * 1000);
      assert.equal(bench.hooks.events.length, before);
      assert.equal(next.closed, false);
      assert.equal(bench.broker.context.sessions.get("a")?.client, next.admitted);
    });
  }
}

Deno.test("A take-over's events name the address that each is about", () => {
  const bench = new ProtocolBench();
  bench.connect(4, "a", { clean: false });
  bench.connect(4, "a", { clean: true });
  assert.deepEqual(
    bench.hooks.of("a").map((event) => ["ipaddress" in event && event.ipaddress, event._tag]).slice(
      4,
    ),
    [
      ["127.0.0.1:50002", "client_connect"],
      ["127.0.0.1:50001", "client_disconnected"],
      ["127.0.0.1:50001", "session_terminated"],
      ["127.0.0.1:50002", "session_created"],
      ["127.0.0.1:50002", "client_connack"],
      ["127.0.0.1:50002", "client_connected"],
    ],
  );
});

Deno.test("A refused CONNECT does not take over", () => {
  const bench = new ProtocolBench({
    authenticate: (_, password) => password === undefined ? "bad" : "good",
  });
  const client = bench.connect(4, "a", { username: "u", password: "x" });
  bench.connecting(4, "a", { username: "u" });
  assert.equal(client.closed, false);
  client.send({ cmd: "pingreq" }).take("pingresp");
});

Deno.test("Clients of different versions take over each other's sessions", () => {
  const bench = new ProtocolBench();
  const old = bench.connect(4, "a", { clean: false });
  subscribe(old, ["t", 1]);
  const next = bench.connecting(3, "a", { clean: false });
  assert.equal(old.closed, true);
  assert.equal(next.take("connack").returnCode, 0);
  bench.connect(4, "p").send(publish("t", "x", { qos: 1, messageId: 1 }));
  assert.deepEqual(takeAll(next), ["t x q1 id1"]);
});
