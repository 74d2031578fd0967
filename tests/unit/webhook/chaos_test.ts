/**
 * The accounts under everything that goes wrong at once, seeded: receivers that fail, hang, refuse and go
 * away, executors that die with what they held, reloads, clients that come and go, batches that come and go.
 * After every step the identity must hold, and in the end every event must have been answered 2xx or be
 * counted as lost. No batch has an event twice or two lanes' order wrong, and each is repeated as it was.
 */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type { EndpointSettings } from "../../../src/domain/WebHookSettings.ts";
import { sum } from "../../../src/webhook/account/Metrics.ts";
import type { Attempt } from "../../../src/webhook/attempt/Attempt.ts";
import type { Outcome } from "../../../src/webhook/attempt/Attempt.ts";
import { DELIVERED, LOST, RETURNED } from "../../../src/webhook/attempt/Attempt.ts";
import * as DeliveryError from "../../../src/webhook/attempt/DeliveryError.ts";
import type { Sending } from "../../../src/webhook/attempt/Batch.ts";
import { Batch, carriedBy } from "../../../src/webhook/attempt/Batch.ts";
import type { Delivery } from "../../../src/webhook/attempt/Delivery.ts";
import { bytesOf } from "../../../src/webhook/body/BodySlab.ts";
import type { Attempting, Executor } from "../../../src/webhook/attempt/Executor.ts";
import {
  A,
  accountsBalance,
  B,
  connected,
  pass,
  published,
  rule,
  settingsOf,
  withExecutor,
} from "./harness.ts";

const C = "http://c.test/";

/** Numbers from 0 to 1, the same for the same seed. */
const seeded = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
};

interface Held {
  readonly endpoint: Attempting;
  readonly attempt: Attempt;
  endsAt: number;
  outcome: Outcome;
}

/** What attempts of one endpoint may not do, whatever happens. */
class AttemptRules {
  readonly #inFlight = new Set<Delivery>();
  readonly #lanesInFlight = new Set<string>();
  /** Each batch by its id as it was attempted last, until its form changes or it is split. */
  readonly #batches = new Map<number, string>();
  /** The newest id of each lane that was attempted. */
  readonly #newest = new Map<string, number>();
  /** Pairs of a lane that were in one batch: these may come apart, and again in their order. */
  readonly #together = new Set<string>();

  begin({ settings }: Attempting, sending: Sending): void {
    const deliveries = carriedBy(sending);
    assert.equal(sending instanceof Batch, settings.batch !== undefined);
    assert.equal(sending.seq === undefined, settings.batch !== undefined);
    const ids = deliveries.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length, "an event twice in one batch");
    assert.deepEqual(ids, ids.toSorted((a, b) => a - b), "not in the order of events");
    assert.equal(sending.id, ids[0]);
    if (ids.length > 1) {
      const { form, maxEvents, maxBytes } = settings.batch ?? assert.fail();
      const before = this.#batches.get(sending.id);
      if (before === undefined) assert.ok(ids.length <= maxEvents && sending.length <= maxBytes);
      else assert.equal(before, String(ids), "a batch was changed");
      this.#batches.set(sending.id, String(ids));
      const text = new TextDecoder().decode(bytesOf(sending));
      const lines = form === "array" ? JSON.parse(text) : text.trimEnd().split("\n").map(parse);
      assert.equal(lines.length, ids.length);
    } else this.#batches.delete(sending.id);
    const lanes = new Set<string>();
    for (const delivery of deliveries) {
      assert.ok(!this.#inFlight.has(delivery), "an event in two attempts at once");
      this.#inFlight.add(delivery);
      if (delivery.lane !== undefined) this.#inLane(delivery.lane, delivery.id, lanes);
    }
    for (const lane of lanes) this.#lanesInFlight.add(lane);
    for (const a of deliveries) {
      for (const b of deliveries) if (a.id < b.id) this.#together.add(`${a.id},${b.id}`);
    }
  }

