/**
 * A real HTTP receiver for tests: it records every request and answers as it is told to, path by
 * path. It must never sleep or poll: whoever waits is woken by the request waited for.
 */
import { PATIENCE } from "./patience.ts";

/** The JSON object of a webhook request, keys in the order they were sent in. */
export type Body = Readonly<Record<string, unknown>>;

/** One request as it arrived. */
export interface Received {
  /** When its body had been read, in milliseconds since 1970. */
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

/** How a path answers; until told otherwise it answers 200. */
export type Behaviour =
  | {
    readonly _tag: "Status";
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
  }
  /** The first `times` requests get the failure, the later ones 200. */
  | {
    readonly _tag: "FailFirst";
    readonly times: number;
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
  }
  /** Every `nth` request gets the failure, the others 200. */
  | { readonly _tag: "FailEvery"; readonly nth: number; readonly status: number }
  /** Requests wait, unanswered, until the path's behaviour changes; then they get its answer. */
  | { readonly _tag: "Hang" }
  /** The first `times` requests hang as above, the later ones get 200. */
  | { readonly _tag: "HangFirst"; readonly times: number };

/** Fields that a body must have, with these values; or a test of the whole request. */
export type Matching = Body | ((request: Received) => boolean);

/** A running receiver; `close` frees its port and answers what still hangs. */
export class Receiver {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #requests: Array<Received> = [];
  readonly #behaviours = new Map<string, { readonly behaviour: Behaviour; seen: number }>();
  readonly #waiting = new Set<() => void>();
  readonly #hanging = new Map<string, Set<() => void>>();
  #closed = false;

  private constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#receive(request),
    );
  }

  static start(): Receiver {
    return new Receiver();
  }

  /** Every request so far, in the order their bodies had arrived in. */
  get requests(): ReadonlyArray<Received> {
    return this.#requests;
  }

  get port(): number {
    return this.#server.addr.port;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** From now on `path` answers so; what hangs on it is answered so too. */
  answer(path: string, behaviour: Behaviour): void {
    this.#behaviours.set(path, { behaviour, seen: 0 });
    this.#release(path);
  }

  /** The requests so far that match, in order. */
  matching(wanted: Matching): ReadonlyArray<Received> {
    return this.#requests.filter((request) => matches(request, wanted));
  }

  /**
   * Resolves with all matching requests as soon as there are `count` of them; rejects with a list of
   * what came instead when `within` milliseconds have passed.
   */
  waitFor(
    wanted: Matching,
    { count = 1, within = PATIENCE }: { count?: number; within?: number } = {},
  ): Promise<ReadonlyArray<Received>> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.matching(wanted);
        if (found.length < count) return;
        settle();
        resolve(found);
      };
      const deadline = setTimeout(() => {
        settle();
        reject(new Error(this.#explain(wanted, count, within)));
      }, within);
      const settle = () => {
        clearTimeout(deadline);
        this.#waiting.delete(look);
      };
      this.#waiting.add(look);
      look();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const path of this.#hanging.keys()) this.#release(path);
    await this.#server.shutdown();
  }

  async #receive(request: Request): Promise<Response> {
    const text = await request.text();
    const path = new URL(request.url).pathname;
    const { method, headers } = request;
    const body = JSON.parse(text);
    this.#requests.push({ at: Date.now(), method, path, headers, text, body });
    for (const look of [...this.#waiting]) look();
    return this.#answerFor(path);
  }

  async #answerFor(path: string): Promise<Response> {
    const programmed = this.#behaviours.get(path);
    if (programmed === undefined || this.#closed) return ok();
    const { behaviour } = programmed;
    const seen = programmed.seen++;
    switch (behaviour._tag) {
      case "Status":
        return failure(behaviour);
      case "FailFirst":
        return seen < behaviour.times ? failure(behaviour) : ok();
      case "FailEvery":
        return seen % behaviour.nth === behaviour.nth - 1 ? failure(behaviour) : ok();
      case "HangFirst":
        if (seen >= behaviour.times) return ok();
        break;
      case "Hang":
        break;
    }
    await new Promise<void>((resolve) => {
      const held = this.#hanging.get(path) ?? new Set();
      this.#hanging.set(path, held.add(resolve));
    });
    return this.#answerFor(path);
  }

  #release(path: string): void {
    const held = this.#hanging.get(path) ?? [];
    this.#hanging.delete(path);
    for (const release of held) release();
  }

  #explain(wanted: Matching, count: number, within: number): string {
    const what = typeof wanted === "function" ? wanted.toString() : JSON.stringify(wanted);
    const last = this.#requests.slice(-60).map(({ path, text }) => `  ${path} ${text}`);
    return `${
      this.matching(wanted).length
    } of ${count} requests like ${what} within ${within} ms; ` +
      `${this.#requests.length} came in all, the last of them:\n${last.join("\n")}`;
  }
}

/** A URL at which nobody listens: the port was free a moment ago. */
export const refusingUrl = (): string => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return `http://127.0.0.1:${port}/`;
};

const matches = (request: Received, wanted: Matching): boolean =>
  typeof wanted === "function"
    ? wanted(request)
    : Object.entries(wanted).every(([key, value]) => request.body[key] === value);

const ok = (): Response => new Response(null, { status: 200 });

const failure = (
  { status, headers }: { status: number; headers?: Readonly<Record<string, string>> },
): Response => new Response(null, { status, headers: { ...headers } });
