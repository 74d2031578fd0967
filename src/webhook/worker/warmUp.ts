/**
 * Requests that a worker makes of itself before it gets work: the first ones take ten times as long as those
 * behind them, and a newcomer's first events would overtake each other by it. It must never keep a worker
 * from starting: without the loopback interface, say, its first request is a slow one.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { BodySlabs } from "../body/BodySlab.ts";
import type { Send } from "../attempt/Sender.ts";
import * as Senders from "../attempt/Senders.ts";

/** So many make no difference any more. */
const REQUESTS = 12;
/** Milliseconds that all of them may take. */
const MOST_MS = 500;
const ANSWER = new TextEncoder().encode("HTTP/1.1 204 No Content\r\n\r\n");

/** By connections of our own, which are closed when it is done: `fetch` would ask a proxy that the environment names. */
export const warmUp: Effect.Effect<void> = Effect.scoped(
  Effect.gen(function* () {
    const port = yield* answering;
    if (port === undefined) return;
    const senders = yield* Senders.make("pool", "warm-");
    yield* senders.prepare(Senders.NO_CERTIFICATES);
    const send = senders.of(Senders.NO_CERTIFICATES).to({
      url: `http://127.0.0.1:${port}/`,
      headers: [],
      signingKeys: [],
      httpTimeout: MOST_MS,
      retryStatus: "transient",
      batchForm: undefined,
      compression: "none",
    });
    const requests = Effect.loop(1, {
      while: (id) => id <= REQUESTS,
      step: (id) => id + 1,
      body: (id) => sent(send, id),
      discard: true,
    });
    yield* Effect.timeoutOption(requests, MOST_MS);
  }),
);

/** A listener that answers whatever it is sent, until the scope closes; undefined: there can be none. */
const answering: Effect.Effect<number | undefined, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      try {
        return Deno.listen({ hostname: "127.0.0.1", port: 0 });
      } catch {
        return undefined;
      }
    }),
    (listener) => Effect.sync(() => listener?.close()),
  ),
  (listener) => {
    if (listener === undefined) return undefined;
    void answerAll(listener);
    return listener.addr.port;
  },
);

const answerAll = async (listener: Deno.TcpListener): Promise<void> => {
  const bytes = new Uint8Array(4096);
  try {
    for await (const socket of listener) {
      void (async () => {
        try {
          while (await socket.read(bytes) !== null) await socket.write(ANSWER);
          socket.close();
        } catch {
          // Its connection was closed with the sender's: they are done.
        }
      })();
    }
  } catch {
    // Closed: they are done.
  }
};

const sent = (send: Send, id: number): Effect.Effect<void> =>
  Effect.async((resume) => {
    const body = new BodySlabs().write("{}", (text, writer) =>
      writer.json(new TextEncoder().encode(text)));
    send({ id, seq: 0, ...body }, () =>
      resume(Effect.void));
  });
