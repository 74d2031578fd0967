/** MQTT 5.0 section 4.8.2: shared subscriptions. */
import assert from "node:assert/strict";
import type { TestClient } from "../support/ProtocolBench.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import {
  messages,
  payloads,
  persistent,
  publish,
  subscribe,
  unsubscribe,
} from "../support/packets5.ts";

/** A group of members `m0`, `m1` …, and a client that publishes. */
const group = (count: number, connect: object = {}, qos: 0 | 1 | 2 = 0) => {
  const bench = new ProtocolBench();
  const members = Array.from({ length: count }, (_, i) => {
    const member = bench.connect(5, `m${i}`, connect);
    assert.equal(subscribe(member, "$share/g/t/#", { qos }), qos);
    return member;
  });
  return { bench, members, publisher: bench.connect(5, "p") };
};

const send = (publisher: TestClient, count: number, qos: 0 | 1 | 2 = 0) => {
  for (let i = 0; i < count; i++) {
    publish(publisher, "t/a", `${i}`, { qos, messageId: i + 1 });
    if (qos === 2) publisher.send({ cmd: "pubrel", messageId: i + 1 });
  }
  publisher.received.length = 0;
};

/** Takes what came to the members, acknowledges it, and goes on until nothing more comes. */
const takeAll = (members: ReadonlyArray<TestClient>): Array<string> => {
  const all: Array<string> = [];
  for (let came = true; came;) {
    came = false;
    for (const member of members) {
      for (const { payload, qos, messageId } of messages(member)) {
        came = true;
        all.push(payload.toString());
        if (qos === 1) member.send({ cmd: "puback", messageId: messageId ?? 0 });
      }
    }
  }
  return all.toSorted((a, b) => Number(a) - Number(b));
};

const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);

Deno.test("Each message goes to one member of the group, and all get their share", () => {
  const { members, publisher } = group(3);
  send(publisher, 9);
  const got = members.map(payloads);
  assert.deepEqual(got.map((all) => all.length), [3, 3, 3]);
  assert.deepEqual(got.flat().toSorted(), numbers(9));
});

Deno.test("Groups of other names and filters, and plain subscriptions, get copies of their own", () => {
  const { bench, members, publisher } = group(2);
  const others = ["$share/h/t/#", "$share/g/t/+", "t/#"].map((filter, i) => {
    const client = bench.connect(5, `o${i}`);
    subscribe(client, filter);
    return client;
  });
  send(publisher, 4);
  assert.deepEqual(takeAll(members), numbers(4));
  for (const other of others) assert.deepEqual(payloads(other), numbers(4));
});

Deno.test("A member with a plain subscription too gets a copy by each", () => {
  const { members: [member], publisher } = group(1);
  assert.ok(member);
  subscribe(member, "t/a", {}, { subscriptionIdentifier: 7 });
  send(publisher, 1);
  const identifiers = messages(member).map(({ properties }) => properties?.subscriptionIdentifier);
  assert.deepEqual(identifiers.toSorted(), [7, undefined]);
});

Deno.test("Each member gets messages with the QoS and the identifier that it was granted", () => {
  const bench = new ProtocolBench();
  const members = ([0, 1, 2] as const).map((qos) => {
    const member = bench.connect(5, `m${qos}`);
    subscribe(member, "$share/g/t", { qos }, { subscriptionIdentifier: qos + 1 });
    return member;
  });
  const publisher = bench.connect(5, "p");
  for (const messageId of [1, 2, 3]) publish(publisher, "t", "x", { qos: 2, messageId });
  assert.deepEqual(
    members.map((member) =>
      messages(member).map(({ qos, properties }) => [qos, properties?.subscriptionIdentifier])
    ),
    [[[0, 1]], [[1, 2]], [[2, 3]]],
  );
});

Deno.test("A shared subscription gets no retained messages, whatever its Retain Handling", () => {
  const bench = new ProtocolBench();
  publish(bench.connect(5, "p"), "t", "kept", { retain: true });
  const client = bench.connect(5, "a");
  for (const rh of [0, 1, 2]) subscribe(client, "$share/g/t", { rh });
  client.nothing();
});

Deno.test("A new SUBSCRIBE to the same group replaces the member, and does not double it", () => {
  const { members, publisher } = group(2);
  const [first] = members;
  assert.ok(first);
  for (let i = 0; i < 3; i++) subscribe(first, "$share/g/t/#", { qos: 1 });
  send(publisher, 4);
  assert.deepEqual(members.map((member) => payloads(member).length), [2, 2]);
});

Deno.test("A member that left gets nothing more, and nothing is lost", () => {
  const { members, publisher } = group(3);
  const [first, second, third] = members;
  assert.ok(first && second && third);
  unsubscribe(first, "$share/g/t/#");
  second.drop();
  send(publisher, 4);
  assert.deepEqual(payloads(third), numbers(4));
  first.nothing();
});

