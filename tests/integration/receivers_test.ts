/**
 * Receivers in the wild: what the answers of tests/support/receiverAnswers.ts come to over both clients, as
 * deliveries use them, and over TLS. Each is given twice, to see whether its connection is used again.
 */
import * as assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { createServer } from "node:net";
import { TLSSocket } from "node:tls";
import * as HttpClient from "@effect/platform/HttpClient";
import * as Effect from "effect/Effect";
import * as Runtime from "effect/Runtime";
import type * as Scope from "effect/Scope";
import * as TestClock from "effect/TestClock";
import * as TestContext from "effect/TestContext";
import type { Connect } from "../../src/http/Socket.ts";
import { connectTo } from "../../src/http/Socket.ts";
import type { AttemptContent, Outcome } from "../../src/webhook/attempt/Attempt.ts";
import * as ClientSender from "../../src/webhook/attempt/ClientSender.ts";
import * as fetchClient from "../../src/webhook/attempt/fetchClient.ts";
import * as PoolSender from "../../src/webhook/attempt/PoolSender.ts";
import type { Sender } from "../../src/webhook/attempt/Sender.ts";
import { testNeeding } from "../support/permissions.ts";
import type { Ending, ReceiverAnswer } from "../support/receiverAnswers.ts";
import { RECEIVER_ANSWERS } from "../support/receiverAnswers.ts";
import { bodyOf } from "../support/requests.ts";
import type { Peer } from "../support/ScriptedServer.ts";
import { ScriptedServer } from "../support/ScriptedServer.ts";

interface Client {
  readonly name: string;
  /** `heard`: is told how many bytes of its answer have come, Infinity with the head of a fetch. */
  readonly open: (
    url: URL,
    heard: (bytes: number) => void,
    caCerts: ReadonlyArray<string>,
  ) => Effect.Effect<Sender, never, Scope.Scope>;
  readonly expected: (of: ReceiverAnswer) => Ending;
}

/** Sockets that tell how much was read of them. */
const telling = (connect: Connect, heard: (bytes: number) => void): Connect => async (signal) => {
  const socket = await connect(signal);
  let bytes = 0;
  return {
    read: async (into) => {
      const count = await socket.read(into);
      // Behind the connection's own callback.
      setTimeout(() => heard(bytes += count ?? 0));
      return count;
    },
    write: (bytes) => socket.write(bytes),
    close: () => socket.close(),
  };
};

const CLIENTS: ReadonlyArray<Client> = [
  {
    name: "PoolSender",
    open: (url, heard, caCerts) =>
      PoolSender.make("", { connect: telling(connectTo(url, { caCerts }, () => 0), heard) }),
    expected: (of) => of,
  },
  {
    name: "ClientSender by fetch",
    open: (_, heard, caCerts) =>
      Effect.flatMap(fetchClient.make({ caCerts }), (client) =>
        ClientSender.make(
          HttpClient.transformResponse(
            client,
            Effect.tap(() => Effect.sync(() => heard(Infinity))),
          ),
          "",
        )),
    expected: (of) => ({ ...of, ...of.fetch }),
  },
];

const TIMEOUT = 8000;

const attemptOf = (length: number): AttemptContent => ({
  ...bodyOf("x".repeat(length)),
  id: 1,
  seq: 1,
});

const told = (outcome: Outcome): string => {
  if (outcome._tag !== "Failed") return outcome._tag.toLowerCase();
  const { reason, retryable, retryAfter } = outcome.error;
  return [
    reason,
    ...(retryable ? ["retried"] : []),
    ...(retryAfter === undefined ? [] : [`after ${retryAfter}`]),
  ].join(", ");
};

const faultOf = (outcome: Outcome): string =>
  (outcome._tag === "Delivered" || outcome._tag === "Failed" ? outcome.fault?.kind : undefined) ??
    "none";

