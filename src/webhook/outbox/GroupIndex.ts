/**
 * In which group on disk a delivery is, by its id: some two bytes for each that waits, since an object for
 * each would be more than all else that is kept of it. Ids that follow each other are on one page, those of a
 * window as much as those that were read back.
 */

/** A row of the store, as far as it is known in memory. */
export interface StoredGroup {
  readonly row: number;
  /** Deliveries in it that are not at their end. */
  open: number;
}

const PAGE = 128;
/** Places in a page's list of groups; 0 stands for none. */
const MOST_GROUPS = 255;

class Page<G extends StoredGroup> {
  readonly #places = new Uint8Array(PAGE);
  #groups: Array<G> = [];
  #count = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get(at: number): G | undefined {
    return this.#groups[this.#places[at]! - 1]; // at < PAGE
  }

  set(at: number, group: G): void {
    let place = this.#groups.lastIndexOf(group);
    if (place < 0) {
      if (this.#groups.length === MOST_GROUPS) this.#forgetUnused();
      place = this.#groups.push(group) - 1;
    }
    if (this.#places[at] === 0) this.#count++;
    this.#places[at] = place + 1;
  }

  delete(at: number): void {
    if (this.#places[at] === 0) return;
    this.#places[at] = 0;
    this.#count--;
  }

  /** Some of the groups that were here have no delivery here any more: there are more places than ids. */
  #forgetUnused(): void {
    const groups = this.#groups;
    this.#groups = [...new Set(Array.from(this.#places, (place) => groups[place - 1]))]
      .filter((group) => group !== undefined);
    for (const [at, place] of this.#places.entries()) {
      const group = groups[place - 1];
      this.#places[at] = group === undefined ? 0 : this.#groups.indexOf(group) + 1;
    }
  }
}

export class GroupIndex<G extends StoredGroup> {
  readonly #pages = new Map<number, Page<G>>();

  /** This delivery is in this group. */
  set(id: number, group: G): void {
    const number = Math.floor(id / PAGE);
    let page = this.#pages.get(number);
    if (page === undefined) this.#pages.set(number, page = new Page());
    page.set(id % PAGE, group);
  }

  get(id: number): G | undefined {
    return this.#pages.get(Math.floor(id / PAGE))?.get(id % PAGE);
  }

  /** Takes a delivery out; answers the group that it was in. */
  take(id: number): G | undefined {
    const number = Math.floor(id / PAGE);
    const page = this.#pages.get(number);
    const group = page?.get(id % PAGE);
    if (page === undefined || group === undefined) return undefined;
    page.delete(id % PAGE);
    if (page.isEmpty) this.#pages.delete(number);
    return group;
  }
}
