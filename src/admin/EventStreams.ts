/**
 * Server-sent events (HTML Living Standard 9.2): how things are each second, and deliveries as they end. It must
 * never hold a delivery up, nor gather for a reader that does not read: such a one misses what it has no room
 * for, and is told how much that was.
 */
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { isWanted } from "../webhook/tap/DeliveryFilter.ts";
import type { DeliveryTap } from "../webhook/tap/DeliveryTap.ts";
import type { DeliveryQuery, ShownDelivery } from "./deliveryQuery.ts";
import { shown } from "./deliveryQuery.ts";
import { problemResponse } from "./Problem.ts";

const MOST_STREAMS = 16;
/** Deliveries of one message; the others are only counted. */
const MOST_ENTRIES = 25;
/** Bytes that wait for one reader before it is left out. */
const MOST_WAITING = 64 * 1024;

/** What all streams go by: messages with deliveries each so often, the others every so many times. */
const TURN = Duration.millis(250);
const TURNS_OF_SNAPSHOT = 4;
const TURNS_OF_PING = 60;
/** A reader that has taken nothing for a minute is taken for gone. */
const TURNS_OF_PATIENCE = 240;

export interface EventStreams {
  /** A new stream, or a problem where there are as many as may be. */
  readonly open: (tap: DeliveryTap, query: DeliveryQuery) => Response;
  /** Ends them all. */
  readonly end: () => void;
  /** Streams that are open. */
  readonly size: number;
}

/** Streams until the scope closes. `snapshot` is asked each second while there are any; it answers what JSON can say. */
export const make = (
  snapshot: () => unknown,
): Effect.Effect<EventStreams, never, Scope.Scope> =>
  Effect.gen(function* () {
    const streams = new Set<EventStream>();
    const someone = yield* Effect.makeLatch(false);
    let turn = 0;
    const take = Effect.sync(() => {
      turn++;
      const isTime = turn % TURNS_OF_SNAPSHOT === 0;
      const told = isTime && streams.size > 0 ? message("snapshot", snapshot()) : undefined;
      for (const stream of streams) {
        stream.flush();
        if (told !== undefined) stream.send(told);
        if (turn % TURNS_OF_PING === 0) stream.send(PING);
        if (stream.idle > TURNS_OF_PATIENCE) stream.end();
      }
      if (streams.size === 0) someone.unsafeClose();
    });
    yield* Effect.forkScoped(
      Effect.forever(
        someone.await.pipe(Effect.zipRight(Effect.sleep(TURN)), Effect.zipRight(take)),
      ),
    );
    const end = () => {
      for (const stream of [...streams]) stream.end();
    };
    yield* Effect.addFinalizer(() => Effect.sync(end));
    return {
      end,
      open(tap, query) {
        if (streams.size >= MOST_STREAMS) {
          return problemResponse(
            503,
            `there are ${MOST_STREAMS} streams, which is as many as may be`,
            {
              "retry-after": "10",
            },
          );
        }
        const stream = new EventStream(tap, query, () => streams.delete(stream));
        streams.add(stream);
        stream.send(message("snapshot", snapshot()));
        someone.unsafeOpen();
        return new Response(stream.readable, {
          headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
        });
      },
      get size() {
        return streams.size;
      },
    };
  });

class EventStream {
  readonly readable: ReadableStream<Uint8Array>;
  /** Turns since its reader last had room. */
  idle = 0;
  readonly #unwatch: () => void;
  readonly #onEnd: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #entries: Array<ShownDelivery> = [];
  #omitted = 0;

  constructor(tap: DeliveryTap, { filter, payload }: DeliveryQuery, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.#controller = controller),
        cancel: () => this.#leave(),
      },
      { highWaterMark: MOST_WAITING, size: ({ length }) => length },
    );
    this.#unwatch = tap.watch((slot) => {
      if (!isWanted(filter, slot)) return;
      if (this.#entries.length < MOST_ENTRIES) this.#entries.push(shown(tap, slot, payload));
      else this.#omitted++;
    });
  }

  /** Sends what has come since the last time. */
  flush(): void {
    this.idle = this.#hasRoom ? 0 : this.idle + 1;
    if (this.#entries.length === 0 && this.#omitted === 0) return;
    if (!this.#hasRoom) {
      this.#omitted += this.#entries.length;
      this.#entries = [];
      return;
    }
    this.send(message("events", { events: this.#entries, omitted: this.#omitted }));
    this.#entries = [];
    this.#omitted = 0;
  }

  /** Sends a message, unless its reader is behind. */
  send(bytes: Uint8Array): void {
    if (this.#hasRoom) this.#controller?.enqueue(bytes);
  }

  end(): void {
    this.#controller?.close();
    this.#leave();
  }

  get #hasRoom(): boolean {
    return (this.#controller?.desiredSize ?? 0) > 0;
  }

  #leave(): void {
    this.#controller = undefined;
    this.#unwatch();
    this.#onEnd();
  }
}

const ENCODER = new TextEncoder();

const PING = ENCODER.encode(": ping\n\n");

/** JSON has no line breaks outside of its strings, and none in them. */
const message = (name: string, data: unknown): Uint8Array =>
  ENCODER.encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
