/**
 * The accounts over real sockets while everything fails at once: restless MQTT clients, receivers that
 * fail, hang, reset and refuse, workers that die, reloads, and a stop in the middle. Every matched event
 * must have been answered 2xx or be counted as lost with its reason, one by one.
 *
 * The seed decides what clients and receivers do, not when; it stands in the tests' names:
 *
 *     deno test … tests/integration/chaos_test.ts -- --chaos-seed=7
 */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Logger from "effect/Logger";
import * as LogLevel from "effect/LogLevel";
import * as Scope from "effect/Scope";
import type { HookEvent } from "../../src/domain/HookEvent.ts";
import { clientOf, hookEventNames } from "../../src/domain/HookEvent.ts";
import type { WebHookSettings } from "../../src/domain/WebHookSettings.ts";
import { LiveAccess } from "../../src/auth/LiveAccess.ts";
import { Listener } from "../../src/mqtt/Listener.ts";
import type { HookSink } from "../../src/mqtt/ports/HookSink.ts";
import { formatAddress } from "../../src/net/formatAddress.ts";
import { makeDescriptors } from "../../src/net/Descriptors.ts";
import { listenTcp } from "../../src/net/listenTcp.ts";
import { makeBroker } from "../../src/makeBroker.ts";
import { makeSockets } from "../../src/net/Sockets.ts";
import { serveTcp } from "../../src/net/serveTcp.ts";
import type { EndpointSnapshot, EventCounts } from "../../src/webhook/account/Metrics.ts";
import { sum } from "../../src/webhook/account/Metrics.ts";
import type { Attempt } from "../../src/webhook/attempt/Attempt.ts";
import type { Outcome } from "../../src/webhook/attempt/Attempt.ts";
import type { Attempting, Executor } from "../../src/webhook/attempt/Executor.ts";
import * as WebHook from "../../src/webhook/WebHook.ts";
import * as WorkerExecutor from "../../src/webhook/worker/WorkerExecutor.ts";
import { brokerFiles } from "../support/brokerFiles.ts";
import type { Files } from "../support/BrokerProcess.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { ChaosClient } from "../support/chaos/ChaosClient.ts";
import type { Fate, Seen } from "../support/chaos/ChaosReceiver.ts";
import { ChaosReceiver, isRefusal, isSuccess } from "../support/chaos/ChaosReceiver.ts";
import type { Figures } from "../support/figures.ts";
import { fieldsOf, figuresIn } from "../support/figures.ts";
import { Random } from "../support/fuzz/Random.ts";
import { testNeeding } from "../support/permissions.ts";
import { BROKER_LIMITS, LIMITS } from "../support/ProtocolBench.ts";
import { refusingUrl } from "../support/Receiver.ts";
import { accountsBalance, rule, settingsOf } from "../unit/webhook/harness.ts";

const flag = Deno.args.find((arg) => arg.startsWith("--chaos-seed="))?.split("=")[1];
const seed = flag === undefined ? 1 : Number(flag);

const often = (fate: Fate, times: number): ReadonlyArray<Fate> => Array(times).fill(fate);

const fates: Readonly<Record<string, ReadonlyArray<Fate>>> = {
  "/good": ["200"],
  "/slow": ["slow"],
  "/moody": [...often("200", 40), "slow", "500", "500", "503", "404", "hang", "reset", "cut"],
  "/leaving": [...often("200", 100), "410"],
  "/joining": ["200", "200", "500", "reset"],
};

/** Clients that share four topics; few, so that they meet. */
const CLIENTS = 12;

/** Answers of the broker before it stops. */
const STEPS = 400;

/** Lets the clients live; `onStep` is told how manieth answer of the broker there was. */
const startClients = (port: number, random: Random, onStep: (step: number) => void) => {
  const enough = Promise.withResolvers<void>();
  let step = 0;
  const lives = Array.from(
    { length: CLIENTS },
    (_, n) =>
      new ChaosClient(port, `c${n}`, new Random(random.below(2 ** 32)), () => {
        onStep(++step);
        if (step === STEPS) enough.resolve();
      }),
  );
  const done = Promise.all(lives.map((client) => client.live()));
  return {
    /** Rejects when a client fails. */
    enough: Promise.race([enough.promise, done]),
    end: () => {
      for (const client of lives) client.stop();
      return done;
    },
  };
};

