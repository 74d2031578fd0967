// @ts-check
/**
 * What is wrong, in words: a URL by what it does, then the broker itself. Nothing is said of what mends itself
 * within a moment.
 *
 * @typedef {object} LastError
 * @property {number} at milliseconds since 1970
 * @property {string} reason
 * @property {string} detail
 *
 * @typedef {object} UrlRow
 * @property {string} url
 * @property {string} state
 * @property {number} since_ms
 * @property {number} matched
 * @property {number} delivered
 * @property {Readonly<Record<string, number>>} failed
 * @property {Readonly<Record<string, number>>} dropped
 * @property {number} queued
 * @property {number} in_flight
 * @property {number} attempts
 * @property {number} oldest_ms
 * @property {{ p50: number | null, p99: number | null }} latency_ms
 * @property {number | null} last_success_at
 * @property {LastError | null} last_error
 *
 * @typedef {object} Snapshot
 * @property {number} at
 * @property {string} state
 * @property {string} pressure
 * @property {{ events: number, capacity: number, high_water: number }} queue
 * @property {{ failing: boolean, events: number } | null} [disk]
 * @property {ReadonlyArray<{ name: string, addr: string, up: boolean }>} listeners
 * @property {number} queued
 * @property {number} in_flight
 * @property {ReadonlyArray<UrlRow>} endpoints
 */
import { duration, minute, several } from "./format.js";

/** What a URL does whose attempts fail so. @param {string} reason @returns {string} */
export const verbOf = (reason) => {
  const status = /^status_(\w+)$/.exec(reason);
  if (status !== null) return `answers ${status[1]}`;
  return VERBS[reason] ?? "fails";
};

/** The same with what is known beside it. @param {LastError} error @returns {string} */
export const failureOf = ({ reason, detail }) =>
  reason.startsWith("status_") ? verbOf(reason) : `${verbOf(reason)}: ${detail}`;

/** @type {Readonly<Record<string, string>>} */
const VERBS = {
  refused: "refuses connections",
  timeout: "does not answer in time",
  tls: "fails the TLS handshake",
  network: "cannot be reached",
  malformed: "answers what is no HTTP",
  invalid_request: "is a URL that no request can be made of",
  file: "cannot be written",
};

/** The word for a URL's state, and how bad it is. @param {UrlRow} row @param {number} now */
export const stateOf = (row, now) => {
  if (row.state === "paused") return { word: "paused", kind: "paused" };
  if (row.state === "open") return { word: "down", kind: "down" };
  if (row.state === "gone") return { word: "gone", kind: "gone" };
  if (row.state === "removed") return { word: "removed", kind: "removed" };
  const { last_error: error } = row;
  if (error !== null && now - error.at < RECENT_MS) return { word: "failing", kind: "failing" };
  return row.delivered > 0 ? { word: "delivers", kind: "good" } : { word: "ready", kind: "good" };
};

/** A URL fails while its last failure is no older. */
const RECENT_MS = 10_000;

/** @param {Snapshot} snapshot @returns {ReadonlyArray<string>} sentences, the worst first */
export const troubles = (
  { at, state, pressure, queue, disk, listeners, queued, in_flight, endpoints },
) => {
  const said = [];
  if (state === "stopping") {
    said.push(`The broker is stopping: it waits for ${several(queued + in_flight, "event")}.`);
  }
  for (const row of endpoints) {
    const waits = `${several(row.queued, "event")} ${row.queued === 1 ? "waits" : "wait"}`;
    const since = `since ${minute(at - row.since_ms)}`;
    if (row.state === "open") {
      said.push(`${row.url} ${verbOf(row.last_error?.reason ?? "")} ${since}, ${waits}.`);
    } else if (row.state === "gone") {
      said.push(`${row.url} has answered 410 Gone ${since}: nothing more is sent there, ${waits}.`);
    } else if (row.state === "paused") {
      said.push(`${row.url} is paused ${since}, ${waits}.`);
    }
  }
  if (disk?.failing) {
    said.push("The disk takes nothing: what is not written yet would not survive a crash.");
  }
  const share = Math.round(100 * queue.events / queue.capacity);
  if (pressure === "full") {
    said.push("The queue is full: clients wait until there is room.");
  } else if (pressure === "high") {
    said.push(`The queue is ${share} % full: publishers are held back until it falls.`);
  }
  if (state !== "stopping") {
    for (const { name, up } of listeners) if (!up) said.push(`Nobody can come in by ${name}.`);
  }
  return said;
};

/** What was tried at a URL that is down. @param {UrlRow} row @param {number} now @returns {string} */
export const triedOf = ({ url, attempts, last_error, last_success_at, queued }, now) => {
  if (last_error === null) return "";
  const ago = duration(Math.max(0, now - last_error.at));
  const good = last_success_at === null
    ? "It has not taken an event since the broker started."
    : `It took an event last ${duration(Math.max(0, now - last_success_at))} ago.`;
  return `${
    several(attempts, "attempt")
  } made at ${url}, the last that failed ${ago} ago: ${last_error.detail}. ` +
    `${good} One attempt at a time is made until one succeeds; ` +
    `${several(queued, "event")} ${queued === 1 ? "waits" : "wait"} meanwhile.`;
};
