/**
 * The receiver of webhooks, as a process: counts every event, in batches too, times it when asked to, and answers as
 * the option `--answer` says. It is asked for its figures by GET, on the same port:
 *
 * - `/begin` and `/begin-timed` forget what was counted; timed bodies carry the time of their PUBLISH;
 * - `/answer/500` has it answer so from now on, as the option would;
 * - `/figures` tells what was counted since, as `ReceiverFigures`.
 */
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { nowMicros } from "./now.ts";
import { percentile } from "./percentile.ts";
import type { ReceiverFigures } from "./Receiver.ts";
import { RequestCutter } from "./RequestCutter.ts";
import { readTime } from "./timedPayload.ts";

const { values: options } = parseArgs({ options: { answer: { type: "string", default: "200" } } });

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

const response = (status: string, body: string): Uint8Array =>
  ENCODER.encode(
    `HTTP/1.1 ${status}\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );

const answers: Readonly<Record<string, Uint8Array | undefined>> = {
  "200": response("200 OK", "ok"),
  "500": response("500 Internal Server Error", "no"),
  never: undefined,
};
let answer = answers[options.answer];

let count = 0;
let accepted = 0;
let posts = 0;
let lastAt = 0;
/** Microseconds from PUBLISH to POST; undefined: not timed. */
let latencies: Array<number> | undefined;

const ANSWER = "/answer/";

const control = (target: string): Uint8Array => {
  if (target.startsWith("/begin")) {
    count = 0;
    accepted = 0;
    posts = 0;
    lastAt = 0;
    latencies = target === "/begin-timed" ? [] : undefined;
  }
  if (target.startsWith(ANSWER)) answer = answers[target.slice(ANSWER.length)];
  const micros = Float64Array.from(latencies ?? []);
  const figures: ReceiverFigures = {
    count,
    accepted,
    posts,
    lastAt,
    p50: percentile(micros, 0.5),
    p99: percentile(micros, 0.99),
    p999: percentile(micros, 0.999),
  };
  return response("200 OK", JSON.stringify(figures));
};

const BATCH = "[".charCodeAt(0);
/** How a gzip member begins (RFC 1952 2.3.1). */
const GZIP = 0x1f;

/** How each event begins. */
const EVENT = '{"action":';

/** Counts the events of a body; it reads no more of them than it must, as of single ones. */
const take = (body: Uint8Array): void => {
  lastAt = nowMicros();
  posts++;
  const bytes = body[0] === GZIP ? gunzipSync(body) : body;
  if (bytes[0] !== BATCH) {
    count++;
    latencies?.push(lastAt - readTime(DECODER.decode(bytes)));
    return;
  }
  const [, ...events] = DECODER.decode(bytes).split(EVENT);
  count += events.length;
  if (latencies !== undefined) {
    for (const event of events) latencies.push(lastAt - readTime(event));
  }
};

const GET = "G".charCodeAt(0);

const serve = async (conn: Deno.TcpConn): Promise<void> => {
  conn.setNoDelay(true);
  const requests = new RequestCutter();
  try {
    for (;;) {
      const length = await conn.read(requests.room);
      if (length === null) break;
      requests.filled(length);
      while (requests.next()) {
        if (requests.method === GET) await conn.write(control(requests.target));
        else {
          take(requests.body);
          if (answer === answers["200"]) accepted++;
          if (answer !== undefined) await conn.write(answer);
        }
        requests.take();
      }
    }
  } catch (error) {
    // The other side is stopped by a signal, or gives a request up.
    const isBroken = error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.BrokenPipe;
    if (!isBroken) throw error;
  }
  conn.close();
};

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1024 });
console.log(`listening on ${(listener.addr as Deno.NetAddr).port}`); // a TCP listener's address
for await (const conn of listener) serve(conn);
