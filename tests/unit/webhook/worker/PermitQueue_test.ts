import * as assert from "node:assert/strict";
import * as HttpClient from "@effect/platform/HttpClient";
import * as HttpClientResponse from "@effect/platform/HttpClientResponse";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Redacted from "effect/Redacted";
import * as Scope from "effect/Scope";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import * as ClientSender from "../../../../src/webhook/attempt/ClientSender.ts";
import type { Outcome } from "../../../../src/webhook/attempt/Attempt.ts";
import type { TargetSettings } from "../../../../src/webhook/attempt/Sender.ts";
import * as PermitQueue from "../../../../src/webhook/worker/PermitQueue.ts";
import type { TimedAttempt } from "../../../../src/webhook/worker/PermitQueue.ts";
import * as PoolSender from "../../../../src/webhook/attempt/PoolSender.ts";
import type { Socket } from "../../../../src/http/Socket.ts";
import { bodyOf } from "../../../support/requests.ts";

/** What a receiver answers, in its order; when nothing is left, requests hang. */
interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A receiver that both kinds of clients lead to. */
class Receiver {
  /** Each request's headers by name. */
  readonly requests: Array<Readonly<Record<string, string>>> = [];

  readonly #answers: Array<Answer>;

  constructor(answers: Array<Answer>) {
    this.#answers = answers;
  }

  request(headers: Readonly<Record<string, string>>): Answer | undefined {
    this.requests.push(headers);
    return this.#answers.shift();
  }

  readonly connect = (): Promise<Socket> => {
    let reading: { readonly into: Uint8Array; readonly done: (count: number | null) => void };
    return Promise.resolve({
      read: (into) => new Promise((done) => reading = { into, done }),
      write: (bytes) => {
        const [, ...lines] = new TextDecoder().decode(bytes).split("\r\n\r\n")[0]!.split("\r\n");
        const answer = this.request(
          Object.fromEntries(lines.map((line) => line.split(": ") as [string, string])), // heads of ours
        );
        if (answer !== undefined) {
          const head = Object.entries({ "content-length": "0", ...answer.headers })
            .map(([name, value]) => `${name}: ${value}\r\n`);
          const text = `HTTP/1.1 ${answer.status} X\r\n${head.join("")}\r\n`;
          queueMicrotask(() =>
            reading.done(new TextEncoder().encodeInto(text, reading.into).written)
          );
        }
        return Promise.resolve(bytes.length);
      },
      close: () => reading.done(null),
    });
  };

  readonly httpClient: HttpClient.HttpClient = HttpClient.make((request) => {
    const answer = this.request(request.headers);
    return answer === undefined ? Effect.never : Effect.succeed(
      HttpClientResponse.fromWeb(request, new Response(null, answer)),
    );
  });
}

const settings: TargetSettings = {
  url: "http://host/hook",
  headers: [["X-Key", Redacted.make("secret")]],
  signingKeys: [],
  httpTimeout: 8000,
  retryStatus: "transient",
  batchForm: undefined,
  compression: "none",
};

/** An attempt's body and id. */
const attempt = (n: number, startBy = Infinity): TimedAttempt => ({
  id: n,
  seq: n,
  startBy,
  ...bodyOf("{}"),
});

interface Given {
  readonly receiver: Receiver;
  /** Outcomes so far, as text. */
  readonly outcomes: Array<string>;
  /** Sends attempt `n`; its outcome is added to `outcomes`. */
  readonly attempt: (n: number, startBy?: number) => void;
  /** The same by another target of the transport. */
  readonly attemptOther: (n: number) => void;
  readonly recall: () => void;
  /** Gives the target other headers. */
  readonly change: (headers: TargetSettings["headers"]) => void;
  /** Lets all that is due happen. */
  readonly settle: Effect.Effect<void>;
}

const told = (n: number, outcome: Outcome): string =>
  outcome._tag === "Failed"
    ? `${n} ${outcome.error.reason} ${outcome.error.retryAfter ?? "-"}`
    : `${n} ${outcome._tag}`;

interface Setup {
  readonly answers?: Array<Answer>;
  readonly permits?: number;
  readonly target?: Partial<TargetSettings>;
}

