/** Deliveries that wait for a moment, the earliest first; among equals the older delivery first. */
import type { Delivery } from "../attempt/Delivery.ts";

export class RetryHeap {
  #items: Array<Delivery> = [];

  get length(): number {
    return this.#items.length;
  }

  peek(): Delivery | undefined {
    return this.#items[0];
  }

  push(delivery: Delivery): void {
    const items = this.#items;
    let i = items.push(delivery) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(delivery, items[parent]!)) break; // parent < i
      items[i] = items[parent]!;
      i = parent;
    }
    items[i] = delivery;
  }

  pop(): Delivery | undefined {
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

  /** Takes all out, the oldest delivery first. */
  drain(): ReadonlyArray<Delivery> {
    const all = this.#items;
    this.#items = [];
    return all.sort((a, b) => a.id - b.id);
  }

  [Symbol.iterator](): Iterator<Delivery> {
    return this.#items[Symbol.iterator]();
  }
}

const before = (a: Delivery, b: Delivery): boolean =>
  a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.id < b.id);