/** An event's name in these tests: its client, and the how manieth of all events it is. */
const keyOf = (client: string, n: number) => `${client} ${n}`;

/** A request's event. Numbers begin behind `floor`. */
const keyOfSeen = ({ body, seq }: Seen, floor: number) =>
  keyOf(String(body["clientid"] ?? body["from_clientid"]), seq - floor);

const floorOf = (seen: ReadonlyArray<Seen>): number =>
  seen.reduce((least, { seq }) => Math.min(least, seq), Infinity) - 1;

const isLifecycle = ({ body }: Seen): boolean => /^(client|session)_/.test(String(body["action"]));

/** One client's lifecycle events came in their order; a repeat never after a later one. */
const assertLifecycleOrder = (seen: ReadonlyArray<Seen>): void => {
  const last = new Map<string, number>();
  for (const { path, body, seq } of seen.filter(isLifecycle)) {
    const lane = `${path} ${body["clientid"]}`;
    assert.ok(seq >= (last.get(lane) ?? 0), `${lane}: ${seq} after ${last.get(lane)}`);
    last.set(lane, seq);
  }
};

/** One webhook-id for each event and URL, and one event and URL for each webhook-id. */
const assertOneIdEach = (seen: ReadonlyArray<Seen>): void => {
  const targets = new Map<string, string>();
  const ids = new Map<string, string>();
  for (const one of seen) {
    const target = `${one.path} ${keyOfSeen(one, 0)}`;
    assert.equal(targets.get(one.id) ?? target, target);
    assert.equal(ids.get(target) ?? one.id, one.id);
    targets.set(one.id, target);
    ids.set(target, one.id);
  }
};

/** Sees what goes in to the engine, and how each attempt ends, and keeps it to what executors are promised. */
class Tap {
  /** What was emitted, in order. */
  readonly events: Array<HookEvent> = [];
  /** How deliveries ended by an attempt: webhook-ids by URL. */
  readonly delivered = new Map<string, Set<string>>();
  readonly refused = new Map<string, Set<string>>();
  readonly faults: Array<string> = [];
  readonly #inFlight = new Set<number>();
  #mostInFlight = 0;

  get mostInFlight(): number {
    return this.#mostInFlight;
  }

  /** Each event with its key, in the order they were emitted in. */
  keyed(): ReadonlyArray<readonly [key: string, event: HookEvent]> {
    return this.events.map((event, n) => [keyOf(clientOf(event), n + 1), event]);
  }

  sink(of: HookSink): HookSink {
    return {
      isDetailed: of.isDetailed,
      wants: (event, subject) => of.wants(event, subject),
      emit: (event) => {
        this.events.push(event);
        of.emit(event);
      },
      get pressure() {
        return of.pressure;
      },
      get admits() {
        return of.admits;
      },
      holds: (clientid) => of.holds(clientid),
      get mark() {
        return of.mark;
      },
      get safe() {
        return of.safe;
      },
      whenSafe: (mark) => of.whenSafe(mark),
    };
  }

