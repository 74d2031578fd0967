/**
 * One Sender for each set of certificates, trusted and shown, over a client of the kind that `http_client` names. What
 * the other kind needs must never be loaded: @effect/platform takes 16 MB of each worker.
 */
import * as Effect from "effect/Effect";
import * as ExecutionStrategy from "effect/ExecutionStrategy";
import * as Scope from "effect/Scope";
import * as Redacted from "effect/Redacted";
import type { EndpointSettings, WebHookSettings } from "../../domain/WebHookSettings.ts";
import type { ClientIdentity } from "../../http/NodeTls.ts";
import type { TlsOptions } from "../../http/Socket.ts";
import { saysSelfSigned } from "../../http/TransportError.ts";
import type { Sender } from "./Sender.ts";
import * as PoolSender from "./PoolSender.ts";

export interface Senders {
  /** Makes the sender of these certificates, if it is not there yet. */
  readonly prepare: (certificates: Certificates) => Effect.Effect<void>;
  /** The sender of certificates that were prepared. */
  readonly of: (certificates: Certificates) => Sender;
}

/** What a URL has of its own in TLS, in PEM. Not to be printed: a key is among it. */
export interface Certificates {
  /** Trusted beside the system's; empty: none is. */
  readonly caCert: string;
  readonly identity: ClientIdentity | undefined;
}

/** Of a URL that has none of its own. */
export const NO_CERTIFICATES: Certificates = { caCert: "", identity: undefined };

export const certificatesOf = (
  { ca, identity }: Pick<EndpointSettings, "ca" | "identity">,
): Certificates => ({
  caCert: ca?.pem ?? "",
  identity: identity && { cert: identity.cert, key: Redacted.value(identity.key) },
});

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
      prepare(certificates) {
        const key = keyOf(certificates);
        const { caCert, identity } = certificates;
        const options = { caCerts: caCert === "" ? [] : [caCert], identity };
        return senders.has(key) ? Effect.void : Effect.map(
          Scope.extend(open(options), scope),
          (sender) => void senders.set(key, sender),
        );
      },
      of: (certificates) => senders.get(keyOf(certificates))!, // prepared
    };
  });

const keyOf = ({ caCert, identity }: Certificates): string =>
  JSON.stringify([caCert, identity?.cert, identity?.key]);

/** Makes a sender. */
type Open = (tls: TlsOptions) => Effect.Effect<Sender, never, Scope.Scope>;

const openPool = (idPrefix: string): Open => (tls) => PoolSender.make(idPrefix, tls);

/** Dies when a module cannot be loaded, as the process or the worker would by a static import. */
const loadFetch = (idPrefix: string): Effect.Effect<Open> =>
  Effect.promise(async () => {
    const [fetchClient, ClientSender] = await Promise.all([
      import("./fetchClient.ts"),
      import("./ClientSender.ts"),
    ]);
    const openFetch: Open = (tls) =>
      Effect.flatMap(fetchClient.make(tls), (client) => ClientSender.make(client, idPrefix));
    return (tls) =>
      tls.caCerts.length === 0
        ? openFetch(tls)
        : Effect.zipWith(openFetch(tls), openPool(idPrefix)(tls), orSelfSigned);
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
