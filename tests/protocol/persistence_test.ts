/** What outlives the process: retained messages, sessions, and what receivers were told. MQTT 5.0 section 4.1 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import * as Redacted from "effect/Redacted";
import type { Packet, QoS } from "mqtt-packet";
import { flag } from "../support/flag.ts";
import { Random } from "../support/fuzz/Random.ts";
import { LIMITS, ProtocolBench } from "../support/ProtocolBench.ts";
import type { TestClient } from "../support/ProtocolBench.ts";
import { assertNothingKept, StoredBench } from "../support/StoredBench.ts";
import { publish, story, subscribe, takeAll } from "./packets.ts";

const KEPT = { clean: false };
const HOUR = 60 * 60 * 1000;

/** A kept session that has subscribed to these, whose client is there. */
const kept = (
  bench: StoredBench,
  clientid: string,
  ...filters: ReadonlyArray<readonly [filter: string, qos: 0 | 1 | 2]>
): TestClient => {
  const client = bench.connect(4, clientid, KEPT);
  if (filters.length > 0) subscribe(client, ...filters);
  return client;
};

Deno.test("A retained message outlives the process, one that was taken back does not", () => {
  const bench = new StoredBench();
  const client = bench.connect(5, "p");
  client.send(publish("a", "1", { retain: true }), publish("b", "2", { retain: true }));
  client.send(publish("c", "3", { retain: true, qos: 1, messageId: 1 }));
  bench.commit();
  client.send(publish("b", "", { retain: true }), publish("a", "4", { retain: true }));
  bench.commit();
  const again = bench.restart();
  const reader = again.connect(5, "r");
  subscribe(reader, ["#", 2]);
  assert.deepEqual(takeAll(reader), ["a 4 q0 retain", "c 3 q1 id1 retain"]);
  assert.equal(again.rows().retained, 2);
});

Deno.test("A retained message's properties and expiry go on by the wall clock while nobody runs", () => {
  const bench = new StoredBench();
  const properties = {
    messageExpiryInterval: 100,
    contentType: "text/plain",
    userProperties: { a: "b" },
  };
  bench.connect(5, "p").send(publish("t", "x", { retain: true, properties }));
  bench.connect(5, "p").send(
    publish("gone", "x", { retain: true, properties: { messageExpiryInterval: 10 } }),
  );
  bench.commit();
  const again = bench.restart(60_000);
  const reader = again.connect(5, "r");
  subscribe(reader, ["#", 0]);
  const packet = reader.take("publish");
  reader.nothing();
  assert.equal(packet.properties?.messageExpiryInterval, 40);
  assert.equal(packet.properties?.contentType, "text/plain");
  assert.deepEqual({ ...packet.properties?.userProperties }, { a: "b" });
  again.commit();
  assert.equal(again.rows().retained, 1);
  again.pass(41_000);
  again.commit();
  assertNothingKept(again);
});

Deno.test("A kept session has its subscriptions, its queue and what was in flight after a restart", () => {
  const bench = new StoredBench();
  const client = kept(bench, "s", ["t/#", 2], ["once", 0]);
  const publisher = bench.connect(4, "p");
  for (const [i, qos] of ([1, 2, 1] as const).entries()) {
    publisher.send(publish(`t/${i}`, "sent", { qos, messageId: i + 1 }));
  }
  client.send({ cmd: "puback", messageId: 1 });
  client.send({ cmd: "pubrec", messageId: 2 });
  client.drop();
  publisher.send(publish("t/3", "queued", { qos: 1, messageId: 9 }), publish("once", "q0"));
  bench.commit();
  const again = bench.restart();
  const back = again.connecting(4, "s", KEPT);
  assert.equal(back.take("connack").sessionPresent, true);
  assert.deepEqual(takeAll(back), [
    "pubrel id2",
    "t/2 sent q1 id3 dup",
    "t/3 queued q1 id4",
    "once q0 q0",
  ]);
  back.send({ cmd: "puback", messageId: 3 }, { cmd: "puback", messageId: 4 });
  back.send({ cmd: "pubcomp", messageId: 2 });
  again.connect(4, "p").send(publish("t/x", "new"));
  assert.deepEqual(takeAll(back), ["t/x new q0"]);
  again.commit();
  assert.deepEqual(again.rows(), {
    retained: 0,
    session: 1,
    subscription: 2,
    received: 0,
    message: 0,
    queued: 0,
  });
});

