/** MQTT 5.0 sections 3.8 to 3.11: subscriptions, their options and identifiers. */
import assert from "node:assert/strict";
import type { AclRule } from "../../src/domain/BrokerSettings.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import {
  messages,
  payloads,
  persistent,
  publish,
  subscribe,
  unsubscribe,
} from "../support/packets5.ts";

const deny = (action: AclRule["action"], topic: string): AclRule => ({
  permit: "deny",
  action,
  topics: [topic],
  user: undefined,
  clientid: undefined,
});

const identifiersOf = (client: Parameters<typeof messages>[0]) =>
  messages(client).map(({ properties }) => [properties?.subscriptionIdentifier ?? []].flat());

Deno.test("SUBACK answers each filter in order, with its packet identifier", () => {
  const bench = new ProtocolBench({
    acl: [deny("subscribe", "secret")],
    limits: { maxTopicLevels: 3 },
  });
  const client = bench.connect(5, "a").send({
    cmd: "subscribe",
    messageId: 0xffff,
    subscriptions: [
      { topic: "a", qos: 2 },
      { topic: "secret", qos: 0 },
      { topic: "b", qos: 0 },
      { topic: "a/b/c/d", qos: 0 },
      { topic: "$share/g/x", qos: 1 },
      { topic: "+/+/#", qos: 1 },
    ],
  });
  const { messageId, granted } = client.take("suback");
  assert.equal(messageId, 0xffff);
  assert.deepEqual(
    granted,
    [2, 0x87, 0, 0x8f, 1, 1],
  );
  assert.deepEqual(
    bench.hooks.all("session_subscribed").map(({ topic, opts }) => [topic, opts.qos]),
    [["a", 2], ["b", 0], ["$share/g/x", 1], ["+/+/#", 1]],
  );
});

Deno.test("SUBACK grants no more than Maximum QoS, and refuses no QoS", () => {
  for (const maxQosAllowed of [0, 1] as const) {
    const client = new ProtocolBench({ limits: { maxQosAllowed } }).connect(5, "a");
    for (const qos of [0, 1, 2] as const) {
      assert.equal(subscribe(client, "t", { qos }), Math.min(qos, maxQosAllowed));
    }
  }
});

Deno.test("A message goes out with the lower of its own QoS and the granted one", () => {
  const bench = new ProtocolBench();
  const publisher = bench.connect(5, "p");
  for (const granted of [0, 1, 2] as const) {
    for (const qos of [0, 1, 2] as const) {
      const client = bench.connect(5, "a");
      subscribe(client, "t", { qos: granted });
      publish(publisher, "t", "x", { qos, messageId: 10 * granted + qos });
      assert.equal(messages(client)[0]?.qos, Math.min(granted, qos));
      client.send({ cmd: "disconnect" });
    }
  }
});

Deno.test("Overlapping subscriptions bring one copy with the highest QoS and every identifier", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a");
  subscribe(client, "t/#", { qos: 0 }, { subscriptionIdentifier: 1 });
  subscribe(client, "t/+", { qos: 2 }, { subscriptionIdentifier: 268_435_455 });
  subscribe(client, "t/a", { qos: 1 });
  subscribe(client, "#", { qos: 1 }, { subscriptionIdentifier: 1 });
  subscribe(client, "other", { qos: 1 }, { subscriptionIdentifier: 9 });
  publish(bench.connect(5, "p"), "t/a", "x", { qos: 2 });
  const [message, ...more] = messages(client);
  assert.deepEqual(more, []);
  assert.equal(message?.qos, 2);
  const identifiers = [message.properties?.subscriptionIdentifier ?? []].flat();
  assert.deepEqual([...new Set(identifiers)].toSorted(), [1, 268_435_455]);
});

Deno.test("A message has no Subscription Identifier when none of its subscriptions has", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a");
  subscribe(client, "t");
  const other = bench.connect(5, "b");
  subscribe(other, "t", {}, { subscriptionIdentifier: 5 });
  publish(bench.connect(5, "p"), "t", "x");
  assert.deepEqual(identifiersOf(client), [[]]);
  assert.deepEqual(identifiersOf(other), [[5]], "each client has its own");
});

Deno.test("A repeated SUBSCRIBE replaces the options and the Subscription Identifier", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a");
  const publisher = bench.connect(5, "p");
  subscribe(client, "t", { qos: 1 }, { subscriptionIdentifier: 1 });
  subscribe(client, "t", { qos: 0, rap: true }, { subscriptionIdentifier: 2 });
  publish(publisher, "t", "x", { qos: 1, retain: true });
  const [message] = messages(client);
  assert.equal(message?.qos, 0);
  assert.equal(message.retain, true);
  assert.equal(message.properties?.subscriptionIdentifier, 2);
  subscribe(client, "t", { rh: 2 });
  publish(publisher, "t", "y");
  assert.deepEqual(identifiersOf(client), [[]]);
});

