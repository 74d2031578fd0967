/**
 * MQTT 5.0 sections 4.3, 4.4, 4.6 and 4.9 as invariants: whatever is published, acknowledged, held
 * back and cut off in whatever order, every message arrives, QoS 2 exactly once, each QoS in its
 * order, and never more under way than Receive Maximum.
 */
import assert from "node:assert/strict";
import * as FastCheck from "effect/FastCheck";
import type { IPublishPacket } from "mqtt-packet";
import { ProtocolBench, type TestClient } from "../support/ProtocolBench.ts";
import { publish, subscribe } from "../support/packets5.ts";

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

  constructor(readonly bench: ProtocolBench) {}

  connect(receiveMaximum: number, topicAliasMaximum: number): void {
    this.#window = receiveMaximum;
    this.#underWay.clear();
    this.#answers = [];
    this.#client = this.bench.connecting(5, "a", {
      clean: false,
      properties: { sessionExpiryInterval: 0xffffffff, receiveMaximum, topicAliasMaximum },
    });
    assert.equal(this.#client.take("connack").reasonCode, 0);
    this.read();
  }

  subscribe(topic: string): void {
    assert.ok(this.#client);
    subscribe(this.#client, topic, { qos: 2 });
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