const run = (client: Client, of: ReceiverAnswer): Promise<void> =>
  Effect.gen(function* () {
    const runPromise = Runtime.runPromise(yield* Effect.runtime());
    let isHeard = Promise.withResolvers<void>();
    const script = async (peer: Peer): Promise<void> => {
      while (await (of.early === true ? peer.head() : peer.request()) !== undefined) {
        await peer.say(of.answer);
        if (of.then === "close") return;
        if (of.then === "reset") {
          await isHeard.promise; // a reset takes along what is not read yet
          return peer.reset();
        }
        if (of.then === "stall") {
          if (!client.expected(of).outcome.startsWith("timeout")) await isHeard.promise;
          await runPromise(TestClock.adjust(TIMEOUT));
        }
        if (of.early === true) return peer.gone();
      }
    };
    const server = yield* Effect.promise(() =>
      ScriptedServer.listen(script, { resettable: of.then === "reset" })
    );
    const attempts = of.early === true ? 1 : 2;
    const outcomes: Array<Outcome> = [];
    yield* Effect.scoped(Effect.gen(function* () {
      const url = new URL(`http://127.0.0.1:${server.port}/hook`);
      const heard = (bytes: number) => {
        if (bytes >= of.answer.length) isHeard.resolve();
      };
      const sender = yield* client.open(url, heard, []);
      const send = sender.to({
        url: url.href,
        headers: [],
        signingKeys: [],
        httpTimeout: TIMEOUT,
        retryStatus: "transient",
        batchForm: undefined,
        compression: "none",
      });
      const attempt = attemptOf(of.early === true ? 16_000_000 : 2);
      for (let n = 0; n < attempts; n++) {
        isHeard = Promise.withResolvers();
        outcomes.push(
          yield* Effect.async<Outcome>((resume) =>
            send(attempt, (outcome) => {
              isHeard.resolve();
              resume(Effect.succeed(outcome));
            })
          ),
        );
      }
    }));
    yield* Effect.promise(() => server.close());
    const { outcome, fault, again } = client.expected(of);
    assert.deepEqual({
      outcomes: outcomes.map(told),
      faults: outcomes.map(faultOf),
    }, {
      outcomes: new Array(attempts).fill(outcome),
      faults: new Array(attempts).fill(fault),
    });
    if (again !== "either") assert.equal(server.connections, again ? 1 : attempts);
  }).pipe(Effect.provide(TestContext.TestContext), Effect.runPromise);

for (const client of CLIENTS) {
  for (const of of RECEIVER_ANSWERS) {
    const { outcome, fault, again } = client.expected(of);
    const differs = client.name !== "PoolSender" && of.fetch !== undefined
      ? ` (${of.fetch.why})`
      : "";
    testNeeding(
      ["net"],
      `${client.name} takes ${of.says} as ${outcome}${
        fault === "none" ? "" : `, with a fault of ${fault}`
      }, and ${
        again === "either" ? "may use" : again ? "uses" : "does not use"
      } the connection again${differs}`,
      () => run(client, of),
    );
  }
}

testNeeding(["net"], "receiverAnswers has sixty answers and more, each of its own name", () => {
  const names = RECEIVER_ANSWERS.map(({ says }) => says);
  assert.ok(names.length >= 60, `${names.length}`);
  assert.equal(new Set(names).size, names.length);
});

const TLS = new URL("../support/tls/", import.meta.url);
const pem = (name: string): string => Deno.readTextFileSync(new URL(name, TLS));

/** A TLS server that answers each connection once and ends its TCP without a close_notify. */
const endingWithoutNotify = async (answer: string) => {
  const certified = { key: pem("key.pem"), cert: pem("cert.pem") };
  const server = createServer((tcp) => {
    const tls = new TLSSocket(tcp, { isServer: true, ...certified });
    tls.on("error", () => {}); // the client's end
    tcp.on("error", () => {});
    tls.on("data", (data: Buffer) => {
      if (data.includes("\r\n\r\n")) tls.write(answer, () => tcp.end());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP listener");
  return {
    port: address.port,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
};

for (
  const [says, answer, fault] of [
    [
      "a whole answer",
      "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
      "none",
    ],
    ["a body up to the end", "HTTP/1.1 200 OK\r\n\r\nok", "cut_short"],
    [
      "a body of a length that is not reached",
      "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
      "cut_short",
    ],
    ["a head that is not whole", "HTTP/1.1 200 OK\r\n", "cut_short"],
  ] as const
) {
  testNeeding(
    ["net", "read"],
    `PoolSender takes ${says} without TLS's close_notify as delivered, ${
      fault === "none" ? "without a fault" : "cut short"
    }`,
    () =>
      Effect.gen(function* () {
        const server = yield* Effect.promise(() => endingWithoutNotify(answer));
        const sender = yield* PoolSender.make("", { caCerts: [pem("ca.pem")] });
        const send = sender.to({
          url: `https://127.0.0.1:${server.port}/hook`,
          headers: [],
          signingKeys: [],
          httpTimeout: TIMEOUT,
          retryStatus: "transient",
          batchForm: undefined,
          compression: "none",
        });
        const outcome = yield* Effect.async<Outcome>((resume) =>
          send(attemptOf(2), (outcome) => resume(Effect.succeed(outcome)))
        );
        assert.deepEqual([told(outcome), faultOf(outcome)], ["delivered", fault]);
        yield* Effect.promise(() => server.close());
      }).pipe(Effect.scoped, Effect.runPromise),
  );
}
