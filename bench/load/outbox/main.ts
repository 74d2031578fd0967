/**
 * What durability costs: the outbox on disk, as safe as each `outbox_sync`, beside the outbox in memory in the
 * same run.
 *
 *     deno task bench:outbox [--quick] [--large] [--only throughput|latency|dead|idle|recovery|leftover|outage]
 *
 * `--large`: recovery of 3,000,000 events too. Prints tables and writes bench/results/outbox.json (not when
 * only a part is run).
 */
import { parseArgs } from "node:util";
import type { Latency, Throughput } from "../delivery/measure.ts";
import { measureLatency, measureThroughput } from "../delivery/measure.ts";
import { startBurst } from "../delivery/publishers.ts";
import { Receiver } from "../delivery/Receiver.ts";
import { cpuMicros } from "../shared/processUsage.ts";
import { formatFigure, formatTable, writeResults } from "../shared/report.ts";
import { interleaved, medians } from "../shared/rounds.ts";
import type { ServerProcess } from "../shared/ServerProcess.ts";
import { freePort } from "../shared/ServerProcess.ts";
import { syncTimes, wakeUps, writeCalls } from "./disk.ts";
import type { Leftover } from "./leftover.ts";
import { measureLeftover } from "./leftover.ts";
import type { Recovery } from "./recovery.ts";
import { measureRecovery } from "./recovery.ts";
import type { Outage } from "./outage.ts";
import { measureOutage } from "./outage.ts";
import { DURABILITIES, makeSubject } from "./subjects.ts";

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    quick: { type: "boolean", default: false },
    large: { type: "boolean", default: false },
    only: { type: "string" },
  },
});

const { quick } = options;
const rounds = quick ? 1 : 5;
const events = quick ? 3000 : 60_000;
const warmUps = quick ? 1 : 10;
const RATE = 2000;
const timedEvents = quick ? 500 : 10_000;
const idleSeconds = quick ? 1 : 10;
const leftEvents = quick ? 20_000 : 1_000_000;
const outageEvents = quick ? 60_000 : 1_000_000;
const recovered = quick ? [10_000] : options.large ? [300_000, 3_000_000] : [300_000];

/** What a process does while nothing happens, per second. */
interface Idle {
  readonly cpuMicros: number;
  readonly writeCalls: number;
  readonly wakeUps: number;
}

interface Figures {
  throughput?: Throughput;
  latency?: Latency;
  besideDead?: Latency;
  idle?: Idle;
}

const began = performance.now();
const wanted = (part: string) => options.only === undefined || options.only === part;
const folder = await Deno.makeTempDir({ prefix: "hookline-bench-" });
const subjects = DURABILITIES.map((durability) => makeSubject(durability, folder));
const FIGURES = new Map<string, Figures>(subjects.map(({ name }) => [name, {}]));
const receiver = await Receiver.start("200");
const RECOVERIES = new Map<number, Recovery>();
let leftover: Leftover | undefined;
let outage: Outage | undefined;
const sync = await syncTimes(folder, quick ? 50 : 500);
try {
  if (["throughput", "latency", "idle"].some(wanted)) await healthy();
  if (wanted("dead")) await besideDead();
  if (wanted("recovery")) {
    for (const count of recovered) {
      say(`recovery of ${formatFigure(count)}`);
      RECOVERIES.set(count, await measureRecovery(await Deno.makeTempDir({ dir: folder }), count));
    }
  }
  if (wanted("leftover")) {
    say("leftover");
    leftover = await measureLeftover(await Deno.makeTempDir({ dir: folder }), leftEvents);
  }
  if (wanted("outage")) {
    say("outage");
    outage = await measureOutage(await Deno.makeTempDir({ dir: folder }), receiver, outageEvents);
  }
  print();
} finally {
  await receiver.stop();
  await Deno.remove(folder, { recursive: true });
}
if (options.only === undefined && !quick) {
  const results = {
    sync,
    ...Object.fromEntries(FIGURES),
    recoveries: [...RECOVERIES],
    leftover,
    outage,
  };
  console.log(`\n${await writeResults("outbox", results)}`);
}
console.log(`\n${Math.round((performance.now() - began) / 1000)} s`);

function say(part: string): void {
  console.error(`${Math.round((performance.now() - began) / 1000)} s: ${part}`);
}

function figuresOf(name: string): Figures {
  return FIGURES.get(name) ?? {}; // each subject has its own
}

/** One process of each, which lives through all rounds. */
async function withServers(
  settings: { readonly urls: ReadonlyArray<string> },
  use: (servers: ReadonlyMap<string, ServerProcess>) => Promise<void>,
): Promise<void> {
  const servers = new Map<string, ServerProcess>();
  try {
    for (const subject of subjects) {
      const server = await subject.start(settings);
      servers.set(subject.name, server);
      for (let i = 0; i < warmUps; i++) {
        await receiver.begin({ timed: false });
        await (await startBurst(server.port, events)).done;
        await receiver.until(events);
      }
    }
    await use(servers);
  } finally {
    for (const server of servers.values()) await server.stop();
  }
}

