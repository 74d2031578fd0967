/**
 * What hostile clients and hostile receivers cost a good client and a healthy URL: the way from PUBLISH to
 * POST and to PUBACK before and during each attack, what was lost (a POST that is missing ends the bench),
 * and the broker's memory at its highest.
 *
 *     deno task bench:attack [--quick] [--only TEXT]
 *
 * Default settings, but for the users and the URLs. Prints one table and writes bench/results/attack.json
 * (not when only a part is run).
 */
import { parseArgs } from "node:util";
import type { Latency } from "../delivery/measure.ts";
import { measureLatency } from "../delivery/measure.ts";
import { startBurst } from "../delivery/publishers.ts";
import { Receiver } from "../delivery/Receiver.ts";
import { peakBytes } from "../shared/processUsage.ts";
import { formatFigure, formatTable, writeResults } from "../shared/report.ts";
import { ServerProcess } from "../shared/ServerProcess.ts";
import { startCommand } from "../shared/startCommand.ts";
import type { Attack } from "./attacks.ts";
import { ATTACKS } from "./attacks.ts";
import { startHostileReceiver } from "./hostileReceiver.ts";

const { values: options } = parseArgs({
  args: Deno.args,
  options: { quick: { type: "boolean", default: false }, only: { type: "string" } },
});

const { quick } = options;
const RATE = 500;
const seconds = quick ? 1 : 6;
const warmUp = quick ? 300 : 5000;
/** Of "known", whose password nobody here says. */
const HASH =
  "$scrypt$ln=15,r=8,p=1$c29tZSBzYWx0IG9mIDE2YnRl$3q2+7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/** What one attack cost. */
interface Cost {
  readonly before: Latency;
  readonly during: Latency;
  readonly peakMegabytes: number;
}

const folder = await Deno.makeTempDir({ prefix: "hookline-bench-" });
const [healthy, others] = await Promise.all([Receiver.start("200"), Receiver.start("200")]);
const began = performance.now();
const COSTS = new Map<string, Cost>();
try {
  for (const attack of ATTACKS.filter(({ name }) => name.includes(options.only ?? ""))) {
    console.error(`${Math.round((performance.now() - began) / 1000)} s: ${attack.name}`);
    COSTS.set(attack.name, await costOf(attack));
  }
} finally {
  await Promise.all([healthy.stop(), others.stop()]);
  await Deno.remove(folder, { recursive: true });
}
console.log(formatTable(
  [
    quick ? "smoke run: not figures" : "attack; ms but for the last",
    "POST p99 before",
    "p50 during",
    "p99 during",
    "PUBACK p99 before",
    "during",
    "peak MB",
  ],
  [...COSTS].map(([name, { before, during, peakMegabytes }]) => [
    name,
    ...[before.p99, during.p50, during.p99, before.puback99, during.puback99, peakMegabytes].map(
      formatFigure,
    ),
  ]),
));
console.log(
  "\nLost: nothing, in any row; a POST that is missing, or that comes twice, ends the bench.",
);
if (!quick && options.only === undefined) {
  console.log(`\n${await writeResults("attack", Object.fromEntries(COSTS))}`);
}
Deno.exit(); // attackers' reads that are still pending end with it

/** By a fresh process. `measureLatency` rejects when a POST is missing, or comes twice. */
async function costOf(attack: Attack): Promise<Cost> {
  const hostile = await hostileUrl(attack);
  const server = await start(hostile.urls);
  const over = new AbortController();
  let attacking: Promise<void> = Promise.resolve();
  try {
    await healthy.begin({ timed: false });
    await (await startBurst(server.port, warmUp)).done;
    await healthy.until(warmUp);
    const before = await measureLatency(server, healthy, RATE * seconds, RATE);
    attacking = attack.run({ port: server.port, until: over.signal });
    await new Promise((resolve) => setTimeout(resolve, quick ? 200 : 3000)); // it is under way
    const during = await measureLatency(server, healthy, RATE * seconds, RATE);
    return { before, during, peakMegabytes: peakBytes(server.pid) / 1024 / 1024 };
  } finally {
    over.abort();
    await server.stop();
    await attacking;
    hostile.close();
  }
}

/** Where messages go beside the healthy URL. */
async function hostileUrl(
  { receiver }: Attack,
): Promise<{ readonly urls: ReadonlyArray<string>; readonly close: () => void }> {
  if (receiver === undefined) return { urls: [], close: () => {} };
  if (receiver !== "pipe without a reader") {
    const { url, close } = startHostileReceiver(receiver);
    return { urls: [url], close };
  }
  const pipe = `${folder}/pipe-${crypto.randomUUID()}`;
  const { success } = await new Deno.Command("mkfifo", { args: [pipe] }).output();
  if (!success) throw new Error("mkfifo failed");
  return { urls: [`file://${pipe}`], close: () => {} };
}

/** Hookline: the good client's messages to the healthy URL and the hostile one, all other events elsewhere. */
async function start(hostile: ReadonlyArray<string>): Promise<ServerProcess> {
  const brokerFile = `${folder}/broker.toml`;
  const webHookFile = `${folder}/web-hook.toml`;
  const user = `{ username = "known", password = "${HASH}" }`;
  await Deno.writeTextFile(
    brokerFile,
    `auth.users = [${user}]\n[listener.tcp.bench]\naddr = "127.0.0.1:0"\n`,
  );
  const elsewhere = [
    "client_connect",
    "session_created",
    "client_connack",
    "client_connected",
    "client_subscribe",
    "session_subscribed",
    "client_unsubscribe",
    "offline_message",
    "message_dropped",
    "client_disconnected",
    "session_terminated",
  ].map((event) => `${event} = [{ urls = [${JSON.stringify(others.url)}] }]`);
  const urls = JSON.stringify([healthy.url, ...hostile]);
  await Deno.writeTextFile(
    webHookFile,
    [
      "[rule]",
      `message_publish = [{ topics = ["bench/+/telemetry"], urls = ${urls} }]`,
      ...elsewhere,
    ]
      .join("\n"),
  );
  return ServerProcess.start(await startCommand(brokerFile, webHookFile));
}