/** The same case over both senders: our own pool, and any HttpClient. */
const both = (
  name: string,
  { answers = [], permits = 128, target = {} }: Setup,
  run: (given: Given, close: Effect.Effect<void>) => Effect.Effect<void>,
): void => {
  for (const kind of ["pool", "client"] as const) {
    Deno.test(`PermitQueue ${name} (${kind})`, () =>
      Effect.gen(function* () {
        const receiver = new Receiver([...answers]);
        const scope = yield* Scope.make();
        const sender = yield* Scope.extend(
          kind === "client"
            ? ClientSender.make(receiver.httpClient, "id-")
            : PoolSender.make("id-", { connect: receiver.connect }),
          scope,
        );
        const transport = yield* Scope.extend(PermitQueue.make(permits), scope);
        const outcomes: Array<string> = [];
        const done = ({ id }: TimedAttempt, outcome: Outcome) => outcomes.push(told(id, outcome));
        const { send, recall, change } = transport.target({ ...settings, ...target }, sender, done);
        const other = transport.target({ ...settings, ...target }, sender, done);
        const settle = Effect.promise(() => new Promise<void>((done) => setImmediate(done)));
        yield* run({
          receiver,

          outcomes,
          attempt: (n, startBy) => send(attempt(n, startBy)),
          attemptOther: (n) => other.send(attempt(n)),
          recall,
          change: (headers) => change({ ...settings, ...target, headers }, sender),
          settle,
        }, Scope.close(scope, Exit.void));
        yield* Scope.close(scope, Exit.void);
      }).pipe(Effect.provide(TestContext.TestContext), Effect.runPromise));
  }
};

both(
  "sends the endpoint's headers and the attempt's",
  {
    answers: [{ status: 204 }],
    target: {
      headers: [["X-Key", Redacted.make("secret")], ["Webhook-Id", Redacted.make("mine")]],
    },
  },
  ({ receiver, attempt, outcomes, settle }) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_700_000_000_999);
      attempt(1_234_567);
      assert.deepEqual(outcomes, [], "never before it returns");
      yield* settle;
      assert.deepEqual(outcomes, ["1234567 Delivered"]);
      const { host: _, ...headers } = receiver.requests[0]!;
      assert.deepEqual(headers, {
        "content-type": "application/json",
        "user-agent": "hookline/0.1.0",
        "x-key": "secret",
        "webhook-id": "id-qglj",
        "webhook-timestamp": "1700000000",
        "webhook-seq": "1234567",
        "content-length": "2",
      });
    }),
);

both(
  "tells what was answered, and how long the receiver asks to wait",
  { answers: [{ status: 503, headers: { "retry-after": "3" } }, { status: 404 }, { status: 302 }] },
  ({ attempt, outcomes, settle }) =>
    Effect.gen(function* () {
      for (const n of [1, 2, 3]) {
        attempt(n);
        yield* settle;
      }
      assert.deepEqual(outcomes, ["1 status_503 3000", "2 status_404 -", "3 status_3xx -"]);
    }),
);

both(
  "ends an attempt after http_timeout, counted from its permit",
  { permits: 1 },
  ({ receiver, attempt, outcomes, settle }) =>
    Effect.gen(function* () {
      attempt(1);
      attempt(2);
      yield* settle;
      assert.equal(receiver.requests.length, 1);
      yield* TestClock.adjust(7999);
      yield* settle;
      assert.deepEqual(outcomes, []);
      yield* TestClock.adjust(1);
      yield* settle;
      assert.deepEqual(outcomes, ["1 timeout -"]);
      assert.equal(receiver.requests.length, 2);
      yield* TestClock.adjust(8000);
      yield* settle;
      assert.deepEqual(outcomes, ["1 timeout -", "2 timeout -"]);
    }),
);

both(
  "has no more requests in flight than its permits, and sends the others in their order",
  { permits: 2, answers: [] },
  ({ receiver, attempt, settle }) =>
    Effect.gen(function* () {
      for (const n of [1, 2, 3, 4]) attempt(n);
      yield* settle;
      const seqs = () => receiver.requests.map((headers) => headers["webhook-seq"]);
      assert.deepEqual(seqs(), ["1", "2"]);
      yield* TestClock.adjust(8000);
      yield* settle;
      assert.deepEqual(seqs(), ["1", "2", "3", "4"]);
    }),
);