  executor(of: Executor, idPrefix: string): Executor {
    const tapped = new Map<number, Attempting>();
    const tap = (endpoint: Attempting): Attempting => {
      const known = tapped.get(endpoint.key);
      if (known !== undefined) return known;
      const made: Attempting = {
        key: endpoint.key,
        get settings() {
          return endpoint.settings;
        },
        complete: (delivery, outcome) => {
          this.#ended(
            endpoint.settings.url,
            `${idPrefix}${delivery.id.toString(36)}`,
            delivery,
            outcome,
          );
          endpoint.complete(delivery, outcome);
        },
      };
      tapped.set(endpoint.key, made);
      return made;
    };
    return {
      prepare: (endpoints) => of.prepare(endpoints),
      configure: (endpoint) => of.configure(tap(endpoint)),
      attempt: (endpoint, delivery) => {
        if (this.#inFlight.has(delivery.id)) {
          this.faults.push(`${delivery.id} attempted twice at once`);
        }
        this.#inFlight.add(delivery.id);
        this.#mostInFlight = Math.max(this.#mostInFlight, this.#inFlight.size);
        of.attempt(tap(endpoint), delivery);
      },
      recall: (endpoint) => of.recall(tap(endpoint)),
      forget: (endpoint) => of.forget(tap(endpoint)),
      resize: (limit) => of.resize(limit),
      takes: (limit, capacity) => of.takes(limit, capacity),
    };
  }

  #ended(url: string, id: string, delivery: Attempt, outcome: Outcome): void {
    if (!this.#inFlight.delete(delivery.id)) this.faults.push(`${delivery.id} ended twice`);
    const ended = outcome._tag === "Delivered"
      ? this.delivered
      : outcome._tag === "Failed" && !outcome.error.retryable
      ? this.refused
      : undefined;
    if (ended === undefined) return;
    const ids = ended.get(url) ?? new Set();
    if (ids.has(id)) this.faults.push(`${id} came to its end twice`);
    ended.set(url, ids.add(id));
  }
}

const DYING_WORKER = new URL("../support/dyingWorker.ts?parcel=400", import.meta.url);

const settingsFor = (urls: ReadonlyArray<string>, concurrencyLimit: number): WebHookSettings =>
  settingsOf({
    workerThreads: 2,
    queueCapacity: 3_000,
    concurrencyLimit,
    shutdownTimeout: 2_000,
    breakerFailures: 8,
    rules: hookEventNames.map((name) => rule(name, { urls })),
    endpoint: {
      httpTimeout: 300,
      retry: {
        initialInterval: 20,
        multiplier: 2,
        maxInterval: 200,
        jitter: 0.5,
        maxElapsedTime: 1_500,
        status: "transient",
      },
    },
  });

/** The broker with its delivery engine, as `main.ts` builds them, but in this process and tapped. */
const runBroker = (tap: Tap, settings: WebHookSettings) =>
  Effect.gen(function* () {
    const webhook = yield* WebHook.makeWith(
      settings,
      (context) =>
        Effect.map(
          WorkerExecutor.make(context, DYING_WORKER),
          (executor) => tap.executor(executor, context.idPrefix),
        ),
    );
    const sockets = yield* makeSockets;
    const broker = yield* makeBroker({
      nodeId: 1,
      sink: tap.sink(webhook.sink),
      limits: BROKER_LIMITS,
      listeners: [LIMITS],
      isMemoryShort: () => false,
      access: new LiveAccess({ users: [], acl: [] }),
      newClientId: () => crypto.randomUUID(),
    });
    webhook.onRelief(() => broker.resume());
    const listener = new Listener(LIMITS);
    const { port } = yield* listenTcp(
      { name: "chaos", hostname: "127.0.0.1", port: 0, limits: LIMITS, transport: "tcp" },
      yield* makeDescriptors(0),
      (socket, newcomer) =>
        void serveTcp(socket, newcomer, (sink, peer) => {
          sockets.add(sink);
          return broker.accept(sink, listener, formatAddress(peer));
        }),
    );
    return { webhook, port };
  });

