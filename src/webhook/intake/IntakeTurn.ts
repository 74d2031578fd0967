/**
 * How many events the sockets may bring in before deliveries have their turn. It must never wait for what
 * is slow or dead behind it: that is the Backlog's matter.
 *
 * In one turn of the event loop, requests that have ended are followed by at most `concurrency_limit`
 * new ones, while every publisher's socket brings what it has. Without this limit the deliveries of a
 * worker or of this thread fell to a twentieth of their own pace while 500 clients published as fast as they
 * could; with it, each side has half of its own or more (bench/README.md).
 */
import type { DeliveryPace } from "../account/DeliveryPace.ts";

/** Events in one turn: some 2 ms of work. With fewer, more of the time goes into pauses. */
export const EVENTS = 512;

/** The `fair` of deliveries by workers, which cost more than by this thread. */
export const FAIR_WITH_WORKERS = 0.33;
/** The `fair` of deliveries by this thread. */
export const FAIR = 0.37;

/**
 * A pause that deliveries made little use of lasts three milliseconds, or as long as its turn where that is
 * more: they wait for their receivers and not for this thread, which then is intake's for half of the time.
 */
const LONGEST_PAUSE_MS = 3;
/** The turn after such a pause has so many times the events. */
export const STRETCH = 2;

/** After so many pauses in a row in which no delivery ended, some 60 ms, nobody needs the time. */
export const IDLE_TURNS = 16;
/** Then a turn has so many times the events, and a pause a millisecond: delivery waits 10 ms to go on. */
export const IDLE_STRETCH = 4;

export interface IntakeTurnOptions {
  readonly pace: DeliveryPace;
  /** The part of what comes in that should end meanwhile: then intake and delivery have as much of their own pace. */
  readonly fair: number;
  /** Called at the beginning of the turn that follows a pause. */
  readonly onNext: () => void;
}

export class IntakeTurn {
  /** Events in this turn at most. */
  #most = EVENTS;
  #taken = 0;
  #over = false;
  #beganAt = performance.now();
  /** Deliveries that have to end before intake has had no more than its part. Negative: it has had less. */
  #owed = 0;
  /** Pauses in a row in which no delivery ended. */
  #idle = 0;
  // At the end of the last turn.
  #matchedBefore = 0;
  #endedBefore = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly #options: IntakeTurnOptions;

  constructor(options: IntakeTurnOptions) {
    this.#options = options;
  }

  /** Whether no more events should come in this turn. */
  get over(): boolean {
    return this.#over;
  }

  /** Counts an event. */
  take(): void {
    if (this.#over || ++this.#taken < this.#most) return;
    const { pace, fair } = this.#options;
    // This turn's events may still be on their way to the endpoints.
    const came = Math.max(this.#most, pace.matched - this.#matchedBefore);
    const owed = this.#owed + came * fair - this.#ended();
    // What ended too many counts for one more turn, since outcomes come in lumps.
    this.#owed = Math.max(owed, -came * fair);
    if (owed <= 0) {
      this.#idle = 0;
      return this.#begin(EVENTS);
    }
    this.#over = true;
    pace.whenEnded(pace.ended + owed, this.#enoughEnded);
    // A timer, because sockets are looked at in few of the turns that setImmediate makes.
    this.#timer = setTimeout(this.#dispatched, 0);
  }

  /** No turn follows. */
  close(): void {
    this.#endPause();
  }

  /** The turn's events are with their endpoints: it is known how long they took. */
  readonly #dispatched = (): void => {
    if (this.#idle >= IDLE_TURNS) return this.#late();
    const took = performance.now() - this.#beganAt;
    this.#timer = setTimeout(this.#late, Math.max(LONGEST_PAUSE_MS, took));
  };

  readonly #enoughEnded = (): void => {
    this.#idle = 0;
    this.#next(EVENTS);
  };

  readonly #late = (): void => {
    this.#idle = this.#options.pace.ended === this.#endedBefore ? this.#idle + 1 : 0;
    this.#next(EVENTS * (this.#idle < IDLE_TURNS ? STRETCH : IDLE_STRETCH));
  };

  #next(most: number): void {
    this.#endPause();
    this.#over = false;
    this.#owed = 0;
    this.#ended();
    this.#begin(most);
    this.#options.onNext();
  }

  #begin(most: number): void {
    this.#most = most;
    this.#taken = 0;
    this.#beganAt = performance.now();
    this.#matchedBefore = this.#options.pace.matched;
  }

  #endPause(): void {
    clearTimeout(this.#timer);
    this.#options.pace.whenEnded(Infinity, this.#enoughEnded);
  }

  /** Deliveries that have ended since this was asked last. */
  #ended(): number {
    const { ended } = this.#options.pace;
    const since = ended - this.#endedBefore;
    this.#endedBefore = ended;
    return since;
  }
}
