// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/// <reference lib="esnext" />
/**
 * Five minutes as lines, with a cursor that a pointer or the arrow keys move. What it shows it says as well: in
 * the legend at the cursor, and as a text each ten seconds.
 */
import { $, draw, make, say, set } from "./dom.js";
import { axisEnd, clock, rate, short } from "./format.js";
import { SECONDS } from "./history.js";

/** @typedef {import("./history.js").Rates} Rates */

const HEIGHT = 190;
const LEFT = 46;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 22;
const TEXT_EACH_MS = 10_000;

/** By dash as well as by colour. @type {ReadonlyArray<{ key: "message" | "client" | "session" | "failing", word: string }>} */
const SERIES = [
  { key: "message", word: "message_" },
  { key: "client", word: "client_" },
  { key: "session", word: "session_" },
  { key: "failing", word: "failing" },
];

export class Chart {
  #root = $("chart");
  #svg = draw("svg", { "aria-hidden": "true", height: HEIGHT });
  #grid = draw("g", { class: "grid" });
  #area = draw("path", { class: "failing area" });
  #cursor = draw("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM });
  /** @type {Map<string, SVGElement>} */
  #lines = new Map();
  /** @type {Map<string, HTMLElement>} */
  #values = new Map();
  #width = 0;
  /** @type {ReadonlyArray<Rates>} */
  #rates = [];
  /** Seconds before now; 0: it follows. */
  #back = 0;
  #toldAt = 0;

  constructor() {
    this.#svg.append(this.#grid, this.#area);
    for (const { key, word } of SERIES) {
      if (key !== "failing") {
        const line = draw("polyline", { class: `${key} line` });
        this.#lines.set(key, line);
        this.#svg.append(line);
      }
      const value = make("b", {});
      this.#values.set(key, value);
      $("legend").append(
        make("li", { class: key }, swatch(key), make("span", {}, word), value),
      );
    }
    this.#svg.append(this.#cursor);
    this.#root.append(this.#svg);
    new ResizeObserver(() => this.#resize()).observe(this.#root);
    this.#root.addEventListener("keydown", (event) => this.#onKey(event));
    this.#root.addEventListener(
      "pointermove",
      ({ offsetX }) => this.#moveTo(this.#backAt(offsetX)),
    );
    this.#root.addEventListener("pointerleave", () => this.#moveTo(0));
    this.#root.addEventListener("blur", () => this.#moveTo(0));
  }

