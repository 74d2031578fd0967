/**
 * The speed and memory of delivery, from PUBLISH to the answered POST, in one run: Hookline with 0, 1 and
 * 3 workers, aedes with undici, and the ceiling, a raw client that posts without a broker.
 *
 *     deno task bench:load [--quick] [--only throughput|latency|faults|queued|burst] [--subjects "0 workers"]
 *     deno task bench:load --batch|--signed [--quick] [--subjects "0 workers"]: what a table of `[[endpoint]]` changes
 *
 * Publishers (this process), broker and receiver are separate processes. Prints one table and writes
 * bench/results/delivery.json (not when only a part is run).
 */
import { parseArgs } from "node:util";
import { formatFigure, formatTable, writeResults } from "../shared/report.ts";
import { interleaved, medians } from "../shared/rounds.ts";
import type { ServerProcess } from "../shared/ServerProcess.ts";
import { freePort } from "../shared/ServerProcess.ts";
import type { BurstPace, Latency, Throughput } from "./measure.ts";
import {
  measureBurst,
  measureCeiling,
  measureIntake,
  measureLatency,
  measureQueued,
  measureThroughput,
} from "./measure.ts";
import { startBurst } from "./publishers.ts";
import { Receiver } from "./Receiver.ts";
import type { Subject } from "./subjects.ts";
import { BATCHED, makeSubjects, PEER_NAME, plainOf, shapedSubjects, SIGNED } from "./subjects.ts";

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    subjects: { type: "string" },
    before: { type: "string" },
    batch: { type: "boolean", default: false },
    signed: { type: "boolean", default: false },
  },
});

const { quick } = options;
/** What tables of `[[endpoint]]` change is measured, and nothing else. */
const shapes = options.batch ? BATCHED : options.signed ? SIGNED : undefined;
const rounds = quick ? 1 : 5;
const events = quick ? 3000 : 60_000;
/**
 * Times `events`: each of three workers compiles for itself. Not all at once, which would fill the memory
 * of aedes and undici and make them slower.
 */
const warmUps = quick ? 1 : 10;
const faultWarmUp = quick ? 500 : 5000;
const RATE = 2000;
const timedEvents = quick ? 500 : 5000;
const queuedEvents = quick ? 5000 : 300_000;
const burstEvents = quick ? 10_000 : 200_000;

/** Room for all of them before publishers are held, which is from 7/8 on; and no time-out meanwhile. */
const QUEUED_SETTINGS = [
  `queue_capacity = ${Math.ceil(queuedEvents * 8 / 7) + 8}`,
  "endpoint_share = 1.0",
  'http_timeout = "10m"',
];

/** What is wrong with the second URL. */
const FAULTS = ["refuses", "never answers", "answers 500"] as const;
type Fault = typeof FAULTS[number];

/** All figures of one subject. */
interface Figures {
  throughput?: Throughput;
  latency?: Latency;
  faults?: Partial<Record<Fault, Latency>>;
  queuedBytes?: number;
  intakeAlone?: number;
  burst?: BurstPace;
}

const began = performance.now();
const wanted = (part: string) => options.only === undefined || options.only === part;
const FIGURES = new Map<string, Figures>();
const figuresOf = (name: string): Figures => {
  const known = FIGURES.get(name) ?? {};
  FIGURES.set(name, known);
  return known;
};

const folder = await Deno.makeTempDir({ prefix: "hookline-bench-" });
const receiver = await Receiver.start("200");
try {
  const all = shapes !== undefined
    ? shapedSubjects(folder, shapes)
    : makeSubjects(folder, options.before);
  const subjects = all.filter(({ name }) => new RegExp(options.subjects ?? "").test(name));
  if (shapes !== undefined) await healthy(subjects);
  else if (wanted("throughput") || wanted("latency") || wanted("burst")) await healthy(subjects);
  if (shapes === undefined && wanted("faults")) await faulty(subjects);
  if (shapes === undefined && wanted("queued")) await queued(subjects);
  print(subjects);
} finally {
  await receiver.stop();
  await Deno.remove(folder, { recursive: true });
}
if (
  options.only === undefined && options.subjects === undefined &&
  options.before === undefined && !quick
) {
  const name = options.batch ? "batches" : options.signed ? "signed" : "delivery";
  console.log(`\n${await writeResults(name, Object.fromEntries(FIGURES))}`);
}
console.log(`\n${Math.round((performance.now() - began) / 1000)} s`);

