/**
 * Everything that must be done at a later time: one indexed binary heap, no timer of its own.
 *
 * Its owner calls `runDue` when the first of them is due (the broker's `tick`), so that 100,000 sessions
 * cost one timer, and none where there is nothing to wait for. A cancelled deadline leaves the heap at once:
 * what comes and goes does not pile up the deadlines of its past.
 */
export class Deadlines {
  readonly #heap: Array<Deadline> = [];
  readonly #onFirst: (at: number) => void;

  /** `onFirst` is called when one is scheduled that is due before all others. */
  constructor(onFirst: (at: number) => void = () => {}) {
    this.#onFirst = onFirst;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** When the first is due; Infinity: there is none. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Infinity;
  }

  /** Arranges for `run` to be called by the first `runDue` at or after `at`, a moment of that call's clock. */
  schedule(at: number, run: (now: number) => void): Deadline {
    const deadline = new Deadline(at, run, this.#heap.length);
    this.#heap.push(deadline);
    this.#up(deadline.position);
    if (deadline.position === 0) this.#onFirst(at);
    return deadline;
  }

  /** Takes a deadline back; one that has run or was cancelled already is left alone. */
  cancel(deadline: Deadline): void {
    const position = deadline.position;
    if (position < 0) return;
    deadline.position = -1;
    const last = this.#heap.pop() as Deadline; // the heap holds `deadline`, so it is not empty
    if (last === deadline) return;
    this.#put(last, position);
    this.#up(position);
    this.#down(last.position);
  }

  /** Runs, in order of time, all that is due; what they schedule for the past runs too. */
  runDue(now: number): void {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.at > now) return;
      this.cancel(first);
      first.run(now);
    }
  }

  #put(deadline: Deadline, position: number): void {
    this.#heap[position] = deadline;
    deadline.position = position;
  }

  #up(from: number): void {
    const heap = this.#heap;
    const moving = heap[from] as Deadline; // `from` is a position in the heap
    let position = from;
    while (position > 0) {
      const parentPosition = (position - 1) >> 1;
      const parent = heap[parentPosition] as Deadline; // a parent of a position is one
      if (parent.at <= moving.at) break;
      this.#put(parent, position);
      position = parentPosition;
    }
    this.#put(moving, position);
  }

  #down(from: number): void {
    const heap = this.#heap;
    const moving = heap[from] as Deadline; // `from` is a position in the heap
    let position = from;
    for (;;) {
      const left = 2 * position + 1;
      let child = heap[left];
      if (child === undefined) break;
      const right = heap[left + 1];
      if (right !== undefined && right.at < child.at) child = right;
      if (child.at >= moving.at) break;
      const childPosition = child.position;
      this.#put(child, position);
      position = childPosition;
    }
    this.#put(moving, position);
  }
}

/** One entry of `Deadlines`. */
export class Deadline {
  /** The place in the heap; -1: not in it any more. */
  position: number;

  constructor(readonly at: number, readonly run: (now: number) => void, position: number) {
    this.position = position;
  }
}
