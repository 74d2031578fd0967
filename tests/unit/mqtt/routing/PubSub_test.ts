/** PubSub and the Router with subscribers that are no sessions: whatever implements Subscriber is served. */
import assert from "node:assert/strict";
import { Deadlines } from "../../../../src/collections/Deadlines.ts";
import { Hooks } from "../../../../src/mqtt/events/Hooks.ts";
import { PubSub } from "../../../../src/mqtt/routing/PubSub.ts";
import { BROKER_LIMITS, RecordingHooks } from "../../../support/ProtocolBench.ts";
import { message, PlainSubscriber, subscription } from "./subscriptions.ts";

const start = () => {
  const recorded = new RecordingHooks();
  const deadlines = new Deadlines();
  const pubSub = new PubSub(new Hooks(recorded, { now: () => 0, monotonic: () => 0 }), deadlines, {
    limits: BROKER_LIMITS,
    isMemoryShort: false,
    sessionStore: undefined,
  });
  return { pubSub, recorded, deadlines };
};

Deno.test("PubSub gives a Subscriber one copy of a message, with the highest QoS and all identifiers of what matched", () => {
  const { pubSub, recorded } = start();
  const [a, b] = [new PlainSubscriber("a"), new PlainSubscriber("b")];
  pubSub.subscribe(subscription("t/+", undefined, a, { qos: 0, identifier: 1 }), undefined);
  pubSub.subscribe(subscription("t/#", undefined, a, { qos: 2, identifier: 2 }), undefined);
  pubSub.subscribe(
    subscription("t/x", undefined, b, { qos: 1, retainAsPublished: true }),
    undefined,
  );
  assert.equal(pubSub.publish(message("t/x", "1", { qos: 1 })), 2);
  const given = { topic: "t/x", payload: "1", qos: 1, share: undefined };
  assert.deepEqual(a.given, [{ ...given, retain: false, identifiers: [2, 1] }]);
  assert.deepEqual(b.given, [{ ...given, retain: true, identifiers: undefined }]);
  assert.deepEqual(recorded.names(), ["message_publish"]);
});

Deno.test("PubSub gives a Subscriber with No Local nothing of its own", () => {
  const { pubSub } = start();
  const own = new PlainSubscriber("p"); // as the message's publisher
  pubSub.subscribe(subscription("t", undefined, own, { noLocal: true }), undefined);
  assert.equal(pubSub.publish(message("t")), 0);
  assert.deepEqual(own.given, []);
});

Deno.test("PubSub gives a shared group's messages to its Subscribers in turn, and hands a message over to another", () => {
  const { pubSub } = start();
  const members = ["a", "b"].map((id) => new PlainSubscriber(id));
  const [first, second] = members.map((member) => subscription("t", "g", member, { qos: 1 }));
  assert.ok(first && second);
  pubSub.subscribe(first, undefined);
  pubSub.subscribe(second, undefined);
  for (const payload of ["1", "2", "3"]) pubSub.publish(message("t", payload));
  assert.deepEqual(members.map(({ given }) => given.map(({ payload }) => payload)), [
    ["1", "3"],
    ["2"],
  ]);
  const group = pubSub.unsubscribe(first);
  assert.equal(group?.share, "g");
  assert.equal(pubSub.toMember(group, message("t", "4"), 1), true);
  assert.deepEqual(members[1]?.given.at(-1)?.payload, "4");
  assert.equal(pubSub.unsubscribe(second), undefined);
  assert.equal(pubSub.toMember(group, message("t", "5"), 1), false);
  assert.equal(pubSub.topics.size, 0);
});

Deno.test("PubSub keeps a retained message until it expires or an empty one takes its place", () => {
  const { pubSub, deadlines } = start();
  pubSub.publish(message("t", "kept"));
  assert.equal(pubSub.retained.get("t")?.payload.length, 4);
  pubSub.publish(message("t", "not retained", { retain: false }));
  assert.equal(pubSub.retained.get("t")?.payload.length, 4);
  pubSub.publish(message("t", ""));
  assert.equal(pubSub.retained.size, 0);
  const expiring = Object.assign(message("t", "for a while"), { expiresAt: 1000 });
  pubSub.publish(expiring);
  deadlines.runDue(999);
  assert.equal(pubSub.retained.size, 1);
  deadlines.runDue(1000);
  assert.equal(pubSub.retained.size, 0);
});
