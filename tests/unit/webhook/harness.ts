/** The delivery engine over an HTTP client that answers as a test says, on the TestClock. */
import { gunzipSync } from "node:zlib";
import * as HttpClient from "@effect/platform/HttpClient";
import * as HttpClientError from "@effect/platform/HttpClientError";
import * as HttpClientResponse from "@effect/platform/HttpClientResponse";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Logger from "effect/Logger";
import * as Scope from "effect/Scope";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import { skewable } from "../../support/skewable.ts";
import type { HookEvent } from "../../../src/domain/HookEvent.ts";
import type { HookRule } from "../../../src/domain/HookRule.ts";
import type { OutboxSettings } from "../../../src/domain/OutboxSettings.ts";
import type { RetryPolicy } from "../../../src/domain/RetryPolicy.ts";
import { nameOfUrl } from "../../../src/domain/displayUrl.ts";
import type { EndpointSettings, WebHookSettings } from "../../../src/domain/WebHookSettings.ts";
import { monotonicMillis } from "../../../src/ops/monotonic.ts";
import type { Store } from "../../../src/store/Store.ts";
import * as Windows from "../../../src/store/Windows.ts";
import type { EventCounts, MetricsSnapshot } from "../../../src/webhook/account/Metrics.ts";
import { sum } from "../../../src/webhook/account/Metrics.ts";
import * as ClientSender from "../../../src/webhook/attempt/ClientSender.ts";
import type { Executor } from "../../../src/webhook/attempt/Executor.ts";
import * as LocalExecutor from "../../../src/webhook/attempt/LocalExecutor.ts";
import * as WebHook from "../../../src/webhook/WebHook.ts";

export const A = "http://a.test/hook";
export const B = "http://b.test/hook";

export const retryPolicy: RetryPolicy = {
  initialInterval: 500,
  multiplier: 2.5,
  maxInterval: 60_000,
  jitter: 0,
  maxElapsedTime: 60_000,
  status: "transient",
};

export const rule = (event: HookRule["event"], rest: Partial<HookRule> = {}): HookRule => ({
  event,
  action: event,
  topics: [],
  urls: [A],
  ...rest,
});

/** The outbox of a file that says nothing of it. */
export const IN_MEMORY: OutboxSettings = {
  kind: "memory",
  directory: "data/outbox",
  sync: "interval",
  syncInterval: 500,
  delay: 5,
  maxBytes: 1024 ** 3,
  deadLetters: false,
  deadLetterReplay: "recovery",
  deadLetterMaxAge: 168 * 3_600_000,
  deadLetterMaxBytes: 256 * 1024 ** 2,
};

export const settingsOf = (
  rest: Partial<WebHookSettings> & { readonly endpoint?: Partial<EndpointSettings> } = {},
): WebHookSettings => {
  const { endpoint, ...given } = rest;
  const rules = given.rules ?? [rule("message_publish"), rule("client_connected")];
  const endpoints = new Map<string, EndpointSettings>();
  for (const url of rules.flatMap(({ urls }) => urls)) {
    endpoints.set(url, {
      url,
      name: nameOfUrl(url),
      headers: [],
      signingKeys: [],
      payload: "base64",
      identity: undefined,
      ca: undefined,
      httpTimeout: 8_000,
      concurrencyLimit: 1_000,
      retry: retryPolicy,
      batch: undefined,
      compression: "none",
      rateLimit: undefined,
      ...endpoint,
    });
  }
  return {
    workerThreads: 0,
    queueCapacity: 1_000,
    concurrencyLimit: 128,
    shutdownTimeout: 10_000,
    endpointShare: 0.5,
    clientShare: 0.1,
    whenFull: "backpressure",
    breakerFailures: 20,
    ordering: "lifecycle",
    httpClient: "pool",
    compat: "",
    outbox: IN_MEMORY,
    endpoints,
    ...given,
    rules,
  };
};

export const published = (
  client: string,
  n: number,
  topic = "t",
  payload = new Uint8Array([n & 255]),
): HookEvent => ({
  _tag: "message_publish",
  from_node: 1,
  from_ipaddress: "127.0.0.1:1",
  from_clientid: client,
  from_username: "undefined",
  dup: false,
  retain: false,
  qos: 1,
  topic,
  packet_id: n,
  payload,
  ts: n,
});

export const connected = (clientid: string, n: number): HookEvent => ({
  _tag: "client_connected",
  node: 1,
  ipaddress: "127.0.0.1:1",
  clientid,
  username: "undefined",
  keepalive: 60,
  proto_ver: 5,
  clean_start: true,
  connected_at: n,
  session_present: false,
});

/** How the receiver answers one request. */
export type Answer =
  | number
  | {
    readonly status: number;
    readonly headers?: Record<string, string>;
    /** Milliseconds until it comes. */
    readonly after?: number;
  }
  | "hang"
  | "refused";

export interface Sent {
  /** By the TestClock. */
  readonly at: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** As it came, unpacked. */
  readonly text: string;
  /** What it holds; of a batch the first. */
  readonly body: Readonly<Record<string, unknown>>;
  /** All that it holds. */
  readonly bodies: ReadonlyArray<Readonly<Record<string, unknown>>>;
}

export interface Harness {
  readonly webhook: WebHook.WebHook;
  readonly sent: Array<Sent>;
  readonly logs: Array<string>;
  /** Sets the wall clock, and nothing else, by so many milliseconds. */
  readonly setWallClock: (by: number) => void;
  /** Closes the engine, as a stopping process does. */
  readonly stop: Effect.Effect<void>;
}