function say(part: string): void {
  console.error(`${Math.round((performance.now() - began) / 1000)} s: ${part}`);
}

async function warm(server: ServerProcess, count: number): Promise<void> {
  await receiver.begin({ timed: false });
  await (await startBurst(server.port, count)).done;
  await receiver.until(count);
}

/** One URL, which answers at once; each subject's process lives through all rounds. */
async function healthy(subjects: ReadonlyArray<Subject>): Promise<void> {
  const servers = new Map<Subject, ServerProcess>();
  try {
    for (const subject of subjects) {
      const server = await subject.start({ urls: [receiver.url] });
      servers.set(subject, server);
      for (let i = 0; i < warmUps; i++) await warm(server, events);
    }
    if (wanted("throughput")) {
      say("throughput");
      await measureCeiling(receiver, warmUps * events);
      const measured = await interleaved(
        [...servers, ["ceiling", undefined] as const],
        rounds,
        // The first is not told: after the others' rounds each is some 10 % slower for half a second.
        async ([, server]) => {
          const measure = () =>
            server === undefined
              ? measureCeiling(receiver, events)
              : measureThroughput(server, receiver, events);
          await measure();
          return await measure();
        },
      );
      for (const [[subject], measurements] of measured) {
        figuresOf(subject === "ceiling" ? subject : subject.name).throughput = medians(
          measurements,
        );
      }
    }
    if (wanted("latency")) {
      say("latency");
      const measured = await interleaved(
        [...servers],
        rounds,
        ([, server]) => measureLatency(server, receiver, timedEvents, RATE),
      );
      for (const [[{ name }], measurements] of measured) {
        figuresOf(name).latency = medians(measurements);
      }
    }
    if (shapes === undefined && wanted("burst")) {
      say("burst");
      for (const [{ name }, server] of servers) {
        figuresOf(name).burst = await measureBurst(server, receiver, burstEvents);
      }
    }
  } finally {
    await Promise.all([...servers.values()].map((server) => server.stop()));
  }
}

/** A second URL that fails: each measurement by a fresh process, so that none has found it out before. */
async function faulty(subjects: ReadonlyArray<Subject>): Promise<void> {
  const silent = await Receiver.start("never");
  const broken = await Receiver.start("500");
  const urls: Readonly<Record<Fault, string>> = {
    "refuses": `http://127.0.0.1:${freePort()}/mqtt/webhook`,
    "never answers": silent.url,
    "answers 500": broken.url,
  };
  try {
    for (const fault of FAULTS) {
      say(`a second URL that ${fault}`);
      const measured = await interleaved(subjects, rounds, async (subject) => {
        const server = await subject.start({ urls: [receiver.url, urls[fault]] });
        try {
          await warm(server, faultWarmUp);
          return await measureLatency(server, receiver, timedEvents, RATE);
        } finally {
          await server.stop();
        }
      });
      for (const [{ name }, measurements] of measured) {
        (figuresOf(name).faults ??= {})[fault] = medians(measurements);
      }
    }
  } finally {
    await Promise.all([silent.stop(), broken.stop()]);
  }
}

