// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/// <reference lib="esnext" />
/**
 * Deliveries as they end, newest on top. Rows are used again, so that hours of them cost no more than the first
 * hundred; while somebody reads in the list it stands still.
 */
import { $, make, say, set } from "./dom.js";
import { clock, count, duration } from "./format.js";

const MOST_ROWS = 100;

/** All there are. @type {ReadonlyArray<string>} */
export const EVENTS = [
  "session_created",
  "session_terminated",
  "session_subscribed",
  "session_unsubscribed",
  "client_connect",
  "client_connack",
  "client_connected",
  "client_disconnected",
  "client_subscribe",
  "client_unsubscribe",
  "message_publish",
  "message_delivered",
  "message_acked",
  "message_dropped",
  "offline_message",
];

const COLUMNS = 7;

export class Events {
  #table = $("events");
  #body = /** @type {HTMLElement} */ (this.#table.querySelector("tbody"));
  #form = /** @type {HTMLFormElement} */ ($("filter"));
  /** Newest first. @type {Array<EventView>} */
  #rows = [];
  /** What came while the list stood still, oldest first. @type {Array<any>} */
  #held = [];
  #heldMore = 0;
  #omitted = 0;
  #isHeld = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {(query: string) => void} onFilter told what the stream is to be asked for */
  constructor(onFilter) {
    const select = /** @type {HTMLSelectElement} */ (this.#form.elements.namedItem("event"));
    for (const name of EVENTS) select.append(make("option", { value: name }, name));
    const change = () => {
      clearTimeout(this.#timer);
      this.#clear();
      onFilter(this.#query);
    };
    this.#form.addEventListener("change", change);
    this.#form.addEventListener("input", ({ target }) => {
      if (!(target instanceof HTMLInputElement) || target.type === "checkbox") return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(change, 400);
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      change();
    });
    $("events-go-on").addEventListener("click", () => this.#goOn());
    this.#table.addEventListener("focusin", () => this.#hold());
    this.#table.addEventListener("keydown", (event) => this.#onKey(event));
    this.#table.addEventListener("click", ({ target }) => {
      const row = target instanceof Element ? target.closest("tr") : null;
      this.#rows.find((view) => view.row === row)?.toggle();
      this.#hold();
    });
  }

  /** @param {ReadonlyArray<string>} urls @param {boolean} payloads whether they can be seen */
  offer(urls, payloads) {
    $("payload-choice").hidden = !payloads;
    const select = /** @type {HTMLSelectElement} */ (this.#form.elements.namedItem("url"));
    if (select.options.length === urls.length + 1) return;
    const chosen = select.value;
    select.replaceChildren(
      make("option", { value: "" }, "any"),
      ...urls.map((url) => make("option", { value: url }, url)),
    );
    select.value = chosen;
  }

  /** @param {{ events: ReadonlyArray<any>, omitted: number }} message */
  add({ events, omitted }) {
    this.#omitted += omitted;
    if (!this.#isHeld) {
      for (const event of events) this.#show(event);
      this.#tell();
      return;
    }
    this.#held.push(...events);
    this.#heldMore += omitted + events.length;
    this.#held.splice(0, this.#held.length - MOST_ROWS);
    this.#tell();
  }

  /** What the filter says is wrong; empty: nothing. @param {string} text */
  fault(text) {
    $("filter-fault").hidden = text === "";
    say($("filter-fault"), text);
  }

  /** Each second. */
  tick() {
    this.#tell();
    this.#omitted = 0;
  }

  /** @param {any} event as the API answers it */
  #show(event) {
    $("events-list").hidden = false;
    $("events-empty").hidden = true;
    const known = this.#rows.findIndex((view) => view.id === event.id);
    const [view = new EventView()] = known >= 0
      ? this.#rows.splice(known, 1)
      : this.#rows.length < MOST_ROWS
      ? []
      : this.#rows.splice(-1);
    view.show(event);
    this.#rows.unshift(view);
    this.#body.prepend(view.row, view.more);
  }

