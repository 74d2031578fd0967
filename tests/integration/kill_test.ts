/**
 * The broker is killed, again and again, at moments that chance chooses: nothing that it has told anybody
 * may be lost. `deno test … tests/integration/kill_test.ts -- --kill-rounds=20 --kill-seed=7`; with
 * `--kill-memory=1` it runs without the outbox, and must fail.
 */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { flag } from "../support/flag.ts";
import { Random } from "../support/fuzz/Random.ts";
import type { Mode } from "../support/kill/Recorder.ts";
import { MODES, Recorder } from "../support/kill/Recorder.ts";
import { comersAndGoers, faithful, publisher, Told } from "../support/kill/Witness.ts";
import { testNeeding } from "../support/permissions.ts";

/** Milliseconds without any answer after which what is missing is lost. */
const QUIET_MS = 15_000;

/** What a life of the broker is like. `recovery`: it dies while it starts. */
type Life = Mode | "recovery";

const LIVES: ReadonlyArray<Life> = [...MODES, "recovery"];

const IN_MEMORY = flag("kill-memory", 0) === 1;

const filesOf = (single: Recorder, batched: Recorder, folder: string, sync: string) =>
  brokerFiles({
    broker: IN_MEMORY ? "" : "persistence = true",
    urls: [single.url, batched.url],
    webHook: `worker_threads = 1
      ${
      IN_MEMORY ? "" : `outbox = "disk"\noutbox_dir = "${folder}/outbox"\noutbox_sync = "${sync}"`
    }
      http_timeout = "2s"
      retry_initial_interval = "50ms"
      retry_max_interval = "500ms"
      retry_max_elapsed_time = "10m"
      shutdown_timeout = "1s"
      endpoint = [{ url = "${batched.url}", batch = "array", batch_max_delay = "20ms" }]`,
  });

/** Lives a life that ends by kill -9. */
const liveAndDie = async (
  files: ReturnType<typeof brokerFiles>,
  life: Life,
  round: number,
  told: Told,
  random: Random,
): Promise<void> => {
  if (life === "recovery") {
    const broker = await BrokerProcess.start(files, []);
    // Anywhere between exec and the listener: what a start takes here.
    await new Promise((resolve) => setTimeout(resolve, random.below(1500)));
    await broker.stop("SIGKILL");
    return;
  }
  const broker = await BrokerProcess.start(files);
  const port = broker.port();
  let isAlive = true;
  const { promise: subscribed, resolve } = Promise.withResolvers<void>();
  const lives = [faithful(port, told, resolve)];
  await subscribed;
  const window = life === "burst" ? 200 : 4;
  for (let i = 0; i < 8; i++) {
    lives.push(publisher(port, told, {
      clientId: `p${round}-${i}`,
      qos: i % 2 === 0 ? 1 : 2,
      window,
      topicOf: (n) => n % 10 === 0 ? `faithful/${i}` : `others/${i}`,
    }));
  }
  lives.push(comersAndGoers(port, told, `c${round}`, random, () => isAlive));
  await told.reaches(told.count + 50 + random.below(life === "burst" ? 5000 : 800));
  isAlive = false;
  await broker.stop("SIGKILL");
  await Promise.all(lives);
};

const missing = (all: Iterable<string>, seen: ReadonlySet<string>): ReadonlyArray<string> =>
  [...all].filter((what) => !seen.has(what));

for (const sync of ["none", "interval", "commit"]) {
  testNeeding(
    ["net", "read", "write", "env", "run"],
    `What was told is delivered whenever the broker is killed, with outbox_sync = "${sync}"`,
    async () => {
      const seed = flag("kill-seed", 1);
      const random = new Random(seed);
      const recorders = [
        new Recorder(new Random(seed + 1)),
        new Recorder(new Random(seed + 2), true),
      ] as const;
      const told = new Told();
      const folder = await Deno.makeTempDir({ prefix: "hookline-test-" });
      const files = filesOf(...recorders, folder, sync);
      try {
        const rounds = flag("kill-rounds", sync === "interval" ? 2 : 1);
        for (let round = 0; round < rounds; round++) {
          const life = rounds < LIVES.length ? random.pick(LIVES) : LIVES[round % LIVES.length]!;
          for (const one of recorders) one.mode = life === "recovery" ? "healthy" : life;
          await liveAndDie(files, life, round, told, random);
        }
        await assertTold(recorders, told, files);
      } finally {
        for (const one of recorders) await one.close();
        await Deno.remove(folder, { recursive: true });
      }
    },
  );
}

