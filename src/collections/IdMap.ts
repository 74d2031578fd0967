/** Stands where no id does. */
const FREE = -1;

/** 2^32 by the golden ratio: ids that follow each other come to stand apart, and what is behind one taken is short. */
const SCATTER = 0x9e3779b1;

/** The places of an empty map, as a power of two. */
const LEAST_BITS = 4;

/**
 * A map by id, a whole number from 0 on, for what comes and goes by the thousand a second: a table with open
 * addressing, that grows and never shrinks.
 *
 * Not a Map: that makes a new table each time that half of the old one has been deleted, and V8 keeps the old ones,
 * with all that they had, until the next major collection (bench/README.md).
 */
export class IdMap<A> {
  #bits = LEAST_BITS;
  #ids = new Float64Array(1 << LEAST_BITS).fill(FREE);
  #values: Array<A | undefined> = new Array(1 << LEAST_BITS).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The value of an id that is not in it yet. */
  add(id: number, value: A): void {
    if (this.#size * 2 >= this.#ids.length) this.#grow();
    let place = this.#home(id);
    while (this.#ids[place] !== FREE) place = (place + 1) & (this.#ids.length - 1);
    this.#ids[place] = id;
    this.#values[place] = value;
    this.#size++;
  }

  /** Takes the value of an id out; undefined where there is none. */
  take(id: number): A | undefined {
    const ids = this.#ids;
    const mask = ids.length - 1;
    let place = this.#home(id);
    while (ids[place] !== id) {
      if (ids[place] === FREE) return undefined;
      place = (place + 1) & mask;
    }
    const value = this.#values[place];
    this.#size--;
    // What stands behind moves up, unless that were before its home: a search ends at the first free place.
    for (let next = (place + 1) & mask; ids[next] !== FREE; next = (next + 1) & mask) {
      const home = this.#home(ids[next]!); // within the table
      if (((next - home) & mask) < ((next - place) & mask)) continue;
      ids[place] = ids[next]!;
      this.#values[place] = this.#values[next];
      place = next;
    }
    ids[place] = FREE;
    this.#values[place] = undefined;
    return value;
  }

  /** Takes all out, those that were added first not always first. */
  takeAll(): Array<A> {
    const all = this.#values.filter((_, place) => this.#ids[place] !== FREE) as Array<A>; // of ids: values
    this.#ids.fill(FREE);
    this.#values.fill(undefined);
    this.#size = 0;
    return all;
  }

  #home(id: number): number {
    return Math.imul(id, SCATTER) >>> (32 - this.#bits); // of ids above 2^32 it takes the low bits
  }

  #grow(): void {
    const ids = this.#ids;
    const values = this.#values;
    this.#bits++;
    this.#ids = new Float64Array(1 << this.#bits).fill(FREE);
    this.#values = new Array(1 << this.#bits).fill(undefined);
    this.#size = 0;
    ids.forEach((id, place) => {
      if (id !== FREE) this.add(id, values[place] as A); // of an id: a value
    });
  }
}