testNeeding(
  ["net", "read"],
  `WebHook accounts for each event of real clients while workers die (seed ${seed})`,
  async () => {
    const random = new Random(seed);
    const receiver = await ChaosReceiver.start(new Random(random.below(2 ** 32)), fates);
    const always = ["/good", "/slow", "/moody"].map((path) => receiver.url(path));
    const [leaving, joining] = [receiver.url("/leaving"), receiver.url("/joining")];
    const refusing = refusingUrl();
    const before = settingsFor([...always, leaving, refusing], 24);
    const after = settingsFor([...always, joining, refusing], 16);
    const tap = new Tap();
    const scope = Effect.runSync(Scope.make());
    const run = <A>(effect: Effect.Effect<A, unknown>): Promise<A> =>
      Effect.runPromise(Effect.provide(effect, Logger.minimumLogLevel(LogLevel.None)));
    const { webhook, port } = await run(Scope.extend(runBroker(tap, before), scope));

    const look = () => {
      const snapshot = webhook.metrics.snapshot();
      if (!accountsBalance(snapshot)) tap.faults.push(JSON.stringify(snapshot));
    };
    const reloads: Array<Promise<unknown>> = [];
    const life = startClients(port, random, (step) => {
      look();
      if (step === STEPS / 4) reloads.push(run(webhook.reload(before)));
      if (step === STEPS / 2) reloads.push(run(webhook.reload(after)));
    });
    await life.enough;
    await Promise.all(reloads);
    const looking = setInterval(look, 5);
    await run(Scope.close(scope, Exit.void));
    clearInterval(looking);
    await life.end();
    await receiver.close();

    look();
    assert.deepEqual(tap.faults, []);
    assert.ok(tap.mostInFlight <= 192, `${tap.mostInFlight} given to workers`); // eight times the limit
    assertLifecycleOrder(receiver.seen);
    assertOneIdEach(receiver.seen);
    const { endpoints, workers_lost, backlog } = webhook.metrics.snapshot();
    assert.equal(backlog, 0);
    assert.ok(workers_lost > 0, "no worker died");
    for (const endpoint of endpoints) {
      const { url, total } = endpoint;
      assertEachAccounted(endpoint, tap, receiver, url === joining);
      if (url === refusing) assert.equal(total.delivered, 0);
      else assert.ok(total.delivered > 0, `nothing delivered to ${url}`);
    }
  },
);

const none: EventCounts = {
  matched: 0,
  delivered: 0,
  failed: {},
  dropped: {},
  queued: 0,
  in_flight: 0,
  kept: 0,
};

/**
 * One URL's accounts against what the tap and the receiver saw, event by event: each that was matched was
 * answered 2xx, or refused by an answer, or is one of those that the counters call lost.
 */
const assertEachAccounted = (
  { url, total, events }: EndpointSnapshot,
  tap: Tap,
  receiver: ChaosReceiver,
  isLate: boolean,
): void => {
  const path = new URL(url).pathname;
  const seen = receiver.at(path);
  const floor = floorOf(receiver.seen);
  // Events are dispatched as they were emitted: a URL has all, the first, or, where it came late, the last.
  const emitted = tap.keyed();
  const matched = new Map(
    isLate ? emitted.slice(emitted.length - total.matched) : emitted.slice(0, total.matched),
  );
  assert.equal(matched.size, total.matched);
  for (const one of seen) {
    const key = keyOfSeen(one, floor);
    assert.equal(one.body["action"], matched.get(key)?._tag, `${key} at ${path}`);
  }
  const keys = new Map(seen.map((one) => [one.id, keyOfSeen(one, floor)]));
  const ended = (ids: ReadonlySet<string> = new Set(), wasAnswered: (one: Seen) => boolean) => {
    const answered = new Set(seen.filter(wasAnswered).map(({ id }) => id));
    for (const id of ids) assert.ok(answered.has(id), `${id} at ${path} was not answered so`);
    return new Set([...ids].map((id) => keys.get(id) as string)); // it was answered
  };
  const delivered = ended(tap.delivered.get(url), isSuccess);
  const refused = ended(tap.refused.get(url), isRefusal);
  const lost = [...matched.keys()].filter((key) => !delivered.has(key) && !refused.has(key));
  for (const name of hookEventNames) {
    const count = (some: Iterable<string>) =>
      [...some].filter((key) => matched.get(key)?._tag === name).length;
    const counts = events[name] ?? none;
    const refusals = (counts.failed["status_404"] ?? 0) + (counts.failed["status_410"] ?? 0);
    assert.deepEqual(
      [matched.keys(), delivered, refused, lost].map(count),
      [
        counts.matched,
        counts.delivered,
        refusals,
        sum(counts.failed) - refusals + sum(counts.dropped),
      ],
      `${name} at ${path}`,
    );
  }
  assert.equal(total.queued + total.in_flight, 0);
};