Deno.test("A QoS 2 message that was received is not taken again after a restart, and its identifier is free after PUBREL", () => {
  const bench = new StoredBench();
  const client = kept(bench, "p");
  client.send(publish("t", "1", { qos: 2, messageId: 5 }));
  assert.deepEqual(takeAll(client), ["pubrec id5"]);
  bench.commit();
  const again = bench.restart();
  const back = again.connect(4, "p", KEPT);
  back.send(publish("t", "1", { qos: 2, messageId: 5, dup: true }));
  assert.equal(again.hooks.all("message_publish").length, 0);
  back.send({ cmd: "pubrel", messageId: 5 });
  assert.equal(back.held.at(-1), "pubcomp", "it must wait until a crash would not bring it back");
  assert.ok(!again.isSafe);
  again.commit();
  assert.ok(again.isSafe);
  const third = again.restart();
  third.connect(4, "p", KEPT).send(publish("t", "2", { qos: 2, messageId: 5 }));
  assert.deepEqual(story(third).filter((event) => event.startsWith("message_publish")), [
    "message_publish 2",
  ]);
});

Deno.test("SessionJournal writes nothing of what its subscribers have acknowledged within the window", () => {
  const bench = new StoredBench();
  const client = kept(bench, "s", ["t", 2]);
  bench.commit();
  const publisher = kept(bench, "p");
  bench.commit();
  for (const qos of [1, 2] as const) {
    publisher.send(publish("t", "x", { qos, messageId: 1 }));
    assert.ok(!bench.isSafe, "the publisher must wait while its message is with nobody");
  }
  publisher.send({ cmd: "pubrel", messageId: 1 });
  client.send({ cmd: "puback", messageId: 1 });
  client.send({ cmd: "pubrec", messageId: 2 }, { cmd: "pubcomp", messageId: 2 });
  assert.ok(bench.isSafe, "the publisher must wait no longer");
  assert.deepEqual(bench.commit(), []);
});

Deno.test("SessionJournal keeps who waits waiting until the commit under way is done, or what is in it is undone", () => {
  const bench = new StoredBench();
  const client = kept(bench, "s", ["t", 1]);
  bench.commit();
  const publisher = bench.connect(4, "p");
  publisher.send(publish("t", "x", { qos: 1, messageId: 1 }));
  bench.write();
  assert.ok(!bench.isSafe);
  client.send({ cmd: "puback", messageId: 1 });
  assert.ok(bench.isSafe, "acknowledged while it was being written");
  bench.journal?.written();
  assert.deepEqual(bench.commit(), ["-queued s 1", "-message  1"]);
  publisher.send(publish("t", "y", { qos: 1, messageId: 2 }));
  bench.write();
  assert.ok(!bench.isSafe);
  bench.journal?.written();
  assert.ok(bench.isSafe);
});

Deno.test("Who waits for a retained message waits for the one that takes its place", () => {
  const bench = new StoredBench();
  const client = bench.connect(4, "p");
  client.send(publish("t", "1", { qos: 1, messageId: 1, retain: true }));
  const first = bench.journal?.oldest;
  client.send(publish("t", "2", { qos: 1, messageId: 2, retain: true }));
  assert.equal(bench.journal?.oldest, first);
  bench.commit();
  assert.ok(bench.isSafe);
});

