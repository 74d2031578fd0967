/**
 * Whether deliveries need threads of their own, by the processor time that this thread takes: a thread that is
 * kept from running by others gains nothing from one more. It has no clock and starts nothing.
 */

/** Processor time taken so far, in milliseconds. */
export interface CpuUse {
  /** By this thread. */
  readonly thread: number;
  /** By all threads of the process. */
  readonly process: number;
}

/** Milliseconds between two looks. */
export const LOOK_MS = 500;

/** The part of a core from which on this thread is to be relieved: at 0.8 what comes in waits as long as it is worked on. */
const BUSY = 0.7;
/** Looks in a row: a single burst is over before a worker is there. */
const BUSY_LOOKS = 2;

/**
 * The part of a core under which all threads together must be for this thread to take their work again. An event by a
 * worker costs them all no less than it costs this thread alone, so that it is under BUSY then, with some room.
 */
const CALM = 0.55;
/** Looks in a row, half a minute. */
const CALM_LOOKS = 60;

export class WorkerDemand {
  #at = -Infinity;
  #used: CpuUse = { thread: 0, process: 0 };
  /** Looks in a row at which there was reason to change. */
  #reasons = 0;
  readonly #calmLooks: number;

  /** `calmLooks`: so many in a row end the workers; absent: those of half a minute. */
  constructor(calmLooks: number = CALM_LOOKS) {
    this.#calmLooks = calmLooks;
  }

  /** Looks at what was used up to `at`, in milliseconds; answers what should become of the workers. */
  look(at: number, used: CpuUse, areThere: boolean): "start" | "end" | undefined {
    const since = at - this.#at;
    const thread = (used.thread - this.#used.thread) / since;
    const process = (used.process - this.#used.process) / since;
    this.#at = at;
    this.#used = used;
    // Over a longer time, in which nobody has looked since there was nothing to do, it says little.
    const isReason = since < 4 * LOOK_MS && (areThere ? process < CALM : thread > BUSY);
    this.#reasons = isReason ? this.#reasons + 1 : 0;
    if (this.#reasons < (areThere ? this.#calmLooks : BUSY_LOOKS)) return undefined;
    this.#reasons = 0;
    return areThere ? "end" : "start";
  }
}
