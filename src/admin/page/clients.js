// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/// <reference lib="esnext" />
/** Clients and their sessions, a page at a time, and their end. */
import { ask, wordsOf } from "./api.js";
import { confirmed } from "./confirm.js";
import { $, announce, make, say } from "./dom.js";
import { count, duration } from "./format.js";

const PAGE_ROWS = 50;
const EACH_MS = 5000;

/** Where a client can come in: `[name, addr]` of a listener. @typedef {{ name: string, addr: string }} Listener */

export class Clients {
  #table = $("clients");
  #body = /** @type {HTMLElement} */ (this.#table.querySelector("tbody"));
  #input = /** @type {HTMLInputElement} */ ($("search").querySelector("input"));
  /** What each page so far is asked for by; the last is shown. @type {Array<string>} */
  #pages = [""];
  #next = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** The last request: an answer to one before it is no more wanted. */
  #asked = 0;
  /** @type {ReadonlyArray<Listener>} */
  #listeners = [];

  constructor() {
    this.#input.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#search(), 300);
    });
    $("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#search();
    });
    $("next").addEventListener("click", () => {
      this.#pages.push(this.#next);
      void this.load();
    });
    $("before").addEventListener("click", () => {
      this.#pages.pop();
      void this.load();
    });
  }

  /** @param {ReadonlyArray<Listener>} listeners */
  use(listeners) {
    this.#listeners = listeners;
  }

  /** Loads the page that is shown anew, now and each five seconds. */
  async load() {
    clearTimeout(this.#timer);
    const asked = ++this.#asked;
    const query = new URLSearchParams({ _limit: String(PAGE_ROWS) });
    const like = this.#input.value.trim();
    if (like !== "") query.set("_like_clientid", like);
    const after = this.#pages.at(-1) ?? "";
    if (after !== "") query.set("after", after);
    try {
      const response = await ask(`api/v1/clients?${query}`);
      const rows = await response.json();
      if (asked !== this.#asked) return;
      this.#next = nextOf(response.headers.get("link"));
      this.#show(rows, like);
      this.#fault("");
    } catch (error) {
      if (asked === this.#asked) this.#fault(wordsOf(error));
    }
    if (asked === this.#asked) this.#later();
  }

  /** No more until `load`. */
  stop() {
    this.#asked++;
    clearTimeout(this.#timer);
  }

  #later() {
    this.#timer = setTimeout(() => {
      // Under somebody's hands nothing moves, and what nobody sees costs nothing.
      const isUsed = this.#body.contains(document.activeElement) || document.hidden;
      if (isUsed) this.#later();
      else void this.load();
    }, EACH_MS);
  }

  #search() {
    this.#pages = [""];
    void this.load();
  }

  /** @param {string} text */
  #fault(text) {
    $("clients-fault").hidden = text === "";
    say($("clients-fault"), text);
  }

  /** @param {ReadonlyArray<any>} rows as the API answers them @param {string} like */
  #show(rows, like) {
    this.#table.hidden = rows.length === 0;
    this.#body.replaceChildren(...rows.map((row) => this.#row(row)));
    const isFirst = this.#pages.length === 1;
    $("pages").hidden = isFirst && this.#next === "";
    /** @type {HTMLButtonElement} */ ($("before")).disabled = isFirst;
    /** @type {HTMLButtonElement} */ ($("next")).disabled = this.#next === "";
    const from = (this.#pages.length - 1) * PAGE_ROWS;
    say(
      $("page-note"),
      rows.length === 0 ? "" : `${count(from + 1)} to ${count(from + rows.length)}`,
    );
    const empty = $("clients-empty");
    empty.hidden = rows.length > 0;
    if (rows.length > 0) return;
    empty.replaceChildren(
      ...(like !== "" || !isFirst
        ? [make("p", {}, like === "" ? "There are no more." : `No client id has “${like}” in it.`)]
        : firstClient(this.#listeners)),
    );
  }

  /** @param {any} row */
  #row(row) {
    const state = row.connected
      ? `connected ${duration(Math.max(0, Date.now() - row.connected_at))}`
      : `away${
        row.disconnected_at > 0 ? ` ${duration(Math.max(0, Date.now() - row.disconnected_at))}` : ""
      }` +
        (row.disconnected_reason === "" ? "" : `, ${row.disconnected_reason}`);
    const kick = make("button", { type: "button", "aria-label": `Kick ${row.clientid}` }, "Kick…");
    kick.addEventListener("click", () => void this.#kick(row.clientid));
    return make(
      "tr",
      { class: "client" },
      make("th", { scope: "row", class: "name" }, row.clientid),
      make("td", { "data-label": "User" }, row.username === "undefined" ? "–" : row.username),
      make("td", { "data-label": "Address" }, `${row.ip_address}:${row.port}`),
      make("td", { "data-label": "State" }, state),
      make("td", { "data-label": "Subscriptions", class: "number" }, count(row.subscriptions_cnt)),
      make("td", { "data-label": "In flight", class: "number" }, count(row.inflight)),
      make("td", { "data-label": "Queued", class: "number" }, count(row.mqueue_len)),
      make("td", { class: "do" }, kick),
    );
  }

  /** @param {string} clientid */
  async #kick(clientid) {
    const goesOn = await confirmed({
      title: "Kick this client?",
      text:
        `The connection and the session of ${clientid} end, with its subscriptions and what is queued for ` +
        "it. It may come back.",
      action: "Kick",
    });
    if (!goesOn) return;
    try {
      const query = new URLSearchParams({ clientid }); // a path knows no client "."
      await ask(`api/v1/clients?${query}`, { method: "DELETE" });
      announce(`${clientid} is kicked`);
    } catch (error) {
      announce(`${clientid}: ${wordsOf(error)}`);
    }
    this.#input.focus(); // its button is about to go
    void this.load();
  }
}

/** Where the next page begins, out of a `link` header (RFC 8288); empty: there is none. @param {string | null} link */
const nextOf = (link) => {
  const [, path] = /^<([^>]*)>; rel="next"/.exec(link ?? "") ?? [];
  return path === undefined
    ? ""
    : new URL(path, "http://localhost").searchParams.get("after") ?? "";
};

/** How a first client comes in. @param {ReadonlyArray<Listener>} listeners */
const firstClient = (listeners) => {
  const tcp = listeners.find(({ name }) => name.startsWith("tcp."));
  if (tcp === undefined) {
    const others = listeners.map(({ name, addr }) => `${name} on ${addr}`).join(", ");
    return [
      make(
        "p",
        {},
        "No client has come in yet. ",
        others === "" ? "No listener is open." : `There is ${others}.`,
      ),
    ];
  }
  const port = tcp.addr.slice(tcp.addr.lastIndexOf(":") + 1);
  const host = location.hostname.replace(/^\[|\]$/g, "");
  return [
    make("p", {}, make("strong", {}, "No client has come in yet. "), "To be the first:"),
    make(
      "pre",
      { tabindex: "0", "aria-label": "A command that publishes a message" },
      `mosquitto_pub -h ${host} -p ${port} -t hello/world -m hi -q 1`,
    ),
    make(
      "p",
      {},
      "with ",
      make("code", {}, "-u USER -P PASSWORD"),
      " where the listener wants a user.",
    ),
  ];
};