Deno.test("A message for many is one row, which goes with the last of them", () => {
  const bench = new StoredBench();
  for (const id of ["a", "b", "c"]) kept(bench, id, ["t", 1]).drop();
  bench.connect(4, "p").send(publish("t", "x", { qos: 1, messageId: 1 }));
  bench.commit();
  assert.equal(bench.rows().message, 1);
  assert.equal(bench.rows().queued, 3);
  let now = bench;
  for (const [id, left] of [["a", 1], ["b", 1], ["c", 0]] as const) {
    now = now.restart();
    const client = now.connect(4, id, KEPT);
    assert.deepEqual(takeAll(client), ["t x q1 id1"]);
    client.send({ cmd: "puback", messageId: 1 });
    now.commit();
    assert.equal(now.rows().message, left, id);
  }
});

Deno.test("A session that ends leaves no row, whatever it had", () => {
  for (
    const end of [
      (bench: StoredBench) => bench.connect(4, "s", { clean: true }).send({ cmd: "disconnect" }),
      (bench: StoredBench) =>
        bench.connect(5, "s", { clean: false, properties: { sessionExpiryInterval: 0 } }).drop(),
      (bench: StoredBench) => bench.pass(3 * HOUR),
      (bench: StoredBench) => bench.connect(4, "s", { username: "u", password: "p" }).drop(),
      (bench: StoredBench) =>
        bench.connect(5, "s", { clean: false, properties: { sessionExpiryInterval: 60 } }).send({
          cmd: "disconnect",
          properties: { sessionExpiryInterval: 0 },
        }),
    ]
  ) {
    for (const isWritten of [true, false]) {
      const bench = new StoredBench();
      const client = kept(bench, "s", ["t", 2], ["u", 1]);
      client.send(publish("x", "1", { qos: 2, messageId: 3 }));
      const publisher = bench.connect(4, "p");
      publisher.send(publish("t", "sent", { qos: 2, messageId: 1 }));
      client.drop();
      publisher.send(publish("u", "queued", { qos: 1, messageId: 2 }));
      if (isWritten) bench.commit();
      end(bench);
      bench.commit();
      assertNothingKept(bench);
      assert.equal(bench.restart().broker.context.sessions.size, 0);
    }
  }
});

Deno.test("A session of the same name begins with nothing of the one that ended in the same window", () => {
  const bench = new StoredBench();
  kept(bench, "s", ["old", 1], ["both", 1]).drop();
  bench.commit();
  bench.connect(4, "s", { clean: true }).send({ cmd: "disconnect" });
  kept(bench, "s", ["new", 1], ["both", 0]).drop();
  bench.commit();
  const again = bench.restart();
  again.connect(4, "p").send(...["old", "new", "both"].map((topic) => publish(topic, "x")));
  assert.deepEqual(takeAll(again.connect(4, "s", KEPT)), ["new x q0", "both x q0"]);
});

Deno.test("A session whose time was over while nobody ran ends before anybody comes in, with its messages", () => {
  const bench = new StoredBench();
  const client = bench.connect(5, "s", { properties: { sessionExpiryInterval: 60 } });
  subscribe(client, ["t", 1]);
  client.drop();
  bench.connect(4, "p").send(publish("t", "x", { qos: 1, messageId: 1 }));
  bench.commit();
  const again = bench.restart(60_000);
  assert.deepEqual(story(again, "s"), [
    "message_dropped x SessionExpiration",
    "session_terminated SessionExpiration",
  ]);
  again.commit();
  assertNothingKept(again);
});

Deno.test("A client that was connected when the process ended has its session for as long as if it had left at the restart", () => {
  const bench = new StoredBench();
  kept(bench, "s", ["t", 1]);
  bench.commit();
  const again = bench.restart(24 * HOUR);
  again.pass(2 * HOUR - 1000);
  assert.deepEqual(story(again, "s"), []);
  again.pass(1000);
  assert.deepEqual(story(again, "s"), ["session_terminated SessionExpiration"]);
});

