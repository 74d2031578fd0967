/** What waits for a moment, the earliest first; among equals the older first. */
import type { Sending } from "../attempt/Batch.ts";

export class RetryHeap<S extends Sending = Sending> {
  #items: Array<S> = [];

  get length(): number {
    return this.#items.length;
  }

  peek(): S | undefined {
    return this.#items[0];
  }

  push(sending: S): void {
    const items = this.#items;
    let i = items.push(sending) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(sending, items[parent]!)) break; // parent < i
      items[i] = items[parent]!;
      i = parent;
    }
    items[i] = sending;
  }

  pop(): S | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= items.length) break;
      // Both are below the length here.
      if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child++;
      if (!before(items[child]!, last)) break;
      items[i] = items[child]!;
      i = child;
    }
    items[i] = last;
    return first;
  }

  /** Takes all out, the oldest first. */
  drain(): ReadonlyArray<S> {
    const all = this.#items;
    this.#items = [];
    return all.sort((a, b) => a.id - b.id);
  }

  [Symbol.iterator](): Iterator<S> {
    return this.#items[Symbol.iterator]();
  }
}

const before = (a: Sending, b: Sending): boolean =>
  a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.id < b.id);
