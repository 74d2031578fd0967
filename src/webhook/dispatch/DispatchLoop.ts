/**
 * When events of the queue become bodies: while there is room for them, a slice at a time, with a turn of
 * the event loop between slices. What has no room waits as it is, since a hundred events may share what
 * their bodies repeat. It must never encode beyond the room, however many events one packet has made.
 */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Stream from "effect/Stream";
import type { HookEvent } from "../../domain/HookEvent.ts";
import type { Backlog } from "../account/Backlog.ts";
import type { Dispatcher } from "./Dispatcher.ts";

/** Where events wait. */
export interface EventSource {
  /** Events that wait. */
  readonly length: number;
  /** Whether no more will come. */
  readonly isEnded: boolean;
  /** Takes the oldest out. */
  take(): HookEvent | undefined;
  /** When that one came, milliseconds since 1970. */
  readonly born: number;
  /** Returns when there is one, or when no more will come. */
  readonly arrival: Effect.Effect<void>;
}

export interface DispatchLoopOptions {
  readonly source: EventSource;
  readonly dispatcher: Dispatcher;
  readonly backlog: Backlog;
  /** Whether events are dropped for room, the oldest first, and none waits for it. */
  readonly dropsOldest: () => boolean;
  /** Drops the oldest that wait at endpoints until the capacity is kept. */
  readonly makeRoom: () => void;
  /** Called before each slice. */
  readonly beforeSlice: () => void;
  /** Called after each slice. */
  readonly afterSlice: () => void;
}

/** Events between two turns of the event loop: about 2 ms of work. */
const SLICE = 512;

/** Bytes of bodies between two turns, where they are large: some 4 ms of work. */
const SLICE_BYTES = 4 * 1024 * 1024;

/** Dispatches what comes, in its order, until the source has ended and is empty. */
export const run = (options: DispatchLoopOptions): Effect.Effect<void> => {
  const { source, dispatcher, backlog, dropsOldest, makeRoom, beforeSlice, afterSlice } = options;

  /** The oldest that waits is dropped for the next, which is itself where nothing else waits. */
  const dropOldest = (event: HookEvent): boolean => {
    makeRoom();
    if (backlog.hasRoom) return false;
    dispatcher.discard(event, source.born, "queue_full");
    return true;
  };

  const dispatch = (slice: Slice): void => {
    const drops = dropsOldest(); // no reload comes between: a slice is one turn
    beforeSlice();
    for (let event = slice.take(drops); event !== undefined; event = slice.take(drops)) {
      if (drops && !backlog.hasRoom && dropOldest(event)) continue;
      slice.bytes += dispatcher.dispatch(event, source.born);
      if (drops) makeRoom();
    }
    afterSlice();
  };
  return Stream.runForEach(slices(options), (slice) => Effect.sync(() => dispatch(slice)));
};

/** Events for one turn of the event loop. Each leaves the source as it is taken, so that none is lost on the way. */
class Slice {
  /** What their bodies take. Whoever dispatches them adds it. */
  bytes = 0;
  #events = 0;

  constructor(readonly options: Pick<DispatchLoopOptions, "source" | "backlog">) {}

  /**
   * The next; undefined where the slice is over, for want of events, of room or of time.
   *
   * @param drops whether no event waits for room
   */
  take(drops: boolean): HookEvent | undefined {
    const { source, backlog } = this.options;
    if (this.#events === SLICE || this.bytes >= SLICE_BYTES) return undefined;
    if (!backlog.hasRoom && (!drops || backlog.isHalted)) return undefined;
    this.#events++;
    return source.take();
  }
}

/** The source's events as a stream that ends with it; the next slice comes when there are events and room for one. */
const slices = (
  options: Pick<DispatchLoopOptions, "source" | "backlog" | "dropsOldest">,
): Stream.Stream<Slice> => {
  const { source, backlog, dropsOldest } = options;
  const room = Effect.unsafeMakeLatch(false);
  const roomMade = () => room.unsafeOpen();
  let last: Slice | undefined;

  /** What the next slice waits for. */
  const wait = (): Effect.Effect<void> | undefined => {
    if (source.length === 0) {
      last = undefined; // whoever waits for events has had turns
      return source.isEnded ? undefined : source.arrival;
    }
    if (!backlog.hasRoom && (!dropsOldest() || backlog.isHalted)) {
      last = undefined;
      room.unsafeClose();
      backlog.whenRoom(roomMade);
      return room.await;
    }
    if (last === undefined) return undefined;
    const turn = last.bytes < SLICE_BYTES ? nextTurn : nextTimer;
    last = undefined;
    return turn;
  };

  const next: Effect.Effect<Slice, Option.Option<never>> = Effect.suspend(() => {
    const waited = wait();
    if (waited !== undefined) return Effect.zipRight(waited, next);
    if (source.length === 0) return Effect.fail(Option.none());
    last = new Slice(options);
    return Effect.succeed(last);
  });
  return Stream.repeatEffectOption(next);
};

/** A timer, because sockets are looked at in few of the turns that setImmediate makes, and these are long. */
const nextTimer = Effect.async<void>((resume) => {
  const timer = setTimeout(() => resume(Effect.void), 0);
  return Effect.sync(() => clearTimeout(timer));
});

const nextTurn = Effect.async<void>((resume) => {
  const turn = setImmediate(() => resume(Effect.void));
  return Effect.sync(() => clearImmediate(turn));
});
