/** The delivery engine against a real HTTP receiver, by both clients, on this thread and on workers. */
import assert from "node:assert/strict";
import * as Cause from "effect/Cause";
import * as Chunk from "effect/Chunk";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Logger from "effect/Logger";
import * as Redacted from "effect/Redacted";
import * as Scope from "effect/Scope";
import type { WebHookSettings } from "../../src/domain/WebHookSettings.ts";
import * as WebHook from "../../src/webhook/WebHook.ts";
import * as LocalExecutor from "../../src/webhook/attempt/LocalExecutor.ts";
import * as Senders from "../../src/webhook/attempt/Senders.ts";
import * as DemandExecutor from "../../src/webhook/worker/DemandExecutor.ts";
import * as WorkerExecutor from "../../src/webhook/worker/WorkerExecutor.ts";
import { testNeeding } from "../support/permissions.ts";
import { Receiver } from "../support/Receiver.ts";
import { ScriptedServer } from "../support/ScriptedServer.ts";
import {
  accountsBalance,
  connected,
  published,
  retryPolicy,
  rule,
  settingsOf,
} from "../unit/webhook/harness.ts";

type Make = (settings: WebHookSettings) => ReturnType<typeof WebHook.make>;

/** By workers from the first delivery on, where there are to be any. */
const makeEngine: Make = (settings) =>
  settings.workerThreads > 0
    ? WebHook.makeWith(settings, (context) => WorkerExecutor.make(context))
    : WebHook.make(settings);

/** Runs `use` with an engine and closes it, which delivers all that is queued; then answers its figures. */
const run = async (
  settings: WebHookSettings,
  use: (webhook: WebHook.WebHook) => void | Promise<void>,
  make: Make = makeEngine,
) => {
  const logs: Array<string> = [];
  const logger = Logger.make(({ message }) => void logs.push(String(message)));
  const scope = Effect.runSync(Scope.make());
  const runPromise = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.runPromise(Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger)));
  // All is delivered in the end: how long that takes is the machine's matter.
  const patient = { ...settings, shutdownTimeout: 600_000 };
  const webhook = await runPromise(Scope.extend(make(patient), scope));
  try {
    await use(webhook);
  } finally {
    await runPromise(Scope.close(scope, Exit.void));
  }
  return { ...webhook.metrics.snapshot(), logs };
};

const quick = { ...retryPolicy, initialInterval: 5 };

for (const workerThreads of [0, 2]) {
  for (const httpClient of ["pool", "fetch"] as const) {
    testNeeding(
      ["net", "read"],
      `WebHook delivers every event once it succeeds, ${httpClient}, ${workerThreads} workers`,
      async () => {
        await using receiver = Receiver.start();
        receiver.answer("/flaky", { _tag: "FailFirst", times: 10, status: 503 });
        const settings = settingsOf({
          workerThreads,
          httpClient,
          rules: [
            rule("message_publish", { urls: [receiver.url("/ok"), receiver.url("/flaky")] }),
            rule("client_connected", { urls: [receiver.url("/ok")] }),
          ],
          endpoint: { retry: quick, headers: [["x-key", Redacted.make("k")]] },
        });
        const { endpoints } = await run(settings, (webhook) => {
          for (let n = 0; n < 500; n++) {
            webhook.sink.emit(published(`c${n % 7}`, n));
            if (n % 10 === 0) webhook.sink.emit(connected(`c${n % 7}`, n));
          }
        });
        const [ok, flaky] = endpoints;
        assert.equal(ok!.total.delivered, 550);
        assert.equal(flaky!.total.delivered, 500);
        assert.equal(flaky!.attempts, 510);
        const bodies = receiver.requests.filter(({ path }) => path === "/ok");
        assert.equal(bodies.length, 550);
        assert.equal(bodies[0]!.headers.get("x-key"), "k");
        assert.equal(bodies[0]!.headers.get("content-type"), "application/json");
        // Lifecycle events of each client came in order.
        for (let c = 0; c < 7; c++) {
          const times = bodies.filter(({ body }) => body["clientid"] === `c${c}`).map((r) =>
            Number(r.body["connected_at"])
          );
          assert.deepEqual(times, times.toSorted((a, b) => a - b));
        }
      },
    );
  }
}

