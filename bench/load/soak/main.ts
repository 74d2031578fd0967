/**
 * Memory over time: 1,000 messages a second by clients that stay, 150 clients a second that come once and never
 * again, and a receiver that fails for a minute in ten. All events must have arrived at the end.
 *
 *     deno task bench:soak [--minutes 60] [--workers N] [--before CHECKOUT]
 *
 * A line each minute. Writes bench/results/soak.json.
 */
import { parseArgs } from "node:util";
import { publishSteadily } from "../delivery/publishers.ts";
import { Receiver } from "../delivery/Receiver.ts";
import { heapUsed } from "../shared/inspector.ts";
import { LoadClient } from "../shared/LoadClient.ts";
import { DISCONNECT_FRAME } from "../shared/mqttFrames.ts";
import { openDescriptors, residentBytes, threadUsage } from "../shared/processUsage.ts";
import { writeResults } from "../shared/report.ts";
import { freePort, ServerProcess } from "../shared/ServerProcess.ts";
import { startCommand } from "../shared/startCommand.ts";

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    minutes: { type: "string", default: "60" },
    workers: { type: "string" },
    before: { type: "string" },
  },
});

const minutes = Number(options.minutes);
const MESSAGES_PER_SECOND = 1000;
const CONNECTS_PER_SECOND = 150;
/** The receiver fails in the last of so many minutes, but for the very last, in which all that waits arrives. */
const FAILS_EVERY = 10;
/** What is flat is so from this minute on. */
const FLAT_FROM = 10;

/** At the end of a minute. */
interface Sample {
  readonly minute: number;
  readonly residentMegabytes: number;
  /** Of the broker's thread. */
  readonly heapMegabytes: number;
  readonly descriptors: number;
  readonly threads: number;
}

const folder = await Deno.makeTempDir({ prefix: "hookline-bench-" });
const receiver = await Receiver.start("200");
const BROKER_FILE = `${folder}/broker.toml`;
const WEB_HOOK_FILE = `${folder}/web-hook.toml`;
await Deno.writeTextFile(BROKER_FILE, '[listener.tcp.bench]\naddr = "127.0.0.1:0"\n');
await Deno.writeTextFile(
  WEB_HOOK_FILE,
  [
    ...(options.workers === undefined ? [] : [`worker_threads = ${options.workers}`]),
    `http_urls = ["${receiver.url}"]`,
    'retry_max_elapsed_time = "10m"',
    ...["message_publish", "client_connected", "client_disconnected"].map((event) =>
      `rule.${event} = [{ action = "${event}" }]`
    ),
    "",
  ].join("\n"),
);
const inspector = freePort();
const server = await ServerProcess.start(
  await startCommand(BROKER_FILE, WEB_HOOK_FILE, options.before, [
    `--inspect=127.0.0.1:${inspector}`,
  ]),
);
try {
  const samples: Array<Sample> = [];
  let events = 0;
  for (let minute = 1; minute <= minutes; minute++) {
    await receiver.answer(minute % FAILS_EVERY === 0 && minute < minutes ? "500" : "200");
    const [published, connects] = await Promise.all([publish(), connect(minute)]);
    events += published + 2 * connects;
    samples.push(await sample(minute));
  }
  await arrived(events);
  const flat = samples.filter(({ minute }) => minute >= FLAT_FROM).map((one) =>
    one.residentMegabytes
  );
  const first = flat[0];
  if (first !== undefined) {
    const change = (Math.max(...flat) / first - 1) * 100;
    console.log(
      `from minute ${FLAT_FROM} on at most ${change.toFixed(1)} % above what it was then`,
    );
  }
  console.log(`all of ${events} events have arrived, once each`);
  console.log(await writeResults("soak", samples));
} finally {
  await server.stop();
  await receiver.stop();
  await Deno.remove(folder, { recursive: true });
}

/** A minute of messages; answers how many events they make. */
async function publish(): Promise<number> {
  const count = MESSAGES_PER_SECOND * 60;
  await publishSteadily(server.port, count, MESSAGES_PER_SECOND);
  return count + 2 * 20; // its clients come and go as well
}

/** A minute of clients that come once; answers how many. */
async function connect(minute: number): Promise<number> {
  const count = CONNECTS_PER_SECOND * 60;
  const began = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const n = next++;
      const wait = n * 1000 / CONNECTS_PER_SECOND - (performance.now() - began);
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      const client = await LoadClient.open(server.port, `soak-${minute}-${n}`);
      await client.write(DISCONNECT_FRAME);
      client.close();
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  return count;
}

async function sample(minute: number): Promise<Sample> {
  const one: Sample = {
    minute,
    residentMegabytes: residentBytes(server.pid) / 1e6,
    heapMegabytes: await heapUsed(inspector) / 1e6,
    descriptors: openDescriptors(server.pid),
    threads: threadUsage(server.pid).size,
  };
  const { residentMegabytes: rss, heapMegabytes: heap, descriptors, threads } = one;
  console.log(
    `${minute} min: ${rss.toFixed(0)} MB, heap ${
      heap.toFixed(0)
    } MB, ${descriptors} descriptors, ${threads} threads`,
  );
  return one;
}

/** Waits until all have come; more than that, or fewer for a minute, is an error. */
async function arrived(events: number): Promise<void> {
  let before = -1;
  for (let still = 0; still < 60;) {
    const { accepted } = await receiver.figures();
    if (accepted === events) return;
    if (accepted > events) throw new Error(`${accepted} POSTs were accepted of ${events} events`);
    still = accepted > before ? 0 : still + 1;
    before = accepted;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Error(`${before} of ${events} events came`);
}
