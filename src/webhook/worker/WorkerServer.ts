/**
 * A delivery worker's own side: it makes the attempts that it is given, within its permits, and reports
 * their outcomes in parcels. It must never decide whether an attempt is repeated, nor log.
 */
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as Runtime from "effect/Runtime";
import type * as Scope from "effect/Scope";
import * as AttemptParcel from "./AttemptParcel.ts";
import type { Outcome } from "../attempt/Attempt.ts";
import { monotonicMillis } from "../../ops/monotonic.ts";
import type { TargetSettings } from "../attempt/Sender.ts";
import * as Senders from "../attempt/Senders.ts";
import * as PermitQueue from "./PermitQueue.ts";
import { OutcomeReporter } from "./OutcomeReporter.ts";
import { warmUp } from "./warmUp.ts";
import type { FromWorker, ToWorker } from "./WorkerProtocol.ts";

/** The worker's end of its channel. */
export interface WorkerPort {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

type Start = Extract<ToWorker, { readonly _tag: "Start" }>;

/** Serves until the worker is terminated. */
export const serve = (port: WorkerPort): Effect.Effect<never> =>
  Effect.gen(function* () {
    const start = yield* started(port);
    const handle = yield* handler(port, start);
    if (start.httpClient === "pool") yield* warmUp;
    port.onmessage = ({ data }) => handle(data);
    port.postMessage({ _tag: "Ready" });
    return yield* Effect.never;
  }).pipe(Effect.scoped);

const started = (port: WorkerPort): Effect.Effect<Start> =>
  Effect.async((resume) => {
    port.onmessage = ({ data }) => {
      if (data._tag === "Start") resume(Effect.succeed(data));
    };
  });

const handler = (
  port: WorkerPort,
  { httpClient, permits, idPrefix }: Start,
): Effect.Effect<(message: ToWorker) => void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock;
    const clients = yield* Senders.make(httpClient, idPrefix);
    const transport = yield* PermitQueue.make(permits);
    const runSync = Runtime.runSync(yield* Effect.runtime<never>());
    const targets = new Map<number, PermitQueue.Target>();
    const report = new OutcomeReporter({ permits, send: (message) => port.postMessage(message) });

    const attempt = (parcelled: AttemptParcel.ParcelledAttempt) => {
      report.taken();
      targets.get(parcelled.endpoint)!.send(parcelled); // its settings came before
    };
    const ended = (
      attempt: PermitQueue.TimedAttempt,
      outcome: Outcome,
      took: number,
      status?: number,
    ) => {
      const { id } = attempt;
      if (attempt instanceof AttemptParcel.ParcelledAttempt) attempt.end();
      const { _tag } = outcome;
      if (_tag === "Delivered") {
        const { fault } = outcome;
        if (fault === undefined) report.delivered(id, took, status);
        else report.told({ _tag, id, fault }, took, status);
        return;
      }
      if (outcome._tag === "Returned") return report.returned(id);
      if (outcome._tag === "Lost") return; // a transport knows no loss
      const { fault, error: { reason, detail, retryable, retryAfter, gone } } = outcome;
      const error = { reason, status: outcome.error.status, detail, retryable, retryAfter, gone };
      report.told({ _tag: "Failed", id, fault, ...error }, took);
    };

    return (message) => {
      switch (message._tag) {
        case "Start":
          return;
        case "Endpoint": {
          const { key, headers, signingKeys, certificates, ...rest } = message.endpoint;
          runSync(clients.prepare(certificates));
          const settings: TargetSettings = {
            ...rest,
            headers: headers.map(([name, value]) => [name, Redacted.make(value)]),
            signingKeys: signingKeys.map((key) => Redacted.make(key)),
          };
          const sender = clients.of(certificates);
          const known = targets.get(key);
          if (known === undefined) targets.set(key, transport.target(settings, sender, ended));
          else known.change(settings, sender);
          return;
        }
        case "Recall":
          return targets.get(message.endpoint)?.recall();
        case "Permits":
          report.permits = message.permits;
          return transport.resize(message.permits);
        case "Forget":
          targets.get(message.endpoint)?.leave();
          targets.delete(message.endpoint);
          return;
        case "Attempts":
          return AttemptParcel.forEach(message.parcel, monotonicMillis(clock), attempt);
      }
    };
  });