  #hold() {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#tell();
  }

  #goOn() {
    this.#isHeld = false;
    for (const view of this.#rows) view.close();
    for (const event of this.#held) this.#show(event);
    this.#held = [];
    this.#heldMore = 0;
    this.#tell();
    if (document.activeElement === document.body) $("filter").querySelector("select")?.focus();
  }

  #tell() {
    const button = $("events-go-on");
    if (button.hidden === this.#isHeld) button.hidden = !this.#isHeld;
    if (this.#isHeld) say(button, `Stands still, ${count(this.#heldMore)} new: go on`);
    say(
      $("events-note"),
      this.#omitted > 0 ? `${count(this.#omitted)} more in this second` : "as they happen",
    );
  }

  #clear() {
    for (const view of this.#rows) view.remove();
    this.#rows = [];
    this.#held = [];
    this.#heldMore = 0;
    this.#omitted = 0;
    this.#isHeld = false;
    $("events-list").hidden = true;
    $("events-empty").hidden = false;
    this.fault("");
    this.#tell();
  }

  /** @returns {string} */
  get #query() {
    const data = new FormData(this.#form);
    const query = new URLSearchParams();
    for (const name of ["event", "_like_clientid", "topic", "url"]) {
      const value = String(data.get(name) ?? "").trim();
      if (value !== "") query.set(name, value);
    }
    if (data.has("failed")) query.set("outcome", "retrying,failed,dropped");
    if (data.has("payload")) query.set("payload", "text");
    return query.size === 0 ? "" : `?${query}`;
  }

  get isFiltered() {
    return this.#query !== "";
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const place = this.#rows.findIndex((view) => view.row === event.target);
    const view = this.#rows[place];
    if (view === undefined) return;
    switch (event.key) {
      case "Enter":
      case " ":
        view.toggle();
        break;
      case "ArrowDown":
        this.#rows[place + 1]?.row.focus();
        break;
      case "ArrowUp":
        this.#rows[place - 1]?.row.focus();
        break;
      case "Escape":
        view.row.blur();
        this.#goOn();
        break;
      default:
        return;
    }
    event.preventDefault();
  }
}

class EventView {
  id = "";
  row = make("tr", { class: "event", tabindex: "0", "aria-expanded": "false" });
  more = make("tr", { class: "more" });
  #cells = ["Time", "Event", "Client", "Topic", "URL", "Outcome", "ms"].map((label) =>
    make("td", { "data-label": label })
  );
  #outcome = make("span", { class: "outcome" });
  #fields = make("dl", { class: "details fields" });
  /** @type {any} */
  #event = undefined;

  constructor() {
    const [, , , , , outcome, ms] = this.#cells;
    outcome?.append(this.#outcome);
    ms?.classList.add("number");
    this.row.append(...this.#cells);
    this.more.append(make("td", { colspan: String(COLUMNS) }, this.#fields));
    this.more.hidden = true;
  }

  remove() {
    this.row.remove();
    this.more.remove();
  }

  /** @param {any} event */
  show(event) {
    this.#event = event;
    this.id = event.id;
    const [time, name, client, topic, url, , ms] = this.#cells;
    const last = event.attempts.at(-1);
    const texts = /** @type {const} */ ([
      [time, clock(event.at)],
      [name, event.event],
      [client, event.clientid],
      [topic, event.topic ?? ""],
      [url, event.url],
      [ms, last === undefined || last.ms === null ? "" : String(Math.round(last.ms * 10) / 10)],
    ]);
    for (const [cell, text] of texts) if (cell !== undefined) say(cell, text);
    set(this.#outcome, "data-kind", event.outcome);
    say(
      this.#outcome,
      event.reason === null || event.outcome === "delivered"
        ? event.outcome
        : `${event.outcome}: ${event.reason}`,
    );
    this.close();
  }

  close() {
    if (this.more.hidden) return;
    this.more.hidden = true;
    set(this.row, "aria-expanded", "false");
    this.#fields.replaceChildren();
  }

  toggle() {
    if (!this.more.hidden) return this.close();
    const { attempts, payload, payload_cut, ...others } = this.#event;
    /** @type {Array<[string, string]>} */
    const fields = Object.entries(others).map(([key, value]) => [
      key,
      key === "at" ? new Date(value).toISOString() : value === null ? "–" : String(value),
    ]);
    for (const [i, one] of attempts.entries()) {
      const took = one.ms === null ? "" : `, ${duration(one.ms)}`;
      fields.push([
        `attempt ${i + 1}`,
        `${clock(one.at)} ${
          one.error ?? (one.status === null ? "success" : `answered ${one.status}`)
        }${took}`,
      ]);
    }
    if (typeof payload === "string") {
      fields.push([payload_cut ? "payload, cut" : "payload", payload]);
    }
    this.#fields.replaceChildren(
      ...fields.map(([key, value]) => make("div", {}, make("dt", {}, key), make("dd", {}, value))),
    );
    this.more.hidden = false;
    set(this.row, "aria-expanded", "true");
  }
}