Deno.test("A delayed will is published when its time comes, by the process that runs then", () => {
  const will = {
    topic: "w",
    payload: Buffer.from("bye"),
    qos: 1,
    retain: true,
    properties: { willDelayInterval: 60, contentType: "x" },
  };
  const properties = { sessionExpiryInterval: 600 };
  for (const [away, wait, seen] of [[30_000, 29_000, 0], [30_000, 30_000, 1], [90_000, 0, 1]]) {
    const bench = new StoredBench();
    bench.connect(5, "s", { clean: false, properties, will }).drop();
    bench.commit();
    const again = bench.restart(away);
    again.pass(wait as number);
    assert.equal(again.hooks.all("message_publish").length, seen, `${away} ${wait}`);
    again.commit();
    assert.equal(again.rows().retained, seen);
    const third = again.restart(HOUR);
    assert.equal(third.hooks.all("message_publish").length, 1 - (seen as number));
  }
});

Deno.test("A client that comes back in time after the restart keeps its delayed will from being published", () => {
  const bench = new StoredBench();
  const will = { topic: "w", payload: Buffer.from("x"), properties: { willDelayInterval: 60 } };
  const properties = { sessionExpiryInterval: 600 };
  bench.connect(5, "s", { clean: false, properties, will }).drop();
  bench.commit();
  const again = bench.restart(30_000);
  again.connect(5, "s", { clean: false, properties });
  again.pass(HOUR);
  assert.equal(again.hooks.all("message_publish").length, 0);
});

Deno.test("What a member of a shared group had queued goes to another one when it unsubscribes after the restart", () => {
  const bench = new StoredBench();
  for (const id of ["a", "b"]) kept(bench, id, ["$share/g/t", 1]).drop();
  const publisher = bench.connect(4, "p");
  for (const i of [1, 2]) publisher.send(publish("t", `${i}`, { qos: 1, messageId: i }));
  bench.commit();
  const again = bench.restart();
  const b = again.connect(4, "b", KEPT);
  assert.deepEqual(takeAll(b), ["t 2 q1 id1"]);
  again.connect(4, "a", { clean: true });
  assert.deepEqual(takeAll(b), ["t 1 q1 id2"]);
});

Deno.test("A stop ends no session that is kept, and says nothing of one", () => {
  const bench = new StoredBench();
  kept(bench, "s", ["t", 1]);
  bench.connect(4, "c");
  bench.broker.shutdown();
  assert.deepEqual(story(bench).slice(-3), [
    "client_disconnected Shutdown",
    "client_disconnected Shutdown",
    "session_terminated Shutdown",
  ]);
  bench.commit();
  const again = bench.restart(HOUR);
  assert.deepEqual(story(again), []);
  assert.equal(again.connecting(4, "s", KEPT).take("connack").sessionPresent, true);
  const late = bench.restart(2 * HOUR);
  assert.deepEqual(story(late), ["session_terminated SessionExpiration"]);
});

