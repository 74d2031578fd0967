/** Opens a listener's socket and accepts its clients until the scope closes. */
import * as Data from "effect/Data";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { ListenerSettings } from "../domain/BrokerSettings.ts";
import { type Broker, Intake } from "../mqtt/Broker.ts";
import type { Sockets } from "./Sockets.ts";

/** A listener could not be opened. */
export class ListenError extends Data.TaggedError("ListenError")<{
  readonly listener: string;
  readonly address: string;
  readonly cause: unknown;
}> {
  override get message(): string {
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause);
    return `listener ${this.listener} cannot listen on ${this.address}: ${why}`;
  }
}

/** After a failure to accept (too many open files, say) the listener rests this long. */
const rest = Duration.millis(100);

/** An address as hook events and logs say it: `127.0.0.1:51234`, `[::1]:51234`. */
export const formatAddress = ({ hostname, port }: Deno.NetAddr): string => {
  const host = hostname.startsWith("::ffff:") && hostname.includes(".")
    ? hostname.slice("::ffff:".length) // an IPv4 client of a listener for both
    : hostname;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
};

/** Listens; fails when the socket cannot be opened. The log's `listening` line names the bound address. */
export const listen = (
  settings: ListenerSettings,
  broker: Broker,
  sockets: Sockets,
): Effect.Effect<void, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const { name, hostname, port, transport } = settings;
    const listener = yield* Effect.acquireRelease(
      Effect.try({
        try: () => bind(settings),
        catch: (cause) =>
          new ListenError({
            listener: `${transport}.${name}`,
            address: formatAddress({ transport: "tcp", hostname, port }),
            cause,
          }),
      }),
      (listener) => Effect.sync(() => listener.close()),
    );
    const intake = new Intake(settings.limits);
    const accept = Effect.tryPromise((): Promise<Deno.TcpConn | Deno.TlsConn> => listener.accept())
      .pipe(
        Effect.map((socket) => {
          if ("setNoDelay" in socket) socket.setNoDelay(true);
          const address = formatAddress(socket.remoteAddr as Deno.NetAddr); // of a TCP listener
          sockets.serve(socket, (sink) => broker.accept(sink, intake, address));
        }),
        Effect.catchAll((error) =>
          Effect.logError("cannot accept a connection", {
            listener: name,
            error: String(error.cause),
          }).pipe(Effect.zipRight(Effect.sleep(rest)))
        ),
      );
    const addr = formatAddress(listener.addr);
    yield* Effect.logInfo("listening", { listener: name, transport, addr });
    yield* Effect.forkScoped(Effect.forever(accept));
  });

const bind = (settings: ListenerSettings): Deno.TcpListener | Deno.TlsListener => {
  const { hostname, port } = settings;
  switch (settings.transport) {
    case "tcp":
      return Deno.listen({ hostname, port });
    case "tls":
      return Deno.listenTls({
        hostname,
        port,
        cert: Deno.readTextFileSync(settings.certFile),
        key: Deno.readTextFileSync(settings.keyFile),
      });
    case "ws":
      throw new Error("ws");
  }
};
