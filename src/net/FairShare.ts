/**
 * Shares the event loop among clients: one that has sent a lot is served a few milliseconds at a time,
 * and then the others, the timers and the deliveries have their turn.
 *
 * Without it a publisher to 100 subscribers kept everybody else waiting for as long as it had more to
 * send (14 s for a ping, on a busy machine; 62 ms with it, the median): a read that finds bytes there does not go
 * through the event loop.
 */

/** Bytes up to which a chunk is handed over as a whole, and else the size of its pieces. */
const PIECE = 2048;

/** Milliseconds; the others' turn costs a timer, which is 1 to 2. */
const SHARE = 10;

/** One client's share. */
export class FairShare {
  #began = performance.now();

  /** Hands received bytes over; resolves, when it took long, after the others had their turn. */
  async give(bytes: Uint8Array, receive: (piece: Uint8Array) => void): Promise<void> {
    for (let from = 0; from < bytes.length; from += PIECE) {
      receive(bytes.subarray(from, from + PIECE));
      if (performance.now() - this.#began < SHARE) continue;
      // A timer: while setImmediate is used, tokio looks at the sockets in one of 61 turns only.
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.#began = performance.now();
    }
  }

  /** Whether `give` is to be used: a small chunk is not worth a look at the clock. */
  static concerns(length: number): boolean {
    return length > PIECE;
  }
}
