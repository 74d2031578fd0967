/**
 * How deliveries keep up with events, for IntakeTurn to compare: counted by the endpoints. What is dropped
 * counts as matched only, or a queue that overflows would look as if it were emptied.
 */
export class DeliveryPace {
  /** Deliveries that have come in since the start. */
  matched = 0;
  #ended = 0;
  #awaited = Infinity;
  #then: () => void = () => {};

  /** Of those, the ones that an attempt has brought to their end. */
  get ended(): number {
    return this.#ended;
  }

  /** An attempt has brought one to its end. */
  end(): void {
    if (++this.#ended < this.#awaited) return;
    this.#awaited = Infinity;
    queueMicrotask(this.#then); // the endpoint is in the midst of its own work
  }

  /** Calls back once, when `ended` is so many or more; instead of what was asked for before. */
  whenEnded(count: number, then: () => void): void {
    this.#awaited = count;
    this.#then = then;
  }
}
