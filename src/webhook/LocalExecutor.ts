/** Attempts over HTTP on the broker's own thread: `worker_threads = 0`. */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { bytesOf } from "./BodySlab.ts";
import * as CaFiles from "./CaFiles.ts";
import type { Delivery } from "./Delivery.ts";
import { lost } from "./Delivery.ts";
import type { Attempting, Executor } from "./Executor.ts";
import type { HttpClients } from "./HttpClients.ts";
import * as HttpTransport from "./HttpTransport.ts";

/** An executor over `clients`. When the scope closes, requests in flight are cut and reported as lost. */
export const make = (
  clients: HttpClients,
  permits: number,
  webhookId: (id: number) => string,
): Effect.Effect<Executor, never, Scope.Scope> =>
  Effect.gen(function* () {
    const inFlight = new Map<Delivery, Attempting>();
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const [delivery, endpoint] of inFlight) endpoint.complete(delivery, lost);
      })
    );
    const transport = yield* HttpTransport.make(permits);
    const targets = new Map<number, HttpTransport.Target>();
    let caFiles: CaFiles.CaFiles = new Map();
    return {
      prepare: (endpoints) =>
        Effect.gen(function* () {
          caFiles = yield* CaFiles.read(endpoints);
          yield* Effect.forEach(["", ...caFiles.values()], clients.prepare, { discard: true });
        }),
      configure({ key, settings }) {
        const caCert = settings.caFile === undefined ? "" : caFiles.get(settings.caFile) ?? "";
        const of = { ...settings, retryStatus: settings.retry.status };
        const sender = clients.of(caCert);
        const known = targets.get(key);
        if (known === undefined) targets.set(key, transport.target(of, sender));
        else known.change(of, sender);
      },
      attempt(endpoint, delivery) {
        inFlight.set(delivery, endpoint);
        const target = targets.get(endpoint.key)!; // configured before its first attempt
        target.send(
          { webhookId: webhookId(delivery.id), seq: delivery.seq, body: bytesOf(delivery) },
          (outcome) => {
            inFlight.delete(delivery);
            endpoint.complete(delivery, outcome);
          },
        );
      },
      recall: ({ key }) => targets.get(key)?.recall(),
      takes: (limit) => limit,
    };
  });
