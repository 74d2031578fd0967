// A receiver in TypeScript, on Deno 2 or on Node from 22.18 on. WEBHOOK_SECRET: one of the URL's signing_secrets;
// without it nobody's signature is asked for.
// A real one keeps #seen and #newest where it keeps the events, and writes all three in one transaction.
import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { createServer } from "node:http";
import { argv, env } from "node:process";
import { buffer } from "node:stream/consumers";

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
const KEY = env.WEBHOOK_SECRET && Buffer.from(env.WEBHOOK_SECRET.replace("whsec_", ""), "base64");

const isSigned = (key: Buffer, headers: IncomingHttpHeaders, body: Buffer): boolean => {
  const { "webhook-id": id, "webhook-timestamp": time, "webhook-signature": given } = headers;
  const digest = createHmac("sha256", key).update(`${id}.${time}.`).update(body).digest("base64");
  const own = Buffer.from(`v1,${digest}`);
  const isOne = (one: Buffer) => one.length === own.length && timingSafeEqual(one, own);
  return Math.abs(Date.now() / 1000 - Number(time)) < 300 &&
    String(given).split(" ").some((text) => isOne(Buffer.from(text)));
};

createServer(async (request, response) => {
  const { "webhook-id": id, "webhook-seq": seq, "webhook-test": test } = request.headers;
  const body = await buffer(request);
  if (KEY && !isSigned(KEY, request.headers, body)) return response.writeHead(401).end();
  try {
    const event = JSON.parse(body.toString());
    if (test !== "true") console.log(EVENTS.take(String(id), Number(seq), event));
    response.writeHead(204).end();
  } catch {
    response.writeHead(400).end();
  }
}).listen(Number(argv[2] ?? 5656), "127.0.0.1", () => console.log("ready"));
