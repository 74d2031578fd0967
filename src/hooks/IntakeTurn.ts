/**
 * How many events the sockets may bring in before everything else has its turn. It must never wait for
 * anything but the event loop: what is slow or dead behind it is the Backlog's matter.
 *
 * In one turn of the event loop, requests that have ended are followed by at most `concurrency_limit`
 * new ones, while every publisher's socket brings what it has. Without this limit the deliveries of a
 * worker or of this thread fell to a tenth of their own pace while 500 clients published as fast as they could;
 * with it, to 0.5 to 0.7 (bench/README.md).
 */

/** Events in one turn. With 256 delivery fell under half its pace; with 64 intake was under it. */
export const MOST_EVENTS = 128;

export class IntakeTurn {
  #taken = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `onNext` is called at the beginning of the turn that follows one which was over. */
  constructor(private readonly onNext: () => void) {}

  /** Whether no more events should come in this turn. */
  get over(): boolean {
    return this.#taken >= MOST_EVENTS;
  }

  /** Counts an event. */
  take(): void {
    // A timer, because sockets are looked at in few of the turns that setImmediate makes.
    if (++this.#taken === MOST_EVENTS) this.#timer = setTimeout(this.#next, 0);
  }

  /** No turn follows. */
  close(): void {
    clearTimeout(this.#timer);
  }

  readonly #next = (): void => {
    this.#taken = 0;
    this.onNext();
  };
}
