// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/// <reference lib="esnext" />
/**
 * The stream of server-sent events, read by `fetch`: EventSource can't send a token. It goes on by itself after
 * a loss, and takes a stream on which nothing comes for a loss.
 */
import { ApiError, ask } from "./api.js";

/** The broker sends something each second. */
const SILENCE_MS = 5000;
/** Between two tries, the last of them again and again. */
const WAITS_MS = [500, 1000, 2000, 5000];

/**
 * Takes a text of a stream apart.
 *
 * @param {(name: string, data: string) => void} onMessage
 * @returns {(text: string) => void} takes the next part of the text
 */
export const parser = (onMessage) => {
  let rest = "";
  return (text) => {
    rest += text;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      let name = "message";
      let data = "";
      for (const line of rest.slice(0, end).split("\n")) {
        if (line.startsWith("event: ")) name = line.slice(7);
        else if (line.startsWith("data: ")) data += line.slice(6);
      }
      rest = rest.slice(end + 2);
      if (data !== "") onMessage(name, data);
    }
  };
};

/**
 * @typedef {object} Listening
 * @property {(name: string, data: any) => void} onMessage any: as JSON.parse has it, another for each name
 * @property {() => void} onLost
 * @property {(error: ApiError) => void} onRefused the query is wrong: it is not asked again
 */

/** A stream that stays open until `stop`. */
export class Stream {
  #listening;
  #query = "";
  #tries = 0;
  #abort = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Listening} listening */
  constructor(listening) {
    this.#listening = listening;
  }

  /** Asks anew, for what this query says. @param {string} query */
  open(query) {
    this.stop();
    this.#query = query;
    this.#tries = 0;
    this.#abort = new AbortController();
    void this.#read(this.#abort);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  /** @param {AbortController} abort */
  async #read(abort) {
    const { signal } = abort;
    try {
      const response = await ask(`api/v1/events/stream${this.#query}`, { signal });
      const parse = parser((name, data) => {
        if (signal.aborted) return;
        this.#tries = 0;
        this.#listening.onMessage(name, JSON.parse(data));
      });
      const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
      const decoder = new TextDecoder();
      for (;;) {
        // It may have ended meanwhile, by an error that `read` has told.
        const late = setTimeout(() => reader.cancel().catch(() => {}), SILENCE_MS);
        const { done, value } = await reader.read().finally(() => clearTimeout(late));
        if (done) break;
        parse(decoder.decode(value, { stream: true }));
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && (error.status === 422 || error.status === 403)) {
        return this.#listening.onRefused(error);
      }
    }
    if (signal.aborted) return;
    this.#listening.onLost();
    const wait = WAITS_MS[Math.min(this.#tries++, WAITS_MS.length - 1)];
    this.#timer = setTimeout(() => void this.#read(abort), wait);
  }
}