  /** @param {ReadonlyArray<Rates>} rates oldest first */
  show(rates) {
    this.#rates = rates;
    this.#render();
    const now = Date.now();
    if (rates.length === 0 || now - this.#toldAt < TEXT_EACH_MS) return;
    this.#toldAt = now;
    say($("chart-text"), inWords(rates));
  }

  #resize() {
    this.#width = this.#root.clientWidth;
    set(this.#svg, "width", String(this.#width));
    set(this.#svg, "viewBox", `0 0 ${this.#width} ${HEIGHT}`);
    this.#render();
  }

  #render() {
    if (this.#width === 0) return;
    const rates = this.#rates;
    let most = 0;
    for (const of of rates) most = Math.max(most, of.message, of.client, of.session, of.failing);
    const end = axisEnd(most);
    this.#mark(end);
    const y = (/** @type {number} */ n) => HEIGHT - BOTTOM - n / end * (HEIGHT - TOP - BOTTOM);
    for (const [key, line] of this.#lines) {
      const points = rates.map((of, i) =>
        `${this.#x(rates.length - 1 - i).toFixed(1)},${
          y(of[/** @type {"message"} */ (key)]).toFixed(1)
        }`
      );
      set(line, "points", points.join(" "));
    }
    const first = this.#x(rates.length - 1).toFixed(1);
    const shape = rates.map((of, i) =>
      `L${this.#x(rates.length - 1 - i).toFixed(1)} ${y(of.failing).toFixed(1)}`
    );
    const floor = y(0).toFixed(1);
    const isFailing = rates.some(({ failing }) => failing > 0);
    set(
      this.#area,
      "d",
      isFailing ? `M${first} ${floor}${shape.join("")}L${this.#x(0)} ${floor}Z` : "",
    );
    this.#point();
  }

  /** @param {number} end */
  #mark(end) {
    const marks = `${end} ${this.#width}`;
    if (this.#grid.dataset.marks === marks) return;
    this.#grid.dataset.marks = marks;
    this.#grid.replaceChildren();
    for (const part of [0, 0.5, 1]) {
      const y = HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
      const label = draw("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" });
      label.textContent = short(end * part);
      this.#grid.append(draw("line", { x1: LEFT, x2: this.#width - RIGHT, y1: y, y2: y }), label);
    }
    for (const minutes of this.#width < 500 ? [5, 3, 1, 0] : [5, 4, 3, 2, 1, 0]) {
      const anchor = minutes === 5 ? "start" : minutes === 0 ? "end" : "middle";
      const label = draw("text", {
        x: this.#x(minutes * 60),
        y: HEIGHT - 5,
        "text-anchor": anchor,
      });
      label.textContent = minutes === 0 ? "now" : `${minutes} min`;
      this.#grid.append(label);
    }
  }

  /** The cursor, and what is there. */
  #point() {
    const rates = this.#rates;
    const back = Math.min(this.#back, Math.max(0, rates.length - 1));
    const of = rates[rates.length - 1 - back];
    const x = this.#x(back);
    set(this.#cursor, "x1", String(x));
    set(this.#cursor, "x2", String(x));
    set(this.#cursor, "visibility", back === 0 ? "hidden" : "visible");
    say($("chart-time"), back === 0 || of === undefined ? "last 5 minutes" : `at ${clock(of.at)}`);
    for (const [key, value] of this.#values) {
      say(value, of === undefined ? "–" : rate(of[/** @type {"message"} */ (key)]));
    }
    set(this.#root, "aria-valuenow", String(-back));
    if (document.activeElement === this.#root || back > 0) {
      set(
        this.#root,
        "aria-valuetext",
        of === undefined ? "nothing yet" : `${clock(of.at)}: ${valuesOf(of)}`,
      );
    }
  }

  /** @param {number} back */
  #moveTo(back) {
    this.#back = Math.max(0, Math.min(back, this.#rates.length - 1, SECONDS - 1));
    this.#point();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const step = event.shiftKey ? 10 : 1;
    const to = new Map([
      ["ArrowLeft", this.#back + step],
      ["ArrowRight", this.#back - step],
      ["ArrowDown", this.#back + step],
      ["ArrowUp", this.#back - step],
      ["PageDown", this.#back + 60],
      ["PageUp", this.#back - 60],
      ["Home", SECONDS],
      ["End", 0],
      ["Escape", 0],
    ]).get(event.key);
    if (to === undefined) return;
    event.preventDefault();
    this.#moveTo(to);
  }

  /** @param {number} back seconds before now */
  #x(back) {
    return LEFT + (1 - back / (SECONDS - 1)) * (this.#width - LEFT - RIGHT);
  }

  /** @param {number} x */
  #backAt(x) {
    return Math.round((1 - (x - LEFT) / (this.#width - LEFT - RIGHT)) * (SECONDS - 1));
  }
}

/** @param {string} key */
const swatch = (key) => {
  const svg = draw("svg", { viewBox: "0 0 22 10", width: 22, height: 10, "aria-hidden": "true" });
  svg.append(
    key === "failing"
      ? draw("path", { class: "failing area", d: "M1 9V5L8 2L14 4L21 1V9Z" })
      : draw("polyline", { class: `${key} line`, points: "1,5 21,5" }),
  );
  return svg;
};

/** @param {Rates} of */
const valuesOf = (of) =>
  SERIES.map(({ key, word }) => `${word} ${rate(of[key])} a second`).join(", ");

/** @param {ReadonlyArray<Rates>} rates */
const inWords = (rates) => {
  const now = rates.at(-1);
  if (now === undefined) return "";
  const ranges = SERIES.map(({ key, word }) => {
    let least = Infinity;
    let most = 0;
    for (const of of rates) {
      least = Math.min(least, of[key]);
      most = Math.max(most, of[key]);
    }
    return `${word} ${rate(now[key])} now, between ${rate(least)} and ${rate(most)}`;
  });
  return `Events per second in the last 5 minutes: ${ranges.join("; ")}.`;
};