/** A URL that never answers, and each time a fresh process, since memory remembers what went before. */
async function queued(subjects: ReadonlyArray<Subject>): Promise<void> {
  say("queued");
  const silent = await Receiver.start("never");
  try {
    for (const subject of subjects) {
      const measure = async (of: (server: ServerProcess) => Promise<number>) => {
        const server = await subject.start({ urls: [silent.url], settings: QUEUED_SETTINGS });
        try {
          return await of(server);
        } finally {
          await server.stop();
        }
      };
      const figures = figuresOf(subject.name);
      figures.queuedBytes = await measure((server) => measureQueued(server, queuedEvents));
      figures.intakeAlone = await measure((server) => measureIntake(server, queuedEvents));
    }
  } finally {
    await silent.stop();
  }
}

function print(subjects: ReadonlyArray<Subject>): void {
  const columns = [...subjects.map(({ name }) => name), "ceiling"];
  const throughputOf = (name: string) => FIGURES.get(name)?.throughput?.perSecond;
  const times = (figure: number | undefined, of: number | undefined) =>
    figure === undefined || of === undefined ? undefined : figure / of;
  type Row = readonly [string, (name: string) => number | undefined];
  const latencyRows = (title: string, of: (name: string) => Latency | undefined): Array<Row> => [
    [`PUBLISH to POST, ${title}: p50, ms`, (name) => of(name)?.p50],
    ["p99, ms", (name) => of(name)?.p99],
    ["PUBLISH to PUBACK p99, ms", (name) => of(name)?.puback99],
  ];
  const plain = (name: string) => FIGURES.get(plainOf(name))?.throughput;
  const SHAPE_ROWS: ReadonlyArray<Row> = [
    [
      "times without the table: events/s",
      (name) => times(throughputOf(name), plain(name)?.perSecond),
    ],
    [
      "CPU",
      (name) => times(FIGURES.get(name)?.throughput?.serverMicros, plain(name)?.serverMicros),
    ],
    ["events in one POST", (name) => FIGURES.get(name)?.throughput?.perPost],
  ];
  const rows: ReadonlyArray<Row> = [
    ["events/s delivered", throughputOf],
    [`times ${PEER_NAME}`, (name) => times(throughputOf(name), throughputOf(PEER_NAME))],
    ["part of the ceiling", (name) => times(throughputOf(name), throughputOf("ceiling"))],
    ["CPU µs per event, broker", (name) => FIGURES.get(name)?.throughput?.serverMicros],
    ...(shapes === undefined ? [] : SHAPE_ROWS),
    ["publishers", (name) => FIGURES.get(name)?.throughput?.loadMicros],
    ["receiver", (name) => FIGURES.get(name)?.throughput?.receiverMicros],
    ...latencyRows(`${RATE}/s`, (name) => FIGURES.get(name)?.latency),
    ...FAULTS.flatMap((fault) =>
      latencyRows(`a second URL ${fault}`, (name) => FIGURES.get(name)?.faults?.[fault])
    ),
    [
      `MB with ${queuedEvents} events queued`,
      (name) => times(FIGURES.get(name)?.queuedBytes, 1e6),
    ],
    [`burst of ${burstEvents}: accepted/s`, (name) => FIGURES.get(name)?.burst?.intake],
    [
      "times intake alone",
      (name) => times(FIGURES.get(name)?.burst?.intake, FIGURES.get(name)?.intakeAlone),
    ],
    ["delivered/s meanwhile", (name) => FIGURES.get(name)?.burst?.delivery],
    ["delivered/s afterwards", (name) => FIGURES.get(name)?.burst?.alone],
    [
      "slowest half second, times afterwards",
      (name) => times(FIGURES.get(name)?.burst?.slowest, FIGURES.get(name)?.burst?.alone),
    ],
  ];
  const measured = rows.filter(([, of]) => columns.some((name) => of(name) !== undefined));
  const cell = (figure: number | undefined) =>
    figure === undefined || !Number.isFinite(figure) ? "" : formatFigure(figure);
  console.log(
    formatTable(
      [quick ? "delivery (smoke run: not figures)" : "delivery", ...columns],
      measured.map(([title, of]) => [title, ...columns.map((name) => cell(of(name)))]),
    ),
  );
}
