/**
 * MQTT 5.0 sections 4.3, 4.4, 4.6 and 4.9 as invariants: whatever is published, acknowledged, held
 * back and cut off in whatever order, every message arrives, QoS 2 exactly once, each QoS in its
 * order, and never more under way than Receive Maximum.
 */
import assert from "node:assert/strict";
import * as FastCheck from "effect/FastCheck";
import type { IPublishPacket } from "mqtt-packet";
import type { TestClient } from "../support/ProtocolBench.ts";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { publish, subscribe, unsubscribe } from "../support/packets5.ts";

type Step =
  | { readonly _tag: "publish"; readonly qos: 0 | 1 | 2 }
  /** The subscriber answers this many of the packets that it has not answered yet. */
  | { readonly _tag: "answer"; readonly count: number }
  | { readonly _tag: "drop" }
  | {
    readonly _tag: "connect";
    readonly receiveMaximum: number;
    readonly topicAliasMaximum: number;
  };

const step: FastCheck.Arbitrary<Step> = FastCheck.oneof(
  {
    weight: 6,
    arbitrary: FastCheck.record({
      _tag: tag("publish"),
      qos: FastCheck.constantFrom<0 | 1 | 2>(0, 1, 2),
    }),
  },
  {
    weight: 6,
    arbitrary: FastCheck.record({
      _tag: tag("answer"),
      count: FastCheck.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: FastCheck.record({ _tag: tag("drop") }) },
  {
    weight: 2,
    arbitrary: FastCheck.record({
      _tag: tag("connect"),
      receiveMaximum: FastCheck.integer({ min: 1, max: 4 }),
      topicAliasMaximum: FastCheck.integer({ min: 0, max: 2 }),
    }),
  },
);

function tag<const Tag extends string>(name: Tag): FastCheck.Arbitrary<Tag> {
  return FastCheck.constant(name);
}

/** A subscriber that keeps to the protocol, and keeps its state over connections. */
class Subscriber {
  readonly got: Record<0 | 1 | 2, Array<number>> = { 0: [], 1: [], 2: [] };
  readonly #held = new Set<number>(); // QoS 2 identifiers between PUBLISH and PUBREL
  #client: TestClient | undefined;
  #window = 0;
  /** QoS 1 and 2 messages of this connection that are not acknowledged. */
  readonly #underWay = new Set<number>();
  #answers: Array<() => void> = [];

  constructor(readonly bench: ProtocolBench, readonly clientId = "a") {}

  get isConnected(): boolean {
    return this.#client !== undefined;
  }

  connect(receiveMaximum: number, topicAliasMaximum: number, isLasting = true): void {
    this.#window = receiveMaximum;
    this.#underWay.clear();
    this.#answers = [];
    this.#client = this.bench.connecting(5, this.clientId, {
      clean: false,
      properties: {
        sessionExpiryInterval: isLasting ? 0xffffffff : 0,
        receiveMaximum,
        topicAliasMaximum,
      },
    });
    const { reasonCode, sessionPresent } = this.#client.take("connack");
    assert.equal(reasonCode, 0);
    if (!sessionPresent) this.#held.clear();
    this.read();
  }

  subscribe(topic: string): void {
    if (this.#client !== undefined) subscribe(this.#client, topic, { qos: 2 });
  }

  unsubscribe(topic: string): void {
    if (this.#client !== undefined) unsubscribe(this.#client, topic);
  }

  drop(): void {
    this.#client?.drop();
    this.#client = undefined;
  }

  answer(count: number): void {
    for (let i = 0; i < count && this.#client !== undefined; i++) {
      this.#answers.shift()?.();
      this.read();
    }
  }

  /** Answers all there is. */
  finish(): void {
    while (this.#answers.length > 0) this.answer(1);
  }

  /** Takes in what has come. */
  read(): void {
    const client = this.#client;
    if (client === undefined) return;
    for (const packet of client.received.splice(0)) {
      if (packet.cmd === "publish") this.#publish(client, packet);
      else if (packet.cmd === "pubrel") this.#pubrel(client, packet.messageId ?? 0);
      else if (packet.cmd !== "disconnect") assert.fail(`unexpected ${packet.cmd}`);
    }
  }

  #publish(client: TestClient, { qos, messageId = 0, payload }: IPublishPacket): void {
    if (qos > 0) {
      this.#underWay.add(messageId);
      assert.ok(this.#underWay.size <= this.#window, "Receive Maximum is kept");
    }
    const number = Number(payload.toString());
    if (qos < 2) this.got[qos].push(number);
    else if (!this.#held.has(messageId)) {
      this.#held.add(messageId);
      this.got[2].push(number);
    }
    if (qos === 1) {
      this.#answers.push(() => {
        this.#underWay.delete(messageId);
        client.send({ cmd: "puback", messageId });
      });
    } else if (qos === 2) this.#answers.push(() => client.send({ cmd: "pubrec", messageId }));
  }

  #pubrel(client: TestClient, messageId: number): void {
    this.#answers.push(() => {
      this.#held.delete(messageId);
      this.#underWay.delete(messageId);
      client.send({ cmd: "pubcomp", messageId });
    });
  }
}

