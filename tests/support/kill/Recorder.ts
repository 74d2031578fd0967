/**
 * The webhook receiver of the kill test: it answers as its mode says and writes down what it has answered
 * with 2xx. It outlives the broker's deaths.
 */
import type { Random } from "../fuzz/Random.ts";

/** How requests are answered from now on. `503`: seven in ten are refused; `hang`: nothing is. */
export type Mode = "healthy" | "slow" | "503" | "hang" | "burst";

export const MODES: ReadonlyArray<Mode> = ["healthy", "slow", "503", "hang", "burst"];

/** What was answered with 2xx, the first time that its `webhook-id` was; of batches, that the event was. */
export interface Answered {
  readonly id: string;
  /** Of batches: the how manieth it was. */
  readonly seq: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const SLOW_MS = 30;
const PAUSE_MS = 100;

export class Recorder {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #random: Random;
  readonly #byId = new Map<string, Answered & { readonly text: string }>();
  readonly #waiting = new Set<() => void>();
  #hanging: Array<() => void> = [];
  #mode: Mode = "healthy";
  /** Requests that told again what was answered with 2xx before. */
  repeats = 0;
  /** Requests that were answered with 2xx and brought more than one event. */
  batches = 0;
  /** What must never be, in words. */
  readonly faults: Array<string> = [];

  /** @param hasBatches its URL gets JSON arrays */
  constructor(random: Random, readonly hasBatches = false) {
    this.#random = random;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#receive(request),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** In the order in which they were first answered. */
  get answered(): ReadonlyArray<Answered> {
    return [...this.#byId.values()];
  }

  set mode(mode: Mode) {
    this.#mode = mode;
    const hanging = this.#hanging;
    this.#hanging = [];
    for (const goOn of hanging) goOn();
  }

  /**
   * Resolves when `done`, which is asked when answers pause; rejects when there were none for `within`
   * milliseconds.
   */
  until(done: () => boolean, within: number, what: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      let deadline: ReturnType<typeof setTimeout> | undefined;
      let pause: ReturnType<typeof setTimeout> | undefined;
      const settle = (how: () => void) => {
        this.#waiting.delete(heard);
        clearTimeout(deadline);
        clearTimeout(pause);
        how();
      };
      const heard = () => {
        clearTimeout(deadline);
        clearTimeout(pause);
        pause = setTimeout(() => done() && settle(resolve), PAUSE_MS);
        deadline = setTimeout(
          () => settle(() => reject(new Error(`nothing came for ${within} ms: ${what()}`))),
          within,
        );
      };
      this.#waiting.add(heard);
      heard();
    });
  }

  async close(): Promise<void> {
    this.mode = "healthy";
    await this.#server.shutdown();
  }

  async #receive(request: Request): Promise<Response> {
    const text = await request.text();
    if (this.#mode === "hang") {
      await new Promise<void>((resolve) => this.#hanging.push(resolve));
      return new Response(null, { status: 503 }); // the broker has given up on it, or died
    }
    if (this.#mode === "slow") await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    if (this.#mode === "503" && this.#random.chance(0.7)) {
      return new Response(null, { status: 503 });
    }
    this.#record(request.headers, text);
    for (const look of [...this.#waiting]) look();
    return new Response(null, { status: 204 });
  }

  /**
   * A kill between an attempt and its end may bring the events of a batch again in others, with other ids: so
   * each event is known by itself, none of which is like another.
   */
  #recordBatch(headers: Headers, text: string): void {
    const id = headers.get("webhook-id") ?? "";
    if (headers.has("webhook-seq")) this.faults.push(`${id} has a webhook-seq`);
    const bodies: ReadonlyArray<Answered["body"]> = JSON.parse(text);
    const events = bodies.map((body) => JSON.stringify(body));
    if (new Set(events).size < events.length) this.faults.push(`${id} has an event twice`);
    if (events.length > 1) this.batches++;
    for (const [i, body] of bodies.entries()) {
      const event = events[i]!; // one for each
      if (this.#byId.has(event)) this.repeats++;
      else this.#byId.set(event, { id, seq: this.#byId.size, text: event, body });
    }
  }

  #record(headers: Headers, text: string): void {
    if (this.hasBatches) return this.#recordBatch(headers, text);
    const id = headers.get("webhook-id") ?? "";
    const seq = Number(headers.get("webhook-seq"));
    const before = this.#byId.get(id);
    if (before === undefined) {
      this.#byId.set(id, { id, seq, text, body: JSON.parse(text) });
      return;
    }
    this.repeats++;
    if (before.text !== text || before.seq !== seq) {
      this.faults.push(`${id} told ${before.text} (${before.seq}) and then ${text} (${seq})`);
    }
  }
}