Deno.test("Subscription Identifiers live on in the session", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a", persistent);
  subscribe(client, "t", { qos: 1 }, { subscriptionIdentifier: 3 });
  client.drop();
  publish(bench.connect(5, "p"), "t", "x", { qos: 1 });
  assert.deepEqual(identifiersOf(bench.connect(5, "a", persistent)), [[3]]);
});

Deno.test("A retained message is sent with the identifier of its new subscription alone", () => {
  const bench = new ProtocolBench();
  publish(bench.connect(5, "p"), "t", "kept", { retain: true });
  const client = bench.connect(5, "a");
  subscribe(client, "#", { rh: 2 }, { subscriptionIdentifier: 1 });
  subscribe(client, "t", {}, { subscriptionIdentifier: 2 });
  assert.deepEqual(identifiersOf(client), [[2]]);
});

Deno.test("No Local keeps a client's own messages from it, and from nobody else", () => {
  const bench = new ProtocolBench();
  const a = bench.connect(5, "a");
  const b = bench.connect(5, "b");
  for (const client of [a, b]) subscribe(client, "t", { nl: true });
  publish(a, "t", "of a");
  assert.deepEqual(payloads(a), []);
  assert.deepEqual(payloads(b), ["of a"]);
  subscribe(a, "t", { nl: false });
  publish(a, "t", "again");
  assert.deepEqual(payloads(a), ["again"]);
});

Deno.test("No Local on one of two overlapping subscriptions leaves the other", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a");
  subscribe(client, "t", { nl: true, qos: 1 }, { subscriptionIdentifier: 1 });
  subscribe(client, "+", { nl: false, qos: 0 }, { subscriptionIdentifier: 2 });
  publish(client, "t", "x");
  assert.deepEqual(identifiersOf(client), [[2]]);
});

Deno.test("No Local holds for retained messages too", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a");
  publish(client, "own", "x", { retain: true });
  publish(bench.connect(5, "b"), "other", "y", { retain: true });
  subscribe(client, "#", { nl: true });
  assert.deepEqual(payloads(client), ["y"]);
});

Deno.test("No Local on a shared subscription ends the connection before anything is subscribed", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a").send({
    cmd: "subscribe",
    messageId: 1,
    subscriptions: [{ topic: "t", qos: 0 }, { topic: "$share/g/t", qos: 0, nl: true }],
  });
  assert.equal(client.take("disconnect").reasonCode, 0x82);
  assert.deepEqual(bench.hooks.all("session_subscribed"), []);
});

Deno.test("Retain As Published keeps the RETAIN flag of what is forwarded, else it is 0", () => {
  const bench = new ProtocolBench();
  const publisher = bench.connect(5, "p");
  for (const rap of [false, true]) {
    const client = bench.connect(5, "a");
    subscribe(client, "t", { rap, rh: 2 });
    publish(publisher, "t", "x", { retain: true });
    publish(publisher, "t", "x", { retain: false });
    assert.deepEqual(messages(client).map(({ retain }) => retain), [rap, false]);
    subscribe(client, "t", { rap, rh: 0 });
    assert.deepEqual(
      messages(client).map(({ retain }) => retain),
      [true],
      "stored ones say it always",
    );
  }
});

Deno.test("Retain As Published on one of the overlapping subscriptions is enough for the one copy", () => {
  for (const flags of [[true, false], [false, true]]) {
    const bench = new ProtocolBench();
    const client = bench.connect(5, "a");
    for (const [i, rap] of flags.entries()) subscribe(client, ["t", "#"][i] ?? "", { rap });
    publish(bench.connect(5, "p"), "t", "x", { retain: true });
    assert.deepEqual(messages(client).map(({ retain }) => retain), [true]);
  }
});

Deno.test("Retain Handling 0 sends retained messages by every SUBSCRIBE, 1 by the first, 2 never", () => {
  const bench = new ProtocolBench();
  publish(bench.connect(5, "p"), "t/a", "kept", { retain: true, qos: 1 });
  const sent = (rh: number) => {
    const client = bench.connect(5, "a");
    return [1, 2].map(() => {
      subscribe(client, "t/+", { rh, qos: 1 });
      const all = messages(client);
      for (const { messageId } of all) {
        assert.ok(messageId);
        client.send({ cmd: "puback", messageId });
      }
      return all.length;
    });
  };
  assert.deepEqual(sent(0), [1, 1]);
  assert.deepEqual(sent(1), [1, 0]);
  assert.deepEqual(sent(2), [0, 0]);
});

