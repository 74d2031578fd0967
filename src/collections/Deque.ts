/** A first-in first-out queue on a ring that grows and shrinks by doubling; O(1) at both ends. */
export class Deque<A> {
  #ring: Array<A | undefined> = [];
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: A): void {
    if (this.#length === this.#ring.length) this.#resize(Math.max(4, this.#length * 2));
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = item;
    this.#length++;
  }

  /** Puts an item before all others. */
  unshift(item: A): void {
    if (this.#length === this.#ring.length) this.#resize(Math.max(4, this.#length * 2));
    this.#head = (this.#head - 1) & (this.#ring.length - 1);
    this.#ring[this.#head] = item;
    this.#length++;
  }

  peek(): A | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head];
  }

  shift(): A | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length--;
    if (this.#length === 0) {
      this.#ring = [];
      this.#head = 0;
    } else if (this.#length <= this.#ring.length >> 2) this.#resize(this.#ring.length >> 1);
    return item;
  }

  /** Keeps the items that `keep` accepts, in their order. */
  filter(keep: (item: A) => boolean): void {
    const items = [...this];
    this.#ring = [];
    this.#head = 0;
    this.#length = 0;
    for (const item of items) if (keep(item)) this.push(item);
  }

  *[Symbol.iterator](): Generator<A> {
    for (let i = 0; i < this.#length; i++) {
      yield this.#ring[(this.#head + i) & (this.#ring.length - 1)] as A; // within the length: an item
    }
  }

  #resize(capacity: number): void {
    const ring = new Array<A | undefined>(capacity);
    for (let i = 0; i < this.#length; i++) {
      ring[i] = this.#ring[(this.#head + i) & (this.#ring.length - 1)];
    }
    this.#ring = ring;
    this.#head = 0;
  }
}