async function healthy(): Promise<void> {
  await withServers({ urls: [receiver.url] }, async (servers) => {
    if (wanted("throughput")) {
      say("throughput");
      const measured = await interleaved([...servers], rounds, async ([, server]) => {
        await measureThroughput(server, receiver, events); // not told: the first behind another's is slower
        return measureThroughput(server, receiver, events);
      });
      for (const [[name], all] of measured) figuresOf(name).throughput = medians(all);
    }
    if (wanted("latency")) {
      say("latency");
      const measured = await interleaved(
        [...servers],
        rounds,
        ([, server]) => measureLatency(server, receiver, timedEvents, RATE),
      );
      for (const [[name], all] of measured) figuresOf(name).latency = medians(all);
    }
    if (wanted("idle")) {
      say("idle");
      for (const [name, server] of servers) figuresOf(name).idle = await measureIdle(server.pid);
    }
  });
}

async function measureIdle(pid: number): Promise<Idle> {
  const read = () => ({ cpu: cpuMicros(pid), calls: writeCalls(pid), wakes: wakeUps(pid) });
  const before = read();
  await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000));
  const after = read();
  return {
    cpuMicros: (after.cpu - before.cpu) / idleSeconds,
    writeCalls: (after.calls - before.calls) / idleSeconds,
    wakeUps: (after.wakes - before.wakes) / idleSeconds,
  };
}

/** Each message goes to a URL that refuses, too. */
async function besideDead(): Promise<void> {
  say("beside a dead URL");
  const dead = `http://127.0.0.1:${freePort()}/`;
  await withServers({ urls: [receiver.url, dead] }, async (servers) => {
    const measured = await interleaved(
      [...servers],
      rounds,
      ([, server]) => measureLatency(server, receiver, timedEvents, RATE),
    );
    for (const [[name], all] of measured) figuresOf(name).besideDead = medians(all);
  });
}

function print(): void {
  const memory = figuresOf("memory");
  const ratio = (value: number | undefined, of: number | undefined) =>
    value === undefined || of === undefined ? "" : formatFigure(value / of);
  const figure = (value: number | undefined) => value === undefined ? "" : formatFigure(value);
  const row = (title: string, cell: (figures: Figures) => string) => [
    title,
    ...subjects.map(({ name }) => cell(figuresOf(name))),
  ];
  const rows = [
    row("events/s", ({ throughput }) => figure(throughput?.perSecond)),
    row(
      "of memory's",
      ({ throughput }) => ratio(throughput?.perSecond, memory.throughput?.perSecond),
    ),
    row("CPU us per event", ({ throughput }) => figure(throughput?.serverMicros)),
    row("PUBLISH to POST p50, ms", ({ latency }) => figure(latency?.p50)),
    row("of memory's", ({ latency }) => ratio(latency?.p50, memory.latency?.p50)),
    row("PUBLISH to POST p99, ms", ({ latency }) => figure(latency?.p99)),
    row("of memory's", ({ latency }) => ratio(latency?.p99, memory.latency?.p99)),
    row("PUBLISH to PUBACK p99, ms", ({ latency }) => figure(latency?.puback99)),
    row("beside a dead URL: POST p99, ms", ({ besideDead }) => figure(besideDead?.p99)),
    row("of memory's", ({ besideDead }) => ratio(besideDead?.p99, memory.besideDead?.p99)),
    row("beside a dead URL: PUBACK p99, ms", ({ besideDead }) => figure(besideDead?.puback99)),
    row("idle: CPU us per second", ({ idle }) => figure(idle?.cpuMicros)),
    row("idle: write calls per second", ({ idle }) => figure(idle?.writeCalls)),
    row("idle: wake-ups per second", ({ idle }) => figure(idle?.wakeUps)),
  ];
  console.log(formatTable(["outbox", ...subjects.map(({ name }) => name)], rows));
  console.log(`\nfdatasync here: p50 ${figure(sync.p50)} ms, p99 ${figure(sync.p99)} ms`);
  for (const [count, { firstPost, empty, bytes }] of RECOVERIES) {
    console.log(
      `recovery of ${figure(count)}: ${figure(firstPost)} s to the first POST (of nothing: ` +
        `${figure(empty)} s), ${figure(bytes / 1024 / 1024)} MB`,
    );
  }
  if (leftover !== undefined) {
    const { bytes, live, stragglers } = leftover;
    console.log(
      `behind ${figure(leftEvents)} events: ${figure(bytes / 1024)} KB on disk for ` +
        `${figure(live / 1024)} KB of ${stragglers} stragglers (${figure(bytes / live)}x)`,
    );
  }
  if (outage !== undefined) {
    const { early, highest, p99Before, p99During, catchUp, arrived, repeated } = outage;
    const mb = (bytes: number) => figure(bytes / 1024 / 1024);
    console.log(
      `${figure(arrived)} events for a URL that is down, killed in between: ${
        mb(early)
      } MB after a ` +
        `tenth, ${mb(highest)} MB at most; p99 at the other URL ${
          figure(p99Before)
        } ms before and ` +
        `${figure(p99During)} ms with them; all there ${figure(catchUp)} s after it came back, ` +
        `${repeated} twice by the same id`,
    );
  }
}