Deno.test("Retain Handling 1 counts a subscription of the resumed session as existing", () => {
  const bench = new ProtocolBench();
  publish(bench.connect(5, "p"), "t", "kept", { retain: true });
  const first = bench.connect(5, "a", persistent);
  subscribe(first, "t", { rh: 1 });
  first.drop();
  const second = bench.connect(5, "a", persistent);
  subscribe(second, "t", { rh: 1 });
  second.nothing();
  unsubscribe(second, "t");
  subscribe(second, "t", { rh: 1 });
  assert.deepEqual(payloads(second), ["kept"]);
});

Deno.test("Several filters in one SUBSCRIBE are as good as one each, with one SUBACK", () => {
  const bench = new ProtocolBench();
  publish(bench.connect(5, "p"), "t", "kept", { retain: true });
  const client = bench.connect(5, "a").send({
    cmd: "subscribe",
    messageId: 5,
    subscriptions: [
      { topic: "t", qos: 0, rh: 1 },
      { topic: "+", qos: 0 },
      { topic: "t", qos: 1, rh: 1 },
    ],
  });
  assert.deepEqual(client.take("suback").granted, [0, 0, 1]);
  assert.deepEqual(payloads(client), ["kept", "kept"]);
});

Deno.test("UNSUBACK answers each filter in order: 0x00, or 0x11 where nothing was subscribed", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a");
  for (const topic of ["a", "+", "$share/g/a"]) subscribe(client, topic);
  client.send({
    cmd: "unsubscribe",
    messageId: 9,
    unsubscriptions: ["a", "a", "b", "#", "+", "$share/h/a", "$share/g/a"],
  });
  const unsuback = client.take("unsuback");
  assert.equal(unsuback.messageId, 9);
  // The type knows no codes, which 5.0 has.
  const { granted } = unsuback as unknown as { granted: ReadonlyArray<number> };
  assert.deepEqual(granted, [0, 0x11, 0x11, 0x11, 0, 0x11, 0]);
  publish(client, "a", "x");
  client.nothing();
});

Deno.test("UNSUBSCRIBE compares filters character by character, without normalizing", () => {
  const client = new ProtocolBench().connect(5, "a");
  subscribe(client, "caf\u00e9/+");
  for (
    const other of ["cafe\u0301/+", "CAF\u00c9/+", "caf\u00e9/#", "caf\u00e9/x", "caf\u00e9/+/"]
  ) {
    assert.equal(unsubscribe(client, other), 0x11, other);
  }
  assert.equal(unsubscribe(client, "caf\u00e9/+"), 0);
});

Deno.test("Topics are matched without normalization", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a");
  subscribe(client, "caf\u00e9");
  subscribe(client, "\ufeffx");
  const publisher = bench.connect(5, "p");
  for (const topic of ["cafe\u0301", "CAF\u00c9", "x"]) publish(publisher, topic, topic);
  client.nothing();
  for (const topic of ["caf\u00e9", "\ufeffx"]) publish(publisher, topic, "");
  assert.deepEqual(messages(client).map(({ topic }) => topic), ["caf\u00e9", "\ufeffx"]);
});

Deno.test("UNSUBSCRIBE leaves what has been sent to its end", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a", persistent);
  subscribe(client, "t", { qos: 2 });
  publish(bench.connect(5, "p"), "t", "x", { qos: 2 });
  const [first] = messages(client);
  assert.ok(first?.messageId);
  assert.equal(unsubscribe(client, "t"), 0);
  client.drop();
  const again = bench.connect(5, "a", persistent);
  const [second] = messages(again);
  assert.deepEqual([second?.messageId, second?.dup], [first.messageId, true]);
  again.send({ cmd: "pubrec", messageId: first.messageId }).take("pubrel");
  again.send({ cmd: "pubcomp", messageId: first.messageId }).nothing();
});

Deno.test("A leading wildcard matches no topic that begins with $", () => {
  const bench = new ProtocolBench();
  const client = bench.connect(5, "a");
  for (const filter of ["#", "+/x", "$share/g/#"]) subscribe(client, filter);
  const publisher = bench.connect(5, "p");
  publish(publisher, "$x/x", "hidden", { retain: true });
  client.nothing();
  subscribe(client, "#");
  client.nothing();
  subscribe(client, "$x/#");
  assert.deepEqual(payloads(client), ["hidden"]);
});

Deno.test("User Properties of SUBSCRIBE and UNSUBSCRIBE are taken and not sent back", () => {
  const client = new ProtocolBench().connect(5, "a");
  const userProperties = { k: ["v", "w"] };
  const subscriptions = [{ topic: "t", qos: 0 as const }];
  client.send({ cmd: "subscribe", messageId: 1, subscriptions, properties: { userProperties } });
  assert.equal(client.take("suback").properties, undefined);
  const unsubscriptions = ["t"];
  client.send({
    cmd: "unsubscribe",
    messageId: 1,
    unsubscriptions,
    properties: { userProperties },
  });
  assert.equal(client.take("unsuback").properties, undefined);
});
