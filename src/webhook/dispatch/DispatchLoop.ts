/**
 * When events of the queue become bodies: while there is room for them, a slice at a time, with a turn of
 * the event loop between slices. What has no room waits as it is, since a hundred events may share what
 * their bodies repeat. It must never encode beyond the room, however many events one packet has made.
 */
import * as Effect from "effect/Effect";
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
  /** Called after each slice. */
  readonly afterSlice: () => void;
}

/** Events between two turns of the event loop: about 2 ms of work. */
const SLICE = 512;

/** Bytes of bodies between two turns, where they are large: some 4 ms of work. */
const SLICE_BYTES = 4 * 1024 * 1024;

/** Dispatches what comes, in its order, until the source has ended and is empty. */
export const run = (
  { source, dispatcher, backlog, dropsOldest, makeRoom, afterSlice }: DispatchLoopOptions,
): Effect.Effect<void> => {
  const room = Effect.unsafeMakeLatch(false);
  const roomMade = () => room.unsafeOpen();

  /** The oldest that waits is dropped for the next, which is itself where nothing else waits. */
  const dropOldest = (event: HookEvent): boolean => {
    makeRoom();
    if (backlog.hasRoom) return false;
    dispatcher.discard(event, "queue_full");
    return true;
  };

  /** Returns the bytes of the bodies it has written. */
  const slice = (): number => {
    let bytes = 0;
    for (let n = 0; n < SLICE && bytes < SLICE_BYTES; n++) {
      const drops = dropsOldest();
      if (!drops && !backlog.hasRoom) return bytes;
      const event = source.take();
      if (event === undefined) return bytes;
      if (drops && !backlog.hasRoom && dropOldest(event)) continue;
      bytes += dispatcher.dispatch(event);
      if (drops) makeRoom();
    }
    return bytes;
  };

  return Effect.whileLoop({
    while: () => source.length > 0 || !source.isEnded,
    body: () => {
      if (source.length === 0) return source.arrival;
      const bytes = slice();
      afterSlice();
      if (source.length === 0) return Effect.void;
      if (backlog.hasRoom || dropsOldest()) return bytes < SLICE_BYTES ? nextTurn : nextTimer;
      room.unsafeClose();
      backlog.whenRoom(roomMade);
      return room.await;
    },
    step: () => {},
  });
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
