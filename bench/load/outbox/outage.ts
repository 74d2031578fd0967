/**
 * A receiver that is down for hours, beside one that is well: each event goes to both, the broker is killed in
 * the middle, and then the receiver comes back. What it costs, and whether all arrives.
 */
import { LoadClient } from "../shared/LoadClient.ts";
import { anonymousBytes } from "../shared/processUsage.ts";
import { freePort, ServerProcess } from "../shared/ServerProcess.ts";
import { startCommand } from "../shared/startCommand.ts";
import { measureLatency } from "../delivery/measure.ts";
import { startBurst } from "../delivery/publishers.ts";
import type { Receiver } from "../delivery/Receiver.ts";

export interface Outage {
  /** Resident bytes of the broker after the first tenth, and at their highest behind it. */
  readonly early: number;
  readonly highest: number;
  /** PUBLISH to POST at the URL that is well, p99 in milliseconds: before, and with all of the others waiting. */
  readonly p99Before: number;
  readonly p99During: number;
  /** Seconds from the receiver's return to the last event, and how many came. */
  readonly catchUp: number;
  readonly arrived: number;
  /** Arrived once more, with the id of the first time. */
  readonly repeated: number;
}

const BURST = 20_000;
const RATE = 2000;
const TIMED = 4000;
/** Nothing comes any more. */
const QUIET_MS = 10_000;

/** Returns when nothing has come to this receiver for two seconds. */
const untilCalm = async (receiver: Receiver): Promise<void> => {
  let before = -1;
  for (let { count } = await receiver.figures(); count !== before;) {
    before = count;
    await new Promise((resolve) => setTimeout(resolve, 2000));
    ({ count } = await receiver.figures());
  }
};

export const measureOutage = async (
  folder: string,
  healthy: Receiver,
  events: number,
): Promise<Outage> => {
  const port = freePort(); // nobody listens there until the end
  const [broker, webHook] = [`${folder}/outage-broker.toml`, `${folder}/outage-web-hook.toml`];
  await Deno.writeTextFile(broker, '[listener.tcp.bench]\naddr = "127.0.0.1:0"\n');
  await Deno.writeTextFile(
    webHook,
    [
      "worker_threads = 0",
      `http_urls = ["${healthy.url}", "http://127.0.0.1:${port}/"]`,
      'outbox = "disk"',
      `outbox_dir = "${folder}/outage"`,
      "rule.message_publish = [{}]",
      "",
    ].join("\n"),
  );
  const start = async () => ServerProcess.start(await startCommand(broker, webHook));
  let server = await start();
  let published = 0;
  let early = 0;
  let highest = 0;
  const publish = async (count: number) => {
    await healthy.begin({ timed: false });
    await (await startBurst(server.port, count)).done;
    await healthy.until(count);
    published += count;
    const bytes = anonymousBytes(server.pid);
    if (published >= events / 10 && early === 0) early = bytes;
    highest = Math.max(highest, bytes);
  };
  const timed = async () => {
    const { p99 } = await measureLatency(server, healthy, TIMED, RATE);
    published += TIMED;
    return p99;
  };
  await publish(BURST);
  const p99Before = await timed();
  while (published < events / 2) await publish(BURST);
  await server.stop(); // kill -9
  server = await start();
  await untilCalm(healthy); // what it had been sent and the disk had not heard of comes once more
  while (published < events - TIMED) await publish(BURST);
  const p99During = await timed();

  const ids = new Set<string>();
  let repeated = 0;
  let last = performance.now();
  const receiver = Deno.serve(
    { hostname: "127.0.0.1", port, onListen: () => {} },
    async (request) => {
      const id = request.headers.get("webhook-id") ?? "";
      if (ids.has(id)) repeated++;
      ids.add(id);
      last = performance.now();
      await request.arrayBuffer();
      return new Response(null, { status: 204 });
    },
  );
  const returned = performance.now();
  last = returned + 60_000; // its breaker may wait so long for a probe
  // A client's coming and going is no event here; it only shows that the broker is well.
  (await LoadClient.open(server.port, "still-there")).close();
  while (ids.size < published && performance.now() - last < QUIET_MS) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const catchUp = (last - returned) / 1000;
  highest = Math.max(highest, anonymousBytes(server.pid));
  await server.stop();
  await receiver.shutdown();
  if (ids.size !== published) throw new Error(`${ids.size} of ${published} events arrived`);
  return { early, highest, p99Before, p99During, catchUp, arrived: ids.size, repeated };
};
