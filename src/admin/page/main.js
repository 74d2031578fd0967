// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/// <reference lib="esnext" />
/** The live page: what the stream tells, given to the parts that show it. */
import { Chart } from "./chart.js";
import { Clients } from "./clients.js";
import { $, make, say, set } from "./dom.js";
import { Events } from "./events.js";
import { count, duration, minute, rate, short } from "./format.js";
import { History } from "./history.js";
import { Stream } from "./stream.js";
import { troubles } from "./trouble.js";
import { Urls } from "./urls.js";

class Page {
  #chart = new Chart();
  #urls = new Urls();
  #clients = new Clients();
  #history = new History();
  #events = new Events((query) => this.#stream.open(query));
  #stream = new Stream({
    onMessage: (name, data) => this.#take(name, data),
    onLost: () => this.#lose(),
    onRefused: (error) => this.#events.fault(error.message),
  });
  #isPaused = false;
  /** When the stream was lost; 0: it was not. */
  #lostAt = 0;
  /** The last snapshot. @type {any} */
  #last;
  /** The most places of the queue since this page is open. */
  #mostQueued = 0;

  start() {
    $("pause").addEventListener("click", () => {
      this.#isPaused = !this.#isPaused;
      set($("pause"), "aria-pressed", String(this.#isPaused));
      say($("pause"), this.#isPaused ? "Go on" : "Pause");
      this.#line();
      this.#render();
    });
    document.addEventListener("visibilitychange", () => this.#render());
    this.#stream.open("");
  }

  /** @param {string} name @param {any} data */
  #take(name, data) {
    if (name === "events") {
      if (!this.#isPaused) this.#events.add(data);
      return;
    }
    const isBack = this.#lostAt > 0 || this.#last === undefined;
    this.#lostAt = 0;
    this.#last = data;
    this.#history.add(data);
    this.#mostQueued = Math.max(this.#mostQueued, data.queue.events);
    this.#clients.use(data.listeners);
    if (isBack) {
      this.#line();
      void this.#clients.load();
    }
    if (!this.#isPaused) this.#events.tick();
    this.#render();
  }

  #lose() {
    if (this.#lostAt === 0) this.#lostAt = Date.now();
    this.#clients.stop();
    this.#line();
    this.#renderTrouble();
  }

  /** How the connection is, in a word and by a dot. */
  #line() {
    const [state, word] = this.#lostAt > 0
      ? ["lost", "lost, trying again"]
      : this.#isPaused
      ? ["paused", "paused"]
      : ["live", "live"];
    set($("line"), "data-state", state);
    const shown = $("line").querySelector(".word");
    if (shown !== null) say(shown, word);
  }

  #renderTrouble() {
    const said = this.#last === undefined ? [] : [...troubles(this.#last)];
    if (this.#lostAt > 0) {
      const old = this.#last === undefined ? "" : ": what is shown is of then";
      said.unshift(`The broker has not answered since ${minute(this.#lostAt)}${old}.`);
    }
    const trouble = $("trouble");
    trouble.hidden = said.length === 0;
    document.body.classList.toggle("lost", this.#lostAt > 0);
    document.title = `${said.length > 0 ? "⚠ " : ""}Hookline`;
    // Numbers in it change each second: only another kind of trouble is read out anew.
    const kinds = said.map((text) => text.replace(/[\d,.]+/g, "")).join("|");
    set(trouble, "aria-live", trouble.dataset.kinds === kinds ? "off" : "assertive");
    trouble.dataset.kinds = kinds;
    while (trouble.children.length > said.length) trouble.lastElementChild?.remove();
    for (const [i, text] of said.entries()) {
      const known = trouble.children[i];
      if (known === undefined) trouble.append(make("p", {}, text));
      else say(known, text);
    }
  }

  /** Shows the last snapshot, unless nobody sees it. */
  #render() {
    if (this.#last === undefined || this.#isPaused || document.hidden) return;
    const { at, version, node, started_at, rules, queue, endpoints, payloads } = this.#last;
    say($("about"), `${version} · node ${node} · up ${duration(at - started_at)}`);
    this.#renderTrouble();
    this.#renderFigures();
    this.#renderQueue();
    this.#renderOldest();
    this.#chart.show(this.#history.rates);
    const lines = this.#history.byUrl;
    this.#urls.show(endpoints, { rules, capacity: queue.capacity, now: at, lines });
    this.#events.offer(endpoints.map((/** @type {any} */ row) => row.url), payloads);
    say(
      $("events-empty"),
      this.#events.isFiltered
        ? "Nothing of this kind has ended since you asked for it."
        : rules === 0
        ? "No rule, no delivery: see above."
        : "Nothing was delivered since this page is open. What clients do shows up here.",
    );
  }

  #renderFigures() {
    const { clients, sessions, delivered } = this.#last;
    const now = this.#history.now;
    say($("clients-now"), count(clients));
    say($("sessions-now"), count(sessions));
    say($("sessions-note"), `${count(Math.max(0, sessions - clients))} away`);
    say($("in-now"), now === undefined ? "–" : rate(now.client + now.session + now.message));
    say($("out-now"), now === undefined ? "–" : rate(now.delivered));
    say($("out-note"), `per second, ${short(delivered)} in all`);
  }

  #renderQueue() {
    const { queue } = this.#last;
    const meter = $("queue-meter");
    const [bar, tick] = meter.children;
    const part = (/** @type {number} */ n) => `${Math.min(100, 100 * n / queue.capacity)}%`;
    say($("queue-now"), count(queue.events));
    say($("queue-note"), `of ${short(queue.capacity)}, at most ${short(this.#mostQueued)}`);
    set(meter, "aria-valuemax", String(queue.capacity));
    set(meter, "aria-valuenow", String(queue.events));
    set(meter, "data-full", String(queue.events >= queue.high_water));
    if (bar instanceof HTMLElement) bar.style.width = part(queue.events);
    if (tick instanceof HTMLElement) tick.style.left = part(queue.high_water);
  }

  #renderOldest() {
    const { endpoints, queued, in_flight } = this.#last;
    /** @type {any} */
    let oldest;
    for (const row of endpoints) if (row.oldest_ms > (oldest?.oldest_ms ?? 0)) oldest = row;
    const waiting = queued + in_flight;
    const none = waiting === 0 ? "none" : "–";
    say($("oldest-now"), oldest === undefined ? none : duration(oldest.oldest_ms));
    say($("oldest-note"), oldest?.url ?? `${count(waiting)} wait or are in flight`);
  }
}

new Page().start();