const processFiles = (receiver: ChaosReceiver, urls: ReadonlyArray<string>) =>
  brokerFiles({
    urls,
    // The good one has all the time it needs, so that what it was sent is all that was matched.
    webHook: `
worker_threads = 2
queue_capacity = 3_000
concurrency_limit = 24
breaker_failures = 8
http_timeout = "300ms"
retry_initial_interval = "20ms"
retry_multiplier = 2
retry_max_interval = "200ms"
retry_max_elapsed_time = "1500ms"
shutdown_timeout = "3s"
${hookEventNames.map((name) => `rule.${name} = [{}]`).join("\n")}
[[endpoint]]
url = "${receiver.url("/good")}"
http_timeout = "60s"
`,
    rules: "",
  });

testNeeding(
  ["net", "read", "write", "env", "run"],
  `deno task start accounts for each event through SIGHUP, SIGUSR2 and SIGTERM (seed ${seed})`,
  async () => {
    const random = new Random(seed);
    const receiver = await ChaosReceiver.start(new Random(random.below(2 ** 32)), fates);
    const always = ["/good", "/slow", "/moody"].map((path) => receiver.url(path));
    const refusing = refusingUrl();
    const [before, after] = ["/leaving", "/joining"].map((path) =>
      processFiles(receiver, [...always, receiver.url(path), refusing])
    ) as [Files, Files]; // of two paths
    const broker = await BrokerProcess.start(before);
    const reload = async () => {
      await Deno.writeTextFile(`${broker.folder}/web-hook.toml`, after.webHook);
      broker.signal("SIGHUP");
      await broker.logged(/ reloaded /);
      broker.signal("SIGUSR2");
    };
    const reloads: Array<Promise<void>> = [];
    const life = startClients(broker.port(), random, (step) => {
      if (step === STEPS / 4) broker.signal("SIGUSR2");
      if (step === STEPS / 2) reloads.push(reload());
    });
    await life.enough;
    await Promise.all(reloads);
    const { code, stdout, stderr } = await broker.stop();
    await life.end();
    await receiver.close();

    assert.equal(code, 0);
    assert.doesNotMatch(stdout, /fiber died|not reloaded|defect/);
    assert.equal(stderr, "");
    assertLifecycleOrder(receiver.seen);
    assertOneIdEach(receiver.seen);
    const figures = figuresIn(stdout);
    assert.equal(figures.length, 5 + 6 + 6); // before and after the reload, and at the end
    const all = keysAnswered(receiver, "/good");
    figures.forEach((line, nth) => {
      const of = (name: string) => Number(line[name]);
      const accounted = of("delivered") + of("failed") + of("dropped") + of("queued") +
        of("in_flight");
      assert.equal(of("matched"), accounted, JSON.stringify(line));
      assert.deepEqual(
        sumOfEvents(line),
        ["matched", "delivered", "failed", "dropped", "queued", "in_flight"].map(of),
      );
      if (nth < figures.length - 6) return;
      assert.equal(of("queued") + of("in_flight"), 0);
      const path = new URL(line["url"] as string).pathname; // each line has one
      const answered = keysAnswered(receiver, path);
      if (path === "/good") {
        assert.deepEqual([of("matched"), of("delivered")], [all.size, all.size]);
      }
      for (const key of answered) assert.ok(all.has(key), `${key} at ${path} was not matched`);
      // An answer that came too late does not count as a delivery.
      assert.ok(of("delivered") <= answered.size, `${answered.size} at ${path}`);
      if (path === "/leaving" || path === "/joining") return;
      assert.equal(of("matched"), all.size);
      const unanswered = [...all].filter((key) => !answered.has(key)).length;
      assert.ok(unanswered <= of("failed") + of("dropped"), `${unanswered} at ${path}`);
    });
  },
);

/** What a line says of each event, added up. */
const sumOfEvents = (line: Figures): ReadonlyArray<number> => {
  const events = hookEventNames.flatMap((name) => line[name] ?? []).map(fieldsOf);
  return ["matched", "delivered", "failed", "dropped", "queued", "in_flight"].map((kind) =>
    events.flatMap((fields) =>
      Object.entries(fields).filter(([name]) => name === kind || name.startsWith(`${kind}_`))
    ).reduce((sum, [, n]) => sum + Number(n), 0)
  );
};

const keysAnswered = (receiver: ChaosReceiver, path: string): ReadonlySet<string> =>
  new Set(receiver.at(path).filter(isSuccess).map((seen) => keyOfSeen(seen, 0)));
