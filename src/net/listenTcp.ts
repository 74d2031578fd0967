/** Accepts TCP sockets until the scope closes: what every transport begins with. */
import * as Cause from "effect/Cause";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { ListenerSettings } from "../domain/BrokerSettings.ts";

/** After a failure to accept (too many open files, say) the listener rests this long. */
const rest = Duration.millis(250);

/**
 * Whether it was the client that failed, by a reset before it was accepted. There is no rest after
 * that: a few resets a second would keep all others out.
 */
const isReset = (error: unknown): boolean =>
  error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionReset ||
  error instanceof Deno.errors.ConnectionAborted;

/** Listens; answers the bound address. `serve` takes each socket over. */
export const listenTcp = (
  { name, hostname, port }: ListenerSettings,
  serve: (socket: Deno.TcpConn) => void,
): Effect.Effect<Deno.NetAddr, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const listener = yield* Effect.acquireRelease(
      Effect.try({ try: () => Deno.listen({ hostname, port }), catch: (cause) => cause }),
      (listener) => Effect.sync(() => listener.close()),
    );
    yield* Effect.forkScoped(acceptAll(name, listener, serve));
    return listener.addr;
  });

/** Accepts for ever, whatever fails. */
export const acceptAll = (
  name: string,
  listener: Pick<Deno.TcpListener, "accept">,
  serve: (socket: Deno.TcpConn) => void,
): Effect.Effect<never> =>
  Effect.tryPromise({ try: () => listener.accept(), catch: (error) => error }).pipe(
    Effect.flatMap((socket) => Effect.sync(() => configured(socket) && serve(socket))),
    Effect.catchAllCause((cause) => {
      const error = Cause.squash(cause);
      return isReset(error)
        ? Effect.void
        : Effect.logError("cannot accept a connection", { listener: name, error: String(error) })
          .pipe(Effect.zipRight(Effect.sleep(rest)));
    }),
    Effect.forever,
  );

/** Answers false for a socket that was reset before it could be served. */
const configured = (socket: Deno.TcpConn): boolean => {
  try {
    socket.setNoDelay(true);
    socket.setKeepAlive(true); // ends clients without a keep-alive of MQTT that vanished without a word
    return true;
  } catch {
    socket.close();
    return false;
  }
};
