/**
 * How many sockets of clients there may be, so that descriptors are left for deliveries, files, the log and
 * a worker that has to be replaced: clients that come and stay must not take the last one.
 *
 * Deno does not tell how many there are, and what does (`/proc`, `ulimit`) needs permissions that a broker
 * should not have. So that it is tried out at the start, by opening a file again and again; where there are
 * more than that finds, it is known when the last is gone. For that moment the reserve is held, as open files.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { isShortage } from "../ops/shortage.ts";

/** So many are tried, in 30 ms. The usual small limit, 1024, is below; Deno itself raises it as far as it may. */
const TRIED = 2048;

/** Clients are let in without a limit again when there are so many beside the reserve: not for one each time. */
const AGAIN = 16;

/** A descriptor that is held. */
interface Held {
  close(): void;
}

export interface DescriptorsOptions {
  /** How many are kept for others than clients. */
  readonly reserve: number;
  /** Takes a descriptor. @throws when there is none */
  readonly take: () => Held;
}

export class Descriptors {
  readonly #take: () => Held;
  readonly #reserve: number;
  /** As far as it is known from the start; else Infinity. */
  readonly #allowed: number;
  #most: number;
  #held: Array<Held> = [];
  readonly #counts: Array<() => number> = [];

  /** Tries how many there are, and holds the reserve where there are more than it tries. */
  constructor({ reserve, take }: DescriptorsOptions) {
    this.#take = take;
    this.#reserve = reserve;
    const found = this.#hold(Math.max(TRIED, reserve));
    this.#allowed = found === "all"
      ? Infinity
      : Math.max(1, found - Math.min(reserve, Math.floor(found / 2)));
    this.#most = this.#allowed;
    this.#letGo(found === "all" ? reserve : 0);
  }

  /** How many sockets of clients there may be; Infinity: as far as is known, as many as come. */
  get most(): number {
    return this.#most;
  }

  /** Whether there may be one more. */
  get hasRoom(): boolean {
    if (this.#most === Infinity) return true;
    let open = 0;
    for (const count of this.#counts) open += count();
    return open < this.#most;
  }

  /** Adds to what is counted as sockets of clients. */
  count(open: () => number): void {
    this.#counts.push(open);
  }

  /** The last one is gone: lets go of the reserve, and of no more clients than there are now. */
  exhausted(): void {
    this.#letGo(0);
    let open = 0;
    for (const count of this.#counts) open += count();
    this.#most = Math.max(1, Math.min(this.#most, open));
  }

  /** Where there is no room: whether the reserve can be held again, and so more clients may come. */
  recover(): void {
    if (this.#most === this.#allowed) return;
    const free = this.#allowed < Infinity || this.#hold(this.#reserve + AGAIN) === "all";
    this.#letGo(free && this.#allowed === Infinity ? this.#reserve : 0);
    if (free) this.#most = this.#allowed;
  }

  close(): void {
    this.#letGo(0);
  }

  /** Holds so many; or answers how many there were. */
  #hold(count: number): number | "all" {
    while (this.#held.length < count) {
      try {
        this.#held.push(this.#take());
      } catch (error) {
        if (isShortage(error)) return this.#held.length;
        return "all"; // nothing can be tried by it
      }
    }
    return "all";
  }

  #letGo(but: number): void {
    for (const held of this.#held.splice(but)) held.close();
  }
}

/** For `reserve` descriptors beside those of clients; let go when the scope closes. */
export const makeDescriptors = (reserve: number): Effect.Effect<Descriptors, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Descriptors({ reserve, take: () => Deno.openSync(OWN_FILE) })),
    (descriptors) => Effect.sync(() => descriptors.close()),
  );

const OWN_FILE = new URL(import.meta.url);
