/** A page in the browser: what somebody does with it, and what it says and asks for meanwhile. */
import type { Looks } from "./Chromium.ts";
import type { Session } from "./Session.ts";

/** Keys that are no character, with what a browser calls them. */
const KEYS: Readonly<Record<string, readonly [code: number, text?: string]>> = {
  Tab: [9],
  Enter: [13, "\r"],
  Escape: [27],
  " ": [32, " "],
  ArrowLeft: [37],
  ArrowUp: [38],
  ArrowRight: [39],
  ArrowDown: [40],
  Home: [36],
};

export class Page {
  /** What the console has, errors of scripts and of requests among it. */
  readonly console: Array<string> = [];
  /** Where requests went. */
  readonly requests: Array<string> = [];
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async begin(
    { width = 1200, height = 900, scheme = "light", reducedMotion }: Looks,
  ): Promise<void> {
    const session = this.#session;
    session.on("Runtime.consoleAPICalled", ({ type, args }) => {
      this.console.push(`${type}: ${JSON.stringify(args)}`);
    });
    session.on("Runtime.exceptionThrown", ({ exceptionDetails }) => {
      this.console.push(`exception: ${JSON.stringify(exceptionDetails)}`);
    });
    session.on("Log.entryAdded", ({ entry }) => void this.console.push(JSON.stringify(entry)));
    session.on("Network.requestWillBeSent", ({ request }) => {
      this.requests.push((request as { readonly url: string }).url);
    });
    for (const domain of ["Page", "Runtime", "Log", "Network"]) {
      await session.send(`${domain}.enable`, {});
    }
    await session.send("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
    await session.send("Emulation.setFocusEmulationEnabled", { enabled: true });
    await this.look(scheme, reducedMotion);
  }

  /** Changes what the machine prefers. */
  async look(scheme: "light" | "dark", reducedMotion = false): Promise<void> {
    await this.#session.send("Emulation.setEmulatedMedia", {
      features: [
        { name: "prefers-color-scheme", value: scheme },
        { name: "prefers-reduced-motion", value: reducedMotion ? "reduce" : "no-preference" },
      ],
    });
  }

  async open(url: string): Promise<void> {
    await this.#session.send("Page.navigate", { url });
    await this.until(
      `location.href.startsWith(${JSON.stringify(url)}) && document.readyState === "complete"`,
    );
  }

  /** What an expression has there, as JSON; awaited where it is a promise. */
  async evaluate<A>(expression: string): Promise<A> {
    const { result, exceptionDetails } = await this.#session.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: true,
    });
    if (exceptionDetails !== undefined) {
      throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    }
    return (result as { readonly value: A }).value; // as whoever asks knows
  }

  /** Resolves when the expression is true there; rejects with what the page shows after `within` milliseconds. */
  async until(expression: string, within = 20_000): Promise<void> {
    const deadline = Date.now() + within;
    for (;;) {
      if (await this.#holds(expression)) return;
      if (Date.now() > deadline) {
        const text = await this.evaluate<string>("document.body.innerText");
        throw new Error(
          `not within ${within} ms: ${expression}\n${text}\n${this.console.join("\n")}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** False as well while another document comes. */
  async #holds(expression: string): Promise<boolean> {
    try {
      return await this.evaluate(`Boolean(${expression})`);
    } catch (error) {
      if (/Cannot find context|navigated|TypeError/.test(String(error))) return false;
      throw error;
    }
  }

  /** The text that is shown of what a selector finds first. */
  text(selector: string): Promise<string> {
    return this.evaluate(`document.querySelector(${JSON.stringify(selector)}).innerText`);
  }

  click(selector: string): Promise<void> {
    return this.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);
  }

  /** Writes into what has the focus. */
  async type(text: string): Promise<void> {
    await this.#session.send("Input.insertText", { text });
  }

  /** Presses keys, one after the other; `Shift+Tab` goes back. */
  async press(...keys: ReadonlyArray<string>): Promise<void> {
    for (const wanted of keys) {
      const isShifted = wanted.startsWith("Shift+");
      const key = isShifted ? wanted.slice(6) : wanted;
      const [code, text] = KEYS[key] ?? [key.toUpperCase().charCodeAt(0), key];
      const named = {
        key,
        code: key === " " ? "Space" : key,
        windowsVirtualKeyCode: code,
        modifiers: isShifted ? 8 : 0,
      };
      const type = text === undefined ? "rawKeyDown" : "keyDown";
      await this.#session.send("Input.dispatchKeyEvent", { ...named, type, ...(text && { text }) });
      await this.#session.send("Input.dispatchKeyEvent", { ...named, type: "keyUp" });
    }
  }

  /** Bytes of the heap that are in use once all else is collected. */
  async heap(): Promise<number> {
    await this.#session.send("HeapProfiler.collectGarbage", {});
    const { usedSize } = await this.#session.send("Runtime.getHeapUsage", {});
    return Number(usedSize);
  }

  /** What its window shows, as PNG. */
  async screenshot(): Promise<Uint8Array> {
    const { data } = await this.#session.send("Page.captureScreenshot", {});
    return Uint8Array.fromBase64(String(data));
  }
}
