/**
 * What events cost that come now and then, and what an idle broker costs: Hookline with 0, 1 and 3 workers and
 * as it is by default, aedes with undici, and RMQTT where it is installed.
 *
 *     deno task bench:light [--quick] [--rounds 3] [--subjects rmqtt] [--before CHECKOUT]
 *
 * Each rate has a fresh process, which is measured twice: in its first seconds, while V8 still interprets most of
 * it, and in those after them. Prints one table and writes bench/results/light.json (not when only a part is
 * run).
 */
import { parseArgs } from "node:util";
import { publishSteadily } from "../delivery/publishers.ts";
import { Receiver } from "../delivery/Receiver.ts";
import type { Subject } from "../delivery/subjects.ts";
import { makeSubjects } from "../delivery/subjects.ts";
import { cpuMicros, residentBytes, threadUsage, usageBetween } from "../shared/processUsage.ts";
import { formatFigure, formatTable, writeResults } from "../shared/report.ts";
import { interleaved, median } from "../shared/rounds.ts";
import type { ServerProcess } from "../shared/ServerProcess.ts";

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    subjects: { type: "string" },
    before: { type: "string" },
  },
});

const { quick } = options;
const rounds = Number(options.rounds ?? (quick ? 1 : 3));
/** How long a broker is left alone after its start, and then watched. */
const settleMs = quick ? 1000 : 5000;
const idleMs = quick ? 1000 : 10_000;
/** Seconds of events at each rate. */
const seconds = quick ? 1 : 5;
const RATES = [200, 2000] as const;

/** Medians; absent: not measured by this round. */
interface Figures {
  idleMegabytes: number;
  /** Percent of a core. */
  idlePercent: number;
  idleWaits: number;
  [figureAtRate: `${number}/s${string}: ${string}`]: number;
}

const pause = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

const folder = await Deno.makeTempDir({ prefix: "hookline-bench-" });
const receiver = await Receiver.start("200");
const subjects = makeSubjects(folder, options.before)
  .filter(({ name }) => new RegExp(options.subjects ?? "").test(name));
try {
  const measured = await interleaved(subjects, rounds, measure);
  print(measured);
  if (!quick && options.subjects === undefined && options.before === undefined) {
    const all = Object.fromEntries([...measured].map(([{ name }, figures]) => [name, figures]));
    console.log(`\n${await writeResults("light", all)}`);
  }
} finally {
  await receiver.stop();
  await Deno.remove(folder, { recursive: true });
}

/** One round of one subject. */
async function measure(subject: Subject): Promise<Figures> {
  const figures: Partial<Figures> = {};
  for (const rate of RATES) {
    const server = await subject.start({ urls: [receiver.url] });
    try {
      await pause(settleMs);
      if (rate === RATES[0]) await measureIdle(server, figures);
      await measureRate(server, rate, "", figures);
      await measureRate(server, rate, `, after ${seconds} s`, figures);
    } finally {
      await server.stop();
    }
  }
  return figures as Figures; // all of them
}

async function measureIdle({ pid }: ServerProcess, figures: Partial<Figures>): Promise<void> {
  const before = threadUsage(pid);
  await pause(idleMs);
  const { micros, waits } = usageBetween(before, threadUsage(pid));
  figures.idleMegabytes = residentBytes(pid) / 1e6;
  figures.idlePercent = micros / idleMs / 10;
  figures.idleWaits = waits / idleMs * 1000;
}

async function measureRate(
  { pid, port }: ServerProcess,
  rate: number,
  when: string,
  figures: Partial<Figures>,
): Promise<void> {
  const name = `${rate}/s${when}` as const;
  const count = rate * seconds;
  await receiver.begin({ timed: true });
  const cpu = cpuMicros(pid);
  const before = threadUsage(pid);
  await publishSteadily(port, count, rate);
  const { p50, p99, p999 } = await receiver.until(count);
  const { waits } = usageBetween(before, threadUsage(pid));
  figures[`${name}: CPU µs per event`] = (cpuMicros(pid) - cpu) / count;
  figures[`${name}: waits per event`] = waits / count;
  figures[`${name}: p50, ms`] = p50 / 1000;
  figures[`${name}: p99, ms`] = p99 / 1000;
  figures[`${name}: p99.9, ms`] = p999 / 1000;
}

function print(measured: ReadonlyMap<Subject, ReadonlyArray<Figures>>): void {
  const titles: Readonly<Record<string, string>> = {
    idleMegabytes: "idle: MB resident",
    idlePercent: "% of a core",
    idleWaits: "waits per second",
  };
  const names = Object.keys([...measured.values()][0]![0]!) as ReadonlyArray<keyof Figures>; // there is a round
  console.log(
    formatTable(
      [
        quick ? "light load (smoke run: not figures)" : "light load",
        ...[...measured.keys()].map(({ name }) => name),
      ],
      names.map((figure) => [
        titles[figure] ?? String(figure),
        ...[...measured.values()].map((all) =>
          formatFigure(median(all.map((one) => one[figure] as number))) // Figures has numbers only
        ),
      ]),
    ),
  );
}
