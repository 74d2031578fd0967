/**
 * One Sender for each set of trusted certificates, over a client of the kind that `http_client` names. What
 * the other kind needs must never be loaded: @effect/platform takes 16 MB of each worker.
 */
import * as Effect from "effect/Effect";
import * as ExecutionStrategy from "effect/ExecutionStrategy";
import * as Scope from "effect/Scope";
import type { WebHookSettings } from "../../domain/WebHookSettings.ts";
import { saysSelfSigned } from "../../http/TransportError.ts";
import type { Sender } from "./Sender.ts";
import * as PoolSender from "./PoolSender.ts";

export interface Senders {
  /** Makes the sender of this certificate text (PEM; empty: the system's alone), if it is not there yet. */
  readonly prepare: (caCert: string) => Effect.Effect<void>;
  /** The sender of a certificate text that was prepared. */
  readonly of: (caCert: string) => Sender;
}

/** The senders, whose connections close with the scope. */
export const make = (
  kind: WebHookSettings["httpClient"],
  idPrefix: string,
): Effect.Effect<Senders, never, Scope.Scope> =>
  Effect.gen(function* () {
    // A scope forked now, before that of who sends by them: they open connections late, and must close
    // after requests in flight were cut, or each would be reported as a failure of its receiver.
    const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential);
    const senders = new Map<string, Sender>();
    const open = kind === "pool" ? openPool(idPrefix) : yield* loadFetch(idPrefix);
    return {
      prepare: (caCert) =>
        senders.has(caCert) ? Effect.void : Effect.map(
          Scope.extend(open(caCert === "" ? [] : [caCert]), scope),
          (sender) => void senders.set(caCert, sender),
        ),
      of: (caCert) => senders.get(caCert)!, // prepared
    };
  });

/** Makes a sender that trusts `caCerts` (PEM) beside the system's. */
type Open = (caCerts: ReadonlyArray<string>) => Effect.Effect<Sender, never, Scope.Scope>;

const openPool = (idPrefix: string): Open => (caCerts) => PoolSender.make(idPrefix, { caCerts });

/** Dies when a module cannot be loaded, as the process or the worker would by a static import. */
const loadFetch = (idPrefix: string): Effect.Effect<Open> =>
  Effect.promise(async () => {
    const [fetchClient, ClientSender] = await Promise.all([
      import("./fetchClient.ts"),
      import("./ClientSender.ts"),
    ]);
    const openFetch: Open = (caCerts) =>
      Effect.flatMap(fetchClient.make(caCerts), (client) => ClientSender.make(client, idPrefix));
    return (caCerts) =>
      caCerts.length === 0
        ? openFetch(caCerts)
        : Effect.zipWith(openFetch(caCerts), openPool(idPrefix)(caCerts), orSelfSigned);
  });

/**
 * By fetch, until it finds a self-signed certificate that it takes from nobody, and then by the pool, whose
 * connections check whether it is the very one that was named. Nothing was sent by then, so that the attempt
 * goes on. Such a receiver is not reached through a
 * proxy.
 */
const orSelfSigned = (fetch: Sender, pool: Sender): Sender => ({
  to(settings) {
    const byFetch = fetch.to(settings);
    const byPool = pool.to(settings);
    let send = byFetch;
    return (attempt, done) =>
      send === byPool ? byPool(attempt, done) : byFetch(attempt, (outcome, status) => {
        if (outcome._tag !== "Failed" || !saysSelfSigned(outcome.error.detail)) {
          return done(outcome, status);
        }
        send = byPool;
        byPool(attempt, done);
      });
  },
});
