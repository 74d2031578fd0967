/**
 * How many events the sockets may bring in before everything else has its turn. It must never wait for
 * anything but the event loop: what is slow or dead behind it is the Backlog's matter.
 *
 * In one turn of the event loop, requests that have ended are followed by at most `concurrency_limit`
 * new ones, while every publisher's socket brings what it has. Without this limit the deliveries of a
 * worker or of this thread fell to a twentieth of their own pace while 500 clients published as fast as they
 * could; with it, each side has about half of its own (bench/README.md). As long as deliveries keep up by
 * themselves nothing is held: a pause leaves a processor idle.
 */
import type { DeliveryPace } from "./DeliveryPace.ts";

/** Events in the shortest turn and in the longest; with less than the first, intake has not half of its pace. */
export const LEAST_EVENTS = 240;
export const MOST_EVENTS = 1024;

/**
 * The part of what comes in that ends meanwhile, when intake and delivery have as much of their own pace.
 * Turns become longer while it is more and shorter while it is less: a fixed length that was fair to one
 * machine or number of workers left delivery or intake a third on others.
 */
export const FAIR = 0.4;

/** A turn is followed by the next without a pause when this part has ended. */
export const KEEPS_UP = 0.5;

/** After so many turns in a row in whose pause no delivery ended, some 30 ms, nobody needs the time. */
export const IDLE_TURNS = 16;
/** Then a turn is so many times the shortest: delivery waits 10 ms to go on. */
export const IDLE_STRETCH = 8;

export interface IntakeTurnOptions {
  readonly pace: DeliveryPace;
  /** Called at the beginning of the turn that follows one which was over. */
  readonly onNext: () => void;
}

export class IntakeTurn {
  /** Events in one turn. */
  #most = LEAST_EVENTS;
  #taken = 0;
  #over = false;
  /** Turns in a row in whose pause no delivery ended. */
  #idle = 0;
  // At the end of the last turn.
  #matchedBefore = 0;
  #endedBefore = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: IntakeTurnOptions) {}

  /** Whether no more events should come in this turn. */
  get over(): boolean {
    return this.#over;
  }

  /** Counts an event. */
  take(): void {
    const { pace } = this.options;
    const most = this.#idle < IDLE_TURNS ? this.#most : LEAST_EVENTS * IDLE_STRETCH;
    if (this.#over || ++this.#taken < most) return;
    // This turn's events may still be on their way to the endpoints.
    const came = Math.max(most, pace.matched - this.#matchedBefore);
    const part = (pace.ended - this.#endedBefore) / came;
    this.#matchedBefore = pace.matched;
    this.#endedBefore = pace.ended;
    this.#most = part < FAIR
      ? Math.max(LEAST_EVENTS, this.#most * 0.8)
      : Math.min(MOST_EVENTS, this.#most * 1.1);
    if (part >= KEEPS_UP) {
      this.#taken = this.#idle = 0;
      return;
    }
    this.#over = true;
    // A timer, because sockets are looked at in few of the turns that setImmediate makes.
    this.#timer = setTimeout(this.#next, 0);
  }

  /** No turn follows. */
  close(): void {
    clearTimeout(this.#timer);
  }

  readonly #next = (): void => {
    const { pace, onNext } = this.options;
    this.#idle = pace.ended === this.#endedBefore ? this.#idle + 1 : 0;
    this.#over = false;
    this.#taken = 0;
    onNext();
  };
}
