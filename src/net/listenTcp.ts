/** Accepts TCP sockets until the scope closes: MQTT over TCP, and what TLS goes over. */
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { ListenerSettings } from "../domain/BrokerSettings.ts";

/** After a failure to accept (too many open files, say) the listener rests this long. */
const rest = Duration.millis(100);

/** Listens; answers the bound address. `serve` takes each socket over, and must not throw. */
export const listenTcp = (
  { name, hostname, port }: ListenerSettings,
  serve: (socket: Deno.TcpConn) => void,
): Effect.Effect<Deno.NetAddr, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const listener = yield* Effect.acquireRelease(
      Effect.try({ try: () => Deno.listen({ hostname, port }), catch: (cause) => cause }),
      (listener) => Effect.sync(() => listener.close()),
    );
    let isFailing = false;
    const accept = Effect.tryPromise(() => listener.accept()).pipe(
      Effect.flatMap((socket) => {
        isFailing = false;
        return Effect.sync(() => configured(socket) && serve(socket));
      }),
      Effect.catchAll((error) => {
        const first = !isFailing; // a lasting failure is said once, not ten times a second
        isFailing = true;
        return Effect.logError("cannot accept a connection", {
          listener: name,
          error: String(error.cause),
        }).pipe(Effect.when(() => first), Effect.zipRight(Effect.sleep(rest)));
      }),
    );
    yield* Effect.forkScoped(Effect.forever(accept));
    return listener.addr;
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
