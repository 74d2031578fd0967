/**
 * Whether an attempt at one URL may be made now, and when to ask again: by its breaker, by what is on its way, by
 * its settings' limits, and by what this machine has left. It looks only: it takes nothing of what waits, and
 * begins nothing; the Endpoint does, and asks for each attempt anew.
 */
import type { EndpointSettings } from "../../domain/WebHookSettings.ts";
import { monotonicMillis } from "../../ops/monotonic.ts";
import type { Executor } from "../attempt/Executor.ts";
import type { Breaker } from "./Breaker.ts";
import type { EndpointContext } from "./EndpointContext.ts";
import type { Occupancy } from "./Occupancy.ts";
import type { Pacing } from "./Pacing.ts";
import type { Waiting } from "./Waiting.ts";

export class AttemptGate {
  readonly #context: EndpointContext;
  readonly #executor: Executor;
  readonly #waiting: Waiting;
  readonly #occupancy: Occupancy;
  readonly #pacing: Pacing;
  #settings: EndpointSettings;
  /** Attempts given to the executor at once. */
  #most: number;
  /** Short of descriptors or memory: nothing is attempted before; 0: nothing is known of it. */
  #restsUntil = 0;

  constructor(
    settings: EndpointSettings,
    context: EndpointContext,
    executor: Executor,
    waiting: Waiting,
    occupancy: Occupancy,
    pacing: Pacing,
  ) {
    this.#context = context;
    this.#executor = executor;
    this.#waiting = waiting;
    this.#occupancy = occupancy;
    this.#pacing = pacing;
    this.#settings = settings;
    this.#most = this.#takes();
  }

  /** Takes over new settings. */
  configure(settings: EndpointSettings): void {
    this.#settings = settings;
    this.resize();
  }

  /** Asks the executor anew how much it takes. */
  resize(): void {
    this.#most = this.#takes();
  }

  /** Lets nothing through before `until`, in monotonic milliseconds. */
  rest(until: number): void {
    this.#restsUntil = until;
  }

  /** Whether attempts wait for moments of Pacing. */
  get isPaced(): boolean {
    const { batch, rateLimit } = this.#settings;
    return batch !== undefined || rateLimit !== undefined;
  }

  /** How many have to end before one that comes now is at its end; 0: it goes at once; Infinity: nobody knows. */
  ahead(breaker: Breaker): number {
    if (breaker._tag !== "Closed" || this.#pacing.isOver) return Infinity;
    const { concurrencyLimit, batch } = this.#settings;
    const { held } = this.#occupancy;
    return held > concurrencyLimit * (batch?.maxEvents ?? 1) ? held : 0;
  }

  /** Whether there is something to attempt, and it may be now. */
  mayAttempt(breaker: Breaker): boolean {
    if (this.#restsUntil > 0) {
      if (this.#now() < this.#restsUntil) return false;
      this.#restsUntil = 0;
    }
    // Ahead of what may be sent an executor takes small bodies only: it has a copy of each.
    const { attempts, placesInFlight } = this.#occupancy;
    if (attempts >= this.#settings.concurrencyLimit && placesInFlight >= this.#most) return false;
    if (this.#pacing.isOver) return false;
    switch (breaker._tag) {
      case "Closed":
        return this.hasNext(false);
      case "Open":
        return this.#now() >= breaker.probeAt && this.hasNext(true);
      case "Probing":
      case "Gone":
      case "Paused":
        return false;
    }
  }

  /** Whether something waits whose turn it is; of batches, whether one is full or has waited for long enough. */
  hasNext(probing: boolean): boolean {
    if (this.#waiting.hasNext(probing)) return true;
    const { freshId } = this.#waiting;
    if (this.#settings.batch === undefined || freshId === Infinity) return false;
    return this.#occupancy.attempts === 0 || this.#waiting.fillsBatch ||
      this.#pacing.isDue(freshId);
  }

  /** When to ask again where nothing else happens, in monotonic milliseconds; Infinity: there is no such moment. */
  nextDue(breaker: Breaker): number {
    const now = this.#now();
    return Math.min(
      this.#restsUntil > now ? this.#restsUntil : Infinity,
      // A probe that found nothing to send is sent by the next `offer`.
      breaker._tag === "Open" && breaker.probeAt > now ? breaker.probeAt : Infinity,
      this.nextMoment,
    );
  }

  /** As `nextDue`: by Pacing alone. */
  get nextMoment(): number {
    const { held, inFlight } = this.#occupancy;
    return this.#pacing.nextMoment(held > inFlight, this.#waiting.freshId);
  }

  #takes(): number {
    const { concurrencyLimit, rateLimit } = this.#settings;
    // What an executor has ahead it would send all at once.
    if (rateLimit !== undefined) return concurrencyLimit;
    return this.#executor.takes(concurrencyLimit, this.#context.backlog.capacity);
  }

  #now(): number {
    return monotonicMillis(this.#context.clock);
  }
}
