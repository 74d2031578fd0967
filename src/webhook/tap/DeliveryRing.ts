import { Slot } from "./Slot.ts";

/** The deliveries filled in last, the oldest of them giving its place to the next. */
export class DeliveryRing implements Iterable<Slot> {
  readonly #slots: Array<Slot> = [];
  readonly #size: number;
  readonly #hasPayload: boolean;
  #next = 0;

  constructor(size: number, hasPayload: boolean) {
    this.#size = size;
    this.#hasPayload = hasPayload;
  }

  /** The slot to be filled next. */
  next(): Slot {
    const place = this.#next;
    this.#next = (place + 1) % this.#size;
    return this.#slots[place] ??= new Slot(this.#hasPayload);
  }

  /** Newest first. */
  *[Symbol.iterator](): Generator<Slot> {
    const { length } = this.#slots;
    for (let i = 1; i <= length; i++) {
      yield this.#slots[(this.#next - i + length) % length]!; // below the length
    }
  }
}
