/**
 * What of the Backlog the coming in of clients occupies, and how much it may: the events that a CONNECT
 * causes, refused or not. Whoever knows a port can cause them, so that without a share of their own they
 * would fill the queue and hold those who are in. It must never be wrong by one, as the Backlog.
 */
import type { HookEventName } from "../../domain/HookEvent.ts";
import { hookEventNames } from "../../domain/HookEvent.ts";

/** The part of the capacity: less than the half at which publishers that were held go on. */
const SHARE = 1 / 4;

const CAUSED_BY_CONNECT: ReadonlySet<HookEventName> = new Set([
  "client_connect",
  "client_connack",
  "session_created",
  "client_connected",
]);

const OF_PLACE = hookEventNames.map((name) => CAUSED_BY_CONNECT.has(name));

/** Whether a CONNECT causes this event. */
export const isArrivalEvent = (name: HookEventName): boolean => CAUSED_BY_CONNECT.has(name);

/** Whether the event in this place of `hookEventNames` is one that a CONNECT causes. */
export const isArrival = (event: number): boolean => OF_PLACE[event] === true;

export class Arrivals {
  #share = 0;
  readonly #relieve: () => void;
  #places = 0;
  #isOver = false;

  /** `relieve` is called, in a microtask of its own, each time that clients may come in again. */
  constructor(capacity: number, relieve: () => void) {
    this.#relieve = relieve;
    this.resize(capacity);
  }

  /** Whether their share is used up; until half of it is free, so that held clients are not woken for one each. */
  get isOver(): boolean {
    return this.#isOver;
  }

  resize(capacity: number): void {
    this.#share = Math.max(1, capacity * SHARE);
    this.#update();
  }

  /** Counts `n` places more, or fewer where negative; none of what waits for a failing URL. */
  add(n: number): void {
    this.#places += n;
    this.#update();
  }

  #update(): void {
    const isOver = this.#places >= (this.#isOver ? this.#share / 2 : this.#share);
    if (isOver === this.#isOver) return;
    this.#isOver = isOver;
    if (!isOver) queueMicrotask(this.#relieve);
  }
}