  #inLane(lane: string, id: number, lanes: Set<string>): void {
    assert.ok(!this.#lanesInFlight.has(lane), "a lane in two attempts at once");
    lanes.add(lane);
    const newest = this.#newest.get(lane) ?? 0;
    assert.ok(newest <= id || this.#together.has(`${id},${newest}`), "overtaken in its lane");
    this.#newest.set(lane, Math.max(newest, id));
  }

  end(sending: Sending, outcome: Outcome): void {
    for (const delivery of carriedBy(sending)) {
      this.#inFlight.delete(delivery);
      if (delivery.lane !== undefined) this.#lanesInFlight.delete(delivery.lane);
    }
    const splits = outcome._tag === "Failed" && DeliveryError.isOfContent(outcome.error);
    if (outcome._tag === "Delivered" || splits) this.#batches.delete(sending.id);
  }
}

const parse = (text: string): unknown => JSON.parse(text);

/** An executor whose attempts end as chance has it, and which can be killed. */
class ChaosExecutor implements Executor {
  readonly prepare = () => Effect.void;
  readonly known = new Set<Attempting>();
  readonly #held = new Map<number, Held>();
  #now = 0;
  /** Ids of deliveries that were answered 2xx, by URL. */
  readonly answered = new Map<string, Set<number>>();
  calm = false;
  /** Attempts with more than one event. */
  batches = 0;
  mood: Record<string, number> = { [A]: 0.2, [B]: 0.5, [C]: 1 };

