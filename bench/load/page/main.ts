/**
 * What the API and open pages cost delivery, and what a page that stays open costs the browser and the broker.
 *
 *     deno task bench:page [--quick] [--only throughput|heap] [--minutes 30] [--events 60000] [--rounds 7] [--rate 5000]
 *
 * Throughput is of one broker without the API and of one with it: while nobody looks, while three readers ask
 * for what three pages ask for, and with three pages in Chromium on the same machine, whose own CPU time counts
 * against it then. Prints tables and writes bench/results/page.json (not when only a part is run).
 */
import { parseArgs } from "node:util";
import { Chromium } from "../../../tests/support/browser/Chromium.ts";
import type { Throughput } from "../delivery/measure.ts";
import { measureThroughput } from "../delivery/measure.ts";
import { publishSteadily, startBurst } from "../delivery/publishers.ts";
import { Receiver } from "../delivery/Receiver.ts";
import { anonymousBytes } from "../shared/processUsage.ts";
import { formatFigure, formatTable, writeResults } from "../shared/report.ts";
import { interleaved, medians } from "../shared/rounds.ts";
import { freePort, ServerProcess } from "../shared/ServerProcess.ts";
import { startCommand } from "../shared/startCommand.ts";

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    minutes: { type: "string" },
    events: { type: "string" },
    rounds: { type: "string" },
    rate: { type: "string" },
  },
});
const { quick } = options;
const rounds = Number(options.rounds ?? (quick ? 1 : 7));
const events = Number(options.events ?? (quick ? 3000 : 60_000));
const warmUps = quick ? 1 : 8;
const PAGES = 3;
const rate = Number(options.rate ?? 5000);
const minutes = Number(options.minutes ?? (quick ? 0.2 : 30));
const MB = 1024 * 1024;

const folder = await Deno.makeTempDir({ prefix: "hookline-bench-" });
const receiver = await Receiver.start("200");

interface Broker {
  readonly server: ServerProcess;
  /** Undefined: it has no API. */
  readonly api: string | undefined;
}

/** Delivery on the broker's own thread, so that each event's cost is seen whole. */
const startBroker = async (hasApi: boolean): Promise<Broker> => {
  const port = freePort();
  const api = hasApi ? `[http_api]\naddr = "127.0.0.1:${port}"\n` : "";
  const [brokerFile, webHookFile] = ["broker", "web-hook"].map((name) =>
    `${folder}/${port}-${name}.toml`
  );
  await Deno.writeTextFile(brokerFile!, `${api}[listener.tcp.bench]\naddr = "127.0.0.1:0"\n`); // two names, two files
  await Deno.writeTextFile(
    webHookFile!,
    [
      "worker_threads = 0",
      `http_urls = ["${receiver.url}"]`,
      'rule.message_publish = [{ action = "message_publish" }]',
      "",
    ].join("\n"),
  );
  const command = await startCommand(brokerFile!, webHookFile!);
  const server = await ServerProcess.start({
    ...command,
    port: /listener=bench .*addr=\S+?:(\d+)/,
  });
  return { server, api: hasApi ? `http://127.0.0.1:${port}` : undefined };
};

/** What looks on; answers how it ends. */
type Look = (api: string) => Promise<() => Promise<void>>;

const nobody: Look = () => Promise.resolve(() => Promise.resolve());

const readers: Look = async (api) => {
  const script = new URL("readers.ts", import.meta.url).pathname;
  const process = await ServerProcess.start({
    command: Deno.execPath(),
    args: ["run", "--quiet", "--no-prompt", "--allow-net", script, api, String(PAGES)],
    port: /reading on (\d)/,
  });
  return () => process.stop();
};

const pages: Look = async (api) => {
  const chromium = await Chromium.start();
  for (let n = 0; n < PAGES; n++) {
    const page = await chromium.page();
    await page.open(`${api}/`);
    await page.until(`document.querySelector("#line").dataset.state === "live"`);
  }
  return () => chromium.stop();
};