const firstTimes = (numbers: ReadonlyArray<number>) => [...new Set(numbers)];

Deno.test("Session brings every message through, in order, QoS 2 exactly once, within Receive Maximum", () => {
  FastCheck.assert(
    FastCheck.property(FastCheck.array(step, { maxLength: 60 }), (steps) => {
      const bench = new ProtocolBench({ limits: { messageExpiryInterval: 0 } });
      const publisher = bench.connect(5, "p");
      const subscriber = new Subscriber(bench);
      subscriber.connect(2, 0);
      subscriber.subscribe("t");
      const sent: Record<0 | 1 | 2, Array<number>> = { 0: [], 1: [], 2: [] };
      let number = 0;
      for (const step of steps) {
        switch (step._tag) {
          case "publish":
            sent[step.qos].push(++number);
            publish(publisher, "t", `${number}`, { qos: step.qos, messageId: number });
            if (step.qos === 2) publisher.send({ cmd: "pubrel", messageId: number });
            publisher.received.length = 0;
            subscriber.read();
            break;
          case "answer":
            subscriber.answer(step.count);
            break;
          case "drop":
            subscriber.drop();
            break;
          case "connect":
            subscriber.connect(step.receiveMaximum, step.topicAliasMaximum);
        }
      }
      subscriber.connect(3, 1);
      subscriber.finish();
      assert.deepEqual(subscriber.got[0], sent[0]);
      assert.deepEqual(firstTimes(subscriber.got[1]), sent[1]);
      assert.deepEqual(subscriber.got[2], sent[2]);
      const count = (name: "message_delivered" | "message_acked" | "message_dropped") =>
        bench.hooks.all(name).length;
      assert.equal(count("message_delivered"), number);
      assert.equal(count("message_acked"), sent[1].length + sent[2].length);
      assert.equal(count("message_dropped"), 0);
    }),
    { numRuns: 200 },
  );
});

/** What happens next, to one of the members of a group where it concerns one. */
interface MemberStep {
  readonly member: number;
  /** `return`: to a session that lasts; `visit`: to one that ends with its connection. */
  readonly act: "publish" | "answer" | "drop" | "return" | "visit" | "subscribe" | "unsubscribe";
  readonly qos: 1 | 2;
}

const memberStep: FastCheck.Arbitrary<MemberStep> = FastCheck.record({
  member: FastCheck.integer({ min: 0, max: 2 }),
  act: FastCheck.constantFrom<MemberStep["act"]>(
    "publish",
    "publish",
    "publish",
    "answer",
    "answer",
    "drop",
    "return",
    "visit",
    "subscribe",
    "unsubscribe",
  ),
  qos: FastCheck.constantFrom<1 | 2>(1, 2),
});

Deno.test("SharedGroup loses no message, whoever comes, leaves and ends, and brings QoS 2 to one member once", () => {
  FastCheck.assert(
    FastCheck.property(FastCheck.array(memberStep, { maxLength: 60 }), (steps) => {
      const bench = new ProtocolBench({ limits: { messageExpiryInterval: 0 } });
      const publisher = bench.connect(5, "p");
      const members = [0, 1, 2].map((i) => new Subscriber(bench, `m${i}`));
      const readAll = () => members.forEach((member) => member.read());
      const accepted: Array<number> = [];
      const filter = "$share/g/t";
      let number = 0;
      const doStep = ({ member: index, act, qos }: MemberStep): void => {
        const member = members[index];
        assert.ok(member);
        switch (act) {
          case "publish": {
            publish(publisher, "t", `${++number}`, { qos, messageId: number });
            const { reasonCode } = publisher.take(qos === 1 ? "puback" : "pubrec");
            if (reasonCode === 0) accepted.push(number);
            if (qos === 2) publisher.send({ cmd: "pubrel", messageId: number }).take("pubcomp");
            break;
          }
          case "answer":
            member.answer(2);
            break;
          case "drop":
            member.drop();
            break;
          case "return":
          case "visit":
            member.connect(2, 0, act === "return");
            break;
          case "subscribe":
            member.subscribe(filter);
            break;
          case "unsubscribe":
            member.unsubscribe(filter);
        }
        readAll();
      };
      members[0]?.connect(2, 0);
      members[0]?.subscribe(filter);
      for (const step of steps) doStep(step);
      for (const member of members) if (!member.isConnected) member.connect(2, 0);
      for (let round = 0; round < 3; round++) members.forEach((member) => member.finish());
      const dropped = bench.hooks.all("message_dropped")
        .map(({ payload }) => Number(new TextDecoder().decode(payload)));
      const got = members.flatMap((member) => [...member.got[1], ...member.got[2]]);
      const seen = new Set([...got, ...dropped]);
      assert.deepEqual(accepted.filter((number) => !seen.has(number)), [], "lost");
      const exactlyOnce = members.flatMap((member) => member.got[2]);
      assert.equal(new Set(exactlyOnce).size, exactlyOnce.length);
    }),
    { numRuns: 200 },
  );
});
