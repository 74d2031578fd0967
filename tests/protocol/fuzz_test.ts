/**
 * Many clients, good and hostile, at random against the broker's state machine. A run is repeated
 * exactly by its seed, which a failure names; longer runs and other seeds:
 *
 *     deno test tests/protocol/fuzz_test.ts -- --fuzz-seed=7 --fuzz-packets=2000000
 */
import { ProtocolBench } from "../support/ProtocolBench.ts"; // before mqtt-packet
import assert from "node:assert/strict";
import type { Verdict } from "../../src/mqtt/ports/Access.ts";
import { Listener } from "../../src/mqtt/Listener.ts";
import { flag } from "../support/flag.ts";
import { EventGrammar } from "../support/fuzz/EventGrammar.ts";
import type { Character, ClientMemory } from "../support/fuzz/FuzzClient.ts";
import { FuzzClient } from "../support/fuzz/FuzzClient.ts";
import { MessageLedger } from "../support/fuzz/MessageLedger.ts";
import { Random } from "../support/fuzz/Random.ts";
import { memoryInUse } from "../support/heap.ts";
import { LIMITS } from "../support/ProtocolBench.ts";

const seed = flag("fuzz-seed", 1);
const packetsWanted = flag("fuzz-packets", 200_000);
/** Packets between two moments at which the broker must be empty and in order. */
const CHAPTER_LENGTH = 10_000;

const HOUR = 60 * 60 * 1000;

const fuzzLimits = {
  ...LIMITS,
  handshakeTimeout: 5000,
  maxPacketSize: 8192,
  maxMqueueLen: 20,
  maxTopicLevels: 60,
  maxSessionExpiryInterval: HOUR,
};

const CHARACTERS: ReadonlyArray<Character> = [
  { hostility: 0, diligence: 1, weight: 1 },
  { hostility: 0, diligence: 0.6, weight: 1 },
  { hostility: 0, diligence: 0.2, weight: 1000 },
  { hostility: 0, diligence: 0.05, weight: 4000 },
  { hostility: 0.02, diligence: 0.6, weight: 1 },
  { hostility: 0.02, diligence: 0.05, weight: 4000 },
  { hostility: 0.1, diligence: 0.6, weight: 1 },
  { hostility: 0.5, diligence: 0.6, weight: 100 },
];

/** Lets what waits for settled promises run: no time passes. */
const settled = async () => {
  for (let i = 0; i < 5; i++) await Promise.resolve();
};

/** One broker, its clients, and those who watch over both. */
class Fuzz {
  readonly bench: ProtocolBench;
  readonly grammar = new EventGrammar();
  readonly ledger = new MessageLedger();
  packets = 0;
  readonly #random: Random;
  readonly #listener = new Listener(fuzzLimits);
  readonly #memories: ReadonlyArray<readonly [ClientMemory, Character]>;
  #clients: Array<FuzzClient> = [];
  #verdicts: Array<(verdict: Verdict) => void> = [];
  #ports = 0;
  /** Topics that may have a retained message. */
  readonly #retained = new Set<string>();

  constructor(random: Random) {
    this.#random = random;
    this.bench = new ProtocolBench({
      acl: [{
        permit: "deny",
        action: "all",
        user: undefined,
        clientid: undefined,
        topics: ["b//c"],
      }],
      authenticate: (username) =>
        username === "slow"
          ? new Promise((resolve) => this.#verdicts.push(resolve))
          : username === "bad"
          ? "bad"
          : "good",
    });
    this.bench.hooks.emit = (event) => {
      this.grammar.see(event);
      this.ledger.see(event);
      if (event._tag === "message_publish" && event.retain) this.#retained.add(event.topic);
    };
    this.#memories = CHARACTERS.flatMap((character, i) =>
      ([3, 4, 5, 5] as const).map((version, j) => {
        // Good clients keep their names to themselves; the hostile ones share theirs.
        const clientId = character.hostility === 0 ? `good-${i}-${j}` : j === 3 ? "" : `foe-${j}`;
        return [{ clientId, version, unreleased: new Set<number>(), lastPacketId: 0 }, character];
      })
    );
  }

