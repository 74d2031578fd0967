/**
 * Sockets that are no client's yet, because TLS or HTTP must come to an agreement first: those that
 * take too long are closed, and all of them when the scope closes.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { Refused } from "./SocketSink.ts";
import type { TcpStream } from "./TcpStream.ts";

export class Handshakes {
  readonly #deadlines = new Map<TcpStream, ReturnType<typeof setTimeout>>();

  /**
   * @param timeout milliseconds that a handshake may take
   * @param refused told of each that took longer
   */
  constructor(readonly timeout: number, readonly refused: Refused) {}

  get size(): number {
    return this.#deadlines.size;
  }

  begin(stream: TcpStream): void {
    const expired = () => {
      this.refused(stream.peer, "no TLS or WebSocket handshake in time");
      stream.destroy();
    };
    this.#deadlines.set(stream, setTimeout(expired, this.timeout));
    stream.once("close", () => this.end(stream));
  }

  /** The handshake is done, or has failed. */
  end(stream: TcpStream): void {
    clearTimeout(this.#deadlines.get(stream));
    this.#deadlines.delete(stream);
  }

  /** Whether this socket's handshake goes on. */
  includes(stream: TcpStream): boolean {
    return this.#deadlines.has(stream);
  }

  cut(): void {
    for (const stream of this.#deadlines.keys()) stream.destroy();
  }
}

export const makeHandshakes = (
  timeout: number,
  refused: Refused,
): Effect.Effect<Handshakes, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Handshakes(timeout, refused)),
    (handshakes) => Effect.sync(() => handshakes.cut()),
  );