/** Lets promises that are settled go on. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

Deno.test("A client is let in, and told of, when a crash would not leave it online for ever", async () => {
  const bench = new StoredBench({ presence: true, sessions: false });
  const client = bench.connecting(4, "c").send({ cmd: "pingreq" });
  await settle();
  client.nothing();
  assert.deepEqual(story(bench), ["client_connect"]);
  bench.commit();
  await settle();
  assert.deepEqual(takeAll(client), ["connack", "pingresp"]);
  const again = bench.restart();
  assert.deepEqual(story(again), [
    "client_disconnected Shutdown",
    "session_terminated Shutdown",
  ]);
  assert.deepEqual(again.hooks.all("client_disconnected").map(({ ipaddress }) => ipaddress), [
    bench.hooks.all("client_connected")[0]?.ipaddress,
  ]);
  again.commit();
  assert.deepEqual(story(again.restart()), []);
});

Deno.test("PresenceJournal knows nothing of a client that has gone, was refused, or went while it waited", async () => {
  const bench = new StoredBench({ presence: true, sessions: false });
  const gone = bench.connecting(4, "gone");
  const impatient = bench.connecting(4, "impatient");
  impatient.drop();
  bench.commit();
  await settle();
  gone.send({ cmd: "disconnect" });
  const late = bench.connecting(4, "late");
  bench.isMemoryShort = true;
  bench.pass(100);
  bench.commit();
  await settle();
  assert.equal(late.take("connack").returnCode, 3);
  bench.commit();
  assert.deepEqual(story(bench.restart()), []);
});

Deno.test("PresenceJournal knows nothing of a client whose user was taken away while it waited", async () => {
  const users = [{ username: "u", password: Redacted.make("p") }];
  const bench = new StoredBench({
    presence: true,
    sessions: false,
    users,
    limits: { ...LIMITS, allowAnonymous: false },
  });
  const client = bench.connecting(4, "c", { username: "u", password: Buffer.from("p") });
  await settle();
  bench.reload({ users: [] });
  bench.commit();
  await settle();
  assert.equal(client.take("connack").returnCode, 4);
  bench.commit();
  assert.deepEqual(story(bench.restart()), []);
});

Deno.test("After a crash a kept session is told of as disconnected, and not as ended", async () => {
  const bench = new StoredBench({ presence: true });
  bench.connecting(4, "kept", KEPT);
  bench.connecting(4, "away", KEPT);
  bench.commit();
  await settle();
  bench.broker.context.sessions.get("away")?.client?.close("RemoteClose");
  bench.commit();
  const again = bench.restart();
  assert.deepEqual(story(again), ["client_disconnected Shutdown"]);
  assert.deepEqual(story(again, "kept").length, 1);
  again.commit();
  // Persistence was turned off: nothing is there any more.
  const without = again.restart(0, { presence: true, sessions: false });
  assert.deepEqual(story(without), ["session_terminated Shutdown", "session_terminated Shutdown"]);
});

Deno.test("A take-over leaves the connection that took over as the one that is known", async () => {
  const bench = new StoredBench({ presence: true });
  bench.connecting(4, "s", KEPT);
  bench.commit();
  await settle();
  bench.connecting(4, "s", KEPT);
  bench.commit();
  await settle();
  bench.commit();
  const [, second] = bench.hooks.all("client_connected");
  const again = bench.restart();
  assert.deepEqual(again.hooks.all("client_disconnected").map(({ ipaddress }) => ipaddress), [
    second?.ipaddress,
  ]);
});

Deno.test("Clients come in although the disk takes nothing", async () => {
  const bench = new StoredBench({ presence: true, sessions: false });
  const first = bench.connecting(4, "a");
  bench.presence.failed();
  await settle();
  first.take("connack");
  bench.connecting(4, "b").take("connack");
  bench.commit();
  assert.equal(story(bench.restart()).length, 4);
});

/** One thing that happens to a broker; the same on two that were alike leaves them alike. */
type Step = (world: World) => void;

/** A broker with its clients, by their identifiers. */
interface World {
  readonly bench: ProtocolBench;
  readonly clients: Map<string, TestClient>;
}

const IDS = ["a", "b", "c", "d"];
const TOPICS = ["t", "t/u", "v"];
/** No shared ones: whose turn it is, a restart forgets. */
const FILTERS = ["t", "t/#", "+", "v"];