  readonly #rules = new Map<Attempting, AttemptRules>();

  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  configure(endpoint: Attempting): void {
    this.known.add(endpoint);
    if (!this.#rules.has(endpoint)) this.#rules.set(endpoint, new AttemptRules());
  }

  forget(endpoint: Attempting): void {
    for (const held of this.#held.values()) assert.notEqual(held.endpoint, endpoint);
    assert.ok(this.known.delete(endpoint), "forgotten twice");
  }

  resize(): void {}

  takes(limit: number): number {
    return limit;
  }

  /** Some were not on their way yet. */
  recall(endpoint: Attempting): void {
    for (const held of this.#held.values()) {
      if (held.endpoint !== endpoint || this.#random() < 0.5) continue;
      held.endsAt = this.#now;
      held.outcome = RETURNED;
    }
  }

  #end({ endpoint, attempt }: Held, outcome: Outcome): void {
    this.#rules.get(endpoint)!.end(attempt as Sending, outcome); // of its endpoint, which has rules
    endpoint.complete(attempt, outcome);
  }

  attempt(endpoint: Attempting, attempt: Attempt): void {
    assert.ok(this.known.has(endpoint), "attempted before it was told, or after it was forgotten");
    assert.ok(!this.#held.has(attempt.id), "attempted twice at once");
    this.#rules.get(endpoint)!.begin(endpoint, attempt as Sending); // as above
    if (carriedBy(attempt as Sending).length > 1) this.batches++;
    const { url, httpTimeout } = endpoint.settings;
    const fails = !this.calm && this.#random() < (this.mood[url] ?? 0);
    const hangs = fails && this.#random() < 0.2;
    this.#held.set(attempt.id, {
      endpoint,
      attempt,
      endsAt: this.#now + (hangs ? httpTimeout : this.#random() * 200),
      outcome: hangs
        ? failed(DeliveryError.timedOut(httpTimeout))
        : fails
        ? this.#fault()
        : DELIVERED,
    });
  }

  /** Time passes: what has ended is reported, in its order. What is attempted thereby ends a step later. */
  advance(millis: number): void {
    this.#now += millis;
    const ended = [...this.#held.values()].filter(({ endsAt }) => endsAt <= this.#now);
    ended.sort((a, b) => a.endsAt - b.endsAt);
    for (const held of ended) {
      this.#held.delete(held.attempt.id);
      if (held.outcome === DELIVERED) this.#answer(held);
      this.#end(held, held.outcome);
    }
  }

  /** Loses all that is in flight; of some the receiver had seen the request. */
  kill(): void {
    const held = [...this.#held.values()];
    this.#held.clear();
    for (const one of held) {
      if (this.#random() < 0.3) this.#answer(one);
      this.#end(one, LOST);
    }
  }

  #answer({ endpoint: { settings: { url } }, attempt }: Held): void {
    const ids = this.answered.get(url) ?? new Set();
    this.answered.set(url, ids);
    for (const { id } of carriedBy(attempt as Sending)) ids.add(id); // of its endpoint
  }

  #fault(): Outcome {
    const statuses = [500, 503, 429, 404, 410, 0];
    const status = statuses[Math.floor(this.#random() * statuses.length)]!; // below the length
    if (status === 0) return failed(DeliveryError.fromCause(new Error("connection refused")));
    if (status === 410 && this.#random() < 0.9) return this.#fault();
    return failed(
      DeliveryError.fromStatus(status, status === 429 ? "3" : undefined, "transient", 0),
    );
  }
}

const failed = (error: DeliveryError.DeliveryError): Outcome => ({ _tag: "Failed", error });

/** One in three of each; of what batches must be, the small ones are the harder. */
const randomPace = (random: () => number): Partial<EndpointSettings> => ({
  batch: random() < 0.3 ? undefined : {
    form: random() < 0.5 ? "array" : "ndjson",
    maxEvents: 1 + Math.floor(random() * 8),
    maxBytes: Math.floor(random() * 2_000),
    maxDelay: Math.floor(random() * 300),
  },
  rateLimit: random() < 0.7 ? undefined : { count: 1 + Math.floor(random() * 20), period: 1_000 },
});

for (const seed of [1, 2, 3, 4, 5, 6]) {
  const hasBatches = seed > 3;
  const whenFull = (["backpressure", "drop_newest", "drop_oldest"] as const)[seed % 3]!; // of three
  Deno.test(`WebHook accounts for every event in a chaos of seed ${seed} (${whenFull}${hasBatches ? ", batches" : ""})`, () => {
    const random = seeded(seed);
    const given = {
      queueCapacity: 200,
      concurrencyLimit: 24,
      breakerFailures: 8,
      whenFull,
      ordering: (["lifecycle", "client", "none"] as const)[Math.floor(random() * 3)]!, // below three
      rules: [
        rule("message_publish", { urls: [A, B, C] }),
        rule("message_publish", { action: "a", topics: ["t/+"] }),
        rule("client_connected", { urls: [A, B] }),
      ],
      endpoint: { httpTimeout: 2_000 },
    };
    const pace = () => hasBatches ? randomPace(random) : {};
    const all = () => settingsOf({ ...given, endpoint: { ...given.endpoint, ...pace() } });
    const naming = (named: (url: string) => boolean) =>
      settingsOf({
        ...given,
        endpoint: { ...given.endpoint, ...pace() },
        rules: given.rules.map((rule) => ({ ...rule, urls: rule.urls.filter(named) })),
      });
    const settings = all();
    const executor = new ChaosExecutor(random);
    return withExecutor(
      settings,
      executor,
      ({ webhook, stop }) =>
        Effect.gen(function* () {
          const step = (millis: number) =>
            Effect.andThen(pass(millis), () => executor.advance(millis));
          const check = (settled: boolean) => {
            const snapshot = webhook.metrics.snapshot();
            assert.ok(accountsBalance(snapshot), JSON.stringify(snapshot));
            const waiting = snapshot.endpoints.reduce(
              (all, { total }) => all + total.queued + total.in_flight,
              0,
            );
            // What waits as an event, for room, is matched by no URL yet.
            if (settled) assert.equal(snapshot.backlog - snapshot.waiting_events, waiting);
            for (const { total } of snapshot.endpoints) {
              assert.ok(total.queued >= 0 && total.in_flight >= 0);
            }
          };
          let n = 0;
          for (let steps = 0; steps < 150; steps++) {
            const action = random();
            if (action < 0.6) {
              for (let burst = Math.floor(random() * 20); burst > 0; burst--) {
                if (webhook.sink.pressure === "full") break;
                const client = `c${Math.floor(random() * 5)}`;
                if (random() < 0.3) webhook.sink.emit(connected(client, ++n));
                else if (webhook.sink.pressure === "open") {
                  webhook.sink.emit(published(client, ++n, random() < 0.5 ? "t/1" : "u"));
                }
                check(false);
              }
            } else if (action < 0.65) executor.kill();
            else if (action < 0.7) yield* Effect.orDie(webhook.reload(all()));
            else if (action < 0.75) {
              yield* Effect.orDie(webhook.reload(naming(() => random() < 0.5)));
            } else if (action < 0.8) {
              executor.mood = { [A]: random(), [B]: random(), [C]: random() };
            }
            yield* step(Math.floor(random() * 1_000));
            check(true);
          }
          executor.calm = true;
          yield* Effect.orDie(webhook.reload(all()));
          for (let wait = 0; wait < 70; wait++) yield* step(2_000);
          check(true);
          const { backlog, endpoints } = webhook.metrics.snapshot();
          assert.equal(backlog, 0);
          if (hasBatches) assert.ok(executor.batches > 5, `${executor.batches} batches`);
          assert.ok(n > 300, `${n} events`);
          for (const { url, total } of endpoints) {
            const answered = executor.answered.get(url)?.size ?? 0;
            assert.equal(total.matched, total.delivered + sum(total.failed) + sum(total.dropped));
            // Some that count as failed or dropped were answered by a receiver before their executor died.
            assert.ok(
              answered >= total.delivered,
              `${answered} answered, ${total.delivered} delivered`,
            );
          }
          yield* Effect.orDie(webhook.reload(naming((url) => url === B)));
          yield* pass(0);
          assert.deepEqual([...executor.known].map(({ settings }) => settings.url), [B]);
          yield* stop;
        }),
    );
  });
}
