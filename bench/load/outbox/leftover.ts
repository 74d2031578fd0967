/** What is left on disk behind many events of which one a second waits long: everything is written, since nothing waits for an answer. */
import { publishFrame } from "../shared/mqttFrames.ts";
import { LoadClient } from "../shared/LoadClient.ts";
import { startBurst } from "../delivery/publishers.ts";
import { makeSubject } from "./subjects.ts";
import { bytesIn } from "./disk.ts";

export interface Leftover {
  /** Of the store's files, when all but the stragglers have been delivered. */
  readonly bytes: number;
  /** Of the bodies that wait. */
  readonly live: number;
  readonly stragglers: number;
}

/** Payload of a straggler: its body is told by it. */
const MARK = "straggler";
const BODY_MARK = btoa(MARK).slice(0, 12);
/** Large enough that what is live is more than an empty file. */
const STRAGGLER_BYTES = 16_384;
const BURST = 20_000;

export const measureLeftover = async (folder: string, events: number): Promise<Leftover> => {
  let delivered = 0;
  let live = 0;
  let stragglers = 0;
  const closing = new AbortController();
  const receiver = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, signal: closing.signal },
    async (request) => {
      const body = await request.text();
      if (!body.includes(BODY_MARK)) {
        delivered++;
        return new Response(null, { status: 204 });
      }
      live += body.length;
      stragglers++;
      return await new Promise<Response>(() => {}); // never
    },
  );
  const server = await makeSubject("none", folder).start({
    urls: [`http://127.0.0.1:${receiver.addr.port}/`],
    settings: [
      'outbox_delay = "0s"',
      'http_timeout = "1h"',
      "concurrency_limit = 1000",
    ],
  });
  try {
    const client = await LoadClient.open(server.port, "straggler");
    const payload = new TextEncoder().encode(MARK.padEnd(STRAGGLER_BYTES, "."));
    const straggle = setInterval(
      () => void client.write(publishFrame("bench/straggler", payload, { qos: 0 })),
      1000,
    );
    for (let published = 0; published < events; published += BURST) {
      await (await startBurst(server.port, BURST)).done;
    }
    clearInterval(straggle);
    while (delivered < events) await new Promise((resolve) => setTimeout(resolve, 50));
    await new Promise((resolve) => setTimeout(resolve, 3000)); // stragglers are written together each second
    const outbox = [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory);
    const bytes = Math.max(0, ...outbox.map(({ name }) => bytesIn(`${folder}/${name}`)));
    client.close();
    return { bytes, live, stragglers };
  } finally {
    await server.stop();
    closing.abort();
    await receiver.finished;
  }
};