  /** Runs for some packets, then lets all clients go and all sessions end. */
  async chapter(length: number): Promise<void> {
    const until = this.packets + length;
    while (this.packets < until) await this.#step();
    await this.#windDown();
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const { bench } = this;
    if (this.#clients.length < 16 && random.chance(0.2)) this.#open();
    for (const client of this.#clients) this.packets += client.step();
    if (random.chance(0.05)) bench.pass(random.below(500));
    if (random.chance(0.002)) bench.pass(random.below(100_000));
    if (random.chance(0.03)) this.#press();
    if (random.chance(0.1)) await this.#judge();
    for (const client of this.#clients) if (random.chance(0.003)) client.drop();
    this.#reap();
    const { hooks, sessions } = bench.broker.context;
    const queued = [...sessions].reduce((sum, session) => sum + session.queued, 0);
    assert.equal(hooks.counters.queued, queued);
  }

  #open(): void {
    const random = this.#random;
    const [memory, character] = random.pick(this.#memories);
    const address = `10.0.0.1:${++this.#ports}`;
    const client = new FuzzClient(this.bench, this.#listener, random, memory, character, address);
    this.#clients.push(client);
    client.connect(random.pick([undefined, undefined, "alice", "slow", "slow", "bad"]));
  }

  #press(): void {
    const { hooks, broker } = this.bench;
    const ranks = { open: 0, brief: 1, high: 2, full: 3 };
    const before = hooks.pressure;
    hooks.pressure = this.#random.pick(["open", "open", "brief", "high", "full"] as const);
    if (ranks[hooks.pressure] < ranks[before]) broker.resume();
  }

  async #judge(): Promise<void> {
    const random = this.#random;
    const waiting = this.#verdicts;
    this.#verdicts = [];
    for (const resolve of waiting) {
      if (random.chance(0.5)) resolve(random.pick(["good", "good", "bad", "unknown"] as const));
      else this.#verdicts.push(resolve);
    }
    await settled();
  }

  /** Checks the clients that are gone, and forgets them. */
  #reap(): void {
    this.#clients = this.#clients.filter((client) => {
      if (!client.closed || client.connection.state._tag !== "Closed") return true;
      const { address, isGood } = client;
      const reason = this.grammar.endReasons.get(address);
      if (isGood) {
        assert.ok(!reason?.startsWith("ProtocolError"), `a good client ended by ${reason}`);
      }
      assert.equal(client.published, this.grammar.delivered.get(address) ?? 0);
      this.grammar.forget(address);
      return false;
    });
  }

  async #windDown(): Promise<void> {
    const { bench, grammar, ledger } = this;
    const { hooks, broker } = bench;
    hooks.pressure = "open";
    broker.resume();
    for (const resolve of this.#verdicts) resolve("good");
    this.#verdicts = [];
    await settled();
    this.#servesTheNextClient();
    for (const client of this.#clients) if (!client.closed) client.drop();
    this.#reap();
    assert.equal(this.#clients.length, 0, "connections that do not end");
    for (let hours = 0; hours < 4; hours++) bench.pass(HOUR); // delayed wills come, and go too
    assert.equal(broker.connections, 0);
    assert.equal(this.#listener.connected, 0);
    assert.equal(broker.context.sessions.size, 0);
    assert.equal(broker.context.hooks.counters.queued, 0);
    assert.equal(grammar.sessions, 0);
    assert.equal(broker.context.pubSub.topics.size, 0);
    assert.equal(ledger.open, 0);
    this.#forgetRetained();
    assert.equal(broker.context.pubSub.retained.size, 0);
    assert.equal(broker.context.deadlines.size, 0);
  }

  #servesTheNextClient(): void {
    const next = this.bench.connect(4, "next").send(
      { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "next", qos: 1 }] },
      {
        cmd: "publish",
        topic: "next",
        payload: "x",
        qos: 1,
        messageId: 2,
        dup: false,
        retain: false,
      },
    );
    next.take("suback");
    assert.equal(next.take("publish").topic, "next");
    next.take("puback");
    next.send({ cmd: "puback", messageId: 1 }, { cmd: "disconnect" });
    assert.equal(next.closed, true);
    this.grammar.forget("127.0.0.1:50001");
  }

  #forgetRetained(): void {
    const cleaner = this.bench.connect(5, "cleaner");
    for (const topic of this.#retained) {
      cleaner.send({ cmd: "publish", topic, payload: "", qos: 0, retain: true, dup: false });
    }
    this.#retained.clear();
    cleaner.send({ cmd: "disconnect" });
  }
}

Deno.test(`Broker stands ${packetsWanted} packets of good and hostile clients (seed ${seed})`, async () => {
  const fuzz = new Fuzz(new Random(seed));
  const heap: Array<number> = [];
  try {
    while (fuzz.packets < packetsWanted) {
      await fuzz.chapter(CHAPTER_LENGTH);
      heap.push(memoryInUse());
    }
  } catch (error) {
    console.log(`fuzz: failed after ${fuzz.packets} packets; --fuzz-seed=${seed} repeats it`);
    throw error;
  } finally {
    fuzz.ledger.close();
  }
  const half = heap[Math.floor((heap.length - 1) / 2)] as number; // at least one chapter
  const end = heap.at(-1) as number;
  assert.ok(end - half < 2 * 1024 * 1024, `memory grew from ${half} to ${end} bytes`);
});
