/** One HttpClient for each set of trusted certificates; of the kind that `http_client` names. */
import type * as HttpClient from "@effect/platform/HttpClient";
import * as Effect from "effect/Effect";
import * as ExecutionStrategy from "effect/ExecutionStrategy";
import * as Scope from "effect/Scope";
import type { WebHookSettings } from "../domain/WebHookSettings.ts";
import * as fetchClient from "./fetchClient.ts";
import * as Http1Client from "./http/Http1Client.ts";

/** Our own client, or the platform's. */
export type AnyClient = Http1Client.Http1Client | HttpClient.HttpClient;

export interface HttpClients {
  /** Makes the client of this certificate text (PEM; empty: the system's alone), if it is not there yet. */
  readonly prepare: (caCert: string) => Effect.Effect<void>;
  /** The client of a certificate text that was prepared. */
  readonly of: (caCert: string) => AnyClient;
}

/** The clients, closed with the scope. */
export const make = (
  kind: WebHookSettings["httpClient"],
): Effect.Effect<HttpClients, never, Scope.Scope> =>
  Effect.gen(function* () {
    // A scope forked now, before the transport's: clients open connections late, and must close after
    // the transport has cut its requests, or each would be reported as a failure of its receiver.
    const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential);
    const clients = new Map<string, AnyClient>();
    const open = (caCert: string): Effect.Effect<AnyClient, never, Scope.Scope> => {
      const caCerts = caCert === "" ? [] : [caCert];
      return kind === "pool" ? Http1Client.make({ caCerts }) : fetchClient.make(caCerts);
    };
    return {
      prepare: (caCert) =>
        clients.has(caCert) ? Effect.void : Effect.map(
          Scope.extend(open(caCert), scope),
          (client) => void clients.set(caCert, client),
        ),
      of: (caCert) => clients.get(caCert)!, // prepared
    };
  });
