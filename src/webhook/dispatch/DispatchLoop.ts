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
  /** When that one came, milliseconds since 1970. */
  readonly born: number;
  /** Calls back, once and from outside, when there is one, or when no more will come. It must be empty. */
  onArrival(then: () => void): void;
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

/**
 * Dispatches what comes, in its order, until the source has ended and is empty. Plain code under one fiber: by a
 * Stream a lone event took 200 µs of it (bench/README.md).
 */
export const run = (options: DispatchLoopOptions): Effect.Effect<void> =>
  Effect.async((resume) => {
    const loop = new DispatchLoop(options, {
      ended: () => resume(Effect.void),
      failed: (error) => resume(Effect.die(error)),
    });
    loop.next();
    return Effect.sync(() => loop.stop());
  });

/** Told of the end, once. */
interface Ending {
  readonly ended: () => void;
  /** By a defect. */
  readonly failed: (error: unknown) => void;
}

class DispatchLoop {
  readonly #options: DispatchLoopOptions;
  readonly #ending: Ending;
  #isStopped = false;
  #immediate: ReturnType<typeof setImmediate> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: DispatchLoopOptions, ending: Ending) {
    this.#options = options;
    this.#ending = ending;
  }

  stop(): void {
    this.#isStopped = true;
    clearImmediate(this.#immediate);
    clearTimeout(this.#timer);
  }

  /** Dispatches a slice, or waits for what it takes to do so. */
  readonly next = (): void => {
    if (this.#isStopped) return;
    const { source, backlog, dropsOldest } = this.#options;
    if (source.length === 0) {
      if (source.isEnded) this.#ending.ended();
      else source.onArrival(this.next);
      return;
    }
    const drops = dropsOldest(); // no reload comes between: a slice is one turn
    if (!backlog.hasRoom && (!drops || backlog.isHalted)) {
      backlog.whenRoom(() => queueMicrotask(this.next));
      return;
    }
    let bytes: number;
    try {
      bytes = this.#dispatch(drops);
    } catch (error) {
      return this.#ending.failed(error);
    }
    if (source.length === 0) this.next(); // whoever waits for events leaves others their turns
    // Else a timer, because sockets are looked at in few of the turns that setImmediate makes, and these are long.
    else if (bytes < SLICE_BYTES) this.#immediate = setImmediate(this.next);
    else this.#timer = setTimeout(this.next, 0);
  };

  /** Dispatches events for one turn of the event loop; returns the bytes of their bodies. */
  #dispatch(drops: boolean): number {
    const { source, dispatcher, backlog, makeRoom, beforeSlice, afterSlice } = this.#options;
    let bytes = 0;
    beforeSlice();
    for (let events = 0; events < SLICE && bytes < SLICE_BYTES; events++) {
      if (!backlog.hasRoom && (!drops || backlog.isHalted)) break;
      const event = source.take();
      if (event === undefined) break;
      if (drops && !backlog.hasRoom && this.#dropOldest(event)) continue;
      bytes += dispatcher.dispatch(event, source.born);
      if (drops) makeRoom();
    }
    afterSlice();
    return bytes;
  }

  /** The oldest that waits is dropped for the next, which is itself where nothing else waits. */
  #dropOldest(event: HookEvent): boolean {
    const { source, dispatcher, backlog, makeRoom } = this.#options;
    makeRoom();
    if (backlog.hasRoom) return false;
    dispatcher.discard(event, source.born, "queue_full");
    return true;
  }
}