both(
  "gives back what got its permit too late, and the permit to the next",
  { permits: 1, answers: [] },
  ({ receiver, attempt, outcomes, settle }) =>
    Effect.gen(function* () {
      attempt(1);
      attempt(2, 7_999);
      attempt(3, 8_000);
      yield* settle;
      yield* TestClock.adjust(8_000);
      yield* settle;
      assert.deepEqual(outcomes, ["1 timeout -", "2 Returned"]);
      assert.deepEqual(receiver.requests.map((headers) => headers["webhook-seq"]), ["1", "3"]);
      attempt(4, 7_999);
      yield* TestClock.adjust(8_000);
      yield* settle;
      assert.deepEqual(outcomes.slice(2), ["3 timeout -", "4 Returned"]);
    }),
);

both(
  "leaves permits to the others while one target's requests hang",
  { permits: 4, answers: [] },
  ({ receiver, attempt, attemptOther, settle }) =>
    Effect.gen(function* () {
      for (const n of [1, 2, 3, 4, 5]) attempt(n);
      yield* settle;
      const seqs = () => receiver.requests.map((headers) => headers["webhook-seq"]);
      assert.deepEqual(seqs(), ["1", "2", "3"]);
      attemptOther(10);
      yield* settle;
      assert.deepEqual(seqs(), ["1", "2", "3", "10"]);
    }),
);

both(
  "gives back what waits when it is recalled, and nothing that was sent",
  { permits: 2, answers: [] },
  ({ receiver, attempt, outcomes, recall, settle }) =>
    Effect.gen(function* () {
      for (const n of [1, 2, 3]) attempt(n);
      yield* settle;
      recall();
      assert.deepEqual(outcomes, [], "never before it returns");
      yield* settle;
      assert.deepEqual(outcomes, ["3 Returned"]);
      yield* TestClock.adjust(8000);
      yield* settle;
      assert.deepEqual(outcomes.slice(1).sort(), ["1 timeout -", "2 timeout -"]);
      assert.equal(receiver.requests.length, 2);
    }),
);

both(
  "sends what waits with the settings that a reload brought, and gives that back too",
  { permits: 1, answers: [] },
  ({ receiver, attempt, outcomes, change, recall, settle }) =>
    Effect.gen(function* () {
      for (const n of [1, 2, 3]) attempt(n);
      yield* settle;
      change([["X-Key", Redacted.make("renewed")]]);
      yield* TestClock.adjust(8000);
      yield* settle;
      assert.deepEqual(receiver.requests.map((headers) => headers["x-key"]), ["secret", "renewed"]);
      recall();
      yield* settle;
      assert.deepEqual(outcomes, ["1 timeout -", "3 Returned"]);
    }),
);

both(
  "calls nobody back once its scope is closed",
  {},
  ({ attempt, outcomes, settle }, close) =>
    Effect.gen(function* () {
      attempt(1);
      yield* settle;
      yield* close;
      yield* settle;
      assert.deepEqual(outcomes, []);
    }),
);

const IMPOSSIBLE: ReadonlyArray<readonly [string, Partial<TargetSettings>]> = [
  ["a header that would end its line", { headers: [["x-key", Redacted.make("a\r\nb")]] }],
  ["a URL that is none", { url: "http://:80" }],
  ["a URL of another protocol", { url: "ftp://host/" }],
];
for (const [what, target] of IMPOSSIBLE) {
  Deno.test(`PermitQueue fails attempts that no HTTP request can be made of: ${what} (pool)`, () =>
    Effect.gen(function* () {
      const sender = yield* PoolSender.make("id-", { connect: new Receiver([]).connect });
      const transport = yield* PermitQueue.make(1);
      const outcome = yield* Effect.async<Outcome>((resume) => {
        const done = (_: TimedAttempt, outcome: Outcome) => resume(Effect.succeed(outcome));
        transport.target({ ...settings, ...target }, sender, done).send(attempt(1));
      });
      assert.equal(told(1, outcome), "1 invalid_request -");
      assert.equal(outcome._tag === "Failed" && outcome.error.retryable, false);
    }).pipe(Effect.scoped, Effect.runPromise));
}
