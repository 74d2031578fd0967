// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/// <reference lib="esnext" />
/** A row for each URL: how it is, what waits for it, and what failed there. */
import { ask, post, wordsOf } from "./api.js";
import { confirmed } from "./confirm.js";
import { $, announce, draw, make, say, set } from "./dom.js";
import { clock, count, duration, rate, short } from "./format.js";
import { URL_SECONDS } from "./history.js";
import { failureOf, stateOf, triedOf } from "./trouble.js";

/** @typedef {import("./trouble.js").UrlRow} UrlRow */

const SPARK_WIDTH = 120;
const SPARK_HEIGHT = 26;
/** Failed deliveries of an open row. */
const MOST_FAILED = 20;

const COLUMNS = 7;

/** What can be added to web-hook.toml, where nothing is sent yet. */
const FIRST_RULE = `http_urls = ["http://127.0.0.1:5656/mqtt/webhook"]

rule.client_connected = [{ action = "client_connected" }]
rule.message_publish = [{ action = "message_publish", topics = ["sensors/#"] }]`;

export class Urls {
  /** @type {Map<string, UrlView>} */
  #views = new Map();
  #body = /** @type {HTMLElement} */ ($("urls").querySelector("tbody"));

  /**
   * @param {ReadonlyArray<UrlRow>} rows
   * @param {object} with
   * @param {number} with.rules
   * @param {number} with.capacity
   * @param {number} with.now
   * @param {ReadonlyMap<string, ReadonlyArray<number>>} with.lines
   */
  show(rows, { rules, capacity, now, lines }) {
    $("urls").hidden = rows.length === 0;
    this.#showEmpty(rules, rows.length);
    const failing = rows.filter((row) => row.state === "open" || row.state === "gone").length;
    say(
      $("urls-note"),
      rows.length === 0 ? "" : `${rows.length}${failing > 0 ? `, ${failing} down` : ""}`,
    );
    const seen = new Set(rows.map(({ url }) => url));
    for (const [url, view] of this.#views) {
      if (seen.has(url)) continue;
      view.remove();
      this.#views.delete(url);
    }
    for (const row of rows) {
      let view = this.#views.get(row.url);
      if (view === undefined) {
        view = new UrlView(row.url);
        this.#views.set(row.url, view);
        this.#body.append(view.row, view.more);
      }
      view.show(row, { capacity, now, line: lines.get(row.url) ?? [] });
    }
  }

  /** @param {number} rules @param {number} urls */
  #showEmpty(rules, urls) {
    const empty = $("urls-empty");
    empty.hidden = rules > 0 && urls > 0;
    const what = rules === 0 ? "no rule" : urls === 0 ? "no url" : "";
    if (empty.dataset.what === what) return;
    empty.dataset.what = what;
    empty.replaceChildren();
    if (rules > 0) return;
    empty.append(
      make("p", {}, make("strong", {}, "No rule: no event is sent. "), "Add to web-hook.toml:"),
      make("pre", { tabindex: "0", "aria-label": "Lines for web-hook.toml" }, FIRST_RULE),
      make(
        "p",
        {},
        "and have the broker read it with ",
        make("code", {}, "kill -HUP"),
        ". ",
        make("code", {}, "deno task receiver"),
        " starts a receiver on that URL, which prints each event.",
      ),
    );
  }
}

class UrlView {
  row = make("tr", { class: "url" });
  more = make("tr", { class: "more" });
  #url;
  #state = make("span", { class: "state" });
  #shape = draw("svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" });
  #word = make("span", {});
  #open = make("button", { type: "button", class: "open", "aria-expanded": "false" });
  #error = make("span", { class: "error" });
  #spark = draw("polyline", { class: "message line" });
  #rate = make("b", {});
  #latency = make("td", { class: "number", "data-label": "p50 / p99" });
  #flight = make("td", { class: "number", "data-label": "In flight" });
  #bar = make("i", {});
  #queued = make("span", {});
  #test = make("button", { type: "button" }, "Test");
  #pause = make("button", { type: "button" }, "Pause…");
  #result = make("span", { class: "result" });
  #details = make("div", { class: "details" });
  #tried = make("p", { class: "tried" });
  #failed = make("div", {});
  #isOpen = false;
  #isPaused = false;
  #attempts = -1;
  #kind = "";

