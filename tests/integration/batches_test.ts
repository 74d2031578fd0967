/** Batches of the real process to a real HTTP server, read as a receiver would: by a JSON parser. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { Random } from "../support/fuzz/Random.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { testNeeding } from "../support/permissions.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

type Body = Readonly<Record<string, unknown>>;

interface Posted {
  readonly headers: Headers;
  /** As it came, unpacked. */
  readonly text: string;
  readonly bodies: ReadonlyArray<Body>;
  readonly status: number;
}

/** A server that reads arrays or lines and answers as `answer` says; undefined: 204. */
class BatchServer {
  readonly posts: Array<Posted> = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #waiting = new Set<() => void>();

  constructor(
    form: "array" | "ndjson",
    answer: (bodies: ReadonlyArray<Body>, post: number) => number | undefined,
  ) {
    const handle = async (request: Request): Promise<Response> => {
      const bytes = await request.bytes();
      const isPacked = request.headers.get("content-encoding") === "gzip";
      const text = new TextDecoder("utf-8", { fatal: true }) //
        .decode(isPacked ? gunzipSync(bytes) : bytes);
      assert.equal(isPacked, new TextEncoder().encode(text).length >= 1024);
      const bodies: ReadonlyArray<Body> = form === "array"
        ? JSON.parse(text)
        : text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
      const status = answer(bodies, this.posts.length) ?? 204;
      this.posts.push({ headers: request.headers, text, bodies, status });
      await new Promise((resolve) => setTimeout(resolve, 5));
      for (const look of [...this.#waiting]) look();
      return new Response(null, { status });
    };
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handle);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** What was answered with 2xx, in that order. */
  get taken(): ReadonlyArray<Body> {
    return this.posts.filter(({ status }) => status < 300).flatMap(({ bodies }) => bodies);
  }

  /** Resolves when so many events were taken. */
  takes(count: number): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.taken.length < count) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.shutdown();
  }
}

const numberOf = ({ payload }: Body): number => parseInt(atob(String(payload)));

const SECRET = new Uint8Array(32).fill(7);

/** By its own arithmetic: Standard Webhooks 1.0, over the body before its content-encoding. */
const isSigned = ({ headers, text }: Posted): boolean => {
  const content = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${text}`;
  const signature = createHmac("sha256", SECRET).update(content).digest("base64");
  return headers.get("webhook-signature") === `v1,${signature}`;
};

const MAX_EVENTS = 20;
const MAX_BYTES = 8 * 1024;
const CLIENTS = 4;
const EACH = 60;
/** Of all messages the one that no receiver takes. */
const POISON = 2 * 1000 + 17;

for (
  const [client, workers, form] of [
    ["pool", 0, "array"],
    ["pool", 2, "ndjson"],
    ["fetch", 0, "ndjson"],
    ["fetch", 2, "array"],
  ] as const
) {
  testNeeding(
    NEEDED,
    `Batches come whole and in order, repeated byte by byte, split for one bad event (${client}, ${workers} workers, ${form})`,
    async () => {
      const random = new Random(workers + form.length);
      await using server = new BatchServer(form, (bodies, post) => {
        if (bodies.some((body) => numberOf(body) === POISON)) return 422;
        return post % 5 === 1 ? 503 : undefined;
      });
      const files = brokerFiles({
        urls: [server.url],
        webHook: `
          worker_threads = ${workers}
          http_client = "${client}"
          ordering = "client"
          retry_initial_interval = "20ms"
          retry_multiplier = 1`,
        rules: `
          rule.message_publish = [{}]
          [[endpoint]]
          url = "${server.url}"
          batch = "${form}"
          batch_max_events = ${MAX_EVENTS}
          batch_max_bytes = ${MAX_BYTES}
          batch_max_delay = "20ms"
          compression = "gzip"
          signing_secrets = ["whsec_${SECRET.toBase64()}"]`,
      });
      const broker = await BrokerProcess.start(files);
      const port = broker.port();
      await Promise.all(Array.from({ length: CLIENTS }, async (_, c) => {
        const mqtt = await MqttClient.connect({ port, clientId: `c${c}` });
        for (let n = 0; n < EACH; n++) {
          // Of all sizes, up to more than a batch may have, with what JSON escapes.
          const size = random.below(20) === 0 ? 2 * MAX_BYTES : random.below(700);
          await mqtt.publish(
            `t/"${"é\\".repeat(random.below(5))}`,
            `${c * 1000 + n} ${"x".repeat(size)}`,
            {
              qos: 1,
            },
          );
        }
        await mqtt.end();
      }));
      await server.takes(CLIENTS * EACH - 1);
      await broker.stop();

      const taken = server.taken.map(numberOf);
      assert.equal(new Set(taken).size, taken.length, "one twice");
      assert.equal(taken.length, CLIENTS * EACH - 1);
      for (let c = 0; c < CLIENTS; c++) {
        const own = taken.filter((n) => Math.floor(n / 1000) === c);
        assert.deepEqual(own, own.toSorted((a, b) => a - b), `c${c} in order`);
      }
      const type = form === "array" ? "application/json" : "application/x-ndjson";
      const byId = new Map<string, Posted>();
      let repeats = 0;
      for (const post of server.posts) {
        const { headers, text, bodies } = post;
        assert.equal(headers.get("content-type"), type);
        assert.equal(headers.get("webhook-seq"), null);
        assert.ok(isSigned(post));
        const bytes = new TextEncoder().encode(text).length;
        assert.ok(bodies.length === 1 || (bodies.length <= MAX_EVENTS && bytes <= MAX_BYTES));
        const id = headers.get("webhook-id") ?? assert.fail();
        const before = byId.get(id);
        byId.set(id, post);
        if (before?.status === 503) {
          assert.equal(text, before.text);
          repeats++;
        } else if (before !== undefined) {
          // Split: the first event alone has the id that the batch had.
          assert.ok(before.status === 422 && bodies.length === 1);
          assert.deepEqual(bodies[0], before.bodies[0]);
        }
      }
      assert.ok(repeats > 0);
      assert.ok(server.posts.some(({ bodies }) => bodies.length > 3), "none of several");
      const refused = server.posts.filter(({ status }) => status === 422);
      assert.equal(refused.at(-1)?.bodies.length, 1);
      const figures = new RegExp(
        `matched=${CLIENTS * EACH} delivered=${CLIENTS * EACH - 1} failed=1`,
      );
      assert.match(broker.log, figures);
    },
  );
}