/** Starts once more, and waits for all that is owed. */
const assertTold = async (
  recorders: ReadonlyArray<Recorder>,
  told: Told,
  files: ReturnType<typeof brokerFiles>,
): Promise<void> => {
  for (const one of recorders) one.mode = "healthy";
  const broker = await BrokerProcess.start(files);
  const last = faithful(broker.port(), told);
  const owedTo = (recorder: Recorder) => {
    const published = new Set<string>();
    const connected = new Set<string>();
    const subscribed = new Set<string>();
    for (const { body } of recorder.answered) {
      if (body.action === "message_publish") published.add(atob(String(body.payload)));
      if (body.action === "client_connected") connected.add(String(body.clientid));
      if (body.action === "session_subscribed") subscribed.add(String(body.topic));
    }
    const forFaithful = [...told.published].filter((payload) =>
      Number(payload.split("-")[2]) % 10 === 0
    );
    return {
      published: missing(told.published, published),
      connected: missing(told.connected, connected),
      subscribed: missing(told.subscribed, subscribed),
      received: missing(forFaithful, told.received),
      online: online(recorder),
    };
  };
  const paid = (recorder: Recorder) => {
    const owed = () => owedTo(recorder);
    const isPaid = () => Object.values(owed()).every((left) => left.length === 0);
    return recorder.until(isPaid, QUIET_MS, () => {
      const lost = Object.entries(owed()).map(([what, left]) =>
        `${left.length} ${what} (${left.slice(0, 5).join(", ")})`
      );
      const where = recorder.hasBatches ? " in batches" : "";
      return `told ${told.count}, lost${where} ${lost.join(", ")}\n${broker.log}`;
    });
  };
  try {
    await Promise.all(recorders.map(paid));
  } finally {
    await broker.stop("SIGKILL");
    await last;
  }
  for (const recorder of recorders) {
    assert.deepEqual(recorder.faults, []);
    if (recorder.hasBatches) assert.ok(recorder.batches > 0, "no batch of several");
    else assertIdentities(recorder);
  }
};

/** Clients that the receiver believes to be connected, other than the one that is. */
const online = (recorder: Recorder): ReadonlyArray<string> => {
  const newest = new Map<string, { readonly seq: number; readonly isOnline: boolean }>();
  for (const { seq, body } of recorder.answered) {
    const isOnline = body.action === "client_connected";
    if (!isOnline && body.action !== "client_disconnected") continue;
    const clientid = String(body.clientid);
    if ((newest.get(clientid)?.seq ?? -1) < seq) newest.set(clientid, { seq, isOnline });
  }
  return [...newest].filter(([clientid, { isOnline }]) => isOnline && clientid !== "faithful")
    .map(([clientid]) => clientid);
};

/** No event has two ids, no client's sequence goes back, and its lifecycle came in order. */
const assertIdentities = (recorder: Recorder): void => {
  const ids = new Map<string, string>();
  const seqs = new Map<string, number>();
  for (const { id, seq, body } of recorder.answered) {
    if (body.action === "message_publish") {
      const payload = atob(String(body.payload));
      assert.equal(ids.get(payload) ?? id, id, `${payload} was told by two ids`);
      ids.set(payload, id);
    } else if (/^(client|session)_/.test(String(body.action))) {
      const clientid = String(body.clientid);
      const before = seqs.get(clientid) ?? 0;
      assert.ok(seq > before, `${clientid}: ${body.action} has ${seq} behind ${before}`);
      seqs.set(clientid, seq);
    }
  }
};
