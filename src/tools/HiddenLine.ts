/** A line that is typed where nothing of it may be shown, byte by byte as a terminal in raw mode gives it. */

/** What a byte has done to the line: it goes on, is whole, was given up (Ctrl-C), or there is none (Ctrl-D). */
export type Typed = "typing" | "whole" | "cancelled" | "none";

const CTRL_C = 0x03;
const CTRL_D = 0x04;
const BACKSPACE = 0x08;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const CTRL_U = 0x15;
const ESCAPE = 0x1b;
const DELETE = 0x7f;

export class HiddenLine {
  readonly #bytes: Array<number> = [];
  /** Within what a key without a character sends: an arrow is ESC [ A. (ECMA-48 5.4) */
  #escape: "no" | "begun" | "parameters" = "no";

  get text(): string {
    return new TextDecoder().decode(Uint8Array.from(this.#bytes));
  }

  type(byte: number): Typed {
    if (byte === CTRL_C) return "cancelled";
    if (byte === RETURN || byte === LINE_FEED) return "whole";
    if (this.#escape !== "no") {
      const goesOn = this.#escape === "begun"
        ? byte === 0x5b || byte === 0x4f // "[", "O"
        : byte < 0x40 || byte > 0x7e;
      this.#escape = goesOn ? "parameters" : "no";
      return "typing";
    }
    if (byte === CTRL_D) return this.#bytes.length === 0 ? "none" : "whole";
    if (byte === BACKSPACE || byte === DELETE) {
      // A character of UTF-8 goes as a whole.
      while (((this.#bytes.pop() ?? 0) & 0xc0) === 0x80);
    } else if (byte === CTRL_U) this.#bytes.length = 0;
    else if (byte === ESCAPE) this.#escape = "begun";
    else if (byte >= 0x20) this.#bytes.push(byte);
    return "typing";
  }
}