/** What an engine may be given from elsewhere. */
export interface HarnessParts extends Omit<WebHook.WebHookParts, "durable"> {
  /** What outlives it. */
  readonly store?: Store;
}

/** What `answer` is told: the request, and how many there were with its webhook-id, this one included. */
export type Answering = (sent: Sent, attempt: number) => Answer;

/** Runs a test with an engine whose requests are answered by `answer`. */
export const withEngine = (
  settings: WebHookSettings,
  answer: Answering,
  test: (harness: Harness) => Effect.Effect<void>,
  parts: HarnessParts = {},
): Promise<void> => {
  const sent: Array<Sent> = [];
  const executor = (idPrefix: string) =>
    Effect.flatMap(
      Effect.flatMap(clientOf(answer, sent), (client) => ClientSender.make(client, idPrefix)),
      (sender) => LocalExecutor.make({ prepare: () => Effect.void, of: () => sender }),
    );
  return run(settings, executor, sent, test, parts);
};

/** Runs a test with an engine over an HTTP executor of its own. */
export const withExecutor = (
  settings: WebHookSettings,
  executor: Executor,
  test: (harness: Harness) => Effect.Effect<void>,
): Promise<void> => run(settings, () => Effect.succeed(executor), [], test);

const run = (
  settings: WebHookSettings,
  executor: (idPrefix: string) => Effect.Effect<Executor, never, Scope.Scope>,
  sent: Array<Sent>,
  test: (harness: Harness) => Effect.Effect<void>,
  parts: HarnessParts = {},
): Promise<void> => {
  const logs: Array<string> = [];
  const logger = Logger.make(({ message, annotations }) => {
    const parts: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message];
    const fields = [
      ...parts.filter((part) => typeof part !== "string").flatMap((part) =>
        Object.entries(part as object)
      ),
      ...annotations,
    ];
    const text = parts.filter((part) => typeof part === "string").join(" ");
    logs.push(`${text} ${fields.map(([name, value]) => `${name}=${value}`).join(" ")}`);
  });
  const program = Effect.gen(function* () {
    const scope = yield* Scope.make();
    const { clock, setWallClock } = skewable(yield* Effect.clock);
    const { store, ...others } = parts;
    const durable = store && {
      store,
      windows: yield* Windows.make({ ...settings.outbox, store }).pipe(Scope.extend(scope)),
    };
    const webhook = yield* WebHook.makeWith(
      settings,
      ({ idPrefix }) => executor(idPrefix),
      { ...others, durable },
    ).pipe(Effect.withClock(clock), Scope.extend(scope), Effect.orDie);
    const stop = Scope.close(scope, Exit.void);
    yield* test({ webhook, sent, logs, setWallClock, stop });
    const stopping = yield* Effect.fork(stop);
    yield* pass(settings.shutdownTimeout);
    yield* stopping.await;
  });
  return Effect.runPromise(
    program.pipe(
      Effect.provide(TestContext.TestContext),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    ),
  );
};

const clientOf = (
  answer: Answering,
  sent: Array<Sent>,
): Effect.Effect<HttpClient.HttpClient> =>
  Effect.clockWith((clock) => {
    const attempts = new Map<string, number>();
    return Effect.succeed(HttpClient.make((request) =>
      Effect.suspend(() => {
        const bytes = request.body._tag === "Uint8Array" ? request.body.body : new Uint8Array();
        const isPacked = request.headers["content-encoding"] === "gzip";
        const text = new TextDecoder().decode(isPacked ? gunzipSync(bytes) : bytes);
        const bodies = bodiesOf(text, request.body.contentType ?? "");
        const one: Sent = {
          at: monotonicMillis(clock),
          url: request.url,
          headers: { ...request.headers, "content-type": request.body.contentType ?? "" },
          text,
          body: bodies[0] ?? {},
          bodies,
        };
        sent.push(one);
        const id = one.headers["webhook-id"]!; // every request has one
        attempts.set(id, (attempts.get(id) ?? 0) + 1);
        const answered = answer(one, attempts.get(id) ?? 0);
        if (answered === "hang") return Effect.never;
        if (answered === "refused") {
          return Effect.fail(
            new HttpClientError.RequestError({
              request,
              reason: "Transport",
              cause: new Error("Connection refused (os error 111)"),
            }),
          );
        }
        const { status, headers = {}, after = 0 } = typeof answered === "number"
          ? { status: answered }
          : answered;
        const response = new Response(null, { status, headers });
        const come = Effect.succeed(HttpClientResponse.fromWeb(request, response));
        return after === 0 ? come : Effect.delay(come, after);
      })
    ));
  });

const bodiesOf = (text: string, type: string): ReadonlyArray<Sent["body"]> =>
  type === "application/x-ndjson"
    ? text.trimEnd().split("\n").map((line) => JSON.parse(line))
    : [JSON.parse(text)].flat();

/** Lets everything happen that is due now, then time pass. */
export const pass = (millis: number): Effect.Effect<void> => TestClock.adjust(millis);

/** Whether the identity of the accounts holds in this snapshot, URL by URL and event by event. */
export const accountsBalance = ({ endpoints }: MetricsSnapshot): boolean =>
  endpoints.every(({ total, events }) => [total, ...Object.values(events)].every(balances));

const balances = (
  { matched, delivered, failed, dropped, queued, in_flight, kept }: EventCounts,
) => matched === delivered + sum(failed) + sum(dropped) + queued + in_flight + kept;
