/**
 * Whether a URL that fails slows another one down: the way from PUBLISH to POST of a healthy URL, alone and
 * beside one that refuses, never answers, or answers 500, at 2,000 events/s.
 *
 *     deno task bench:isolation [--quick]
 *
 * Prints one table and writes bench/results/isolation.json (not with --quick).
 */
import { parseArgs } from "node:util";
import type { Latency } from "../delivery/measure.ts";
import { measureLatency } from "../delivery/measure.ts";
import { startBurst } from "../delivery/publishers.ts";
import type { Answer } from "../delivery/Receiver.ts";
import { Receiver } from "../delivery/Receiver.ts";
import type { Subject } from "../delivery/subjects.ts";
import { makeSubjects } from "../delivery/subjects.ts";
import { formatFigure, formatTable, writeResults } from "../shared/report.ts";
import { interleaved, median } from "../shared/rounds.ts";
import { freePort } from "../shared/ServerProcess.ts";

const { values: { quick } } = parseArgs({
  args: Deno.args,
  options: { quick: { type: "boolean", default: false } },
});

const RATE = 2000;
const seconds = quick ? 1 : 10;
const rounds = quick ? 1 : 3;
const warmUp = quick ? 500 : 5000;

/**
 * The failing URL fills its share of it (20,000) within the measurement and its oldest events are dropped,
 * which is a part of what it costs. It holds what comes in until `http_timeout` tells a URL that never
 * answers from a slow one, 8 s: until then a full queue would hold publishers, as it should.
 */
const SETTINGS = ["queue_capacity = 40_000"];

/** What stands beside the healthy URL; the first is what the others are compared with. */
const BESIDE = ["nothing", "one that refuses", "one that never answers", "one that answers 500"];

const began = performance.now();
const folder = await Deno.makeTempDir({ prefix: "hookline-bench-" });
const receivers = await Promise.all(
  (["200", "never", "500"] as const satisfies Answer[]).map(Receiver.start),
);
const [healthy, silent, broken] = receivers as [Receiver, Receiver, Receiver]; // of three answers
try {
  const urls = [[], [`http://127.0.0.1:${freePort()}/`], [silent.url], [broken.url]];
  const subjects = makeSubjects(folder).filter(({ name }) => /hookline, [03] /.test(name));
  const cases = subjects.flatMap((subject) => urls.map((failing) => ({ subject, failing })));
  const measured = [...await interleaved(cases, rounds, measure)];
  const rows = subjects.map(({ name }) => {
    const latencies = measured.filter(([{ subject }]) => subject.name === name).map(([, all]) =>
      all
    );
    const of = (figure: keyof Latency) =>
      latencies.map((all) => median(all.map((latency) => latency[figure])));
    return { name, p50: of("p50"), p99: of("p99"), puback99: of("puback99") };
  });
  const cells = (figures: ReadonlyArray<number>) => figures.map(formatFigure);
  console.log(
    formatTable(
      [quick ? "smoke run: not figures" : "beside the healthy URL", ...BESIDE],
      rows.flatMap(({ name, p50, p99, puback99 }) => [
        [`${name}: PUBLISH to POST p50, ms`, ...cells(p50)],
        ["p99, ms", ...cells(p99)],
        ["p99, times alone", ...cells(p99.map((one) => one / p99[0]!))], // alone is the first
        ["PUBLISH to PUBACK p99, ms", ...cells(puback99)],
      ]),
    ),
  );
  if (!quick) console.log(`\n${await writeResults("isolation", { beside: BESIDE, rows })}`);
} finally {
  await Promise.all(receivers.map((receiver) => receiver.stop()));
  await Deno.remove(folder, { recursive: true });
}
console.log(`\n${Math.round((performance.now() - began) / 1000)} s`);

/** By a fresh process, so that the failing URL goes through all that it goes through. */
async function measure(
  { subject, failing }: { readonly subject: Subject; readonly failing: ReadonlyArray<string> },
): Promise<Latency> {
  const server = await subject.start({ urls: [healthy.url, ...failing], settings: SETTINGS });
  try {
    await healthy.begin({ timed: false });
    await (await startBurst(server.port, warmUp)).done;
    await healthy.until(warmUp);
    return await measureLatency(server, healthy, RATE * seconds, RATE);
  } finally {
    await server.stop();
  }
}