/** What a client might do next, of those that are there in `world`. */
const anyStep = (random: Random): Step => {
  const id = random.pick(IDS);
  const messageId = 1 + random.below(5);
  const qos = random.below(3) as QoS;
  const topic = random.pick(TOPICS);
  const filter = random.pick(FILTERS);
  // One only: in which order several come, a restart forgets.
  const retain = topic === "v" && random.chance(0.5);
  const payload = random.chance(0.1) ? "" : `${random.below(1000)}`;
  const clean = random.chance(0.15);
  const twice = random.chance(0.5);
  const send = (...packets: ReadonlyArray<Packet>): Step => ({ clients }) => {
    clients.get(id)?.send(...packets);
  };
  return random.pick<Step>([
    ({ bench, clients }) => {
      const client = bench.connecting(id === "d" ? 5 : 4, id, {
        clean,
        ...(id === "d" ? { properties: { sessionExpiryInterval: 600 } } : {}),
      });
      clients.set(id, client);
    },
    send({ cmd: "subscribe", messageId: 9, subscriptions: [{ topic: filter, qos }] }),
    send({ cmd: "unsubscribe", messageId: 9, unsubscriptions: [filter] }),
    send(publish(topic, payload, { qos, retain, ...(qos > 0 ? { messageId } : {}) })),
    send(publish(topic, payload, { qos, retain, ...(qos > 0 ? { messageId } : {}) })),
    send({ cmd: "pubrel", messageId }),
    ({ clients }) => answer(clients.get(id), twice),
    ({ clients }) => answer(clients.get(id), true),
    ({ clients }) => {
      clients.get(id)?.drop();
      clients.delete(id);
    },
    ({ bench }) => bench.pass(1000),
  ]);
};

/** Acknowledges the oldest message that came; `twice`: a QoS 2 message to its end. */
const answer = (client: TestClient | undefined, twice: boolean): void => {
  const at = client?.received.findIndex((packet) => packet.cmd === "publish" && packet.qos > 0) ??
    -1;
  if (client === undefined || at < 0) return;
  const [packet] = client.received.splice(at, 1);
  if (packet?.cmd !== "publish") return;
  const { qos, messageId = 0 } = packet;
  if (qos === 1) client.send({ cmd: "puback", messageId });
  else {
    client.send({ cmd: "pubrec", messageId });
    if (twice) client.send({ cmd: "pubcomp", messageId });
  }
};

/** All that a world's clients find when they come back, and what a new one is sent of what is retained. */
const findings = (bench: ProtocolBench): ReadonlyArray<ReadonlyArray<string>> => {
  const found = IDS.map((id) => {
    const client = bench.connecting(id === "d" ? 5 : 4, id, {
      ...KEPT,
      ...(id === "d" ? { properties: { sessionExpiryInterval: 600 } } : {}),
      clean: false,
    });
    // Identifiers are whichever are free, and a restart forgets which was used last.
    const came = takeAll(client).map((text) => text.replace(/ id\d+/, ""));
    const subscriptions = [...bench.broker.context.sessions.get(id)?.subscriptions.values() ?? []];
    return [...came, ...subscriptions.map(({ topic, qos }) => `${topic} ${qos}`).sort()];
  });
  const reader = bench.connect(4, "reader");
  subscribe(reader, ["#", 0]);
  return [...found, takeAll(reader).toSorted()];
};

Deno.test("After an end at any moment the broker is what it was at the last window", () => {
  const seed = flag("persistence-seed", 7);
  for (let round = 0; round < flag("persistence-rounds", 150); round++) {
    const random = new Random(seed * 1_000_003 + round);
    let bench = new StoredBench();
    const shadow = new ProtocolBench();
    for (let life = 0; life < 3; life++) {
      const world: World = { bench, clients: new Map() };
      const mirrored: World = { bench: shadow, clients: new Map() };
      let pending: Array<Step> = [];
      for (let step = 0; step < 40; step++) {
        const next = anyStep(random);
        next(world);
        pending.push(next);
        if (!random.chance(0.2)) continue;
        bench.commit();
        for (const step of pending) step(mirrored);
        pending = [];
      }
      for (const client of mirrored.clients.values()) client.drop();
      bench = bench.restart();
      const before = findings(shadow);
      assert.deepEqual(findings(bench), before, `seed ${seed}, round ${round}, life ${life}`);
      for (const world of [bench, shadow]) {
        for (const id of IDS) world.broker.context.sessions.get(id)?.client?.close("RemoteClose");
      }
      bench.commit();
    }
  }
});