  /** @param {string} url */
  constructor(url) {
    this.#url = url;
    this.#state.append(this.#shape, this.#word);
    const svg = draw("svg", {
      viewBox: `0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`,
      width: SPARK_WIDTH,
      height: SPARK_HEIGHT,
      "aria-hidden": "true",
      class: "spark",
    });
    svg.append(this.#spark);
    this.#open.append(
      make("span", { class: "chevron", "aria-hidden": "true" }),
      make("span", {}, url),
    );
    const meter = make("span", { class: "meter" }, this.#bar);
    this.row.append(
      make("td", { "data-label": "State" }, this.#state),
      make("td", { class: "name" }, this.#open, this.#error),
      make(
        "td",
        { class: "rate", "data-label": "Delivered" },
        svg,
        make("span", {}, this.#rate, "/s"),
      ),
      this.#latency,
      this.#flight,
      make("td", { class: "queued", "data-label": "Queued" }, meter, this.#queued),
      make("td", { class: "do" }, this.#test, this.#pause, this.#result),
    );
    this.#details.append(this.#tried, this.#failed);
    this.more.append(make("td", { colspan: String(COLUMNS) }, this.#details));
    this.more.hidden = true;
    set(this.#test, "aria-label", `Test ${url}`);
    this.#open.addEventListener("click", () => this.#toggle());
    this.#test.addEventListener("click", () => void this.#probe());
    this.#pause.addEventListener("click", () => void this.#pauseOrResume());
  }

  remove() {
    this.row.remove();
    this.more.remove();
  }

  /**
   * @param {UrlRow} row
   * @param {{ capacity: number, now: number, line: ReadonlyArray<number> }} with
   */
  show(row, { capacity, now, line }) {
    const { word, kind } = stateOf(row, now);
    if (this.#kind !== kind) {
      this.#kind = kind;
      set(this.#state, "data-kind", kind);
      this.#shape.replaceChildren(draw("path", { d: SHAPES[kind] ?? "" }));
    }
    say(this.#word, word);
    this.#isPaused = kind === "paused";
    say(this.#pause, this.#isPaused ? "Resume" : "Pause…");
    set(this.#pause, "aria-label", `${this.#isPaused ? "Resume" : "Pause"} ${row.url}`);
    const { last_error: error } = row;
    say(
      this.#error,
      error === null ? "" : `${failureOf(error)}, ${duration(Math.max(0, now - error.at))} ago`,
    );
    say(this.#rate, rate(line.at(-1) ?? 0));
    set(this.#spark, "points", sparkOf(line));
    const { p50, p99 } = row.latency_ms;
    say(this.#latency, p50 === null || p99 === null ? "–" : `${duration(p50)} / ${duration(p99)}`);
    say(this.#flight, count(row.in_flight));
    const share = Math.min(1, row.queued / Math.max(1, capacity));
    this.#bar.style.width = `${row.queued === 0 ? 0 : Math.max(2, 100 * share)}%`;
    say(this.#queued, short(row.queued));
    if (!this.#isOpen) return;
    const isDown = row.state === "open";
    say(this.#tried, isDown ? triedOf(row, now) : "");
    this.#tried.hidden = !isDown;
    if (row.attempts !== this.#attempts) {
      this.#attempts = row.attempts;
      void this.#loadFailed();
    }
  }

  #toggle() {
    this.#isOpen = !this.#isOpen;
    this.#attempts = -1;
    this.more.hidden = !this.#isOpen;
    set(this.#open, "aria-expanded", String(this.#isOpen));
    if (this.#isOpen) void this.#loadFailed();
  }

  #loading = false;

  async #loadFailed() {
    if (this.#loading) return;
    this.#loading = true;
    try {
      const query = new URLSearchParams({
        url: this.#url,
        outcome: "retrying,failed,dropped",
        limit: String(MOST_FAILED),
      });
      const failed = await (await ask(`api/v1/deliveries?${query}`)).json();
      this.#failed.replaceChildren(...failedList(failed));
    } catch (error) {
      this.#failed.replaceChildren(make("p", { class: "fault" }, wordsOf(error)));
    } finally {
      setTimeout(() => this.#loading = false, 1000); // once a second, however much fails
    }
  }

  async #probe() {
    this.#tell("testing…", "");
    try {
      const answer = await (await post("api/v1/endpoints/probe", { url: this.#url })).json();
      const { status, ms, error } = answer;
      const took = typeof ms === "number" ? ` in ${duration(ms)}` : "";
      const isGood = error === null || error === undefined || error === "";
      const result = status ? `${status}${took}` : `${error}${took}`;
      this.#tell(result, isGood ? "good" : "bad");
      announce(`Test of ${this.#url}: ${isGood ? "" : `${error}, `}${result}`);
    } catch (error) {
      this.#tell(wordsOf(error), "bad");
      announce(`Test of ${this.#url}: ${wordsOf(error)}`);
    }
  }

  async #pauseOrResume() {
    const resumes = this.#isPaused;
    if (!resumes) {
      const goesOn = await confirmed({
        title: "Pause this URL?",
        text:
          `${this.#url} gets nothing until somebody resumes it. Events wait meanwhile, and count ` +
          "against the queue as those of a URL that is down.",
        action: "Pause",
        typed: "pause",
      });
      if (!goesOn) return;
    }
    try {
      await post(`api/v1/endpoints/${resumes ? "resume" : "pause"}`, { url: this.#url });
      announce(`${this.#url} is ${resumes ? "resumed" : "paused"}`);
    } catch (error) {
      this.#tell(wordsOf(error), "bad");
      announce(`${this.#url}: ${wordsOf(error)}`);
    }
  }

  /** @param {string} text @param {string} kind */
  #tell(text, kind) {
    say(this.#result, text);
    set(this.#result, "data-kind", kind);
  }
}

/** A circle, a triangle, a square, a cross, two bars, a stroke. @type {Readonly<Record<string, string>>} */
const SHAPES = {
  good: "M6 1a5 5 0 1 0 0 10a5 5 0 0 0 0-10Z",
  failing: "M6 1L11.5 11H.5Z",
  down: "M1 1H11V11H1Z",
  gone: "M2.2 .8L6 4.6L9.8 .8L11.2 2.2L7.4 6L11.2 9.8L9.8 11.2L6 7.4L2.2 11.2L.8 9.8L4.6 6L.8 2.2Z",
  paused: "M2 1H5V11H2ZM7 1H10V11H7Z",
  removed: "M1 5H11V7H1Z",
};

/** @param {ReadonlyArray<number>} line */
const sparkOf = (line) => {
  const most = Math.max(1, ...line);
  return line.map((n, i) => {
    const x = SPARK_WIDTH - (line.length - 1 - i) * (SPARK_WIDTH / (URL_SECONDS - 1));
    return `${x.toFixed(1)},${(SPARK_HEIGHT - 2 - n / most * (SPARK_HEIGHT - 4)).toFixed(1)}`;
  }).join(" ");
};

/** @param {ReadonlyArray<any>} failed as the API answers them */
const failedList = (failed) => {
  if (failed.length === 0) return [make("p", {}, "No delivery to it has failed of late.")];
  const items = failed.map(({ at, event, clientid, topic, outcome, reason, attempts }) => {
    const tries = attempts.map((/** @type {any} */ one) => {
      const took = one.ms === null ? "" : ` after ${duration(one.ms)}`;
      return make(
        "li",
        {},
        `${clock(one.at)} ${one.error ?? `answered ${one.status ?? "with success"}`}${took}`,
      );
    });
    return make(
      "li",
      {},
      make(
        "p",
        {},
        `${clock(at)} `,
        make("b", {}, event),
        " of ",
        make("code", {}, clientid),
        ...(topic === null ? [] : [" on ", make("code", {}, topic)]),
        ": ",
        make("span", { class: "outcome", "data-kind": outcome }, outcome),
        ` (${reason})`,
      ),
      make("ol", {}, ...tries),
    );
  });
  return [make("h3", {}, "Last failed deliveries"), make("ul", { class: "failed" }, ...items)];
};
