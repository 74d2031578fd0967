/**
 * One packet of many parts, such as the filters of a SUBSCRIBE, handled a slice at a time, so that its rest
 * may wait: a megabyte has room for 300,000 filters. It must never go on by itself.
 */
import type { Deadline, Deadlines } from "../../collections/Deadlines.ts";

/** Parts that are handled at once. */
export const SLICE_PARTS = 512;

/** Slices between two ticks of the broker: 10,000 parts, for which others wait some 20 ms. */
export const SLICES_PER_TURN = 20;

export interface PacketPartsHost {
  readonly deadlines: Deadlines;
  monotonic(): number;
}

export class PacketParts {
  readonly #parts: Iterator<undefined, void>;
  readonly #host: PacketPartsHost;
  readonly #onTurn: () => void;
  #slices = 0;
  #nextTurn: Deadline | undefined;
  #isDone = false;

  /** `onTurn` is called when it has had to wait for its next turn, and that has come. */
  constructor(parts: Iterator<undefined, void>, host: PacketPartsHost, onTurn: () => void) {
    this.#parts = parts;
    this.#host = host;
    this.#onTurn = onTurn;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** Whether others have their turn now. */
  get isWaiting(): boolean {
    return this.#nextTurn !== undefined;
  }

  /** Handles the next slice. Throws what a part throws. */
  goOn(): void {
    for (let n = 0; n < SLICE_PARTS && !this.#isDone; n++) {
      this.#isDone = this.#parts.next().done === true || this.#isDone; // a part may have ended it
    }
    if (this.#isDone || ++this.#slices < SLICES_PER_TURN) return;
    this.#slices = 0;
    this.#nextTurn = this.#host.deadlines.schedule(this.#host.monotonic() + 1, () => {
      this.#nextTurn = undefined;
      this.#onTurn();
    });
  }

  /** What is left is not handled any more. */
  end(): void {
    this.#isDone = true;
    if (this.#nextTurn !== undefined) this.#host.deadlines.cancel(this.#nextTurn);
    this.#nextTurn = undefined;
  }
}