Deno.test("A message is sent to members that are connected rather than to one that is away", () => {
  const { members, publisher } = group(2, persistent, 1);
  const [first, second] = members;
  assert.ok(first && second);
  first.drop();
  send(publisher, 5, 1);
  assert.deepEqual(takeAll([second]), numbers(5));
});

Deno.test("A member with a full window is passed over while another has room", () => {
  const connect = { properties: { receiveMaximum: 1 } };
  const { members, publisher } = group(2, connect, 1);
  send(publisher, 2, 1);
  const [first, second] = members;
  assert.ok(first && second);
  const [held] = messages(first);
  assert.ok(held);
  for (const messageId of messages(second).map((message) => message.messageId ?? 0)) {
    second.send({ cmd: "puback", messageId });
  }
  send(publisher, 1, 1);
  assert.equal(messages(second).length, 1);
  first.nothing();
});

Deno.test("What a member had queued or unacknowledged goes to the others when its session ends", () => {
  const connect = { properties: { receiveMaximum: 2 } };
  const { bench, members, publisher } = group(2, connect, 1);
  send(publisher, 8, 1);
  const [first, second] = members;
  assert.ok(first && second);
  messages(first);
  first.drop();
  assert.deepEqual(takeAll([second]), numbers(8));
  assert.deepEqual(bench.hooks.all("message_dropped"), []);
});

Deno.test("What a member had queued goes to the others when it unsubscribes", () => {
  const connect = { properties: { receiveMaximum: 1 } };
  const { bench, members, publisher } = group(2, connect, 1);
  send(publisher, 6, 1);
  const [first, second] = members;
  assert.ok(first && second);
  const begun = messages(first);
  unsubscribe(first, "$share/g/t/#");
  for (const { messageId } of begun) first.send({ cmd: "puback", messageId: messageId ?? 0 });
  const rest = takeAll([second]);
  assert.deepEqual(
    [...begun.map(({ payload }) => payload.toString()), ...rest].toSorted(),
    numbers(6),
  );
  first.nothing();
  assert.deepEqual(bench.hooks.all("message_dropped"), []);
});

Deno.test("A QoS 2 message once sent is finished with its member when that comes back", () => {
  const { bench, members, publisher } = group(2, persistent, 2);
  send(publisher, 1, 2);
  const [first, second] = members;
  assert.ok(first && second);
  const [begun] = messages(first);
  assert.ok(begun?.messageId);
  first.drop();
  second.nothing();
  const back = bench.connect(5, "m0", persistent);
  const [again] = messages(back);
  assert.deepEqual([again?.messageId, again?.dup], [begun.messageId, true]);
  second.nothing();
});

Deno.test("A QoS 2 message once sent goes to no other member when the session ends", () => {
  const { bench, members, publisher } = group(2, {}, 2);
  send(publisher, 1, 2);
  const [first, second] = members;
  assert.ok(first && second);
  assert.equal(messages(first).length, 1);
  first.drop();
  second.nothing();
  assert.deepEqual(bench.hooks.all("message_dropped").map(({ clientid }) => clientid), ["m0"]);
});

Deno.test("A message that its member refuses goes to no other", () => {
  for (const [qos, cmd] of [[1, "puback"], [2, "pubrec"]] as const) {
    const { bench, members, publisher } = group(2, {}, qos);
    send(publisher, 1, qos);
    const [first, second] = members;
    assert.ok(first && second);
    const [message] = messages(first);
    assert.ok(message?.messageId);
    first.send({ cmd, messageId: message.messageId, reasonCode: 0x83 });
    second.nothing();
    // A PUBACK is an acknowledgement whatever it says; no PUBCOMP follows a PUBREC that refuses.
    assert.equal(bench.hooks.all("message_acked").length, qos === 1 ? 1 : 0);
    assert.deepEqual(
      bench.hooks.all("message_dropped").map(({ reason }) => reason),
      qos === 1 ? [] : ["PublishRefused"],
    );
  }
});

Deno.test("When every member is away a persistent one keeps the messages", () => {
  const { bench, members, publisher } = group(2, persistent, 1);
  for (const member of members) member.drop();
  send(publisher, 6, 1);
  const back = [0, 1].map((i) => bench.connect(5, `m${i}`, persistent));
  assert.deepEqual(takeAll(back), numbers(6));
});

Deno.test("A group without members counts for nothing: PUBACK says 0x10", () => {
  const { members, publisher } = group(1);
  members[0]?.drop();
  publish(publisher, "t/a", "x", { qos: 1 });
  assert.equal(publisher.take("puback").reasonCode, 0x10);
});
