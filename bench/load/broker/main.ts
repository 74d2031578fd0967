/**
 * The broker's speed and memory beside its peers', in one run: messages per second and CPU time per
 * message, connects per second, memory per idle connection, subscription and retained message, and the
 * cost of routing by the number of subscriptions that do not match.
 *
 *     deno task bench:broker [--quick] [--only traffic|connects|routing|memory] [--peers hookline,aedes]
 *
 * Prints tables and writes bench/results/broker.json (not when only a part is run).
 */
import { parseArgs } from "node:util";
import { formatFigure, formatTable, writeResults } from "../shared/report.ts";
import { interleaved, medians } from "../shared/rounds.ts";
import type { ServerProcess } from "../shared/ServerProcess.ts";
import { measureConnects } from "./connects.ts";
import type { MemoryProbe } from "./memory.ts";
import {
  bytesPerConnection,
  bytesPerRetained,
  bytesPerSubscription,
  startProbe,
  subscribeMany,
} from "./memory.ts";
import type { Peer } from "./peers.ts";
import { findPeers } from "./peers.ts";
import type { Throughput, TrafficShape } from "./traffic.ts";
import { measureTraffic } from "./traffic.ts";

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    peers: { type: "string" },
    before: { type: "string" },
  },
});

const PARTS = ["traffic", "connects", "routing", "memory"];
if (options.only !== undefined && !PARTS.includes(options.only)) {
  console.error(`--only ${options.only}: there are ${PARTS.join(", ")}`);
  Deno.exit(64); // EX_USAGE
}

const { quick } = options;
const rounds = quick ? 1 : 5;
const milliseconds = quick ? 200 : 800;
const connects = quick ? 300 : 4000;
const connections = quick ? 500 : 10_000;
const things = quick ? 5000 : 100_000;
const nonMatching = quick ? [1, 1000] : [1, 1000, 100_000];

const SHAPES: ReadonlyArray<readonly [name: string, TrafficShape]> = [
  ["QoS 0, 10 pairs", { publishers: 10, subscribers: 1, qos: 0, window: 256 }],
  ["QoS 1, 10 pairs", { publishers: 10, subscribers: 1, qos: 1, window: 256 }],
  ["QoS 0, 1 to 100", { publishers: 1, subscribers: 100, qos: 0, window: 64 }],
  ["QoS 1, 1 to 100", { publishers: 1, subscribers: 100, qos: 1, window: 64 }],
];

/** Figures by what was measured, then by peer. */
type Figures = Record<string, Record<string, Throughput | { readonly bytes: number }>>;

const figures: Figures = {};

const started = performance.now();
const folder = await Deno.makeTempDir({ prefix: "hookline-bench-" });
try {
  const named = options.peers?.split(",");
  const peers = (await findPeers(folder, options.before)).filter(({ name }) =>
    named?.includes(name) ?? true
  );
  const wanted = (part: string) => options.only === undefined || options.only === part;
  if (wanted("traffic") || wanted("connects")) await throughputs(peers, wanted);
  if (wanted("routing")) await routing(peers);
  if (wanted("memory")) await memory(peers);
} finally {
  await Deno.remove(folder, { recursive: true });
}
if (
  options.only === undefined && options.peers === undefined && options.before === undefined &&
  !quick
) {
  console.log(`\n${await writeResults("broker", figures)}`);
}
console.log(`\n${Math.round((performance.now() - started) / 1000)} s`);

async function withServers(
  peers: ReadonlyArray<Peer>,
  use: (servers: ReadonlyMap<Peer, ServerProcess>) => Promise<void>,
): Promise<void> {
  const servers = new Map<Peer, ServerProcess>();
  try {
    for (const peer of peers) servers.set(peer, await peer.start([]));
    await use(servers);
  } finally {
    await Promise.all([...servers.values()].map((server) => server.stop()));
  }
}

/** Prints one table: a row for each thing measured, the peers side by side. */
function print(title: string, peers: ReadonlyArray<Peer>, rows: ReadonlyArray<string>): void {
  const cell = (figure: Figures[string][string] | undefined): ReadonlyArray<string> => {
    if (figure === undefined) return ["", ""];
    return "bytes" in figure
      ? [formatFigure(figure.bytes)]
      : [formatFigure(figure.perSecond), formatFigure(figure.serverMicros)];
  };
  const isMemory = Object.values(figures[rows[0]!]!).some((figure) => "bytes" in figure); // printed when measured
  const head = peers.flatMap(({ name }) => isMemory ? [name] : [`${name}/s`, "CPU µs"]);
  console.log(`\n${
    formatTable(
      [title, ...head],
      rows.map((row) => [
        row,
        ...peers.flatMap(({ name }) => cell(figures[row]?.[name])),
      ]),
    )
  }`);
}

async function compare(
  servers: ReadonlyMap<Peer, ServerProcess>,
  row: string,
  measure: (server: ServerProcess) => Promise<Throughput>,
  times = rounds,
): Promise<void> {
  const measured = await interleaved([...servers], times, ([, server]) => measure(server));
  figures[row] = Object.fromEntries(
    [...measured].map(([[peer], measurements]) => [peer.name, medians(measurements)]),
  );
}

async function throughputs(
  peers: ReadonlyArray<Peer>,
  wanted: (part: string) => boolean,
): Promise<void> {
  await withServers(peers, async (servers) => {
    const traffic = wanted("traffic") ? SHAPES : [];
    for (const [name, shape] of traffic) {
      await compare(servers, name, (server) => measureTraffic(server, shape, milliseconds));
    }
    if (wanted("connects")) {
      await compare(servers, "connects", (server) => measureConnects(server, connects));
    }
    const rows = [...traffic.map(([name]) => name), ...(wanted("connects") ? ["connects"] : [])];
    print("throughput", peers, rows);
  });
}

/** Ten pairs, beside more and more subscriptions that match nothing. */
async function routing(peers: ReadonlyArray<Peer>): Promise<void> {
  const [, shape] = SHAPES[0]!; // there are four
  await withServers(peers, async (servers) => {
    const rows: Array<string> = [];
    let there = 0;
    for (const count of nonMatching) {
      for (const { port } of servers.values()) await subscribeMany(port, there, count);
      there = count;
      const row = `QoS 0, ${count.toLocaleString("en-US")} others`;
      rows.push(row);
      await compare(
        servers,
        row,
        (server) => measureTraffic(server, shape, milliseconds),
        Math.min(rounds, 3),
      );
    }
    print("beside subscriptions that do not match", peers, rows);
  });
}

async function memory(peers: ReadonlyArray<Peer>): Promise<void> {
  const kinds: ReadonlyArray<
    readonly [row: string, count: number, (probe: MemoryProbe, count: number) => Promise<number>]
  > = [
    ["idle connection", connections, bytesPerConnection],
    ["subscription", things, bytesPerSubscription],
    ["retained message", things, bytesPerRetained],
  ];
  for (const [row, count, measure] of kinds) {
    const byPeer: Record<string, { readonly bytes: number }> = {};
    for (const peer of peers) {
      const probe = await startProbe(peer);
      try {
        byPeer[peer.name] = { bytes: await measure(probe, count) };
      } finally {
        await probe.server.stop();
      }
    }
    figures[row] = byPeer;
  }
  print("bytes of memory for each", peers, kinds.map(([row]) => row));
}
