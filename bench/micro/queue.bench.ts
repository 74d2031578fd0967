/**
 * An event's whole way on the broker's thread, from `emit` to its end, with executors that answer without
 * a network: what the delivery engine costs beside HTTP. Each iteration is 1,000 events; µs shown are
 * therefore ns per event.
 */
import * as HttpClient from "@effect/platform/HttpClient";
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse";
import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import * as LogLevel from "effect/LogLevel";
import * as Scope from "effect/Scope";
import * as AttemptParcel from "../../src/webhook/worker/AttemptParcel.ts";
import * as ClientSender from "../../src/webhook/attempt/ClientSender.ts";
import type { Attempt } from "../../src/webhook/attempt/Attempt.ts";
import { DELIVERED } from "../../src/webhook/attempt/Attempt.ts";
import type { Attempting, Executor } from "../../src/webhook/attempt/Executor.ts";
import * as LocalExecutor from "../../src/webhook/attempt/LocalExecutor.ts";
import * as WebHook from "../../src/webhook/WebHook.ts";
import { connected, published, rule, settingsOf } from "../../tests/unit/webhook/harness.ts";

const EVENTS = 1_000;

/** Ends every attempt in the next turn, as outcomes of a worker come; `use` sees each batch. */
const answering = (use: (deliveries: ReadonlyArray<Attempt>) => void): Executor => {
  let batch: Array<readonly [Attempting, Attempt]> = [];
  const answer = () => {
    const ended = batch;
    batch = [];
    use(ended.map(([, delivery]) => delivery));
    for (const [endpoint, delivery] of ended) endpoint.complete(delivery, DELIVERED);
  };
  return {
    prepare: () => Effect.void,
    configure: () => {},
    recall: () => {},
    forget: () => {},
    resize: () => {},
    takes: (limit) => limit,
    attempt(endpoint, delivery) {
      if (batch.push([endpoint, delivery]) === 1) setImmediate(answer);
    },
  };
};

/** A client that answers 200 at once. */
const ok = { status: 200 } as HttpClientResponse.HttpClientResponse; // all that is read of a 200
const answer = Effect.succeed(ok);
const client = HttpClient.makeWith<never, never, never, never>(() => answer, Effect.succeed);

const EXECUTORS: ReadonlyArray<readonly [string, Effect.Effect<Executor, never, Scope.Scope>]> = [
  ["to an executor that answers at once", Effect.succeed(answering(() => {}))],
  [
    "to a worker's batch",
    Effect.succeed(answering((batch) => void AttemptParcel.encode(batch, batch.map(() => 0), 0))),
  ],
  [
    "to the @effect/platform client on this thread, without a network",
    Effect.flatMap(
      ClientSender.make(client, ""),
      (sender) => LocalExecutor.make({ prepare: () => Effect.void, of: () => sender }),
    ),
  ],
];

for (const [name, executor] of EXECUTORS) {
  const scope = Effect.runSync(Scope.make());
  const webhook = await Effect.runPromise(
    WebHook.makeWith(
      settingsOf({
        queueCapacity: 300_000,
        rules: [rule("message_publish"), rule("client_connected")],
      }),
      () => executor,
    ).pipe(Scope.extend(scope), Logger.withMinimumLogLevel(LogLevel.None)),
  );
  const events = {
    message_publish: Array.from({ length: EVENTS }, (_, n) => published(`c${n % 100}`, n)),
    client_connected: Array.from({ length: EVENTS }, (_, n) => connected(`c${n}`, n)),
  };
  for (const [event, list] of Object.entries(events)) {
    Deno.bench(`1,000 ${event} from emit ${name}`, { group: event }, async () => {
      for (const one of list) webhook.sink.emit(one);
      while (webhook.metrics.snapshot().backlog > 0) await new Promise(setImmediate);
    });
  }
}
