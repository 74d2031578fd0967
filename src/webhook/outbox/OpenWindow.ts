/**
 * The deliveries of one window, from the moment they are opened until they are on disk or at their end: their
 * bodies are read where they lie, should they have to be written. Deliveries come in the order of their ids.
 */
import type { Delivery } from "../attempt/Delivery.ts";
import { recordBytes } from "./GroupCodec.ts";

/** What keeping a delivery here costs beside its body, about. */
const OVERHEAD = 160;

/** From so many places on, few of which are in use, the others are given up: a disk fails for hours. */
const SPARSE_FROM = 65_536;

/** When deliveries from a place on were opened. */
interface Moment {
  readonly from: number;
  /** In monotonic milliseconds. */
  readonly at: number;
}

export class OpenWindow<Url> {
  /** The id of the first. */
  #first = 0;
  // Of each id since then, at the same place of every array; undefined: at its end, or never here.
  readonly #deliveries: Array<Delivery | undefined> = [];
  readonly #urls: Array<Url> = [];
  readonly #marks: Array<number> = [];
  /** The ids themselves, once there are places no more for those at their end. */
  #ids: Array<number> | undefined;
  /** All before this place are at their end. */
  #head = 0;
  #moments: Array<Moment> = [];
  #open = 0;
  #bytes = 0;

  /** How many are not at their end. */
  get open(): number {
    return this.#open;
  }

  /** Bytes of their records, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The mark of the oldest that is not at its end; Infinity: there is none. */
  get oldest(): number {
    return this.#open === 0 ? Infinity : this.#marks[this.#head]!; // open: the head is one of them
  }

  /** When that one was opened, in monotonic milliseconds. */
  get since(): number {
    while (this.#moments.length > 1 && this.#moments[1]!.from <= this.#head) this.#moments.shift();
    return this.#moments[0]?.at ?? Infinity;
  }

  add(delivery: Delivery, url: Url, mark: number, at: number): void {
    const deliveries = this.#deliveries;
    const { length } = deliveries;
    if (length === 0) this.#first = delivery.id;
    if (length >= SPARSE_FROM && this.#open < length / 4) this.#closeRanks();
    // An id between that became no delivery here.
    if (this.#ids !== undefined) this.#ids.push(delivery.id);
    else if (this.#first + length !== delivery.id) {
      this.#closeRanks();
      this.#ids = [...this.#ids!, delivery.id]; // closed ranks have ids
    }
    if (this.#moments.at(-1)?.at !== at) this.#moments.push({ from: deliveries.length, at });
    if (this.#open++ === 0) this.#head = deliveries.length;
    deliveries.push(delivery);
    this.#urls.push(url);
    this.#marks.push(mark);
    this.#bytes += recordBytes(delivery.length) + OVERHEAD;
  }

  /** The mark of a delivery that is here and not at its end. */
  markOf(id: number): number | undefined {
    const at = this.#placeOf(id);
    return this.#deliveries[at] === undefined ? undefined : this.#marks[at];
  }

  /** Whose group a delivery that is here goes to. */
  urlOf(id: number): Url | undefined {
    const at = this.#placeOf(id);
    return this.#deliveries[at] === undefined ? undefined : this.#urls[at];
  }

  /** A delivery is at its end; answers whether it was here. */
  end(id: number): boolean {
    const at = this.#placeOf(id);
    const deliveries = this.#deliveries;
    const delivery = deliveries[at];
    if (delivery === undefined) return false;
    deliveries[at] = undefined;
    this.#open--;
    this.#bytes -= recordBytes(delivery.length) + OVERHEAD;
    if (this.#open === 0) this.clear();
    else while (deliveries[this.#head] === undefined) this.#head++; // there is one
    return true;
  }

  /** A delivery that is here goes to another URL's group from now on; answers the delivery. */
  retarget(id: number, url: Url): Delivery | undefined {
    const at = this.#placeOf(id);
    const delivery = this.#deliveries[at];
    if (delivery !== undefined) this.#urls[at] = url;
    return delivery;
  }

  /** All that go to one URL's group go to another's from now on; answers them, by id. */
  retargetAll(from: Url, to: Url): Array<Delivery> {
    const found: Array<Delivery> = [];
    for (let at = this.#head; at < this.#deliveries.length; at++) {
      const delivery = this.#deliveries[at];
      if (delivery === undefined || this.#urls[at] !== from) continue;
      this.#urls[at] = to;
      found.push(delivery);
    }
    return found;
  }

  /** Calls `visit` for each that is not at its end, by id; it must end none. */
  forEach(visit: (delivery: Delivery, url: Url) => void): void {
    for (let at = this.#head; at < this.#deliveries.length; at++) {
      const delivery = this.#deliveries[at];
      if (delivery !== undefined) visit(delivery, this.#urls[at]!); // as long as the deliveries
    }
  }

  clear(): void {
    this.#deliveries.length = this.#urls.length = this.#marks.length = 0;
    this.#ids = undefined;
    this.#moments = [];
    this.#head = this.#open = this.#bytes = 0;
  }

  /** -1: nowhere. */
  #placeOf(id: number): number {
    const ids = this.#ids;
    if (ids === undefined) return id - this.#first;
    let low = 0;
    for (let high = ids.length; low < high;) {
      const middle = (low + high) >> 1;
      if (ids[middle]! < id) low = middle + 1; // below the length
      else high = middle;
    }
    return ids[low] === id ? low : -1;
  }

  /** Gives the places up of those that are at their end. */
  #closeRanks(): void {
    const moments = this.#moments;
    this.#moments = [];
    this.#ids = [];
    let to = 0;
    let moment = 0;
    for (let at = this.#head; at < this.#deliveries.length; at++) {
      const delivery = this.#deliveries[at];
      if (delivery === undefined) continue;
      while ((moments[moment + 1]?.from ?? Infinity) <= at) moment++;
      const { at: then } = moments[moment]!; // a moment came with the first delivery
      if (this.#moments.at(-1)?.at !== then) this.#moments.push({ from: to, at: then });
      this.#ids.push(delivery.id);
      this.#deliveries[to] = delivery;
      this.#urls[to] = this.#urls[at]!; // as long as the deliveries
      this.#marks[to++] = this.#marks[at]!;
    }
    this.#deliveries.length = this.#urls.length = this.#marks.length = to;
    this.#head = 0;
  }
}
