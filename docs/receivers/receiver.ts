// A receiver in TypeScript: `deno run --allow-net=127.0.0.1 receiver.ts`, or `node receiver.ts` (22.18 on).
// A real one keeps #seen and #newest where it keeps the events, and writes all three in one transaction.
import { createServer } from "node:http";
import { argv } from "node:process";
import { text } from "node:stream/consumers";

const MOST_SEEN = 100_000;

class Events {
  readonly #seen = new Set<string>(); // the webhook-id of what was taken, oldest first
  readonly #newest = new Map<string, number>(); // by client: the webhook-seq of its latest presence

  take(id: string, seq: number, { action, ...event }: Record<string, unknown>): string {
    const client = JSON.stringify(event.clientid ?? event.from_clientid);
    if (this.#seen.has(id)) return `repeat ${action} ${client}`;
    this.#seen.add(id);
    const [oldest = id] = this.#seen;
    if (this.#seen.size > MOST_SEEN) this.#seen.delete(oldest);
    const isOnline = action === "client_connected";
    if (!isOnline && action !== "client_disconnected") return `event ${action} ${client}`;
    if (seq < (this.#newest.get(client) ?? 0)) return `stale ${action} ${client}`;
    this.#newest.set(client, seq);
    return `${isOnline ? "online" : "offline"} ${client}`;
  }
}

const EVENTS = new Events();

createServer(async (request, response) => {
  const { "webhook-id": id, "webhook-seq": seq, "webhook-test": test } = request.headers;
  const body = await text(request);
  // SIGNATURE: check `webhook-signature` here, and answer 401 where it is wrong.
  try {
    const event = JSON.parse(body);
    if (test !== "true") console.log(EVENTS.take(String(id), Number(seq), event));
    response.writeHead(204).end();
  } catch {
    response.writeHead(400).end();
  }
}).listen(Number(argv[2] ?? 5656), "127.0.0.1", () => console.log("ready"));