interface Subject {
  readonly name: string;
  readonly broker: Broker;
  readonly look: Look;
}

const throughput = async (): Promise<ReadonlyArray<readonly [string, Throughput]>> => {
  const without = await startBroker(false);
  const withApi = await startBroker(true);
  try {
    for (const { server } of [without, withApi]) {
      for (let n = 0; n < warmUps; n++) {
        await receiver.begin({ timed: false });
        await (await startBurst(server.port, events)).done;
        await receiver.until(events);
      }
    }
    const subjects: ReadonlyArray<Subject> = [
      { name: "no API", broker: without, look: nobody },
      { name: "API, nobody looks", broker: withApi, look: nobody },
      { name: `API, ${PAGES} readers`, broker: withApi, look: readers },
      { name: `API, ${PAGES} pages in Chromium`, broker: withApi, look: pages },
    ];
    const measured = await interleaved(subjects, rounds, async ({ broker, look }) => {
      const end = await look(broker.api ?? "");
      try {
        await measureThroughput(broker.server, receiver, events); // not told: the first behind another's is slower
        return await measureThroughput(broker.server, receiver, events);
      } finally {
        await end();
      }
    });
    return Array.from(measured, ([{ name }, all]) => [name, medians(all)] as const);
  } finally {
    await without.server.stop();
    await withApi.server.stop();
  }
};

/** Bytes after so many minutes. */
interface Heap {
  readonly minute: number;
  readonly page: number;
  readonly broker: number;
}

const heap = async (): Promise<ReadonlyArray<Heap>> => {
  const { server, api } = await startBroker(true);
  const chromium = await Chromium.start();
  try {
    const page = await chromium.page();
    await page.open(`${api}/`);
    const course: Array<Heap> = [];
    const publishing = publishSteadily(server.port, Math.ceil(rate * 60 * minutes), rate);
    let isOver = false;
    const over = publishing.finally(() => isOver = true);
    const begun = performance.now();
    const look = async () => {
      const minute = (performance.now() - begun) / 60_000;
      course.push({ minute, page: await page.heap(), broker: anonymousBytes(server.pid) });
      const { page: bytes, broker } = course.at(-1)!; // as was pushed
      console.error(
        `${minute.toFixed(1)} min: page ${formatFigure(bytes / MB)} MB, broker ${
          formatFigure(broker / MB)
        } MB`,
      );
    };
    while (!isOver) {
      await look();
      const pause = new Promise((resolve) =>
        setTimeout(resolve, Math.min(60, minutes * 15) * 1000)
      );
      await Promise.race([over, pause]);
    }
    await over;
    await look();
    return course;
  } finally {
    await chromium.stop();
    await server.stop();
  }
};

const wanted = (part: string) => options.only === undefined || options.only === part;
try {
  const figures = wanted("throughput") ? await throughput() : [];
  if (figures.length > 0) {
    const [, base] = figures[0]!; // there is one
    console.log(formatTable(
      ["", "events/s", "of no API's", "CPU us per event", "of no API's"],
      figures.map(([name, of]) => [
        name,
        formatFigure(of.perSecond),
        formatFigure(of.perSecond / base.perSecond),
        formatFigure(of.serverMicros),
        formatFigure(of.serverMicros / base.serverMicros),
      ]),
    ));
  }
  const course = wanted("heap") ? await heap() : [];
  if (course.length > 0) {
    console.log(`\na page at ${rate} events/s`);
    console.log(formatTable(
      ["minute", "heap of the page, MB", "memory of the broker, MB"],
      course.map(({ minute, page, broker }) => [
        minute.toFixed(1),
        formatFigure(page / MB),
        formatFigure(broker / MB),
      ]),
    ));
  }
  if (options.only === undefined && !quick) {
    console.log(`\n${await writeResults("page", { figures, course })}`);
  }
} finally {
  await receiver.stop();
  await Deno.remove(folder, { recursive: true });
}
