/** Those who wait until a mark is safe, in the order of marks, which is the order in which they come. */
import { Deque } from "../collections/Deque.ts";

interface Waiter {
  readonly mark: number;
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

export class Waiters {
  readonly #waiting = new Deque<Waiter>();
  #last: Waiter | undefined;

  get length(): number {
    return this.#waiting.length;
  }

  /** Resolves when `settle` was told of this mark or a later one; `mark` is not below those before. */
  when(mark: number): Promise<void> {
    if (this.#last?.mark === mark) return this.#last.promise;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = { mark, promise, resolve };
    this.#waiting.push(this.#last);
    return promise;
  }

  /** All marks up to this one are safe. */
  settle(safe: number): void {
    for (let first = this.#waiting.peek(); first !== undefined; first = this.#waiting.peek()) {
      if (first.mark > safe) return;
      this.#waiting.shift();
      first.resolve();
    }
    this.#last = undefined;
  }
}
