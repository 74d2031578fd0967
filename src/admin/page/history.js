// @ts-check
/**
 * What the last five minutes were like: rates between two snapshots, whose counts are since the broker's start.
 *
 * @typedef {object} Counts
 * @property {number} at milliseconds since 1970
 * @property {number} started_at
 * @property {{ client: number, session: number, message: number }} matched
 * @property {number} delivered
 * @property {number} dropped
 * @property {ReadonlyArray<EndpointCounts>} endpoints
 *
 * @typedef {object} EndpointCounts
 * @property {string} url
 * @property {number} delivered
 * @property {number} failures attempts that failed
 *
 * @typedef {object} Rates per second
 * @property {number} at
 * @property {number} client
 * @property {number} session
 * @property {number} message
 * @property {number} delivered
 * @property {number} failing attempts that failed and events that were lost
 */

/** Seconds that are kept. */
export const SECONDS = 300;
/** Seconds of a URL's own line. */
export const URL_SECONDS = 60;

export class History {
  /** Oldest first. @type {Array<Rates>} */
  rates = [];
  /** Deliveries per second, by URL. @type {Map<string, Array<number>>} */
  byUrl = new Map();
  /** @type {Counts | undefined} */
  #last;

  /** Takes the next snapshot. @param {Counts} next */
  add(next) {
    const last = this.#last;
    this.#last = next;
    if (last === undefined) return;
    if (last.started_at !== next.started_at) { // another process, which counts from 0 on
      this.byUrl.clear();
      return;
    }
    const seconds = (next.at - last.at) / 1000;
    if (seconds <= 0) return;
    /** @param {number} a @param {number} b */
    const per = (a, b) => Math.max(0, b - a) / seconds;
    keep(this.rates, {
      at: next.at,
      client: per(last.matched.client, next.matched.client),
      session: per(last.matched.session, next.matched.session),
      message: per(last.matched.message, next.matched.message),
      delivered: per(last.delivered, next.delivered),
      failing: per(last.dropped + failuresOf(last), next.dropped + failuresOf(next)),
    }, SECONDS);
    const before = new Map(last.endpoints.map((of) => [of.url, of.delivered]));
    for (const { url, delivered } of next.endpoints) {
      const line = this.byUrl.get(url) ?? [];
      this.byUrl.set(url, line);
      keep(line, per(before.get(url) ?? delivered, delivered), URL_SECONDS);
    }
  }

  /** The last rates; undefined: there are none yet. @returns {Rates | undefined} */
  get now() {
    return this.rates.at(-1);
  }
}

/** @param {Counts} counts */
const failuresOf = ({ endpoints }) => endpoints.reduce((sum, { failures }) => sum + failures, 0);

/** @template T @param {Array<T>} list @param {T} next @param {number} most */
const keep = (list, next, most) => {
  list.push(next);
  if (list.length > most) list.shift();
};