for (const httpClient of ["pool", "fetch"] as const) {
  testNeeding(
    ["net", "read"],
    `WebHook replaces a worker that dies and sends again what it held, by ${httpClient}`,
    async () => {
      await using receiver = Receiver.start();
      const settings = settingsOf({
        workerThreads: 2,
        httpClient,
        queueCapacity: 10_000,
        rules: [rule("message_publish", { urls: [receiver.url("/ok")] })],
      });
      const dying = new URL("../support/dyingWorker.ts?parcel=2", import.meta.url);
      const { endpoints, workers_lost, logs } = await run(
        settings,
        (webhook) => {
          for (let n = 0; n < 600; n++) webhook.sink.emit(published("c", n));
        },
        (settings) => WebHook.makeWith(settings, (context) => WorkerExecutor.make(context, dying)),
      );
      assert.ok(workers_lost >= 2, `${workers_lost} workers died`);
      assert.ok(logs.some((line) => line.startsWith("delivery worker died, is replaced")));
      assert.equal(endpoints[0]!.total.delivered, 600);
      const ids = receiver.requests.map(({ headers }) => headers.get("webhook-id"));
      assert.equal(new Set(ids).size, 600);
    },
  );
}

testNeeding(
  ["net", "read"],
  "WebHook keeps each client's order and loses nothing while deliveries go from this thread to workers and back",
  async () => {
    await using receiver = Receiver.start();
    const settings = settingsOf({
      workerThreads: 2,
      ordering: "client",
      queueCapacity: 10_000,
      rules: [rule("message_publish", { urls: [receiver.url("/ok")] })],
    });
    let isBusy = true;
    const spent = { thread: 0, process: 0 };
    let asked = performance.now();
    const used = () => {
      const now = performance.now();
      spent.thread += (now - asked) * (isBusy ? 0.9 : 0);
      spent.process = spent.thread;
      asked = now;
      return { ...spent };
    };
    const logs: Array<string> = [];
    const emitUntil = async (webhook: WebHook.WebHook, until: () => boolean) => {
      const deadline = performance.now() + 60_000;
      for (let n = 0; !until(); n++) {
        assert.ok(performance.now() < deadline, logs.join());
        for (let c = 0; c < 7; c++) webhook.sink.emit(published(`c${c}`, sent++));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    let sent = 0;
    const figures = await run(
      settings,
      async (webhook) => {
        await emitUntil(webhook, () => logs.includes("start"));
        for (let n = 0; n < 50; n++) {
          for (let c = 0; c < 7; c++) webhook.sink.emit(published(`c${c}`, sent++));
        }
        isBusy = false;
        await emitUntil(webhook, () => logs.includes("end"));
        for (let c = 0; c < 7; c++) webhook.sink.emit(published(`c${c}`, sent++));
      },
      (settings) =>
        WebHook.makeWith(settings, (context) =>
          Effect.gen(function* () {
            const senders = yield* Senders.make("pool", context.idPrefix);
            return yield* DemandExecutor.make({
              context,
              local: yield* LocalExecutor.make(senders),
              startWorkers: Effect.tap(
                WorkerExecutor.make(context),
                () =>
                  Effect.acquireRelease(
                    Effect.sync(() => void logs.push("start")),
                    () => Effect.sync(() => void logs.push("end")),
                  ),
              ),
              onTakes: context.onTakes,
              used,
              calmLooks: 2,
            });
          })),
    );
    assert.equal(figures.endpoints[0]!.total.delivered, sent);
    assert.equal(figures.endpoints[0]!.attempts, sent);
    const last = new Map<string, number>();
    for (const { body } of receiver.requests) {
      const { from_clientid: client, packet_id } = body as Record<string, string>;
      const n = Number(packet_id);
      assert.ok(n > (last.get(client!) ?? -1), `${client}: ${n} after ${last.get(client!)}`);
      last.set(client!, n);
    }
    assert.equal(receiver.requests.length, sent);
  },
);

testNeeding(
  ["net", "read"],
  "WebHook keeps concurrency_limit, and a URL that hangs keeps it from nobody, though workers have more at hand",
  async () => {
    await using receiver = Receiver.start();
    receiver.answer("/hang", { _tag: "Hang" });
    const settings = settingsOf({
      workerThreads: 2,
      concurrencyLimit: 6,
      rules: [
        rule("message_publish", { urls: [receiver.url("/hang")] }),
        rule("client_connected", { urls: [receiver.url("/ok")] }),
      ],
    });
    const hanging = () => receiver.matching(({ path }) => path === "/hang").length;
    const { endpoints } = await run(settings, async (webhook) => {
      for (let n = 0; n < 40; n++) webhook.sink.emit(published("c", n));
      // Of each worker's three permits one is for the other URL.
      await receiver.waitFor(({ path }) => path === "/hang", { count: 4 });
      for (let n = 0; n < 40; n++) webhook.sink.emit(connected(`c${n}`, n));
      await receiver.waitFor(({ path }) => path === "/ok", { count: 40 });
      assert.equal(hanging(), 4);
      assert.equal(webhook.metrics.snapshot().endpoints[0]!.total.in_flight, 36); // of 48
      receiver.answer("/hang", { _tag: "Status", status: 200 });
    });
    assert.deepEqual(endpoints.map(({ total }) => total.delivered), [40, 40]);
    assert.equal(hanging(), 40);
  },
);

for (const workerThreads of [0, 2]) {
  testNeeding(
    ["net", "read"],
    `WebHook.reload raises and lowers concurrency_limit, with ${workerThreads} workers`,
    async () => {
      await using receiver = Receiver.start();
      receiver.answer("/", { _tag: "Hang" });
      const of = (concurrencyLimit: number) =>
        settingsOf({
          workerThreads,
          concurrencyLimit,
          endpoint: { concurrencyLimit: 100 },
          rules: [rule("message_publish", { urls: [receiver.url("/")] })],
        });
      const received = () => receiver.requests.length;
      const { endpoints } = await run(of(2), async (webhook) => {
        const reload = async (limit: number) =>
          assert.deepEqual(await Effect.runPromise(webhook.reload(of(limit))), []);
        for (let n = 0; n < 40; n++) webhook.sink.emit(published(`c${n}`, n));
        await receiver.waitFor({}, { count: 2 });
        await reload(9);
        await receiver.waitFor({}, { count: 9 });
        await reload(2);
        // Of the nine that hang seven are answered; the two others were the first of each worker.
        receiver.answer("/", { _tag: "HangFirst", times: 2 });
        const delivered = () => webhook.metrics.snapshot().endpoints[0]?.total.delivered;
        while (delivered() !== 7) await new Promise((resolve) => setTimeout(resolve));
        assert.equal(received(), 9); // two still hang
        receiver.answer("/", { _tag: "Status", status: 200 });
        await receiver.waitFor({}, { count: 40 });
      });
      assert.equal(endpoints[0]!.total.delivered, 40);
    },
  );
}

testNeeding(
  ["net", "read"],
  "WebHook keeps a permit for each URL beside one that hangs, though a worker has fewer permits than URLs",
  async () => {
    await using receiver = Receiver.start();
    receiver.answer("/hang", { _tag: "Hang" });
    const others = ["/a", "/b", "/c", "/d"];
    const settings = settingsOf({
      workerThreads: 3,
      concurrencyLimit: 9,
      rules: [
        rule("message_publish", { topics: ["hang"], urls: [receiver.url("/hang")] }),
        rule("message_publish", {
          topics: ["ok"],
          urls: others.map((path) => receiver.url(path)),
        }),
      ],
    });
    await run(settings, async (webhook) => {
      for (let n = 0; n < 40; n++) webhook.sink.emit(published("c", n, "hang"));
      await receiver.waitFor(({ path }) => path === "/hang", { count: 5 });
      for (let n = 0; n < 10; n++) webhook.sink.emit(published("c", n, "ok"));
      for (const other of others) {
        await receiver.waitFor(({ path }) => path === other, { count: 10 });
      }
      receiver.answer("/hang", { _tag: "Status", status: 200 });
    });
  },
);

testNeeding(
  ["net", "read"],
  "WebHook takes back from workers what is not on its way when the breaker opens",
  async () => {
    await using receiver = Receiver.start();
    receiver.answer("/flaky", { _tag: "FailFirst", times: 30, status: 500 });
    const settings = settingsOf({
      workerThreads: 1,
      concurrencyLimit: 4,
      breakerFailures: 2,
      rules: [rule("message_publish", { urls: [receiver.url("/flaky")] })],
      endpoint: { retry: { ...quick, maxInterval: 5 } },
    });
    const { endpoints: [flaky] } = await run(settings, (webhook) => {
      for (let n = 0; n < 100; n++) webhook.sink.emit(published("c", n));
    });
    assert.equal(flaky!.total.delivered, 100);
    assert.equal(flaky!.attempts, receiver.requests.length); // what came back was no attempt
    assert.equal(receiver.requests.length, 130);
  },
);

const UNSTARTABLE: ReadonlyArray<readonly [string, string, RegExp]> = [
  ["cannot be loaded", "./no-such.ts", /./],
  ["dies by a defect", "../support/muteWorker.ts", /this worker cannot speak/],
];
for (const [what, module, detail] of UNSTARTABLE) {
  testNeeding(["net", "read"], `WebHook does not start when a worker ${what}`, async () => {
    const made = await Effect.runPromiseExit(
      Effect.scoped(
        WebHook.makeWith(
          settingsOf({ workerThreads: 1 }),
          (context) => WorkerExecutor.make(context, new URL(module, import.meta.url)),
        ),
      ),
    );
    assert.ok(Exit.isFailure(made));
    assert.equal(Chunk.size(Cause.defects(made.cause)), 0); // nor does its end fail
    assert.match(String(made), /WorkerStartError/);
    assert.match(String(made), detail);
  });
}

testNeeding(
  ["read", "write"],
  "WebHook appends one JSON line per event to a file, in order, and opens it anew when told",
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/sub/events.jsonl`;
      const settings = settingsOf({
        queueCapacity: 10_000,
        rules: [rule("message_publish", { urls: [new URL(`file://${path}`).href] })],
      });
      const { endpoints } = await run(settings, async (webhook) => {
        for (let n = 0; n < 1_000; n++) webhook.sink.emit(published("c", n));
        while (webhook.metrics.snapshot().backlog > 0) await new Promise(setImmediate);
        await Deno.rename(path, `${path}.1`);
        await Effect.runPromise(webhook.reopenFiles);
        for (let n = 1_000; n < 1_500; n++) webhook.sink.emit(published("c", n));
      });
      const lines = (text: string) =>
        text.trimEnd().split("\n").map((line) => Number(JSON.parse(line)["packet_id"]));
      const rotated = lines(await Deno.readTextFile(`${path}.1`));
      const current = lines(await Deno.readTextFile(path));
      assert.deepEqual([...rotated, ...current], Array.from({ length: 1_500 }, (_, n) => n));
      assert.equal(rotated.length, 1_000);
      assert.equal(endpoints[0]!.total.delivered, 1_500);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

testNeeding(
  ["read", "write"],
  "WebHook repeats lines that could not be written, and keeps their order",
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/blocked`, ""); // a file where a folder should be
      const url = new URL(`file://${folder}/blocked/events.jsonl`).href;
      const settings = settingsOf({
        breakerFailures: 10_000,
        rules: [rule("message_publish", { urls: [url] })],
        endpoint: { retry: { ...quick, maxInterval: 20 } },
      });
      const { endpoints } = await run(settings, async (webhook) => {
        for (let n = 0; n < 100; n++) {
          webhook.sink.emit(published("c", n));
          if (n % 10 === 0) await new Promise(setImmediate);
        }
        while (webhook.metrics.snapshot().endpoints[0]!.attempts < 150) {
          await new Promise(setImmediate);
        }
        await Deno.remove(`${folder}/blocked`);
      });
      assert.equal(endpoints[0]!.total.delivered, 100);
      const text = await Deno.readTextFile(`${folder}/blocked/events.jsonl`);
      const ids = text.trimEnd().split("\n").map((line) => JSON.parse(line)["packet_id"]);
      assert.deepEqual(ids, Array.from({ length: 100 }, (_, n) => String(n)));
      assert.ok(accountsBalance({ endpoints } as never)); // the endpoints are all it reads
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

for (const workerThreads of [0, 2]) {
  for (const [httpClient, kind] of [["pool", "chunks"], ["fetch", "body"]] as const) {
    testNeeding(
      ["net", "read"],
      `WebHook delivers by the status of answers with broken chunks, says so once and counts them, ${httpClient}, ${workerThreads} workers`,
      async () => {
        const server = await ScriptedServer.listen(async (peer) => {
          const request = await peer.request();
          // The payload of one event, which is refused.
          const status = request?.includes('"AQ=="') === true ? 404 : 200;
          await peer.say(
            `HTTP/1.1 ${status} X\r\ntransfer-encoding: chunked\r\n\r\nno size\r\n`,
          );
          await peer.gone();
        });
        const settings = settingsOf({
          workerThreads,
          httpClient,
          rules: [
            rule("message_publish", { urls: [`http://127.0.0.1:${server.port}/hook`] }),
          ],
        });
        const { endpoints, logs } = await run(settings, (webhook) => {
          for (let n = 0; n < 20; n++) webhook.sink.emit(published("c", n));
        });
        await server.close();
        const [{ total, attempts, answer_faults } = assert.fail()] = endpoints;
        assert.deepEqual(
          { delivered: total.delivered, failed: total.failed, attempts, answer_faults },
          {
            delivered: 19,
            failed: { status_404: 1 },
            attempts: 20,
            answer_faults: { [kind]: 20 },
          },
        );
        assert.equal(server.requests, 20);
        assert.equal(logs.filter((line) => line.startsWith("a faulty answer: ")).length, 1);
      },
    );
  }
}
