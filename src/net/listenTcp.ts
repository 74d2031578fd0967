/** Accepts TCP sockets until the scope closes: what every transport begins with. */
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { ListenerSettings } from "../domain/BrokerSettings.ts";
import type { Newcomer } from "./Newcomers.ts";
import { Newcomers } from "./Newcomers.ts";
import { sourceOf } from "../domain/sourceOf.ts";
import { monotonicMillis } from "../ops/monotonic.ts";
import { isShortage } from "../ops/shortage.ts";
import type { Descriptors } from "./Descriptors.ts";
import { formatAddress } from "./formatAddress.ts";

/** After a failure to accept the listener rests this long. */
const rest = Duration.millis(250);

/** Between two lines of the log about sockets that were refused. */
const TELLING = Duration.seconds(10);

/** How long it rests where there is no descriptor for one more client, before it looks again. */
const FULL_REST = Duration.seconds(1);

/**
 * Whether it was the client that failed, by a reset before it was accepted. There is no rest after
 * that: a few resets a second would keep all others out.
 */
const isReset = (error: unknown): boolean =>
  error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionReset ||
  error instanceof Deno.errors.ConnectionAborted;

/**
 * Listens; answers the bound address. `serve` takes each socket over that is let in, and says of it when
 * it is no newcomer any more.
 */
export const listenTcp = (
  { name, hostname, port, limits }: ListenerSettings,
  descriptors: Descriptors,
  serve: (socket: Deno.TcpConn, newcomer: Newcomer) => void,
): Effect.Effect<Deno.NetAddr, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const listener = yield* Effect.acquireRelease(
      Effect.try({ try: () => Deno.listen({ hostname, port }), catch: (cause) => cause }),
      (listener) => Effect.sync(() => listener.close()),
    );
    const clock = yield* Effect.clock;
    const newcomers = new Newcomers(limits, () => monotonicMillis(clock));
    const serveAdmissible = (socket: Deno.TcpConn): void => {
      const newcomer = newcomers.enter(sourceOf(formatAddress(socket.remoteAddr)));
      if (newcomer === undefined) socket.close();
      else serve(socket, newcomer);
    };
    yield* Effect.forkScoped(acceptAll(name, listener, descriptors, serveAdmissible));
    yield* Effect.forkScoped(tellRefusals(name, newcomers));
    return listener.addr;
  });

/** Says how many sockets were refused, while there are such. */
export const tellRefusals = (
  name: string,
  newcomers: Pick<Newcomers, "refused">,
): Effect.Effect<never> =>
  Effect.suspend(() => {
    const before = newcomers.refused;
    return Effect.zipRight(
      Effect.sleep(TELLING),
      Effect.suspend(() => {
        const sockets = newcomers.refused - before;
        return sockets === 0 ? Effect.void : Effect.logWarning(
          "sockets closed over max_handshaking_limit or max_conn_rate",
          { listener: name, sockets },
        );
      }),
    );
  }).pipe(Effect.forever);

/** Accepts for ever, whatever fails, as long as there are descriptors for clients. */
export const acceptAll = (
  name: string,
  listener: Acceptor,
  descriptors: Pick<Descriptors, "hasRoom" | "most" | "exhausted" | "recover">,
  serve: (socket: Deno.TcpConn) => void,
): Effect.Effect<never> => {
  const accepted = Effect.tryPromise({
    try: (signal) => acceptWhileRoom(listener, descriptors, serve, signal),
    catch: (error) => error,
  }).pipe(
    Effect.catchAll((error) =>
      isReset(error)
        ? Effect.void
        : Effect.zipRight(failed(name, error, descriptors), Effect.sleep(rest))
    ),
  );
  const waited = Effect.andThen(Effect.sleep(FULL_REST), Effect.sync(() => descriptors.recover()));
  return Effect.forever(
    Effect.suspend(() => descriptors.hasRoom ? accepted : waited),
  );
};

type Acceptor = Pick<Deno.TcpListener, "accept">;

/** Without an Effect for each socket, which showed in what a connect costs (bench/README.md). Rejects as `accept` does. */
const acceptWhileRoom = async (
  listener: Acceptor,
  descriptors: Pick<Descriptors, "hasRoom">,
  serve: (socket: Deno.TcpConn) => void,
  signal: AbortSignal,
): Promise<void> => {
  while (descriptors.hasRoom) {
    const socket = await listener.accept();
    if (signal.aborted) return socket.close();
    if (configured(socket)) serve(socket);
  }
};

/** Says why nothing was accepted; where descriptors ran out, what becomes of it, and once. */
const failed = (
  name: string,
  error: unknown,
  descriptors: Pick<Descriptors, "most" | "exhausted">,
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const before = descriptors.most;
    if (isShortage(error)) descriptors.exhausted();
    return descriptors.most === before
      ? Effect.logError("cannot accept a connection", { listener: name, error: String(error) })
      : Effect.logWarning(
        "all descriptors are in use (ulimit -n): no more clients are let in than there are",
        { listener: name, clients: descriptors.most },
      );
  });

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
