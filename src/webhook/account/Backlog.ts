/**
 * One count of all that waits between a hook event and the end of its last delivery, in places, and the
 * pressure that the broker feels from it. It must never be wrong by one: what is added is removed.
 *
 * Endpoints that fail are counted apart. Pressure is what the others occupy of the room that is left
 * to them, so that what waits for a dead URL never holds a publisher back.
 */
import type { HookEvent } from "../../domain/HookEvent.ts";
import type { Pressure } from "../../mqtt/ports/HookSink.ts";

/**
 * The places that an event or delivery of so many body bytes takes in a Backlog: one for each KB begun.
 * So `queue_capacity` is a number of events where they are small, and a bound of memory where they are
 * not: 300,000 places are some 300 MB of bodies, however large the payloads.
 */
export const placesOf = (bytes: number): number => bytes <= 1024 ? 1 : Math.ceil(bytes / 1024);

/**
 * The places of an event that is not encoded yet, by all of its text that a client chose: a client
 * identifier or a topic may be as large as a payload. Escapes in JSON are not foreseen.
 */
export const eventPlaces = (event: HookEvent): number => {
  switch (event._tag) {
    case "message_publish":
      return placesOf(publishedBytes(event));
    case "message_delivered":
    case "message_acked":
    case "message_dropped":
    case "offline_message":
      return placesOf(
        publishedBytes(event) + (event.clientid?.length ?? 0) + (event.username?.length ?? 0),
      );
    case "client_subscribe":
    case "client_unsubscribe":
    case "session_subscribed":
    case "session_unsubscribed":
      return placesOf(event.clientid.length + event.username.length + event.topic.length);
    default:
      return placesOf(event.clientid.length + event.username.length);
  }
};

/** What a message's publisher chose, as a body has it: the payload grows by a third in base64. */
const publishedBytes = (
  { from_clientid, from_username, topic, payload }: Published,
): number => from_clientid.length + from_username.length + topic.length + payload.length * 4 / 3;

type Published = Extract<HookEvent, { readonly payload: Uint8Array }>;

/** At least an eighth of the capacity is never occupied by failing endpoints. */
const MOST_FAILING = 7 / 8;

/**
 * From here on nobody comes in until publishers go on. It leaves room above the mark at which those are held,
 * so that a receiver that is slow for an hour keeps no new client out for as long; and what clients may bring
 * in by coming and going, their wills too, never keeps the level up for ever.
 */
const CROWDED = 15 / 16;
/** Who waited for room for bodies goes on when this part is taken at most: not for one body each time. */
const ROOM_AGAIN = 7 / 8;

export class Backlog {
  #capacity: number;
  #share: number;
  #count = 0;
  #failing = 0;
  /** Of `#count`: what waits as events. */
  #unencoded = 0;
  #pressure: Exclude<Pressure, "brief"> = "open";
  /** What is not the queue's matter: how full the disk is, or how slow. */
  #disk: Exclude<Pressure, "brief"> = "open";
  /** The pressure that comes of this and of being halted. */
  #beside: Exclude<Pressure, "brief"> = "open";
  #queuePressure: Exclude<Pressure, "brief"> = "open";
  #isHalted = false;
  #isCrowded = false;
  /** As long as `deliverable` is below it, an `add` changes nothing else: so it is with nearly each event. */
  #calmBelow = 0;
  #relief: ReadonlyArray<() => void> = [];
  #onRoom: (() => void) | undefined;
  readonly #onPressure: (pressure: Exclude<Pressure, "brief">) => void;

  /** @param onPressure told each time that the pressure has changed */
  constructor(
    capacity: number,
    share: number,
    onPressure: (pressure: Exclude<Pressure, "brief">) => void = () => {},
  ) {
    this.#capacity = capacity;
    this.#share = share;
    this.#onPressure = onPressure;
  }

  /**
   * Places of the events that wait in the queue, and of the deliveries that wait or are in flight. A large
   * body in flight counts three times, by the copies that its executor has.
   */
  get count(): number {
    return this.#count;
  }

  /** How many may be there; exceeded by at most one packet's events, and by one where it is 1. */
  get capacity(): number {
    return this.#capacity;
  }

  /** The `count` from which on publishers are held: seven eighths of the room that failing endpoints leave. */
  get highWater(): number {
    return this.#failing + Math.ceil(this.#room * 7 / 8);
  }

  /** Of `count`: what does not wait for failing endpoints, and so can be delivered. */
  get deliverable(): number {
    return this.#count - this.#failing;
  }

  get pressure(): Exclude<Pressure, "brief"> {
    return this.#pressure;
  }

  /** Whether, since publishers are held, the room above them was used: clients that come in are held as well, as long as they. */
  get isCrowded(): boolean {
    return this.#isCrowded;
  }

  /** What part failing endpoints may occupy together. */
  get failingShare(): number {
    return Math.min(this.#share, MOST_FAILING);
  }

  /** By how many the failing endpoints exceed what they may occupy together. */
  get failingExcess(): number {
    return this.#failing -
      Math.max(1, Math.floor(this.#capacity * this.failingShare));
  }

  resize(capacity: number, share: number): void {
    this.#capacity = capacity;
    this.#share = share;
    this.#update();
    this.#tellRoom(); // who waits may have other rules to wait by
  }

  /** Counts `n` places more, or fewer where negative. */
  add(n: number): void {
    this.#count += n;
    if (this.deliverable >= this.#calmBelow) this.#update();
  }

  /** Counts an event of `n` places, which waits as an event. */
  addEvent(n: number): void {
    this.#unencoded += n;
    this.add(n);
  }

  /** An event of `n` places waits as an event no longer; they stay counted. */
  encode(n: number): void {
    this.#unencoded -= n;
  }

  /**
   * Whether another event may be encoded. While bodies take all of the room that failing endpoints leave,
   * events wait as events: they share their text and their payload, bodies do not.
   */
  get hasRoom(): boolean {
    return this.#bodies < this.#room && !this.#isHalted;
  }

  /** Whether no event may become a delivery, whatever room there is. */
  get isHalted(): boolean {
    return this.#isHalted;
  }

  /** From now on no event may become a delivery, or some may again. */
  setHalted(isHalted: boolean): void {
    this.#isHalted = isHalted;
    this.#setBeside();
    if (!isHalted) this.#tellRoom();
  }

  /** A second reason for pressure: that of the disk. The higher of both counts. */
  setDisk(pressure: Exclude<Pressure, "brief">): void {
    this.#disk = pressure;
    this.#setBeside();
  }

  #setBeside(): void {
    this.#beside = this.#isHalted ? "full" : this.#disk;
    this.#update();
  }

  /** Calls back once, from within what makes the room; instead of what was asked for before. */
  whenRoom(then: () => void): void {
    this.#onRoom = then;
    this.#calmBelow = 0;
  }

  /** Counts `n` places more of what is there already (or fewer) as waiting for failing endpoints. */
  addFailing(n: number): void {
    this.#failing += n;
    this.#update();
  }

  /** Calls back, in a microtask of its own, each time the pressure has fallen. */
  onRelief(listener: () => void): void {
    this.#relief = [...this.#relief, listener];
  }

  /** Places of bodies that can be delivered. */
  get #bodies(): number {
    return this.#count - this.#unencoded - this.#failing;
  }

  get #room(): number {
    return Math.max(1, this.#capacity - this.#failing);
  }

  #update(): void {
    const occupied = this.deliverable;
    const room = this.#room;
    if (this.#onRoom !== undefined && this.#bodies < Math.max(1, room * ROOM_AGAIN)) {
      this.#tellRoom();
    }
    const before = this.#pressure;
    // Full at the capacity, high from 7/8 of it. Back to open at half only, so that held clients are
    // not woken for one packet each.
    const queue = occupied >= room
      ? "full"
      : occupied >= room * 7 / 8
      ? "high"
      : this.#queuePressure !== "open" && occupied > room / 2
      ? "high"
      : "open";
    this.#queuePressure = queue;
    const now = this.#beside === "open" ? queue : higher(this.#beside, queue);
    if (now === "open") this.#isCrowded = false;
    else if (occupied >= room * CROWDED) this.#isCrowded = true;
    this.#calmBelow = now === "open" && this.#onRoom === undefined ? Math.ceil(room * 7 / 8) : 0;
    if (now === before) return;
    this.#pressure = now;
    this.#onPressure(now);
    if (rank[now] < rank[before] && this.#relief.length > 0) queueMicrotask(this.relieve);
  }

  #tellRoom(): void {
    const then = this.#onRoom;
    this.#onRoom = undefined;
    then?.();
  }

  /** Calls those back who wait for relief. */
  readonly relieve = (): void => {
    for (const listener of this.#relief) listener();
  };
}

const rank = { open: 0, high: 1, full: 2 };

const higher = (a: Exclude<Pressure, "brief">, b: Exclude<Pressure, "brief">) =>
  rank[a] > rank[b] ? a : b;
